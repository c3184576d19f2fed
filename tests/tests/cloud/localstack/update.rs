//! An update of a stack with other rules and another parameter, while its functions are in use.

use serde_json::Value;
use tests::events::generate;

use super::{
    SOON,
    world::{RULES, STREAM, World},
};

/// The number of events of each source.
const COUNT: u64 = 20;
/// The mappings of the queue and of the stream.
const MAPPINGS: [&str; 2] = ["S3IngestFunctionQueue", "KinesisIngestFunctionStream"];

/// The functions that the mappings call have the new parameter, and follow the new rules. `setup` has already put the
/// templates of the new indices.
pub(super) async fn other_parameters_and_rules_reach_the_functions_that_mappings_call(world: &mut World<'_>) {
    let before = layers(world).await;
    let rules =
        RULES.replace("index: stack-%", "index: stacknext-%").replace("index: stacklive-%", "index: stacknextlive-%");
    world.update(&rules, &[("LogLevel", "debug"), ("MemorySize", "3008")]).await;
    for mapping in MAPPINGS {
        let configuration = world.localstack.mapped(world.stack.resource(mapping)).await;
        assert_eq!(configuration["MemorySize"], 3008, "{mapping}: {configuration}");
        assert_eq!(configuration["Environment"]["Variables"]["MILLRACE_LOG"], "debug", "{mapping}: {configuration}");
    }
    assert!(layers(world).await.iter().zip(&before).all(|(now, before)| now != before), "{before:?}");

    let (objects, records): (Vec<String>, Vec<String>) = (generate(COUNT, 51).collect(), generate(COUNT, 52).collect());
    let already = world.count().await;
    world.put("source/jsona/next.json", objects.concat().into_bytes()).await;
    let bytes: Vec<_> = records.iter().map(|line| line.clone().into_bytes()).collect();
    world.localstack.put_records(STREAM, &bytes).await;
    world.expect(&objects);
    world.expect(&records);
    world.wait_for(already + 2 * COUNT, SOON).await;
    for (line, index) in [(&objects[7], "stacknext-2023.11.14"), (&records[7], "stacknextlive-2023.11.14")] {
        assert_eq!(world.search(line).await[0].0, index);
    }
    let settings = world.engine.ask("GET", "/stacknext-2023.11.14/_settings?flat_settings=true", "").await;
    assert!(settings.contains(r#""index.number_of_shards":"2""#), "{settings}");
}

/// The layers of the functions that the mappings call.
async fn layers(world: &World<'_>) -> Vec<Value> {
    let mut layers = Vec::new();
    for mapping in MAPPINGS {
        layers.push(world.localstack.mapped(world.stack.resource(mapping)).await["Layers"].clone());
    }
    layers
}
