//! A `recreate` of the first release that was killed while it paused the sources. It has deleted nothing and has no
//! plan. It ends, and the sources are on again, by the continued invocation or by the brake, whichever comes first.

use serde_json::{Value, json};
use tests::engine::Engine;
use tests::moto::Moto;
use tests::place;
use tests::scene::Scene;

use super::super::operate::{invoke, replay::replay};
use super::{lines, put_back};

/// The only release whose `recreate` made no plans.
const RELEASE: &str = "0.1.0";
const NAME: &str = "upgrade-recreate";
const FUNCTIONS: &str = "upgrade-recreate-s3,upgrade-recreate-kinesis";

/// Puts the states back, and the sources as they were left. Returns the id of the replay and its two mappings.
async fn caught(moto: &Moto, made: Option<[String; 2]>) -> (String, [String; 2]) {
    let mappings = if let Some(mappings) = made {
        mappings
    } else {
        for function in FUNCTIONS.split(',') {
            moto.lambda_function(function).await;
        }
        moto.queue("upgrade-recreate-mapped").await;
        let queue = moto.map_queue("upgrade-recreate-s3", "upgrade-recreate-mapped", 10).await;
        [queue, moto.map_stream("upgrade-recreate-kinesis", "upgrade-recreate-off", 3).await]
    };
    for mapping in &mappings {
        moto.set_mapping(mapping, json!({ "Enabled": false })).await;
    }
    let states = lines(RELEASE, "recreate.state.gz");
    let others = [("MAPPING-0", mappings[0].as_str()), ("MAPPING-1", mappings[1].as_str())];
    put_back(moto, &format!("dead-{NAME}"), &states, &others).await;
    let key = states[1]["key"].as_str().expect("a key");
    let id = key.rsplit('/').next().expect("a name").trim_end_matches(".json").to_owned();
    (id, mappings)
}

async fn assert_released(moto: &Moto, mappings: &[String; 2]) {
    let set = [moto.mapping(&mappings[0]).await, moto.mapping(&mappings[1]).await];
    assert_eq!(set, [(true, Some(10), None), (false, None, Some(3))], "what an operator turned off stays so");
}

#[test]
fn a_recreate_that_the_first_release_left_while_pausing_deletes_nothing_and_releases_the_sources() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, NAME).await;
        engine.ask("PUT", &format!("/{NAME}-2023.11.14/_create/1"), r#"{"n":1}"#).await;
        let (id, mappings) = caught(moto, None).await;
        let mut replay = replay(&scene, &engine.url(), &[("MILLRACE_SOURCE_FUNCTIONS", FUNCTIONS)]).await;
        let refused = invoke(&mut replay, &json!({ "continue": id })).await.expect_err("it has no plan");
        assert!(refused.contains("a release that made no plans"), "{refused}");
        let ended = invoke(&mut replay, &json!({ "progress": id })).await.expect("progress");
        assert!(ended["phase"] == "stopped" && ended["refused"].is_string(), "{ended}");
        assert_released(moto, &mappings).await;

        // No invocation continues it.
        let (_, mappings) = caught(moto, Some(mappings)).await;
        let state = format!("s3://dead-{NAME}/state");
        let env = [("MILLRACE_STATE", state.as_str()), ("MILLRACE_SOURCE_FUNCTIONS", FUNCTIONS)];
        let mut brake = scene.start("brake", &engine.url(), &env).await;
        assert_eq!(invoke(&mut brake, &Value::Null).await.expect("a run")["paused"], 0);
        assert_released(moto, &mappings).await;
        assert_eq!(engine.count(&scene.indices()).await, 1, "nothing is deleted");
    });
}
