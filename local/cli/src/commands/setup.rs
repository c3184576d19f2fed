//! `millrace setup`: prepares the domain like the function `setup`, with the operator's credentials.

use std::{io, time::Duration};

use delivery::lambda::Deadline;
use operations::setup::Setup;
use serde_json::{Value, json};

use super::print::without_metric;

/// The time limit: templates, roles and a repository need one or two requests each.
const TIMEOUT: Duration = Duration::from_mins(2);

/// Whether everything was done. It uses the environment of the function.
pub(crate) async fn setup(take_over: bool, remove: bool, as_json: bool) -> io::Result<bool> {
    let setup = Setup::from_env().await;
    let event = json!({ "take_over": take_over, "remove": remove });
    let mut done = setup.handle(&event, Deadline::after(TIMEOUT)).await.map_err(io::Error::other)?;
    without_metric(&mut done);
    if as_json {
        println!("{}", serde_json::to_string_pretty(&done)?);
    } else {
        print!("{}", text(&done));
    }
    Ok(true)
}

/// The finished steps, one per line. A dash stands for an empty list.
fn text(done: &Value) -> String {
    let one = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let line = |(name, value): (&String, &Value)| {
        let values = match value {
            Value::Array(values) => values.iter().map(one).collect::<Vec<_>>().join("; "),
            Value::Null => String::new(),
            other => one(other),
        };
        format!("{name:<12} {}\n", if values.is_empty() { "-" } else { &values })
    };
    done.as_object().into_iter().flatten().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_is_a_line_each() {
        let done = json!({ "engine": "OpenSearch 2.19", "notes": ["a", "b"], "roles": [], "repository": null });
        assert_eq!(text(&done), "engine       OpenSearch 2.19\nnotes        a; b\nrepository   -\nroles        -\n");
    }
}
