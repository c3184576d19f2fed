//! Sources that the former release paused: the state holds their earlier settings.

use serde_json::{Value, json};
use tests::engine::Engine;
use tests::moto::Moto;
use tests::place;
use tests::scene::Scene;

use super::super::operate::invoke;
use super::{RELEASES, kept, lines, put_back, write_lines};

const NAME: &str = "upgrade-brake";
const FUNCTIONS: &str = "upgrade-brake-s3,upgrade-brake-kinesis";

/// The mappings of a queue and of a stream, and one that an operator has turned off.
async fn mappings(moto: &Moto) -> [String; 3] {
    for function in FUNCTIONS.split(',') {
        moto.lambda_function(function).await;
    }
    let queue = moto.map_queue("upgrade-brake-s3", NAME, 10).await;
    let stream = moto.map_stream("upgrade-brake-kinesis", "upgrade-brake", 4).await;
    let by_hand = moto.map_stream("upgrade-brake-kinesis", "upgrade-brake-off", 3).await;
    turn_off(moto, &by_hand).await;
    [queue, stream, by_hand]
}

async fn turn_off(moto: &Moto, mapping: &str) {
    moto.set_mapping(mapping, json!({ "Enabled": false })).await;
}

fn env(state: &str) -> [(&str, &str); 2] {
    [("MILLRACE_STATE", state), ("MILLRACE_SOURCE_FUNCTIONS", FUNCTIONS)]
}

pub(super) async fn leave(release: &str, moto: &Moto) {
    let Some(engine) = Engine::with_settings(&[]) else { return };
    let scene = Scene::new(moto, NAME).await;
    let mappings = mappings(moto).await;
    engine.ask("PUT", &format!("/{NAME}-2023.11.14"), "").await;
    engine.index_setting(&scene.indices(), "index.blocks.read_only_allow_delete", &json!(true)).await;
    let state = format!("s3://dead-{NAME}/state");
    let mut brake = scene.start("brake", &engine.url(), &env(&state)).await;
    assert_eq!(invoke(&mut brake, &Value::Null).await.expect("a run")["paused"], 1);
    let mut states = kept(moto, &format!("dead-{NAME}"), "state/").await;
    // The ids that AWS creates are different in a test.
    for state in &mut states {
        for (number, mapping) in mappings.iter().enumerate() {
            let body = state["body"].as_str().expect("a text").replace(mapping, &placeholder(number));
            state["body"] = body.into();
        }
    }
    write_lines(release, "brake.state.gz", states);
}

fn placeholder(number: usize) -> String {
    format!("MAPPING-{number}")
}

#[test]
fn sources_that_a_former_release_paused_are_released_as_they_were() {
    let (Some(engine), Some(moto)) = (Engine::with_settings(&[]), Moto::shared()) else { return };
    place::run(async {
        for release in RELEASES {
            let scene = Scene::new(moto, NAME).await;
            let mappings = mappings(moto).await;
            for mapping in &mappings[..2] {
                turn_off(moto, mapping).await;
            }
            let placeholders = [0, 1, 2].map(placeholder);
            let others: Vec<_> =
                placeholders.iter().map(String::as_str).zip(mappings.iter().map(String::as_str)).collect();
            put_back(moto, &format!("dead-{NAME}"), &lines(release, "brake.state.gz"), &others).await;
            let state = format!("s3://dead-{NAME}/state");
            let mut brake = scene.start("brake", &engine.url(), &env(&state)).await;
            let mut runs = 0;
            while invoke(&mut brake, &Value::Null).await.expect("a run")["paused"] != 0 {
                runs += 1;
                assert!(runs < 4, "the sources stay off");
            }
            let set =
                [moto.mapping(&mappings[0]).await, moto.mapping(&mappings[1]).await, moto.mapping(&mappings[2]).await];
            // A source that an operator had turned off stays off.
            assert_eq!(set, [(true, Some(10), None), (true, None, Some(4)), (false, None, Some(3))], "{release}");
        }
    });
}
