//! `millrace demo`: delivers sample objects twice.

use std::io;

use millrace::{files, sample};
use serde_json::json;

use super::delivery::{BUCKET, deliver_objects, open_page, start, state_limits, stay_up, temporary_folder, written};
use crate::arguments::{Output, Service};

/// The rules of the demonstration.
const DEMO_PIPELINE: &str = include_str!("../../demo.yaml");
/// The mapping that they name.
const DEMO_MAPPING: &str = include_str!("../../mappings/demo.json");
/// Commands to try next.
const NEXT: &str = "
Next, with your own files:
  cargo run -p millrace -- check ~/logs                           what the rules of infra/pipeline.yaml make of them
  cargo run --release -p millrace -- ~/logs                       the same path for them, and a receipt
  cargo run -p millrace -- import-logstash logstash.conf          rules from a Logstash configuration";
/// The query of the demonstration: the example of the query language in docs/PIPELINE.md.
const DEMO_QUERY: &str = "event_name:2b_screen_view AND country:KR";

/// Whether everything was delivered, and the second delivery found only duplicates.
pub(crate) async fn demo(events: u32, output: &Output) -> io::Result<bool> {
    let folder = temporary_folder()?;
    let bucket = folder.path().join(BUCKET);
    #[expect(clippy::disallowed_methods, reason = "the samples are of the last hours")]
    sample::write(&bucket, jiff::Timestamp::now(), events)?;
    let files = files::collect(std::slice::from_ref(&bucket), &bucket)?;
    let mappings = folder.path().join("mappings");
    std::fs::create_dir(&mappings)?;
    std::fs::write(mappings.join("demo.json"), DEMO_MAPPING)?;
    let pipeline = written(folder.path(), DEMO_PIPELINE)?;
    let mut machine = start(Service::S3, folder.path(), pipeline.clone(), None).await?;
    machine.s3.add_bucket(BUCKET, &bucket);
    let page = open_page(&machine, output, &pipeline, folder.path()).await?;

    let say = |text: &str| {
        if !output.json {
            println!("{text}");
        }
    };
    say(&format!("{} objects in s3://{BUCKET}/source/jsona/; notifications go to s3-ingest\n", files.len()));
    let first = deliver_objects(&mut machine, &files, folder.path(), page.as_ref()).await?;
    say(&first.text());
    let found = machine.domain.as_ref().map(|domain| domain.search("*", DEMO_QUERY, 3));
    let found = found.transpose().map_err(io::Error::other)?.unwrap_or_default();
    say(&format!("GET /_search?q={DEMO_QUERY}: {} hits, such as", found["hits"]["total"]["value"]));
    for hit in found["hits"]["hits"].as_array().into_iter().flatten() {
        let source = &hit["_source"];
        let shown = [&hit["_index"], &source["base_dt"], &source["event_name"], &source["country"], &source["screen"]];
        say(&format!("  {}", shown.map(|value| value.as_str().unwrap_or_default()).join("  ")));
    }
    say("\nThe same notifications again\n");
    let second = deliver_objects(&mut machine, &files, folder.path(), page.as_ref()).await?;
    say(&second.text());
    let again = second.totals.fates.indexed;
    say(&format!("{again} more documents, {} duplicates", second.totals.fates.duplicates));
    if output.json {
        println!("{}", serde_json::to_string_pretty(&json!({"first": first, "search": found, "second": second}))?);
    }
    let as_promised = !first.undelivered() && !second.undelivered() && again == 0 && first.balances && second.balances;
    state_limits(&machine);
    say(NEXT);
    stay_up(&machine, output).await?;
    Ok(as_promised)
}
