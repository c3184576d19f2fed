//! `on_conflict: keep`: an event that the mapping refuses is found by its time and by its sound fields, each value is in
//! `_source`, and it is there once.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use emulator::function::{Answer, Function};
use serde_json::{Value, json};
use tests::engine::{Engine, json as parse};
use tests::envelope;
use tests::moto::Moto;
use tests::place;
use tests::proxy::{Fault, Proxy};
use tests::receipt::sum;
use tests::scene::{Scene, receipts};

const TIMEOUT: Duration = Duration::from_mins(5);
/// Every fifth event has one of these conflicts: further members, and the fields that move. None: all fields.
const CONFLICTS: [(&str, Option<&[&str]>); 15] = [
    (r#""n":"many""#, Some(&["n"])),
    (r#""n":9223372036854775808"#, Some(&["n"])),
    (r#""n":[1,"two"]"#, Some(&["n"])),
    (r#""day":"yesterday""#, Some(&["day"])),
    (r#""ip":"300.1.1.1""#, Some(&["ip"])),
    (r#""point":{"lat":"x","lon":1}"#, Some(&["point"])),
    (r#""flag":"maybe""#, Some(&["flag"])),
    (r#""o":"text""#, Some(&["o"])),
    (r#""o":{"x":{"y":1},"z":2}"#, Some(&["o.x"])),
    (r#""name":{"first":"a"}"#, Some(&["name"])),
    (r#""n":"x","day":"x","flag":"x""#, Some(&["day", "flag", "n"])),
    (r#""n":"x","day":"x","flag":"x","ip":"x""#, None),
    (r#""labels":{"a..b":1}"#, None),
    (r#""n":1,"n":2"#, None),
    (
        r#""deep":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":1}}}}}}}}}}}}}}}}}}}}}"#,
        None,
    ),
];
const MAPPING: &str = r#"{"properties": {
    "seq": {"type": "long"}, "user": {"type": "keyword"}, "name": {"type": "keyword"}, "n": {"type": "long"},
    "day": {"type": "date"}, "ip": {"type": "ip"}, "point": {"type": "geo_point"}, "flag": {"type": "boolean"},
    "o": {"properties": {"x": {"type": "long"}}}
}}"#;

/// The conflict of an event, if it has one.
fn conflict(seq: u64) -> Option<(&'static str, Option<&'static [&'static str]>)> {
    seq.is_multiple_of(5).then(|| CONFLICTS[usize::try_from(seq / 5).expect("small") % CONFLICTS.len()])
}

fn event(seq: u64) -> String {
    let (hour, minute) = (seq / 60 % 24, seq % 60);
    let members = conflict(seq).map_or_else(|| r#""n":1,"o":{"x":1}"#.to_owned(), |(members, _)| members.to_owned());
    format!(r#"{{"time":"2026-11-22T{hour:02}:{minute:02}:00Z","seq":{seq},"user":"u{seq}",{members}}}"#)
}

fn rules(name: &str, more: &str) -> String {
    format!(
        "datasets:\n  - name: {name}\n    from: {{ bucket: \"t-*\", key: \"**\" }}\n    timestamp: time\n    \
         index: {name}-%{{+YYYY.MM.dd}}\n    mapping: mappings/m.json\n    on_conflict: keep\n    replicas: 0\n{more}"
    )
}

/// A scene whose template is set up.
async fn scene<'m>(moto: &'m Moto, engine: &Engine, name: &str) -> Scene<'m> {
    let scene = Scene::new(moto, name).await;
    scene.set_mapping("m.json", MAPPING);
    scene.set_pipeline(&rules(name, ""));
    let mut setup = scene.start("setup", &engine.url(), &[]).await;
    let answer = setup.invoke(&json!({}), TIMEOUT).await.expect("setup runs");
    assert!(answer.response().is_ok(), "{answer:?}");
    scene
}

/// Puts objects, and delivers each of them this often. Returns the events.
async fn ingest(scene: &Scene<'_>, function: &mut Function, count: u64, times: usize) -> Vec<String> {
    let events: Vec<String> = (0..count).map(event).collect();
    for (number, lines) in events.chunks(events.len().div_ceil(3)).enumerate() {
        let object = scene.put(&format!("{number}.json"), lines.join("\n")).await;
        for _ in 0..times {
            scene.notify(&object).await;
            scene.queue.drain(function, TIMEOUT, 40).await;
        }
    }
    events
}

/// The leaves of a value with their paths, in order.
fn leaves(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| leaves(value, &format!("{path}.{name}"), found));
        }
        Value::Array(values) => values.iter().for_each(|value| leaves(value, path, found)),
        other => found.push(format!("{path} {other}")),
    }
}

/// Checks that the documents hold every value of the events, each event once, with the fields moved that do not fit.
/// Returns the number of those whose fields were all moved.
async fn assert_all_kept(engine: &Engine, indices: &str, events: &[String]) -> u64 {
    let mut found: HashMap<u64, usize> = HashMap::new();
    let mut moved_all = 0;
    engine
        .each_document(indices, |document| {
            let mut source = parse(&document.source);
            let members = source.as_object_mut().expect("an object");
            let unmapped = members.remove("_unmapped");
            let reason = members.remove("_ignored_reason");
            let text = unmapped.as_ref().and_then(Value::as_str);
            let seq = match members.get("seq") {
                Some(seq) => seq.as_u64(),
                None => text.and_then(|text| parse(text)["seq"].as_u64()),
            };
            let seq = seq.unwrap_or_else(|| panic!("no seq: {}", document.source));
            *found.entry(seq).or_default() += 1;
            let event = &events[usize::try_from(seq).expect("small")];
            let Some((_, moved)) = conflict(seq) else {
                assert_eq!((&*document.source, unmapped, reason), (event.as_str(), None, None));
                return;
            };
            let text = text.unwrap_or_else(|| panic!("{event} is not repaired: {}", document.source));
            assert!(
                reason.as_ref().is_some_and(|reason| reason.as_str().is_some_and(|text| !text.is_empty())),
                "{event}"
            );
            if text == event {
                assert!(moved.is_none(), "{event}: {reason:?}");
                assert_eq!(members.keys().collect::<Vec<_>>(), ["time"], "{event}");
                moved_all += 1;
                return;
            }
            let unmapped = parse(text);
            let fields: Vec<_> = unmapped.as_object().expect("an object").keys().collect();
            // Engines differ in the field that they name, if it is not the value of one field that is refused.
            assert!(moved.is_none_or(|moved| fields == moved), "{event}: {text}");
            let [mut both, mut whole] = [Vec::new(), Vec::new()];
            leaves(&source, "", &mut both);
            leaves(&unmapped, "", &mut both);
            leaves(&parse(event), "", &mut whole);
            both.sort_unstable();
            whole.sort_unstable();
            assert_eq!(both, whole, "{event}");
        })
        .await;
    let wrong: BTreeMap<_, _> = (0..events.len() as u64)
        .map(|seq| (seq, found.get(&seq).copied().unwrap_or_default()))
        .filter(|(_, count)| *count != 1)
        .collect();
    assert!(wrong.is_empty(), "found another number of times than once: {wrong:?}");
    moved_all
}

/// The number of documents that a query of Discover finds.
async fn found(engine: &Engine, indices: &str, query: &str) -> u64 {
    let path = format!("/{indices}/_count?q={}", envelope::encode(query));
    parse(&engine.ask("GET", &path, "").await)["count"].as_u64().expect("a number")
}

#[test]
fn events_that_the_mapping_refuses_are_found_by_time_and_by_their_sound_fields() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = scene(moto, engine, "conflicts-all").await;
        let count = place::event_count(crate::CONFLICTING_EVENTS);
        // The events fill about eight bodies, and the other forms of a body need several.
        let body = (count * 22).to_string();
        let limits = [("MILLRACE_MAX_BODY_BYTES", &*body), ("MILLRACE_MAX_EVENT_BYTES", "32768")];
        let mut function = scene.function(&engine.url(), &limits).await;
        let events = ingest(&scene, &mut function, count, 2).await;
        let conflicts = count.div_ceil(5);
        let letters = scene.dead_letters_of::<Value>().await;
        assert!(letters.is_empty(), "{:?}", letters.first());
        let of = receipts(&function);
        let fates =
            [sum(&of, |r| r.indexed), sum(&of, |r| r.repaired), sum(&of, |r| r.duplicates), sum(&of, |r| r.rejected)];
        assert_eq!(fates, [count, conflicts, count, 0], "{of:?}");
        let indices = scene.indices();
        assert_eq!(engine.count(&indices).await, count);
        let moved_all = assert_all_kept(engine, &indices, &events).await;
        assert!(moved_all > 0);
        for (query, expected) in [
            ("time:[2026-11-22T00:00:00Z TO 2026-11-22T23:59:59Z]", count),
            ("user:u*", count - moved_all),
            ("_ignored_reason:*", conflicts),
            // Not in the index, and so no cost of it.
            ("_unmapped:yesterday", 0),
        ] {
            assert_eq!(found(engine, &indices, query).await, expected, "{query}");
        }
        let lines = function.lines().join("\n");
        for value in ["yesterday", "300.1.1.1", "maybe"] {
            assert!(!lines.contains(value), "the log has no content of an event: {value}");
        }
    });
}

#[test]
fn lost_answers_double_no_event_in_another_form() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = scene(moto, engine, "conflicts-cut").await;
        let proxy = Proxy::start(&engine.url()).await;
        // Each kind of loss: in the answer, in the request, and after a request or two. No connection lasts, so the cuts do
        // not depend on how many connections are open at the same time.
        proxy.set_by(|number| match number % 3 {
            0 => Fault { cut_response_after: Some(10), ..Fault::default() },
            1 => Fault { cut_request_after: Some(20_000), ..Fault::default() },
            _ => Fault { cut_request_after: Some(150_000), ..Fault::default() },
        });
        let small = [
            ("MILLRACE_MAX_BODY_BYTES", "65536"),
            ("MILLRACE_MAX_EVENT_BYTES", "32768"),
            ("MILLRACE_COMPRESSION", "none"),
        ];
        let mut function = scene.function(&proxy.url(), &small).await;
        let events = ingest(&scene, &mut function, 1_500, 1).await;
        assert!(proxy.cuts() > 3, "{}", proxy.cuts());
        assert!(scene.dead_letters().await.is_empty());
        assert_eq!(engine.count(&scene.indices()).await, 1_500);
        assert_all_kept(engine, &scene.indices(), &events).await;
    });
}

#[test]
fn an_event_that_no_form_makes_fit_is_a_dead_letter_as_it_came() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        // Older than the template, which therefore declares no field in it.
        let strict = json!({ "mappings": { "dynamic": "strict", "properties": { "time": { "type": "date" }, "n": { "type": "long" } } } });
        engine.ask("PUT", "/conflicts-none-2026.11.23", &strict.to_string()).await;
        let scene = scene(moto, engine, "conflicts-none").await;
        let own = r#"{"time":"2026-11-22T10:00:00Z","n":"mine","_unmapped":"kept"}"#;
        let undeclared = r#"{"time":"2026-11-23T10:00:00Z","n":"theirs"}"#;
        let sound = r#"{"time":"2026-11-23T10:00:00Z","n":1}"#;
        let object = scene.put("a.json", [own, undeclared, sound].join("\n")).await;
        let mut function = scene.function(&engine.url(), &[]).await;
        let answer = function.invoke(&envelope::s3(&[&object]), TIMEOUT).await.expect("it runs");
        assert_eq!(answer, Answer::Response("null".into()), "{:#?}", function.lines());
        let of = receipts(&function);
        assert_eq!((of[0].indexed, of[0].repaired, of[0].rejected, of[0].rejected_by_domain), (1, 0, 2, 2), "{of:?}");
        let mut letters = scene.dead_letters_of::<Value>().await;
        letters.sort_by_key(|letter| letter.payload.clone());
        for (letter, (event, reason)) in letters.iter().zip([(own, "[n]"), (undeclared, "[n]")]) {
            assert_eq!(letter.payload.as_deref(), Some(event), "{letter:?}");
            assert!(letter.reason.contains(reason), "the reason of the first refusal: {letter:?}");
        }
        assert_eq!(letters.len(), 2);
    });
}

#[test]
fn invocations_that_end_before_the_last_form_get_on() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = scene(moto, engine, "conflicts-short").await;
        let event = r#"{"time":"2026-11-22T10:00:00Z","n":"x","day":"x","flag":"x","ip":"x"}"#;
        let object = scene.put("a.json", event).await;
        let mut function = scene.function(&engine.url(), &[]).await;
        let mut invocations = 0;
        // Five forms are refused: ten seconds if each invocation began with two refusals of each.
        while function.invoke(&envelope::s3(&[&object]), Duration::from_secs(4)).await.expect("it runs")
            != Answer::Response("null".into())
        {
            invocations += 1;
            assert!(invocations < 6, "{:#?}", receipts(&function));
        }
        let of = receipts(&function);
        assert!(invocations > 0, "they are short: {of:?}");
        assert_eq!((sum(&of, |r| r.repaired), sum(&of, |r| r.rejected)), (1, 0), "{of:?}");
    });
}

#[test]
fn another_form_does_not_wait_for_what_the_domain_does_not_take_now() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = scene(moto, engine, "conflicts-held").await;
        engine.ask("PUT", "/conflicts-held-2026.11.23", r#"{"settings":{"number_of_replicas":0}}"#).await;
        engine.index_setting("conflicts-held-2026.11.23", "index.blocks.write", &json!(true)).await;
        let unfit = r#"{"time":"2026-11-22T10:00:00Z","n":"x"}"#;
        let held = r#"{"time":"2026-11-23T10:00:00Z","n":1}"#;
        let object = scene.put("a.json", [unfit, held].join("\n")).await;
        let mut function = scene.function(&engine.url(), &[]).await;
        function.invoke(&envelope::s3(&[&object]), Duration::from_secs(8)).await.expect("it runs");
        let of = receipts(&function);
        // The rest of the object is in the queue.
        assert_eq!((of[0].repaired, of[0].undelivered, of[0].handed_on), (1, 1, true), "{of:?}");
        engine.index_setting("conflicts-held-2026.11.23", "index.blocks.write", &Value::Null).await;
        scene.queue.drain(&mut function, TIMEOUT, 5).await;
        assert_eq!(engine.count("conflicts-held-*").await, 2);
    });
}
