use super::*;

fn failures(yaml: &str) -> Vec<String> {
    let key = HashKey::new(HASH_KEY.as_bytes()).ok();
    let datasets = Datasets::parse("f", yaml, key.as_ref()).unwrap_or_else(|error| panic!("{yaml}\n{error}"));
    run(&datasets).failures.iter().map(ToString::to_string).collect()
}

/// A dataset of S3 with one test. `rules` are more keys of the dataset.
fn s3(rules: &str, test: &str) -> String {
    format!(
        "datasets:\n  - name: a\n    from: {{ bucket: logs, key: \"k/**\" }}\n    index: logs-%{{+YYYY.MM.dd}}\n    \
         timestamp: t\n    {rules}\n    tests:\n      - {test}\n"
    )
}

fn delivery(rules: &str, test: &str) -> String {
    format!("datasets:\n  - name: a\n    from: {{ delivery_stream: d }}\n    {rules}\n    tests:\n      - {test}\n")
}

#[test]
fn a_test_passes_if_the_rules_do_what_it_says() {
    let envelope = r#"'{"messageType":"DATA_MESSAGE","owner":"1","logGroup":"g","logStream":"s","subscriptionFilters":["f"],"logEvents":[{"id":"1","timestamp":1795341600123,"message":"{}"}]}'"#;
    for yaml in [
        s3("select: os:iOS", "{ event: { os: iOS, t: 2026-11-22T23:00:00-05:00 }, index: logs-2026.11.23 }"),
        s3("select: os:iOS", "{ event: { os: Android }, dropped: true }"),
        s3("fields: { drop: [x] }", "{ event: { x: 1, b: [1, { c: null }], a: 1.50 }, document: { a: 1.5, b: [1, { c: ~ }] } }"),
        s3("", "{ event: { n: 18446744073709551617 }, document: { n: 18446744073709551617 } }"),
        s3("", "{ event: { t: soon }, rejected: invalid_timestamp }"),
        s3("", "{ line: 'not json', rejected: invalid_json }"),
        s3("", "{ line: '', results: [] }"),
        s3("select: a:1", "{ line: '[{\"a\":1},{\"a\":2}]', results: [{ document: { a: 1 } }, { dropped: true }] }"),
        s3("format: array", "{ event: { a: 1 }, document: { a: 1 } }"),
        s3("format: { records: r, envelope: [e] }", "{ line: '{\"e\":1,\"r\":[{\"a\":1}]}', document: { e: 1, a: 1 } }"),
        s3("format: { records: r }", "{ event: { r: [{ a: 1 }] }, document: { r: [{ a: 1 }] } }"),
        s3("format: cloudwatch-logs", &format!("{{ line: {envelope}, index: logs-2026.11.22 }}")),
        s3("fields: { json: m }", "{ event: { m: '{\"a\":1}' }, document: { a: 1 } }"),
        s3("id: { field: i }", "{ event: { i: e1 }, id: e1 }"),
        s3("", "{ event: { a: 1 }, index: logs-1970.01.01 }"),
        s3("", "{ event: { a: 1 }, at: 2026-11-22, index: logs-2026.11.22 }"),
        s3("", "{ event: { t: 2099-01-01 }, index: logs-2099.01.01 }"),
        s3("", "{ event: { t: 2026-11-24 }, at: 2026-11-22, rejected: absurd_timestamp }"),
        s3("retention: 2d", "{ event: { t: 2026-11-19 }, at: 2026-11-22, expired: true }"),
        s3("retention: 2d", "{ event: { t: 2026-11-20 }, at: 2026-11-22, index: logs-2026.11.20 }"),
        s3("retention: 2d", "{ event: { t: 2020-01-01 }, index: logs-2020.01.01 }"),
        s3(
            "fields: { metadata: source }",
            "{ event: {}, document: { source: { bucket: test, key: test, etag: test, offset: 0 } } }",
        ),
        s3(
            "fields: { metadata: { k: key, at: last_modified } }",
            "{ event: {}, key: k/a.json, at: 2026-11-22, document: { k: k/a.json, at: \"2026-11-22T00:00:00.000Z\" } }",
        ),
        s3("", "{ event: {}, key: k/a.json, bucket: logs, index: logs-1970.01.01 }"),
        // printf %s u | openssl dgst -sha256 -hmac "the key of local"
        s3(
            "fields: { hash: [u] }",
            "{ event: { u: u }, document: { u: HASH } }",
        )
        .replace("HASH", HASH_OF_U),
        delivery("partition_keys: { k: a }", "{ event: { a: 7 }, document: { a: 7 }, partition_keys: { k: 7 } }"),
        delivery("partition_keys: { k: a }", "{ event: {}, rejected: invalid_partition_key }"),
        delivery(
            "partition_keys: { k: a }",
            "{ line: '{\"a\":1}{\"a\":2}', results: [{ partition_keys: { k: 1 } }, { rejected: mixed_partition_keys }] }",
        ),
        delivery("select: a:1", "{ event: { a: 2 }, dropped: true }"),
        delivery("fields: { metadata: { at: arrival } }", "{ event: {}, at: 2026-11-22, document: { at: \"2026-11-22T00:00:00.000Z\" } }"),
        "datasets: [{ name: a, from: { topic: a }, index: \"i-%{+YYYY}\", timestamp: t, fields: { metadata: { ms: timestamp } },
           tests: [{ event: { t: 2026-11-22 }, index: i-2026, document: { t: 2026-11-22, ms: 1795305600000 } }] }]"
            .to_owned(),
        "datasets: [{ name: a, from: { stream: a }, index: i, tests: [{ line: '{}{}', results: [{ index: i }, { index: i }] }] }]"
            .to_owned(),
    ] {
        assert_eq!(failures(&yaml), [] as [&str; 0], "{yaml}");
    }
}

const HASH_OF_U: &str = "953b728911bd071950e2903865e2656bc1484f4123fa93417cac52364c11f64a";

#[test]
fn a_test_that_fails_shows_what_differs() {
    for (yaml, expected) in [
        (
            s3(
                "fields: { drop: [x] }",
                "{ event: { x: 1, a: [1, 2], o: { n: 1 }, s: 1 }, document: { x: 1, a: [1], o: { n: 2 }, s: \"1\" }, index: l }",
            ),
            "f:8:9: a test of `a` fails\n  document.x: expected 1, actual nothing\n  document.a[1]: expected nothing, actual 2\n  \
             document.o.n: expected 2, actual 1\n  document.s: expected \"1\", actual 1\n  index: expected l, actual logs-1970.01.01",
        ),
        (
            s3("", "{ event: { a: 1, b: 2 }, document: { a: 1 } }"),
            "f:8:9: a test of `a` fails\n  document.b: expected nothing, actual 2",
        ),
        (
            s3("", "{ event: { a: 1 }, dropped: true }"),
            "f:8:9: a test of `a` fails\n  result: expected dropped, actual the document {\"a\":1} in logs-1970.01.01",
        ),
        (
            s3("select: a:2", "{ event: { a: 1 }, document: { a: 1 } }"),
            "f:8:9: a test of `a` fails\n  result: expected the document {\"a\":1}, actual dropped",
        ),
        (
            s3("", "{ line: '[1]', rejected: invalid_json }"),
            "f:8:9: a test of `a` fails\n  result: expected rejected: invalid_json, actual rejected: not_an_object (the event is not a JSON object)",
        ),
        (
            s3("", "{ line: '{\"a\":1,\"a\":2}', document: { a: 2 } }"),
            "f:8:9: a test of `a` fails\n  document.a: expected 2, actual 1 and 2, a member twice",
        ),
        (
            s3("", "{ line: '{}{}', results: [{ dropped: true }] }"),
            "f:8:9: a test of `a` fails\n  event 1, result: expected dropped, actual the document {} in logs-1970.01.01\n  \
             event 2, result: expected nothing, actual the document {} in logs-1970.01.01",
        ),
        (
            s3("", "{ line: '', dropped: true }"),
            "f:8:9: a test of `a` fails\n  event 1, result: expected dropped, actual nothing",
        ),
        (
            s3("", "{ event: {}, key: other/a.json, index: i }"),
            "f:8:9: a test of `a` fails\n  the dataset that takes other/a.json: expected a, actual none",
        ),
        (
            s3("", "{ event: {}, key: k/a.json, bucket: other, index: i }"),
            "f:8:9: a test of `a` fails\n  the dataset that takes k/a.json: expected a, actual none",
        ),
        (
            s3("", "{ event: {}, key: k/a.json, index: i }")
                .replace("datasets:\n", "datasets:\n  - { name: first, from: { key: \"k/*.json\" }, index: i }\n"),
            "f:9:9: a test of `a` fails\n  the dataset that takes k/a.json: expected a, actual first",
        ),
        (
            delivery("partition_keys: { k: a, l: b }", "{ event: { a: 1, b: 2 }, partition_keys: { k: 2 } }"),
            "f:6:9: a test of `a` fails\n  partition_keys.k: expected 2, actual 1\n  partition_keys.l: expected nothing, actual 2",
        ),
    ] {
        assert_eq!(failures(&yaml), [expected], "{yaml}");
    }
}

#[test]
fn a_fault_names_the_test_the_dataset_and_the_difference_in_one_line() {
    let yaml = s3("", &format!("{{ event: {{ a: \"{}\" }}, document: {{ a: 1 }} }}", "x".repeat(1000)));
    let faults = run(&Datasets::parse("f", &yaml, None).unwrap()).faults();
    assert_eq!((faults.len(), faults[0].place.as_str()), (1, "f:8:9"));
    assert!(faults[0].message.starts_with("a test of `a` fails: document.a: expected 1, actual \"xxx"), "{faults:?}");
    assert!(faults[0].message.len() < 300 && !faults[0].message.contains('\n'), "{faults:?}");
}
