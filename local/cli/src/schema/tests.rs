use std::{collections::BTreeSet, path::Path as FilePath};

use pipeline::{
    record::{
        FIREHOSE_FACTS, FIREHOSE_MEMBERS, KAFKA_FACTS, KAFKA_MEMBERS, KINESIS_FACTS, KINESIS_MEMBERS, S3_FACTS,
        S3_MEMBERS,
    },
    rules::Datasets,
    shape::HashKey,
};

use super::*;

fn root() -> &'static FilePath {
    FilePath::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn validator() -> jsonschema::Validator {
    jsonschema::validator_for(&serde_json::from_str(&schema().unwrap()).unwrap()).unwrap()
}

/// The JSON of a file, as an editor validates it.
fn json(yaml: &str) -> Value {
    serde_norway::from_str(yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}"))
}

fn faults(yaml: &str) -> Vec<String> {
    // A file that is included has a dataset with the name of the file.
    let included = |name: &str| {
        let dataset = name.trim_end_matches(".yaml");
        Ok(format!("datasets: [{{ name: {dataset}, from: {{ key: a }}, index: a }}]"))
    };
    match Datasets::parse_with("f", yaml, HashKey::new(&[1; 16]).ok().as_ref(), &included) {
        Ok(_) => Vec::new(),
        Err(error) => error.faults.into_iter().map(|fault| fault.message).collect(),
    }
}

#[test]
fn the_committed_schema_is_current() {
    let committed = read("infra/pipeline.schema.json");
    assert_eq!(committed, schema().unwrap(), "cargo run -p millrace -- schema >infra/pipeline.schema.json");
}

#[test]
fn every_file_and_example_of_the_repository_is_valid() {
    let validator = validator();
    let document = read("docs/PIPELINE.md");
    let examples = document.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned());
    let files: Vec<String> = ["infra/pipeline.yaml", "local/cli/pipeline.yaml", "local/cli/demo.yaml"]
        .map(read)
        .into_iter()
        .chain(examples)
        .collect();
    assert!(files.len() > 15, "{}", files.len());
    for yaml in files {
        let errors: Vec<String> = validator.iter_errors(&json(&yaml)).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:#?}\n{yaml}");
        assert!(faults(&yaml).is_empty(), "{yaml}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of inputs")]
fn the_reader_refuses_whatever_the_schema_marks() {
    let validator = validator();
    let dataset = |more: &str| format!("datasets:\n  - name: a\n    {more}\n");
    let with = |more: &str| dataset(&format!("from: {{ key: x }}\n    index: i\n    {more}"));
    for yaml in [
        "datasets: []".into(),
        "dataset: []".into(),
        dataset("from: { key: x }"),
        dataset("from: { key: x, stream: y }\n    index: i"),
        dataset("from: { bucket: x }\n    index: i"),
        dataset("from: { key: /x }\n    index: i"),
        dataset("from: { stream: \"arn:aws:kinesis:::stream/x\" }\n    index: i"),
        dataset("from: { delivery_stream: x }\n    index: i"),
        dataset("from: { delivery_stream: x }\n    id: none"),
        dataset("from: { delivery_stream: x }\n    timestamp: t"),
        dataset("from: { delivery_stream: x }\n    partition_keys: {}"),
        dataset("from: { delivery_stream: x }\n    partition_keys: { 7days: a }"),
        with("").replace("name: a", "name: App"),
        with("partition_keys: { a: b }"),
        with("selct: a:1"),
        with("select: []"),
        with("select: {}"),
        with("select: { a: 1 }"),
        with("select: { a: [] }"),
        with("format: xml"),
        with("format:"),
        with("select:"),
        with("fields:"),
        with("timestamp: a..b"),
        with("timestamp: { format: rfc3339 }"),
        with("timestamp: { field: t, format: never }"),
        with("timestamp: { field: t, format: [] }"),
        with("timestamp: { field: t, earliest: soon }"),
        with("timestamp: { field: t, timezone: \"+09:00\" }"),
        with("fields: { date: { a: { field: t, earliest: 1990-01-01 } } }"),
        with("template: {}"),
        with("template: { setting: { a: b } }"),
        with("template: { settings: {} }"),
        with("template: { settings: { a: { } } }"),
        with("template: { settings: { a: [] } }"),
        with("template: { settings: { a: [{ b: c }] } }"),
        with("template: { settings: { a: null } }"),
        with("template: { composed_of: a }"),
        with("template: { composed_of: [\"\"] }"),
        with("template: { priority: -1 }"),
        dataset("from: { delivery_stream: x }\n    template: { priority: 1 }"),
        with("id: random"),
        with("id: { fields: a }"),
        with("fields: { dorp: [a] }"),
        with("fields: { drop: a }"),
        with("fields: { drop: [] }"),
        with("fields: { keep: [a..b] }"),
        with("fields: { rename: {} }"),
        with("fields: { rename: { a: [b] } }"),
        with("fields: { add: [a] }"),
        with("fields: { hash: a }"),
        with("fields: { geo_point: { a: { lat: b } } }"),
        with("fields: { date: { a: { format: rfc3339 } } }"),
        with("fields: { json: a.b }"),
        with("fields: { json: [a, b] }"),
        with("fields: { metadata: { a: keys } }"),
        with("fields: { lift: [a] }"),
        with("fields: { lift: a..b }"),
        with("fields: { dynamodb: [] }"),
        with("fields: { dynamodb: { a: b } }"),
    ] {
        assert_refused(&validator, &yaml);
    }
}

fn assert_refused(validator: &jsonschema::Validator, yaml: &str) {
    assert!(!validator.is_valid(&json(yaml)), "the schema takes\n{yaml}");
    assert!(!faults(yaml).is_empty(), "the reader takes\n{yaml}");
}

#[test]
fn the_reader_refuses_each_index_that_the_schema_marks() {
    let validator = validator();
    for index in [
        "{ timezone: Asia/Seoul }",
        "{ name: \"i-%{+YYYY}\", zone: Asia/Seoul }",
        "{ data_stream: i, alias: i }",
        "{ data_stream: i, timezone: Asia/Seoul }",
        "{ name: i, rollover: { max_age: 1d } }",
        "{ alias: \"i-%{a}\" }",
        "{ name: i, routing: a..b }",
        "{ name: i, pipeline: \"\" }",
        "{ alias: i, routing: a..b }",
        "{ data_stream: i, pipeline: \"\" }",
        "{ data_stream: i, routing: a }",
        "{ alias: i, rollover: {} }",
        "{ alias: i, rollover: { max_size: 50 } }",
    ] {
        assert_refused(&validator, &format!("datasets:\n  - name: a\n    from: {{ key: x }}\n    index: {index}\n"));
    }
}

#[test]
fn the_reader_refuses_whatever_the_schema_marks_in_tests_and_include() {
    let validator = validator();
    let of = |from: &str, more: &str| format!("datasets: [{{ name: a, from: {{ {from} }}, {more} }}]\n");
    let with = |more: &str| of("key: x", &format!("index: i, {more}"));
    for yaml in [
        with("tests: []"),
        with("tests: [{ dropped: true }]"),
        with("tests: [{ event: {}, line: a, dropped: true }]"),
        with("tests: [{ evnt: {}, dropped: true }]"),
        with("tests: [{ event: a, dropped: true }]"),
        with("tests: [{ event: {}, bucket: b, dropped: true }]"),
        with("tests: [{ event: {}, dropped: false }]"),
        with("tests: [{ event: {}, rejected: Not JSON }]"),
        with("tests: [{ event: {}, document: [a] }]"),
        with("tests: [{ event: {}, at: noon, dropped: true }]"),
        with("tests: [{ line: a, results: { dropped: true } }]"),
        with("tests: [{ line: a, results: [{ event: {} }] }]"),
        of("delivery_stream: x", "tests: [{ event: {}, partition_keys: {} }]"),
        "include: []".into(),
        "include: a.yaml".into(),
        "include: [a.yml]".into(),
        "include: [../a.yaml]".into(),
        "{}".into(),
    ] {
        assert!(!validator.is_valid(&json(&yaml)), "the schema takes\n{yaml}");
        assert!(!faults(&yaml).is_empty(), "the reader takes\n{yaml}");
    }
}

/// Collects the names under `properties` at any depth of a schema.
fn properties(schema: &Value, names: &mut BTreeSet<String>) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::Object(properties)) = members.get("properties") {
                names.extend(properties.keys().cloned());
            }
            members.values().for_each(|member| properties(member, names));
        }
        Value::Array(elements) => elements.iter().for_each(|element| properties(element, names)),
        _ => {}
    }
}

#[test]
fn the_schema_has_the_keys_that_the_reader_takes() {
    let schema: Value = serde_json::from_str(&schema().unwrap()).unwrap();
    let mut described = BTreeSet::new();
    properties(&schema, &mut described);
    let known: BTreeSet<String> = pipeline::rules::keys().map(str::to_owned).collect();
    assert_eq!(described, known);
    let members: BTreeSet<&str> =
        [&S3_MEMBERS[..], &KINESIS_MEMBERS, &KAFKA_MEMBERS, &FIREHOSE_MEMBERS].concat().into_iter().collect();
    let facts = [&S3_FACTS[..], &KINESIS_FACTS, &KAFKA_FACTS, &FIREHOSE_FACTS].concat();
    let members: BTreeSet<&str> = members.into_iter().chain(facts).collect();
    let listed = schema["$defs"]["Member"]["enum"].as_array().unwrap();
    assert_eq!(listed.iter().map(|member| member.as_str().unwrap()).collect::<BTreeSet<_>>(), members);
}
