//! The sources are turned on again in every case: the state is lost, the run that paused them is lost, or only time has
//! passed.

use emulator::function::Function;
use serde_json::{Value, json};
use tests::engine::{Engine, json as parse};
use tests::intercept::{Fault, Intercept};
use tests::moto::Moto;
use tests::place;
use tests::scene::Scene;

use super::invoke;

/// Two brakes of one deployment: for one the domain is full, for the other it is healthy.
async fn brakes(scene: &Scene<'_>, domain: &str) -> (Function, Function) {
    brakes_of(scene, domain, &format!("{}-s3,{0}-kinesis", scene.prefix)).await
}

async fn brakes_of(scene: &Scene<'_>, domain: &str, functions: &str) -> (Function, Function) {
    let state = format!("s3://dead-{}/state", scene.prefix);
    let env = |free| {
        [
            ("MILLRACE_STATE", state.clone()),
            ("MILLRACE_SOURCE_FUNCTIONS", functions.to_owned()),
            ("MILLRACE_FREE_STORAGE_BRAKE", String::from(free)),
        ]
    };
    let start = async |free| {
        let env = env(free);
        let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
        scene.start("brake", domain, &env).await
    };
    (start("99.99%").await, start("0.01%").await)
}

async fn run(brake: &mut Function) -> Value {
    invoke(brake, &Value::Null).await.expect("a run")["paused"].clone()
}

#[test]
fn paused_sources_are_released_even_if_the_state_is_lost_and_as_a_deployment_has_set_them() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "held").await;
        for function in ["held-s3", "held-kinesis"] {
            moto.lambda_function(function).await;
        }
        let queue = moto.map_queue("held-s3", "held", 10).await;
        let by_hand = moto.map_stream("held-kinesis", "held-off", 3).await;
        moto.set_mapping(&by_hand, json!({ "Enabled": false })).await; // by an operator
        let lose_state = async || {
            moto.s3.delete_object().bucket("dead-held").key("state/brake.json").send().await.expect("it is lost");
        };
        let (mut full, mut well) = brakes(&scene, &engine.url()).await;

        // The state is lost while the domain is full, and while it is healthy.
        for runs in [2, 1] {
            assert_eq!(run(&mut full).await, 1);
            lose_state().await;
            for _ in 1..runs {
                assert_eq!(run(&mut full).await, 1);
            }
            assert!(!moto.mapping(&queue).await.0);
            assert_eq!(run(&mut well).await, 0);
            assert_eq!(moto.mapping(&queue).await, (true, Some(10), None));
            assert!(!moto.mapping(&by_hand).await.0, "what others turned off stays off");
        }
        // Nothing remains that would make the brake turn on a source that an operator turns off now.
        moto.set_mapping(&queue, json!({ "Enabled": false })).await;
        assert_eq!(run(&mut well).await, 0);
        assert!(!moto.mapping(&queue).await.0);
        moto.set_mapping(&queue, json!({ "Enabled": true })).await;

        // A deployment changes one mapping and creates another while the brake pauses the sources.
        assert_eq!(run(&mut full).await, 1);
        let deployed = json!({ "Enabled": true, "ScalingConfig": { "MaximumConcurrency": 50 } });
        moto.set_mapping(&queue, deployed).await;
        moto.queue("held-new").await;
        let new = moto.map_queue("held-s3", "held-new", 7).await;
        assert_eq!(run(&mut full).await, 1);
        assert!(!moto.mapping(&queue).await.0 && !moto.mapping(&new).await.0);
        assert_eq!(run(&mut well).await, 0);
        assert_eq!(moto.mapping(&queue).await, (true, Some(50), None));
        assert_eq!(moto.mapping(&new).await, (true, Some(7), None));
    });
}

#[test]
fn a_source_that_is_listed_under_no_name_is_turned_on_and_only_a_deleted_one_is_forgotten() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "unlisted").await;
        moto.lambda_function("unlisted-s3").await;
        let queue = moto.map_queue("unlisted-s3", "unlisted", 10).await;
        let (mut full, _) = brakes(&scene, &engine.url()).await;
        assert_eq!(run(&mut full).await, 1);
        assert!(!moto.mapping(&queue).await.0);

        // After an upgrade, the functions have other names, and the mapping still calls the former function.
        let aws = Intercept::start(&moto.url()).await;
        let (state, url) = (String::from("s3://dead-unlisted/state"), aws.url());
        let env = [
            ("MILLRACE_STATE", state.as_str()),
            ("MILLRACE_SOURCE_FUNCTIONS", "unlisted-renamed"),
            ("MILLRACE_FREE_STORAGE_BRAKE", "0.01%"),
            ("AWS_ENDPOINT_URL", url.as_str()),
        ];
        let mut renamed = scene.start("brake", &engine.url(), &env).await;
        for refused in ["PUT", "GET"] {
            aws.set(move |head, _| {
                let is_by_name = head.uri.query().is_some_and(|query| query.contains("FunctionName"));
                let is_mapping = head.uri.path().contains("/event-source-mappings");
                if head.method == refused && is_mapping && !is_by_name { Fault::Refused(403) } else { Fault::None }
            });
            invoke(&mut renamed, &Value::Null).await.expect_err("it may not be set or looked for yet");
            assert!(!moto.mapping(&queue).await.0, "{refused}");
        }
        aws.set(|_, _| Fault::None);
        assert_eq!(run(&mut renamed).await, 0);
        assert_eq!(moto.mapping(&queue).await, (true, Some(10), None));
        assert!(!moto.is_tagged(&queue).await);

        assert_eq!(run(&mut full).await, 1);
        moto.delete_mapping(&queue).await;
        assert_eq!(run(&mut renamed).await, 0);
        let states = moto.objects("dead-unlisted", "state/brake.json").await;
        let state = parse(&String::from_utf8_lossy(&states[0].1));
        assert_eq!((&state["by"], &state["mappings"]), (&json!([]), &json!([])), "{state}");
    });
}

#[test]
fn the_brake_releases_for_a_replay_that_will_not_come_back_and_for_no_other() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "abandoned").await;
        moto.lambda_function("abandoned-s3").await;
        let queue = moto.map_queue("abandoned-s3", "abandoned", 10).await;
        let (_, mut well) = brakes(&scene, &engine.url()).await;
        let put = async |key: &str, state: &Value| {
            let body = state.to_string().into_bytes().into();
            moto.s3.put_object().bucket("dead-abandoned").key(key).body(body).send().await.expect("a state");
        };
        // The state in the format of the previous release.
        let mapping = json!({ "uuid": queue, "enabled": true, "maximum_concurrency": 10, "parallelization_factor": null, "in_transition": false });
        let progress = |updated_ms: i64| {
            json!({
                "id": "1-2", "what": { "from": "s3://logs/", "dataset": "a", "recreate": true }, "phase": "recreating",
                "started_ms": 1, "updated_ms": updated_ms, "listed": 0, "sent": 0, "after": null, "lease": null,
            })
        };
        #[expect(clippy::disallowed_methods, reason = "states carry the wall-clock time")]
        let now = jiff::Timestamp::now().as_millisecond();
        moto.set_mapping(&queue, json!({ "Enabled": false })).await;
        put("state/brake.json", &json!({ "by": ["replay 1-2"], "mappings": [mapping] })).await;
        put("state/replays/1-2.json", &progress(now)).await;
        assert_eq!(run(&mut well).await, 1, "it was at work a moment ago");
        assert!(!moto.mapping(&queue).await.0);
        put("state/replays/1-2.json", &progress(now - 11 * 60_000)).await;
        assert_eq!(run(&mut well).await, 0);
        assert_eq!(moto.mapping(&queue).await, (true, Some(10), None));

        // The previous release has released the source halfway, at its lowest concurrency.
        put("state/brake.json", &json!({ "by": [], "mappings": [mapping] })).await;
        moto.set_mapping(&queue, json!({ "ScalingConfig": { "MaximumConcurrency": 2 } })).await;
        assert_eq!(run(&mut well).await, 0);
        assert_eq!(moto.mapping(&queue).await, (true, Some(10), None));
    });
}

#[test]
fn a_tag_whose_removal_is_refused_once_is_removed_by_the_next_run_and_turns_nothing_on_later() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "tagged").await;
        moto.lambda_function("tagged-s3").await;
        let queue = moto.map_queue("tagged-s3", "tagged", 10).await;
        let (mut full, _) = brakes(&scene, &engine.url()).await;
        assert_eq!(run(&mut full).await, 1);

        let aws = Intercept::start(&moto.url()).await;
        let url = aws.url();
        let env = [
            ("MILLRACE_STATE", "s3://dead-tagged/state"),
            ("MILLRACE_SOURCE_FUNCTIONS", "tagged-s3"),
            ("MILLRACE_FREE_STORAGE_BRAKE", "0.01%"),
            ("AWS_ENDPOINT_URL", url.as_str()),
        ];
        let mut well = scene.start("brake", &engine.url(), &env).await;
        aws.set(|head, _| {
            let is_removal = head.method == "DELETE" && head.uri.path().contains("/tags/");
            if is_removal { Fault::Refused(403) } else { Fault::None }
        });
        assert_eq!(run(&mut well).await, 1, "another run has to remove the tag");
        assert!(moto.mapping(&queue).await.0 && moto.is_tagged(&queue).await);
        aws.set(|_, _| Fault::None);
        assert_eq!(run(&mut well).await, 0);
        assert!(!moto.is_tagged(&queue).await);

        moto.set_mapping(&queue, json!({ "Enabled": false })).await; // by an operator
        assert_eq!(run(&mut well).await, 0);
        assert!(!moto.mapping(&queue).await.0, "what an operator turned off stays off");
    });
}

#[test]
fn the_sources_wait_while_no_index_of_today_can_be_made_or_it_is_closed() {
    // A limit of the cluster would disturb other tests, so this test has its own node.
    let (Some(engine), Some(moto)) = (Engine::with_settings(&[]), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "standstill").await;
        moto.lambda_function("standstill-s3").await;
        let queue = moto.map_queue("standstill-s3", "standstill", 10).await;
        let state = format!("s3://dead-{}/state", scene.prefix);
        let env = [("MILLRACE_STATE", state.as_str()), ("MILLRACE_SOURCE_FUNCTIONS", "standstill-s3")];
        let mut brake = scene.start("brake", &engine.url(), &env).await;
        let mut says = async |expected: &str| {
            let report = invoke(&mut brake, &Value::Null).await.expect("a run");
            let reason = report["reasons"][0].as_str().unwrap_or_default();
            assert!(reason.contains(expected) && reason.is_empty() == expected.is_empty(), "{report}");
            assert_eq!(moto.mapping(&queue).await.0, expected.is_empty(), "{report}");
        };
        let index = format!("standstill-{}", super::day(0));
        engine.ask("PUT", "/other", "").await;
        says("").await;
        // There is no room at all, then room for a shard without its copy.
        for limit in ["1", "3"] {
            engine.cluster_setting("cluster.max_shards_per_node", &json!(limit)).await;
            says("the shard limit is reached").await;
        }
        engine.cluster_setting("cluster.max_shards_per_node", &Value::Null).await;
        engine.ask("PUT", &format!("/{index}"), "").await;
        says("").await;
        engine.ask("POST", &format!("/{index}/_close"), "").await;
        says(&format!("{index} is closed")).await;
        engine.ask("POST", &format!("/{index}/_open"), "").await;
        says("").await;
    });
}

#[test]
fn sources_that_others_mapped_to_the_alias_are_paused_and_released_too() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "alias").await;
        moto.lambda_function("alias-s3").await;
        moto.lambda_alias("alias-s3", "live").await;
        moto.queue("alias-added").await;
        // moto accepts an alias only in an ARN, and lists mappings by the text that they were created with.
        let function = "arn:aws:lambda:eu-west-1:123456789012:function:alias-s3";
        let own = moto.map_queue(function, "alias", 10).await;
        let added = moto.map_queue(&format!("{function}:live"), "alias-added", 7).await;
        let (mut full, mut well) = brakes_of(&scene, &engine.url(), function).await;
        assert_eq!(run(&mut full).await, 1);
        assert!(!moto.mapping(&own).await.0 && !moto.mapping(&added).await.0);
        assert_eq!(run(&mut well).await, 0);
        assert_eq!(moto.mapping(&own).await, (true, Some(10), None));
        assert_eq!(moto.mapping(&added).await, (true, Some(7), None));
    });
}
