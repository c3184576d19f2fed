mod faults;
mod include;
mod layout;
mod rule_tests;
mod template;

use std::time::Duration;

use super::settings::IndexSettings;
use super::*;
use crate::decode::Decoder;
use crate::frame::Format;
use crate::route::{RouteScratch, Timestamp, Zone};
use crate::select::Select;

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
