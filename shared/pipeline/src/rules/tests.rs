mod include;
mod layout;
mod rule_tests;

use std::time::Duration;

use super::settings::IndexSettings;
use super::*;
use crate::decode::Decoder;
use crate::frame::Format;
use crate::route::{RouteScratch, Timestamp, Zone};
use crate::select::Select;

mod template;

fn key() -> Option<HashKey> {
    HashKey::new(b"0123456789abcdef").ok()
}

fn parse(yaml: &str) -> Datasets {
    Datasets::parse("pipeline.yaml", yaml, key().as_ref()).unwrap_or_else(|error| panic!("{yaml}\n{error}"))
}

fn faults(yaml: &str) -> Vec<(String, String)> {
    match Datasets::parse("pipeline.yaml", yaml, key().as_ref()) {
        Ok(_) => panic!("no fault found in\n{yaml}"),
        Err(error) => error.faults.into_iter().map(|fault| (fault.place, fault.message)).collect(),
    }
}

/// A dataset without faults. `more` adds keys or replaces them.
fn with(more: &str) -> String {
    format!("datasets:\n  - name: a\n    from: {{ key: \"k/**\" }}\n    index: logs\n    {more}\n")
}

/// The same with a stream as source.
fn stream(name: &str, more: &str) -> String {
    with(more).replace("key: \"k/**\"", &format!("stream: {name}"))
}

/// A dataset of a delivery stream, with `more` keys.
fn delivery(more: &str) -> String {
    format!("datasets:\n  - name: a\n    from: {{ delivery_stream: \"app-*\" }}\n    {more}\n")
}

/// More partition keys than a prefix can hold.
fn many_keys() -> String {
    (0..40).map(|n| format!("k{n}: a")).collect::<Vec<_>>().join(", ")
}

const FULL: &str = r#"
datasets:                       # a comment
  - name: app-events
    from: { bucket: "logs-*", key: "source/jsona/**" }
    format: ndjson
    select: event_name:2b_screen_view AND NOT os:test
    fields:
      drop: [debug, params.raw]
    timestamp: base_dt
    index: logs-%{+YYYY.MM.dd}
    id: position
    on_conflict: keep
    retention: 14d
    keep_at_least: 36h
    snapshot: true
    mapping: mappings/app-events.json
    shards: 3
    replicas: 0
    total_fields_limit: 2000
    template:
      settings:
        refresh_interval: 30s
        index.sort: { field: [base_dt], order: [desc] }
        index: { max_result_window: 5000, routing.allocation.require.box: hot }
      composed_of: [common, geo]
      priority: 700
  - name: rest
    from:
      key: '**'
    index: rest
    timestamp: { field: ts, format: "%d/%b/%Y:%H:%M:%S %z" }
    id: { field: event.id }
  - name: stream
    from: { stream: "app-{eu,us}" }
    format: cloudwatch-logs
    index: stream
  - name: topic
    from: { topic: app.* }
    index: topic
  - name: delivery
    from: { delivery_stream: app-* }
    format: cloudwatch-logs
    select: os:iOS
    fields: { drop: [debug] }
    partition_keys: { customer: adid, geo_country: geo.country }
"#;

#[test]
fn every_key_is_understood() {
    let datasets = parse(FULL);
    let first = datasets.by_name("app-events").unwrap();
    assert_eq!(first.format, Format::Ndjson);
    assert_eq!(first.select.as_ref().unwrap().as_str(), "event_name:2b_screen_view AND NOT os:test");
    assert!(!first.shape.is_identity());
    assert_eq!(first.router.index().as_str(), "logs-%{+YYYY.MM.dd}");
    let hours = |count: u64| Some(Duration::from_secs(count * 3600));
    assert_eq!(first.keep, Keep { retention: hours(14 * 24), keep_at_least: hours(36), snapshot: true });
    let mapping = Some("mappings/app-events.json".to_owned());
    let settings: IndexSettings = first.template.settings.clone();
    let found: Vec<_> = settings.iter().map(|(name, setting)| (name.as_str(), setting.value.to_string())).collect();
    let expected = [
        ("index.max_result_window", r#""5000""#),
        ("index.refresh_interval", r#""30s""#),
        ("index.routing.allocation.require.box", r#""hot""#),
        ("index.sort.field", r#"["base_dt"]"#),
        ("index.sort.order", r#"["desc"]"#),
    ];
    assert_eq!(found, expected.map(|(name, value)| (name, value.to_owned())));
    let composed_of = vec!["common".to_owned(), "geo".to_owned()];
    let (shards, replicas, total_fields_limit, priority) = (Some(3), Some(0), Some(2000), Some(700));
    let template = Template { mapping, shards, replicas, total_fields_limit, settings, composed_of, priority };
    assert_eq!(first.template, template);
    let rest = datasets.by_name("rest").unwrap();
    assert_eq!((first.on_conflict, rest.on_conflict), (OnConflict::Keep, OnConflict::Reject));
    assert_eq!((rest.keep, &rest.template), (Keep::default(), &Template::default()));
    assert_eq!((rest.format, rest.select.is_none(), rest.shape.is_identity()), (Format::Auto, true, true));
    let from = rest.from.s3().unwrap();
    assert_eq!((from.bucket_glob(), from.key_glob()), ("*", "**"));
    assert!(datasets.by_name("other").is_none());
    assert_eq!(datasets.iter().count(), 4);
    assert!(matches!(&datasets.by_name("stream").unwrap().from, From::Stream(_)));
    assert!(matches!(&datasets.by_name("topic").unwrap().from, From::Topic(_)));
    assert!(datasets.by_name("delivery").is_none(), "a transform is no dataset");

    let delivery = datasets.find_delivery_stream("app-1").unwrap();
    assert_eq!((delivery.name.as_str(), delivery.format), ("delivery", Format::CloudwatchLogs));
    assert_eq!(delivery.select.as_ref().unwrap().as_str(), "os:iOS");
    assert!(!delivery.shape.is_identity());
    let keys: Vec<_> = delivery.partition_keys.iter().map(|(name, path)| (name.as_str(), path.as_str())).collect();
    assert_eq!(keys, [("customer", "adid"), ("geo_country", "geo.country")]);

    let mut decoder = Decoder::new();
    let parsed = decoder.decode(br#"{"ts":"21/Nov/2026:01:00:00 +0000","event":{"id":"e1"}}"#).unwrap();
    let mut action = Vec::new();
    let scratch = &mut crate::route::RouteScratch::default();
    rest.router.route(&parsed.event(), "P", 0, 1_795_343_400_000, scratch, &mut action).unwrap();
    assert_eq!(action, b"{\"create\":{\"_index\":\"rest\",\"_id\":\"e1\"}}\n");
}

#[test]
fn the_first_dataset_that_matches_takes_the_object() {
    let datasets = parse(FULL);
    let taken = |bucket: &str, key: &str| datasets.find_s3(bucket, key).map(|dataset| dataset.name.clone());
    assert_eq!(taken("logs-1", "source/jsona/dt=2026-11-22/00.json.gz").as_deref(), Some("app-events"));
    assert_eq!(taken("logs-1", "source/jsonb/x").as_deref(), Some("rest"));
    assert_eq!(taken("other", "source/jsona/x").as_deref(), Some("rest"));
    let one = parse(&with("").replace("k/**", "a/*/b-?.{gz,zst}"));
    for (key, expected) in [
        ("a/x/b-1.gz", true),
        ("a/x/b-1.zst", true),
        ("a/x/y/b-1.gz", false),
        ("a/x/b-12.gz", false),
        ("A/x/b-1.gz", false),
    ] {
        assert_eq!(one.find_s3("any.bucket", key).is_some(), expected, "{key}");
    }
}

#[test]
fn each_kind_of_source_finds_only_its_own_datasets() {
    let datasets = parse(FULL);
    let name = |dataset: Option<&Arc<Dataset>>| dataset.map(|dataset| dataset.name.clone());
    assert_eq!(name(datasets.find_stream("app-eu")).as_deref(), Some("stream"));
    assert_eq!(name(datasets.find_stream("app.eu")), None, "a topic's glob takes no stream");
    assert_eq!(name(datasets.find_topic("app.eu")).as_deref(), Some("topic"));
    assert_eq!(name(datasets.find_topic("app-eu")), None);
    assert!(datasets.find_delivery_stream("app-eu").is_some() && datasets.find_delivery_stream("app.eu").is_none());
    let streams = parse(&stream("\"*\"", ""));
    assert!(streams.find_s3("any", "key").is_none() && streams.find_topic("x").is_none());
    assert!(streams.could_match_s3("dead-letters-bucket", "").is_empty());

    let again = "  - name: a\n    from: { delivery_stream: other }\n";
    let found = faults(&format!("{}{again}", with("")));
    assert_eq!((found.len(), found[0].0.as_str()), (1, "pipeline.yaml:6:11"), "names are unique across kinds");
}

#[test]
fn a_dataset_that_could_take_dead_letters_is_named() {
    for (from, prefix, expected) in [
        (r#"{ key: "**" }"#, "dead-letters/", true),
        (r#"{ key: "dead-letters/**" }"#, "dead-letters/", true),
        (r#"{ key: "dead-letters/x/**" }"#, "dead-letters/", true),
        (r#"{ key: "dead*/**" }"#, "dead-letters/", true),
        (r#"{ key: "dead-letters/x.json" }"#, "dead-letters/", false),
        (r#"{ key: "dead-letters/x/*/*.ndjson" }"#, "dead-letters/", true),
        (r#"{ key: "dead-letters/*.ndjson" }"#, "dead-letters/", false),
        (r#"{ key: "dead-letters/x/**", exclude: ["**/*.ndjson"] }"#, "dead-letters/", false),
        (r#"{ key: "dead-letters/X/**" }"#, "dead-letters/", false),
        (r#"{ key: "*.json" }"#, "dead-letters/", false),
        (r#"{ key: "*" }"#, "dead-letters/", false),
        (r#"{ key: "*/*/*" }"#, "dead-letters/", false),
        (r#"{ key: "*/*/*/*" }"#, "dead-letters/", true),
        (r#"{ key: "**/*.json.gz" }"#, "dead-letters/", false),
        (r#"{ key: "**/*.{json,gz}" }"#, "dead-letters/", false),
        (r#"{ key: "**/*.{json,ndjson}" }"#, "dead-letters/", true),
        (r#"{ key: "**/*json*" }"#, "dead-letters/", true),
        (r#"{ key: "[!d]*/**" }"#, "dead-letters/", false),
        (r#"{ key: "??ad-letters/**" }"#, "dead-letters/", true),
        (r#"{ key: "**", exclude: ["dead-letters/**"] }"#, "dead-letters/", false),
        (r#"{ key: "**", exclude: ["**/*.ndjson"] }"#, "dead-letters/", false),
        (r#"{ key: "**", exclude: ["dead-letters/*", "dead-letters/a/**"] }"#, "dead-letters/", true),
        (r#"{ key: "**/2026/**" }"#, "dead-letters/", true),
        (r#"{ key: "**/2026.11/**" }"#, "dead-letters/", false),
        (r#"{ key: "**/*.ndjson" }"#, "a/b.c+d/", true),
        (r#"{ key: "a/b.c?d/**" }"#, "a/b.c+d/", true),
        (r#"{ key: "a/bXc?d/**" }"#, "a/b.c+d/", false),
        (r#"{ key: "*" }"#, "", false),
        (r#"{ key: "*/*/*" }"#, "", true),
        (r#"{ key: "source/**" }"#, "dead-letters/", false),
        (r#"{ key: "source/x" }"#, "dead-letters/", false),
        (r#"{ key: "source/**" }"#, "", true),
        (r#"{ bucket: "logs-*", key: "**" }"#, "dead-letters/", false),
        (r#"{ bucket: "dead-*", key: "**" }"#, "dead-letters/", true),
    ] {
        let datasets = parse(&with("").replace(r#"{ key: "k/**" }"#, from));
        let found = datasets.could_match_s3("dead-letters-bucket", prefix);
        assert_eq!(found, if expected { vec!["a"] } else { vec![] }, "{from}");
    }
}

#[test]
fn the_hash_is_that_of_the_bytes() {
    let datasets = parse(FULL);
    assert_eq!(datasets.hash(), parse(FULL).hash());
    assert_eq!(datasets.hash().len(), 12);
    assert_ne!(datasets.hash(), parse(&format!("{FULL}\n")).hash());
}

#[test]
fn all_faults_are_named_at_once_in_the_order_of_the_file() {
    let yaml = "\
datasets:
  - name: App
    form: { key: x }
    from: { bucket: b }
    format: json
    select: event_name:a AND os:/i(.*/
    fields: { drop: debug, renam: { a: b } }
    timestamp: { fied: ts, format: never }
    index: Logs
    id: random
    retention: 14
  - 7
";
    let found = faults(yaml);
    let places: Vec<&str> = found.iter().map(|(place, _)| place.as_str()).collect();
    let at = |line: usize, column: usize| format!("pipeline.yaml:{line}:{column}");
    let expected = [
        at(2, 11),
        at(3, 5),
        at(4, 11),
        at(5, 13),
        at(6, 33),
        at(7, 21),
        at(7, 28),
        at(8, 16),
        at(8, 18),
        at(8, 36),
        at(9, 12),
        at(10, 9),
        at(11, 16),
        at(12, 5),
    ];
    assert_eq!(places, expected, "{found:#?}");
    assert!(found[1].1.contains("did you mean `from`?"), "{:?}", found[1]);
    assert!(found[4].1.contains("column 21 of the query"), "{:?}", found[4]);
}

#[test]
fn each_fault_says_what_is_accepted() {
    let name = |name: &str| with("").replace("name: a", &format!("name: {name}"));
    for (yaml, place, says) in [
        (String::new(), "1:1", "the file is empty"),
        ("# only a comment\n".into(), "1:1", "the file is empty"),
        ("~".into(), "1:1", "the file is empty"),
        ("datasets:".into(), "1:", "`datasets` is nothing"),
        ("datasets: []".into(), "1:11", "an empty list"),
        ("datasets: {}".into(), "1:11", "`datasets` is a map"),
        ("dataset: []".into(), "1:1", "did you mean `datasets`?"),
        ("- name: a".into(), "1:1", "not a map"),
        ("{}".into(), "1:1", "`datasets` is missing"),
        ("datasets:\n\t- name: a".into(), "2:1", "a tab"),
        ("datasets:\n  - name: \"a\n".into(), "", "not YAML"),
        ("datasets: [".into(), "", "not YAML"),
        ("a: 1\n---\nb: 2\n".into(), "2:1", "second document"),
        (with("format: &x auto"), "5:", "anchor"),
        (with("format: *x"), "5:13", "is put in quotes"),
        (with("select: *:*"), "5:13", "is put in quotes"),
        (with("select: *"), "5:", "is put in quotes"),
        (with("select: %a"), "5:", "not YAML"),
        (with("select: title:\"a: b\""), "5:", "not YAML"),
        (with("format: !x auto"), "5:", "tag"),
        (name("\"\""), "2:11", "1 to 64"),
        (name("App"), "2:11", "1 to 64"),
        (name("-a"), "2:11", "1 to 64"),
        (name(&"a".repeat(65)), "2:11", "1 to 64"),
        (name("[a]"), "2:11", "`name` is a list"),
        (name(""), "2:", "`name` is nothing"),
        (with("index: x"), "5:5", "`index` is in line 4 already"),
        (format!("{}  - name: a\n    from: {{ key: x }}\n    index: x\n", with("")), "6:11", "in line 2 already"),
        ("datasets:\n  - name: a\n".into(), "2:5", "without a `from`"),
        (with("").replace("k/**", ""), "3:18", "`key` is empty"),
        (with("").replace("k/**", "/k"), "3:18", "neither with `/`"),
        (with("").replace("k/**", "k[a"), "3:18", "a glob takes"),
        (with("").replace("{ key: \"k/**\" }", "k/**"), "3:11", "`from` is a text, not a map"),
        (
            with("").replace("{ key: \"k/**\" }", "{}"),
            "3:11",
            "without a `key`, `stream`, `topic` or `delivery_stream`",
        ),
        (with("").replace("{ key", "{ bucket: b, key").replace("key", "topic"), "3:24", "`topic` beside `bucket`"),
        (with("").replace("{ key", "{ stream: s, key"), "3:24", "`key` beside `stream`: a `from` has exactly one kind"),
        (with("").replace("{ key", "{ topic: t, stream: s, key"), "3:23", "exactly one kind"),
        (with("").replace("key", "steam"), "3:13", "did you mean `stream`?"),
        (with("").replace("key", "stream"), "3:21", "a name has neither `:` nor `/`"),
        (stream("arn:aws:kinesis:eu-west-1:1:stream/app", ""), "3:21", "not its ARN"),
        (stream("[app]", ""), "3:21", "`stream` is a list"),
        (stream("\"\"", ""), "3:21", "`stream` is empty"),
        (stream("\"app[\"", ""), "3:21", "a glob takes"),
        (with("format: text"), "5:13", "not supported yet"),
        (stream("app", "format: text"), "5:13", "not supported yet"),
        (with("format: { records: a..b }"), "5:24", "no empty name"),
        (with("format: { envelope: [a] }"), "5:13", "without `records`"),
        (with("format: { records: a, envelop: [b] }"), "5:27", "did you mean `envelope`?"),
        (with("format: { records: a }\n    envelope: []"), "6:15", "an empty list"),
        (with("format: { records: a }\n    envelope: [b, b]"), "6:19", "given once"),
        (with("envelope: [a]"), "5:5", "without `format: records`"),
        (with("format: { records: a, envelope: [b] }\n    envelope: [c]"), "5:27", "beside `format` already"),
        (with("partition_keys: { a: b }"), "5:5", "`partition_keys` without `delivery_stream`"),
        (stream("app", "partition_keys: { a: b }"), "5:5", "`partition_keys` without `delivery_stream`"),
        (delivery("index: x"), "4:5", "`index` beside `delivery_stream`: Firehose decides"),
        (delivery("timestamp: x"), "4:5", "`timestamp` beside `delivery_stream`"),
        (delivery("id: none"), "4:5", "`id` beside `delivery_stream`"),
        (
            delivery("retention: 14d"),
            "4:5",
            "`retention` beside `delivery_stream`: the life cycle rules of the bucket delete what Firehose delivers",
        ),
        (delivery("partition_keys: {}"), "4:21", "`partition_keys` is empty"),
        (delivery("partition_keys: [a]"), "4:21", "`partition_keys` is a list, not a map"),
        (delivery("partition_keys: { 7days: a }"), "4:23", "with a letter or `_` first"),
        (delivery("partition_keys: { \"a}\": a }"), "4:23", "1 to 64 of a-z"),
        (delivery("partition_keys: { a: b..c }"), "4:26", "`a: b..c`"),
        (delivery("partition_keys: { a: }"), "4:", "`a` is nothing"),
        (delivery("partition_keys: { a: b, a: c }"), "4:29", "`a` is in line 4 already"),
        (delivery(&format!("partition_keys: {{ {} }}", many_keys())), "4:21", "`Prefix` takes 1024"),
        (with("format: xml"), "5:13", "`ndjson`"),
        (with("mapping: m.json"), "5:14", "in the folder `mappings`"),
        (with("mapping: maps/m.json"), "5:14", "in the folder `mappings`"),
        (with("mapping: mappings/../m.json"), "5:14", "in the folder `mappings`"),
        (with("mapping: ../m.json"), "5:14", "in the folder `mappings`"),
        (with("mapping: maps/m.yaml"), "5:14", "give a JSON file"),
        (with("retention: 14"), "5:16", "with `h`, `d` or `w`"),
        (with("retention: 0d"), "5:16", "with `h`, `d` or `w`"),
        (with("retention: forever"), "5:16", "`retention: forever`"),
        (with("keep_at_least: 2d").replace("%{+YYYY.MM.dd}", "all"), "5:5", "has no date that tells its age"),
        (with("retention: 2d\n    keep_at_least: 3d"), "6:5", "longer than `retention`"),
        (with("snapshot: true"), "5:5", "`snapshot` without `retention`"),
        (with("snapshot: maybe"), "5:15", "`true` or `false`"),
        (with("shards: 0"), "5:13", "from 1 to 1024"),
        (with("replicas: many"), "5:15", "from 0 to 1024"),
        (with("select: { a: [{ prefx: b }] }"), "5:21", "unknown match `prefx`"),
        (with("select: {}"), "5:13", "an empty map"),
        (with("select: a:1 AND b"), "5:21", "column 9 of the query: `b` without a field"),
        (with("select: 'a:1 AND b'"), "5:13", "column 9 of the query"),
        (with("select: [a]"), "5:13", "`select` is a list"),
        (with("timestamp: [ts]"), "5:16", "not a map"),
        (with("timestamp: a..b"), "5:16", "a..b"),
        (with("timestamp: { format: epoch_s }"), "5:16", "without a `field`"),
        (with("timestamp: { field: ts, format: \"%H:%M\" }"), "5:37", "%H:%M"),
        (with("timestamp: { field: ts, format: epoch_mu }"), "5:37", "`epoch_us`, `epoch_ns`"),
        (
            with("timestamp: { field: ts, timezone: KST }"),
            "5:39",
            "`KST` is not a time zone; a zone is a name of the IANA",
        ),
        (with("timestamp: { field: ts, timezone: }"), "5:", "`timezone` is nothing"),
        (with("timestamp: { field: ts, format: epoch_s, timezone: UTC }"), "5:46", "whose times all have an offset"),
        (with("timestamp: { field: ts, format: \"%F %T %z\", timezone: UTC }"), "5:49", "whose times all have"),
        (with("timestamp: { field: ts, earliest: long ago }"), "5:39", "`earliest: long ago`: write a date"),
        (with("timestamp: { field: ts, zone: UTC }"), "5:29", "unknown key `zone`"),
        (with("fields: { date: { d: { field: t, earliest: 1970-01-01 } } }"), "5:38", "unknown key `earliest`"),
        (with("fields: { date: { d: { field: t, timezone: Mars } } }"), "5:48", "`Mars` is not a time zone"),
        (with("").replace("index: logs", "index: {}"), "4:12", "`index` without a `name`"),
        (with("").replace("index: logs", "index: [logs]"), "4:12", "`index` is a list"),
        (with("").replace("index: logs", "index: { name: Logs }"), "4:20", "`name: Logs`: `L`"),
        (with("").replace("index: logs", "index: { name: logs, timezone: Asia/Seoul }"), "4:26", "which has no date"),
        (with("").replace("index: logs", "index: { name: \"l-%{+YYYY}\", timezone: Seoul }"), "4:44", "`Seoul` is no"),
        (with("").replace("index: logs", "index: { name: \"l-%{+YYYY}\", tz: UTC }"), "4:34", "unknown key `tz`"),
        (with("id: { fields: x }"), "5:11", "did you mean `field`?"),
        (with("id: sequence"), "5:9", "`position`"),
        (with("? [a]\n    : b"), "5:7", "a key is a word"),
    ] {
        let found = faults(&yaml);
        assert!(
            found
                .iter()
                .any(|(at, message)| at.starts_with(&format!("pipeline.yaml:{place}")) && message.contains(says)),
            "{place} {says}\n{yaml}\n{found:#?}"
        );
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of inputs")]
fn each_fault_of_fields_says_what_is_accepted() {
    let fields = |more: &str| with(&format!("fields: {{ {more} }}"));
    for (yaml, column, says) in [
        (with("fields: [a]"), 13, "`fields` is a list, not a map"),
        (fields("dorp: [a]"), 15, "did you mean `drop`?"),
        (fields("drop: a"), 21, "a list of fields"),
        (fields("drop: []"), 21, "an empty list"),
        (fields("drop: [a, b..c]"), 25, "`drop: b..c`"),
        (fields("keep: [[a]]"), 22, "`keep` is a list"),
        (fields("json: a.b"), 21, "at the top of the event"),
        (fields("json: [a, b]"), 21, "of one field alone"),
        (fields("json: { a: x, b: x }"), 32, "makes `x` twice"),
        (fields("json: { a: x.y }"), 26, "at the top of the event"),
        (fields("lift: [a]"), 21, "`lift` is a list; write the object whose members"),
        (fields("lift: a..b"), 21, "`lift: a..b`"),
        (fields("lift: a.b, drop: [a]"), 21, "a `drop` that leaves it out"),
        (fields("lift: a.b, keep: [id]"), 21, "such as `a.b.id`"),
        (fields("lift: a.b, dynamodb: a"), 21, "the object in it is `a.b.M`"),
        (fields("dynamodb: { a: b }"), 25, "`dynamodb` is a map; write the objects with typed attributes"),
        (fields("dynamodb: []"), 25, "an empty list"),
        (fields("dynamodb: [a, a.b]"), 29, "`dynamodb: a.b` beside `a`"),
        (fields("rename: [a]"), 23, "`rename` is a list, not a map"),
        (fields("rename: {}"), 23, "`rename` is empty"),
        (fields("rename: { a: }"), 0, "`a` is nothing"),
        (fields("rename: { a: b..c }"), 28, "`a: b..c`"),
        (fields("rename: { a..b: c }"), 25, "`a..b` in `rename`"),
        (fields("rename: { a: b, a: c }"), 31, "`a` is in line 5 already"),
        (fields("rename: { a: a }"), 28, "the name it already has"),
        (fields("rename: { a: x, b: x }"), 34, "`x` is made by `rename` in line 5 already"),
        (fields("rename: { a: x }, add: { x.y: 1 }"), 40, "`x.y` beside `x`, made by `rename`"),
        (fields("add: { x.y: 1, x: 2 }"), 30, "one of them lies in the other"),
        (fields("add: { x: \"%{a\" }"), 25, "without its `}`"),
        (fields("add: { x: \"%{+YYYY}\" }"), 25, "a date is for `index` alone"),
        (fields("add: { x: [\"%{a}\"] }"), 26, "in a list or map of `add`"),
        (fields("add: { x: 007 }"), 25, "in YAML but not in JSON"),
        (fields("add: { x: { y: 0x1f } }"), 30, "in YAML but not in JSON"),
        (fields("hash: a"), 21, "a list of fields"),
        (fields("hash: [a], add: { a: 1 }"), 22, "`hash` is only for fields of the event"),
        (fields("hash: [a], date: { b: a.c }"), 34, "whose value `hash` hides"),
        (fields("hash: [a], geo_point: { b: { lat: a, lon: c } }"), 39, "`geo_point` reads `a`"),
        (fields("geo_point: { a: b }"), 31, "a point of `geo_point` is a text"),
        (fields("geo_point: { a: { lat: b } }"), 31, "without `lon`"),
        (fields("geo_point: { a: { lat: b, lon: c, alt: d } }"), 49, "unknown key `alt`"),
        (fields("date: { a: [b] }"), 26, "not a map"),
        (fields("date: { a: { format: rfc3339 } }"), 26, "without a `field`"),
        (fields("date: { a: { field: b, format: [] } }"), 46, "an empty list"),
        (fields("date: { a: { field: b, format: [rfc3339, never] } }"), 56, "`never` is not a time format"),
        (fields("metadata: { a: keys }"), 30, "`a: keys` in `metadata`; write `metadata: source`"),
        (fields("metadata: { a: shard }"), 30, "`bucket`, `key`, `etag`, `offset`"),
        (
            stream("app", "fields: { metadata: { a: key } }"),
            30,
            "`stream`, `shard`, `sequence_number`, `aggregate_index`, `offset`, `arrival`, `partition_key`",
        ),
        (with("fields: { hash: [a] }\n    id: { field: a }"), 9, "`id` reveals the value of `a`"),
        (with("fields: { hash: [a] }").replace("index: logs", "index: \"l-%{a.b}\""), 12, "`index` reveals the value"),
        (delivery("fields: { hash: [a] }\n    partition_keys: { k: a }"), 21, "`partition_keys` reveals the value"),
    ] {
        let found = faults(&yaml);
        assert_eq!(found.len(), 1, "{yaml}\n{found:#?}");
        let at = found[0].0.rsplit(':').next().unwrap().parse::<usize>().unwrap();
        assert!((at == column || column == 0) && found[0].1.contains(says), "{column} {says}\n{yaml}\n{found:#?}");
    }
    let yaml = fields("drop: [b], hash: [a]");
    let found = Datasets::parse("f", &yaml, None).unwrap_err().faults;
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].place == "f:5:33" && found[0].message.contains("MILLRACE_HASH_KEY"), "{found:#?}");
}

#[test]
fn one_mistake_is_one_fault() {
    for yaml in [
        with("").replace("key", "stream"),
        with("").replace("key", "steam"),
        with("").replace("{ key", "{ stream: s, key"),
        delivery("index: x"),
        delivery("partition_keys: {}"),
        delivery(&format!("partition_keys: {{ {} }}", many_keys())),
        stream("app", "partition_keys: { a: b }"),
        with("").replace("name: a", "name: A"),
        with("selct: a:1"),
        "dataset: []".into(),
        "datasets: [".into(),
    ] {
        let found = faults(&yaml);
        assert_eq!(found.len(), 1, "{yaml}\n{found:#?}");
    }
}

#[test]
fn a_file_that_is_not_there_or_not_text_is_a_fault() {
    let missing = Datasets::load(std::path::Path::new("no/such/pipeline.yaml"), None).unwrap_err();
    assert!(missing.faults[0].place.contains("no/such") && missing.faults[0].message.contains("MILLRACE_PIPELINE"));
}

#[test]
fn the_shipped_file_has_no_faults() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/pipeline.yaml");
    let datasets = Datasets::load(&path, None).unwrap();
    assert_eq!(datasets.find_s3("logs", "source/jsona/dt=2026-11-22/00.json.gz").unwrap().name, "app-events");
    // The examples in comments are valid too.
    let text = std::fs::read_to_string(path).unwrap();
    let opened = text
        .replace("    # select:", "    select:")
        .replace("    # fields:", "    fields:")
        .replace("    #   ", "      ");
    assert_ne!(opened, text);
    assert!(parse(&opened).by_name("app-events").unwrap().select.is_some());
    assert_eq!(datasets.find_stream("any").unwrap().name, "app-events-live");
    assert_eq!(datasets.find_topic("any").unwrap().name, "app-events-topic");
    assert_eq!(datasets.find_delivery_stream("app-events").unwrap().name, "app-events-chosen");
    let opened = parse(&text.replace("# partition_keys:", "partition_keys:"));
    assert_eq!(opened.find_delivery_stream("app-events").unwrap().partition_keys.len(), 1);
}

#[test]
fn the_examples_of_the_reference_have_no_faults() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/PIPELINE.md");
    let text = std::fs::read_to_string(path).unwrap();
    let examples: Vec<&str> = text.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(examples.len() >= 8, "{}", examples.len());
    // An example of a file that is included begins with its name, in a comment.
    let beside = |name: &str| {
        let found = examples.iter().find(|example| example.starts_with(&format!("# {name}\n")));
        found.map(|text| (*text).to_owned()).ok_or_else(|| io::Error::other("no such example").into())
    };
    for example in &examples {
        Datasets::parse_with("pipeline.yaml", example, key().as_ref(), &beside)
            .unwrap_or_else(|error| panic!("{example}\n{error}"));
    }
    // All queries in the table, except the one with a bar, which Markdown needs spelt out.
    let table = text.split("## `select`").nth(1).unwrap().split("- **Mixing").next().unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    let queries: Vec<&str> =
        rows.flat_map(|row| row.split('|').nth(1).unwrap().split('`').skip(1).step_by(2)).collect();
    assert!(queries.len() > 20, "{queries:?}");
    for query in queries {
        if let Err(error) = Select::query(query) {
            panic!("{query}: {error}");
        }
    }
    // The event patterns in their table.
    let table = text.split("### Event patterns").nth(1).unwrap().split("Conditions on several").next().unwrap();
    let patterns: Vec<&str> =
        table.lines().flat_map(|row| row.split('`').filter(|cell| cell.starts_with("{ "))).collect();
    assert!(patterns.len() >= 12, "{patterns:?}");
    for pattern in patterns {
        if let Err(errors) = Select::pattern(pattern) {
            panic!("{pattern}: {errors:?}");
        }
    }
}

#[test]
fn any_text_is_answered_without_a_panic() {
    // Cuts a whole file at every position, and damages every single byte.
    for cut in (0..FULL.len()).filter(|at| FULL.is_char_boundary(*at)) {
        let _: Result<Datasets, ConfigError> = Datasets::parse("f", &FULL[..cut], None);
        for damage in ["\t", ":", "{", "]", "\"", "\n", "-", "&", "%", "é"] {
            let _: Result<Datasets, ConfigError> =
                Datasets::parse("f", &format!("{}{damage}{}", &FULL[..cut], &FULL[cut..]), None);
        }
    }
    let _: Result<Datasets, ConfigError> = Datasets::parse("f", &"[".repeat(10_000), None);
    let _: Result<Datasets, ConfigError> = Datasets::parse("f", &"- ".repeat(10_000), None);
}

#[test]
fn a_zone_of_the_index_and_one_of_the_time_are_two_things() {
    let yaml = with("timestamp: { field: t, format: \"%F %T\", timezone: America/New_York, earliest: 1990-01-01 }")
        .replace("index: logs", "index: { name: \"l-%{+YYYY.MM.dd}\", timezone: Asia/Seoul }");
    let datasets = parse(&yaml);
    let router = &datasets.by_name("a").unwrap().router;
    assert_eq!(router.index().zone().map(Zone::name), Some("Asia/Seoul"));
    assert_eq!(router.timestamp().and_then(Timestamp::zone).map(Zone::name), Some("America/New_York"));
    let mut action = Vec::new();
    let mut decoder = Decoder::new();
    let parsed = decoder.decode(br#"{"t":"1995-05-01 10:00:00"}"#).unwrap();
    router.route(&parsed.event(), "P", 0, 1_795_348_923_456, &mut RouteScratch::default(), &mut action).unwrap();
    // 14:00 of UTC, 23:00 in Seoul.
    assert!(String::from_utf8(action).unwrap().contains("\"l-1995.05.01\""));
    // A map with only a name is the same as the name.
    let named = parse(&with("").replace("index: logs", "index: { name: \"l-%{+YYYY.MM.dd}\" }"));
    assert!(named.by_name("a").unwrap().router.index().zone().is_none());
}

#[test]
fn an_event_expires_when_the_whole_period_of_its_index_has() {
    let ms = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_millisecond();
    let now = ms("2026-11-22T10:30:00Z");
    for (index, keep_from) in [
        ("logs-%{+YYYY.MM.dd}", "2026-11-20T00:00:00Z"),
        ("logs-%{+YYYY.MM.dd.HH}", "2026-11-20T10:00:00Z"),
        ("logs-%{+YYYY.MM}", "2026-11-01T00:00:00Z"),
    ] {
        let yaml = format!("datasets:\n  - {{ name: a, from: {{ key: a }}, index: \"{index}\", retention: 2d }}\n");
        assert_eq!(parse(&yaml).by_name("a").unwrap().keep_from_ms(now), Some(ms(keep_from)), "{index}");
    }
    assert_eq!(parse(FULL).by_name("rest").unwrap().keep_from_ms(now), None);
    // Days are counted in the zone. Two days earlier it is already the 21st on Kiritimati (+14), and still the 19th on Midway (-11).
    for (zone, keep_from) in
        [("Pacific/Kiritimati", "2026-11-21T00:00:00Z"), ("Pacific/Midway", "2026-11-19T00:00:00Z")]
    {
        let yaml = format!(
            "datasets:\n  - {{ name: a, from: {{ key: a }}, index: {{ name: \"l-%{{+YYYY.MM.dd}}\", timezone: {zone} }}, retention: 2d }}\n"
        );
        assert_eq!(parse(&yaml).by_name("a").unwrap().keep_from_ms(now), Some(ms(keep_from)), "{zone}");
    }
}
