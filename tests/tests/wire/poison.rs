//! Promise 4: one poison event of each kind among good ones. The good ones are indexed. The bad ones are in the dead
//! letters with their exact bytes. There is nothing else anywhere.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use tests::engine::Engine;
use tests::events::{self, Expected};
use tests::moto::{Moto, Object};
use tests::place;
use tests::receipt::sum;
use tests::scene::{Scene, receipts};

const TIMEOUT: Duration = Duration::from_mins(2);

/// A good event, identified by its number.
fn good(number: usize) -> String {
    format!(r#"{{"base_dt":"2023-11-14T00:00:00.000Z","seq":{number},"nested":{{"a":1}}}}"#)
}

/// The fate of a line.
enum Fate {
    Indexed,
    Rejected(&'static str),
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of inputs")]
fn a_poison_event_of_each_kind_harms_none_of_its_neighbours() {
    use Fate::{Indexed, Rejected};
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    let long = format!(r#"{{"seq":1,"long":"{}"}}"#, "x".repeat(100_000));
    let deep = format!(r#"{{"seq":1,"deep":{}1{}}}"#, "[".repeat(2000), "]".repeat(2000));
    let immense = format!(r#"{{"base_dt":"2023-11-14T00:00:00Z","word":"{}"}}"#, "w".repeat(40_000));
    let kinds: Vec<(&str, Vec<u8>, Fate)> = vec![
        ("cut short", br#"{"seq":1,"a":"#.to_vec(), Rejected("decode")),
        ("no JSON at all", b"2026-11-22 ERROR out of memory".to_vec(), Rejected("decode")),
        ("a number", b"42".to_vec(), Rejected("decode")),
        ("a text", br#""text""#.to_vec(), Rejected("decode")),
        ("null", b"null".to_vec(), Rejected("decode")),
        ("an array", b"[1,2]".to_vec(), Rejected("decode")),
        ("a trailing comma", br#"{"seq":1,}"#.to_vec(), Rejected("decode")),
        ("a control character", b"{\"seq\":\"\x01\"}".to_vec(), Rejected("decode")),
        ("invalid UTF-8", b"{\"seq\":\"\xff\xfe\"}".to_vec(), Rejected("decode")),
        ("a cut UTF-8 character", b"{\"seq\":\"\xe2\x82\"}".to_vec(), Rejected("decode")),
        ("a number beyond a double", br#"{"seq":1,"n":1e400}"#.to_vec(), Rejected("decode")),
        ("too deep", deep.into_bytes(), Rejected("decode")),
        ("over the limit", long.into_bytes(), Rejected("frame")),
        (
            "an object where a number is mapped",
            br#"{"base_dt":"2023-11-14","seq":{"a":1}}"#.to_vec(),
            Rejected("domain"),
        ),
        ("a text where an object is mapped", br#"{"base_dt":"2023-11-14","nested":"t"}"#.to_vec(), Rejected("domain")),
        ("an immense term", immense.into_bytes(), Rejected("domain")),
        ("an absurd date", br#"{"base_dt":"9999-12-31T00:00:00Z","seq":1}"#.to_vec(), Rejected("route")),
        ("no date where one belongs", br#"{"base_dt":"yesterday","seq":1}"#.to_vec(), Rejected("route")),
        // These are not poison, although other programs reject them.
        ("a lone surrogate", br#"{"base_dt":"2023-11-14T01:00:00Z","t":"\ud800"}"#.to_vec(), Indexed),
        (
            "an integer beyond 64 bits",
            br#"{"base_dt":"2023-11-14T01:00:00Z","big":123456789012345678901234567890}"#.to_vec(),
            Indexed,
        ),
        ("a line separator", "{\"base_dt\":\"2023-11-14T01:00:00Z\",\"t\":\"a\u{2028}b\u{85}c\"}".into(), Indexed),
        ("many digits", br#"{"base_dt":"2023-11-14T01:00:00Z","d":1.10000000000000000000001}"#.to_vec(), Indexed),
        ("a key twice", br#"{"base_dt":"2023-11-14T01:00:00Z","t":"a","u":1}"#.to_vec(), Indexed),
        ("white space inside", b"{ \"base_dt\" :\t\"2023-11-14T01:00:00Z\" , \"seq\":7 }".to_vec(), Indexed),
        ("no date: the object's own", br#"{"seq":77}"#.to_vec(), Indexed),
    ];
    place::run(async {
        let scene = Scene::new(moto, "poison").await;
        let mapping = r#"{"index_patterns":["poison-*"],"template":{"mappings":{"properties":{
            "seq":{"type":"long"},"nested":{"type":"object"},"big":{"type":"keyword"},"word":{"type":"keyword"},
            "base_dt":{"type":"date","format":"strict_date_optional_time"}}}}}"#;
        engine.set_template("poison", &tests::engine::json(mapping)).await;

        let (mut object, mut expected, mut bad) = (Vec::new(), Expected::default(), BTreeMap::new());
        for (number, (kind, line, fate)) in kinds.iter().enumerate() {
            let before = good(number);
            writeln!(object, "{before}").unwrap();
            expected.add(&before);
            match fate {
                Indexed => expected.add(std::str::from_utf8(line).unwrap()),
                Rejected(stage) => _ = bad.insert(object.len() as u64, (*kind, *stage, line.clone())),
            }
            object.extend_from_slice(line);
            object.push(b'\n');
        }
        let object = scene.put("mixed.ndjson", object).await;
        scene.notify(&object).await;
        let mut function = scene.function(&engine.url(), &[("MILLRACE_MAX_EVENT_BYTES", "98304")]).await;
        let rounds = scene.queue.drain(&mut function, TIMEOUT, 1).await;
        assert!(rounds[0].failed.is_empty(), "{:#?}", function.lines());

        let letters = scene.dead_letters().await;
        for letter in &letters {
            let Some((kind, stage, payload)) = bad.remove(&letter.position.offset) else {
                panic!("not expected: {letter:?}")
            };
            assert_eq!(letter.stage, stage, "{kind}: {letter:?}");
            assert_eq!(
                (letter.position.bucket.as_str(), letter.position.key.as_str(), letter.position.etag.as_str()),
                (object.bucket.as_str(), object.key.as_str(), object.etag.as_str())
            );
            assert_eq!(letter.dataset.as_deref(), Some("poison"), "{kind}");
            assert!(!letter.reason.is_empty() && !letter.error_type.contains(' '), "{kind}: {letter:?}");
            if stage == "frame" {
                assert_eq!(letter.payload(), payload[..64 << 10], "{kind}");
                assert_eq!(letter.payload_length, Some(payload.len() as u64), "{kind}");
            } else {
                assert_eq!(letter.payload(), payload, "{kind}");
                assert_eq!(letter.payload_length, None, "{kind}");
            }
        }
        let missing: Vec<_> = bad.values().map(|(kind, ..)| kind).collect();
        assert!(missing.is_empty(), "no dead letter of {missing:?}");
        let receipts = receipts(&function);
        assert_eq!(sum(&receipts, |r| r.indexed), expected.total());
        assert_eq!(sum(&receipts, |r| r.rejected), letters.len() as u64);
        engine.each_document(&scene.indices(), |document| expected.found(&document.source)).await;
        expected.assert_met();
    });
}

#[test]
fn an_event_without_the_field_of_its_id_or_index_is_rejected_alone() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "route").await;
        scene.set_pipeline(
            "datasets:\n  - name: routed\n    from: { bucket: \"t-*\", key: \"**\" }\n    index: route-%{kind}\n    \
             id: { field: event_id }\n",
        );
        let good = [r#"{"event_id":"a","kind":"x"}"#, r#"{"event_id":"b","kind":"y.z"}"#];
        let long_id = format!(r#"{{"event_id":"{}","kind":"x"}}"#, "i".repeat(600));
        let bad = [
            r#"{"kind":"x"}"#,
            r#"{"event_id":"","kind":"x"}"#,
            r#"{"event_id":{"a":1},"kind":"x"}"#,
            r#"{"event_id":"c"}"#,
            r#"{"event_id":"d","kind":"../.security"}"#,
            r#"{"event_id":"e","kind":"UPPER CASE"}"#,
            r#"{"event_id":"f","kind":null}"#,
            &long_id,
        ];
        let lines: Vec<&str> = bad.iter().copied().chain(good).collect();
        let object = scene.put("a.ndjson", lines.join("\n")).await;
        scene.notify(&object).await;
        let mut function = scene.function(&engine.url(), &[]).await;
        scene.queue.drain(&mut function, TIMEOUT, 1).await;
        let letters = scene.dead_letters().await;
        assert!(letters.iter().all(|letter| letter.stage == "route"), "{letters:#?}");
        let mut rejected = Expected::of(bad);
        for letter in &letters {
            rejected.found(std::str::from_utf8(&letter.payload()).expect("a payload in UTF-8"));
        }
        rejected.assert_met();
        let documents = engine.documents("route-*").await;
        let mut found: Vec<_> = documents.iter().map(|d| (d.index.as_str(), d.id.as_str())).collect();
        found.sort_unstable();
        assert_eq!(found, [("route-x", "a"), ("route-y.z", "b")]);
    });
}

/// The fate of an object: the events that are indexed, and the stage of its one rejection.
struct Kind {
    key: &'static str,
    bytes: Vec<u8>,
    indexed: Vec<String>,
    rejected: Option<&'static str>,
}

fn kinds() -> Vec<Kind> {
    let events = |from: usize| -> Vec<String> { (from..from + 50).map(good).collect() };
    let lines = |events: &[String]| events.join("\n") + "\n";
    let whole =
        |key, bytes: Vec<u8>, indexed: &[String]| Kind { key, bytes, indexed: indexed.to_vec(), rejected: None };
    let broken = |key, bytes, stage| Kind { key, bytes, indexed: Vec::new(), rejected: Some(stage) };
    let (a, b) = (events(1000), events(2000));
    let pretty = |event: &String| event.replace(',', ",\n  ").replace('{', "{\n");
    let utf16 = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    let mut window = zstd::Encoder::new(Vec::new(), 1).expect("memory");
    window.window_log(27).expect("a window of 128 MiB");
    window.write_all(lines(&a).as_bytes()).expect("memory takes everything");
    let mut bad_check = events::gzip(lines(&events(9000)).as_bytes());
    let check = bad_check.len() - 8;
    bad_check[check] ^= 1;
    vec![
        whole("plain", lines(&events(0)).into_bytes(), &events(0)),
        whole("no-newline-at-the-end", events(100).join("\n").into_bytes(), &events(100)),
        whole("crlf-and-blank-lines", events(200).join("\r\n\r\n\n").into_bytes(), &events(200)),
        whole("bom", format!("\u{feff}{}", lines(&events(300))).into_bytes(), &events(300)),
        whole("array", format!("[{}]", events(400).join(",\n")).into_bytes(), &events(400)),
        whole("array-in-one-line", format!(" [ {} ] ", events(500).join(" , ")).into_bytes(), &events(500)),
        whole("records", format!(r#"{{"Records":[{}]}}"#, events(600).join(",")).into_bytes(), &events(600)),
        whole("concatenated", events(700).concat().into_bytes(), &events(700)),
        whole(
            "pretty",
            events(800).iter().map(pretty).collect::<Vec<_>>().join("\n").into_bytes(),
            &events(800).iter().map(|event| pretty(event).replace('\n', " ")).collect::<Vec<_>>(),
        ),
        // Firehose output without a newline delimiter: the line is far over the limit, its values are not.
        whole(
            "one-enormous-line",
            (10_000..15_000).map(good).collect::<String>().into_bytes(),
            &(10_000..15_000).map(good).collect::<Vec<_>>(),
        ),
        whole("gzip.json", events::gzip(lines(&events(900)).as_bytes()), &events(900)),
        whole(
            "two-members.gz",
            [events::gzip(lines(&a).as_bytes()), events::gzip(lines(&b).as_bytes())].concat(),
            &[a, b].concat(),
        ),
        whole("zstd.gz", events::zstd(lines(&events(3000)).as_bytes()), &events(3000)),
        whole("empty", Vec::new(), &[]),
        whole("empty.gz", events::gzip(b""), &[]),
        whole("blank", b"\n \r\n\n".to_vec(), &[]),
        whole("a b+c=é%&/日本 (1).json", lines(&events(4000)).into_bytes(), &events(4000)),
        Kind { key: "bad-checksum.gz", bytes: bad_check, indexed: events(9000), rejected: Some("frame") },
        // It expands to 1,000 times its size, with only NUL bytes.
        broken("zeros.gz", events::gzip(&vec![0; 300 << 20]), "frame"),
        broken("window.zst", window.finish().expect("memory takes everything"), "frame"),
        broken("utf16.json", utf16(&format!("\u{feff}{}", lines(&events(5000)))), "frame"),
    ]
}

#[test]
fn each_kind_of_object_has_its_stated_fate() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "kinds").await;
        let kinds = kinds();
        let mut expected = Expected::default();
        for kind in &kinds {
            kind.indexed.iter().for_each(|event| expected.add(event));
            let object = scene.put(kind.key, kind.bytes.clone()).await;
            scene.notify(&object).await;
        }
        let mut function = scene.function(&engine.url(), &[("MILLRACE_MAX_EVENT_BYTES", "65536")]).await;
        let rounds = scene.queue.drain(&mut function, TIMEOUT, 20).await;
        assert!(rounds.iter().all(|round| round.failed.is_empty()), "{:#?}", function.lines());
        let (receipts, letters) = (receipts(&function), scene.dead_letters().await);
        for Kind { key, bytes, indexed, rejected } in &kinds {
            let [receipt] = &receipts.iter().filter(|r| r.key == *key).collect::<Vec<_>>()[..] else {
                panic!("{key} has not one receipt: {receipts:#?}");
            };
            assert!(receipt.is_final, "{receipt:?}");
            let fates = (receipt.indexed, receipt.rejected);
            assert_eq!(fates, (indexed.len() as u64, u64::from(rejected.is_some())), "{receipt:?} {letters:#?}");
            if rejected.is_none() {
                assert_eq!(receipt.bytes_in, bytes.len() as u64, "{receipt:?}");
            }
            let stages: Vec<_> = letters.iter().filter(|l| l.position.key == *key).map(|l| l.stage.as_str()).collect();
            assert_eq!(stages, rejected.as_slice(), "{key}");
        }
        engine.each_document(&scene.indices(), |document| expected.found(&document.source)).await;
        expected.assert_met();
    });
}

#[test]
fn of_broken_compression_what_was_readable_is_indexed() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let lines: Vec<String> = events::generate(3000, 3).collect();
        let (gzip, zstd) = (events::gzip(lines.concat().as_bytes()), events::zstd(lines.concat().as_bytes()));
        for (name, bytes) in [("broken-gzip", gzip), ("broken-zstd", zstd)] {
            let scene = Scene::new(moto, name).await;
            let object = scene.put("cut", &bytes[..bytes.len() * 2 / 3]).await;
            scene.notify(&object).await;
            let mut function = scene.function(&engine.url(), &[]).await;
            let rounds = scene.queue.drain(&mut function, TIMEOUT, 1).await;
            assert!(rounds[0].failed.is_empty(), "{name}: {:#?}", function.lines());
            let receipt = &receipts(&function)[0];
            assert!(receipt.is_final && receipt.indexed > 500, "{name}: {receipt:?}");
            let letters = scene.dead_letters().await;
            assert_eq!((letters.len(), receipt.rejected), (1, 1), "{name}: {letters:#?}");
            assert_eq!(letters[0].stage, "frame", "{name}: {letters:#?}");
            // The letter begins where the readable events end.
            let readable = &lines[..usize::try_from(receipt.indexed).unwrap()];
            assert_eq!(letters[0].position.offset, readable.concat().len() as u64, "{name}: {letters:#?}");
            let mut expected = Expected::of(readable.iter().map(String::as_str));
            engine.each_document(&scene.indices(), |document| expected.found(&document.source)).await;
            expected.assert_met();
        }
    });
}

#[test]
fn an_object_that_is_gone_is_a_dead_letter_without_payload() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "gone").await;
        scene.set_pipeline(
            "datasets:\n  - name: gone\n    from: { bucket: \"t-*\", key: \"in/**\" }\n    timestamp: base_dt\n    \
             index: gone-%{+YYYY.MM.dd}\n",
        );
        let deleted = scene.put("in/deleted", good(1)).await;
        let replaced = scene.put("in/replaced", good(2)).await;
        let replacement = scene.put("in/replaced", good(3)).await;
        let unmatched = scene.put("out/unmatched", good(4)).await;
        moto.delete(&deleted).await;
        for object in [&deleted, &replaced, &replacement, &unmatched] {
            scene.notify(object).await;
        }
        let mut function = scene.function(&engine.url(), &[]).await;
        let rounds = scene.queue.drain(&mut function, TIMEOUT, 1).await;
        assert!(rounds[0].failed.is_empty(), "{:#?}", function.lines());
        let mut letters: Vec<(String, String, Object)> = Vec::new();
        for letter in scene.dead_letters().await {
            assert_eq!(letter.stage, "source", "{letter:?}");
            assert!(letter.payload().is_empty(), "{letter:?}");
            let object = if letter.position.key == deleted.key { &deleted } else { &replaced };
            letters.push((letter.position.key, letter.position.etag, object.clone()));
        }
        letters.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(letters.len(), 2, "{letters:?}");
        assert!(letters.iter().all(|(key, etag, object)| (key, etag) == (&object.key, &object.etag)), "{letters:?}");
        let documents = engine.documents(&scene.indices()).await;
        assert_eq!(documents.iter().map(|d| d.source.as_str()).collect::<Vec<_>>(), [good(3)]);
    });
}

#[test]
fn an_older_version_is_read_at_its_version() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::versioned(moto, "versions").await;
        for number in 1..=2 {
            let object: Object = scene.put("same", good(number)).await;
            assert!(object.version.is_some());
            scene.notify(&object).await;
        }
        let mut function = scene.function(&engine.url(), &[]).await;
        scene.queue.drain(&mut function, TIMEOUT, 1).await;
        let mut expected = Expected::of([good(1), good(2)].iter().map(String::as_str));
        engine.each_document(&scene.indices(), |document| expected.found(&document.source)).await;
        expected.assert_met();
        assert!(scene.dead_letters().await.is_empty());
    });
}
