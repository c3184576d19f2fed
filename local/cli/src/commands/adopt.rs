//! `millrace adopt`: marks indices that are older than the mark in their template. It uses the environment of the function
//! `setup`.

use std::{io, time::Duration};

use delivery::lambda::Deadline;
use operations::setup::Setup;
use serde_json::{Value, json};

use super::print::without_metric;
use crate::arguments::AdoptOptions;

/// The time limit: one or two requests for each index.
const TIMEOUT: Duration = Duration::from_mins(15);

/// Whether every named index is marked, or would be.
pub(crate) async fn adopt(options: &AdoptOptions) -> io::Result<bool> {
    let chosen = if options.indices.is_empty() { json!(true) } else { json!(options.indices) };
    let event = json!({ "adopt": chosen, "from": options.from, "dry_run": !options.write });
    let setup = Setup::from_env().await;
    let mut done = setup.handle(&event, Deadline::after(TIMEOUT)).await.map_err(io::Error::other)?;
    without_metric(&mut done);
    if options.json {
        println!("{done:#}");
    } else {
        print!("{}", text(&done));
    }
    Ok(done["refused"].as_array().is_none_or(Vec::is_empty))
}

/// One line for each index, then the next step for the user.
fn text(done: &Value) -> String {
    let is_dry = done["dry_run"] == true;
    let rows = |name: &str| done[name].as_array().into_iter().flatten();
    let one = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    let says = if is_dry { "would be marked" } else { "is marked" };
    let adopted = rows("adopted").map(|row| format!("{}  {says}, dataset {}", one(row, "index"), one(row, "dataset")));
    let others = rows("of_other_stacks").map(|row| {
        let stack = one(row, "stack");
        format!("{}  belongs to the stack {stack}; --from {stack} adopts it", one(row, "index"))
    });
    let copies =
        rows("copies").map(|row| format!("{}  is a copy of another index; name it to adopt it", one(row, "index")));
    let refused = rows("refused").map(|reason| reason.as_str().unwrap_or_default().to_owned());
    let lines: Vec<String> = adopted.chain(others).chain(copies).chain(refused).collect();
    let count = rows("adopted").count();
    let count = format!("{count} {}", if count == 1 { "index" } else { "indices" });
    let last = if is_dry { format!("{count} would be marked; --write marks them") } else { format!("{count} marked") };
    lines.into_iter().chain([last]).fold(String::new(), |text, line| text + &line + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_index_is_a_line_and_a_dry_run_says_how_to_write() {
        let adopted = json!([{ "index": "logs-1", "dataset": "a" }, { "index": "logs-2", "dataset": "a" }]);
        let others = json!([{ "index": "logs-3", "dataset": "a", "stack": "pay" }]);
        let copies = json!([{ "index": "logs-4", "dataset": "a" }]);
        let done = json!({
            "dry_run": true, "adopted": adopted, "of_other_stacks": others, "copies": copies, "refused": ["x: no"],
        });
        let expected = "logs-1  would be marked, dataset a\nlogs-2  would be marked, dataset a\n\
                        logs-3  belongs to the stack pay; --from pay adopts it\n\
                        logs-4  is a copy of another index; name it to adopt it\nx: no\n2 indices would be marked; --write marks them\n";
        assert_eq!(text(&done), expected);
    }
}
