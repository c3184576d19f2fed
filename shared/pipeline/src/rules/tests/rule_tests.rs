use super::*;

fn with_test(test: &str) -> String {
    with(&format!("tests: [{test}]"))
}

#[test]
fn a_test_is_read_with_its_place_and_its_numbers_keep_their_digits() {
    let yaml = with_test(
        "{ event: { a: 1.50, b: \"1\", c: no, d: ~, e: [true, 1e+9] }, key: k/x, bucket: b, at: 2026-11-22, document: {}, index: logs }",
    );
    let expected =
        ExpectedDocument { document: Some("{}".into()), index: Some("logs".into()), ..ExpectedDocument::default() };
    let test = RuleTest {
        dataset: "a".into(),
        place: "pipeline.yaml:5:13".into(),
        input: Input::Event(r#"{"a":1.50,"b":"1","c":"no","d":null,"e":[true,1e+9]}"#.into()),
        key: Some("k/x".into()),
        bucket: Some("b".into()),
        at_ms: Some(1_795_305_600_000),
        results: vec![Expected::Document(expected)],
    };
    assert_eq!(parse(&yaml).tests(), [test]);
}

#[test]
fn a_fault_in_a_test_is_a_fault_of_the_file() {
    let id = |test: &str| with_test(test).replace("index: logs", "index: logs\n    id: content");
    for (yaml, column, says) in [
        (with("tests: []"), 12, "`tests` is an empty list"),
        (with("tests: { event: {} }"), 12, "`tests` is a map"),
        (with_test("a"), 13, "a test is a text, not a map"),
        (with_test("{ evnt: {}, dropped: true }"), 15, "did you mean `event`?"),
        (with_test("{ dropped: true }"), 13, "a test without `event` or `line`"),
        (with_test("{ event: {}, line: '', dropped: true }"), 26, "`line` beside `event`"),
        (with_test("{ event: [], dropped: true }"), 22, "`event` is a list, not a map"),
        (with_test("{ event: 7, dropped: true }"), 22, "any other text is written as `line`"),
        (with_test("{ event: { a: 007 }, dropped: true }"), 27, "`007` in `event` is a number in YAML but not in JSON"),
        (with_test("{ event: { a: { b: 1, b: 2 } }, dropped: true }"), 35, "`b` is in this map already"),
        (with_test("{ line: , dropped: true }"), 0, "`line` is nothing"),
        (with_test("{ event: {} }"), 13, "what becomes of the event is missing"),
        (with_test("{ event: {}, dropped: false }"), 35, "`dropped` is not `true`"),
        (with_test("{ event: {}, dropped: true, index: logs }"), 41, "`index` beside `dropped`"),
        (with_test("{ event: {}, dropped: true, expired: true }"), 41, "`expired` beside `dropped`"),
        (with_test("{ event: {}, rejected: true }"), 36, "such as `rejected: invalid_timestamp`"),
        (with_test("{ event: {}, rejected: not json }"), 36, "`error_type` of a dead letter"),
        (with_test("{ event: {}, document: [] }"), 36, "`document` is a list, not a map"),
        (with_test("{ event: {}, document: { a: .5 } }"), 41, "`.5` in `document` is a number in YAML"),
        (with_test("{ event: {}, index: [a] }"), 33, "`index` is a list"),
        (with_test("{ event: {}, id: a }"), 26, "the id comes from the position"),
        (with_test("{ event: {}, partition_keys: { a: b } }"), 26, "the keys of a `delivery_stream`"),
        (with_test("{ event: {}, at: noon, dropped: true }"), 30, "`at: noon`: write a date or time"),
        (with_test("{ event: {}, bucket: b, dropped: true }"), 26, "`bucket` in a test without `key`"),
        (with_test("{ line: '', results: a }"), 34, "`results` is a text"),
        (with_test("{ line: '', results: [a] }"), 35, "a result is a text, not a map"),
        (with_test("{ line: '', results: [{}] }"), 35, "what becomes of the event is missing"),
        (with_test("{ line: '', results: [{ key: a }] }"), 37, "unknown key `key`"),
        (with_test("{ line: '', results: [], dropped: true }"), 38, "`dropped` beside `results`"),
        (id("{ event: {}, id: [a] }"), 30, "`id` is a list"),
        (stream("s", "tests: [{ event: {}, key: a, dropped: true }]"), 0, "takes no objects of S3"),
        (delivery("tests: [{ event: {}, index: a }]"), 0, "Firehose decides where the data go"),
        (delivery("tests: [{ event: {}, id: a }]"), 0, "Firehose makes no documents"),
        (delivery("tests: [{ event: {}, expired: true }]"), 0, "which has no `retention`"),
        (delivery("tests: [{ event: {}, partition_keys: {} }]"), 0, "`partition_keys` is empty"),
    ] {
        let found = faults(&yaml);
        assert_eq!(found.len(), 1, "{yaml}\n{found:#?}");
        let at = found[0].0.rsplit(':').next().unwrap().parse::<usize>().unwrap();
        assert!((at == column || column == 0) && found[0].1.contains(says), "{column} {says}\n{yaml}\n{found:#?}");
    }
    let several = faults(&with("tests: [{ event: {} }, { line: '' }]\n    indx: a"));
    assert_eq!(several.len(), 3, "{several:#?}");
}

#[test]
fn any_test_is_answered_without_a_panic() {
    let yaml =
        with_test("{ event: { a: [1, { b: ~ }] }, key: k/x, at: 2026-11-22, document: { a: 1 }, index: \"logs\" }");
    for cut in 0..yaml.len() {
        for damage in ["", "\t", ":", "{", "]", "\"", "\n", "-", "é"] {
            let damaged = format!("{}{damage}{}", &yaml[..cut], &yaml[cut..]);
            if let Ok(datasets) = Datasets::parse("f", &damaged, None) {
                crate::rule_tests::run(&datasets);
            }
        }
    }
}
