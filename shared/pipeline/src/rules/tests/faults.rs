//! Each fault of a file is named with its place and with what is accepted.

use super::*;

/// More partition keys than a prefix can hold.
fn many_keys() -> String {
    (0..40).map(|n| format!("k{n}: a")).collect::<Vec<_>>().join(", ")
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
