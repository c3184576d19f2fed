use super::*;
use crate::select::{expression::Expression, fields::Bit};
use crate::{
    decode::Decoder,
    select::{Piece, Select, Wildcard},
};

fn matches(query: &str, json: &str) -> bool {
    let select = Select::query(query).unwrap_or_else(|error| panic!("{query}: {error}"));
    let mut decoder = Decoder::new();
    let parsed = decoder.decode(json.as_bytes()).unwrap_or_else(|error| panic!("{json}: {error}"));
    select.matches(&parsed.event()).unwrap()
}

const EVENT: &str = r#"{
    "event_name": "2b_screen_view", "adid": "38400000-8cf0", "os": "iOS", "n": 33, "f": 33.5, "minus": -7, "s": "33",
    "yes": true, "no": false, "nothing": null, "empty": "", "tags": ["t1", "t2", null], "none": [], "nulls": [null],
    "device": { "model": "SM-G998N", "size": { "w": 1080 }, "void": {} }, "items": [{ "id": 1 }, { "id": "two words" }],
    "a.b": "dotted", "path": "/api/v1", "title": "Top 100 (new)", "big": 12345678901234567890,
    "base_dt": "2026-11-22T10:30:00.500Z", "day": "2026-11-22", "ms": 1795343400500, "url": "https://x.y/z?q=1"
}"#;

#[test]
fn terms_mean_what_the_engine_means() {
    for (query, expected) in [
        ("event_name:2b_screen_view", true),
        ("event_name:2b_screen", false),
        ("event_name:2B_screen_view", false),
        ("event_name : 2b_screen_view", true),
        ("os:(Android OR iOS)", true),
        ("os:(Android AND iOS)", false),
        ("os:(Android i*)", true),
        ("os:(Android \"iOS\")", true),
        ("os:(NOT Android)", true),
        ("os:((Android OR iOS) AND NOT Windows)", true),
        ("os:(Android OR n:33)", true),
        ("n:33", true),
        ("n:33.0", true),
        ("n:\"33\"", true),
        ("n:3.3e1", true),
        ("n:34", false),
        ("n:abc", false),
        ("f:33.5", true),
        ("s:33", true),
        ("s:33.0", false),
        ("minus:\\-7", true),
        ("minus:\"-7\"", true),
        ("big:12345678901234567890", true),
        ("big:12345678901234567891", false),
        ("yes:true", true),
        ("yes:false", false),
        ("no:false", true),
        ("nothing:null", false),
        ("empty:\"\"", true),
        ("tags:t2", true),
        ("tags:t3", false),
        ("device.model:SM\\-G998N", true),
        ("device.model:SM-G998N", true),
        ("device.model.keyword:SM-G998N", true),
        ("device.size.w:1080", true),
        ("items.id:1", true),
        ("items.id:\"two words\"", true),
        ("items.id:\"two\"", false),
        ("a.b:dotted", true),
        ("path:\\/api\\/v1", true),
        ("path:\"/api/v1\"", true),
        ("title:\"Top 100 (new)\"", true),
        ("title:Top\\ 100\\ \\(new\\)", true),
        ("title:\"top 100 (new)\"", false),
        ("url:\"https://x.y/z?q=1\"", true),
        ("missing:x", false),
        ("device:x", false),
        ("*", true),
        ("*:*", true),
    ] {
        assert_eq!(matches(query, EVENT), expected, "{query}");
    }
}

#[test]
fn a_keyword_subfield_of_the_event_itself_comes_first() {
    assert!(matches("t.keyword:b", r#"{"t":{"keyword":"b"}}"#));
    assert!(!matches("t.keyword:a", r#"{"t.keyword":"b","t":"a"}"#));
    assert!(matches("t.keyword:a", r#"{"t":"a"}"#));
    assert!(matches("t.keyword:a*", r#"{"t":["b","ab"]}"#));
    assert!(matches("_exists_:t.keyword", r#"{"t":"a"}"#));
}

#[test]
fn a_field_exists_where_the_engine_has_something_to_index() {
    for (field, expected) in [
        ("adid", true),
        ("empty", true),
        ("no", true),
        ("nothing", false),
        ("none", false),
        ("nulls", false),
        ("tags", true),
        ("device", true),
        ("device.size", true),
        ("device.void", false),
        ("device.missing", false),
        ("items.id", true),
        ("missing", false),
    ] {
        for query in [format!("_exists_:{field}"), format!("{field}:*"), format!("{field}:[* TO *]")] {
            assert_eq!(matches(&query, EVENT), expected, "{query}");
        }
        assert_eq!(matches(&format!("NOT _exists_:{field}"), EVENT), !expected, "{field}");
    }
}

#[test]
fn wildcards_are_for_strings() {
    for (query, expected) in [
        ("event_name:2b_*", true),
        ("event_name:*view", true),
        ("event_name:*screen*", true),
        ("event_name:2?_screen_view", true),
        ("event_name:2?screen_view", false),
        ("event_name:?b*v?ew", true),
        ("event_name:\"2b_*\"", false),
        ("event_name:2b_\\*", false),
        ("event_name:**", true),
        ("tags:t?", true),
        ("n:3*", false),
        ("empty:?", false),
        ("empty:*", true),
        ("missing:a*", false),
    ] {
        assert_eq!(matches(query, EVENT), expected, "{query}");
    }
    assert!(matches("a:?", r#"{"a":"é"}"#), "`?` is a character, not a byte");
    assert!(matches("a:\\*x*", r#"{"a":"*xyz"}"#));
    assert!(!matches("a:\\*x*", r#"{"a":"yxz"}"#));
}

#[test]
fn a_hostile_pattern_takes_no_exponential_time() {
    let text = "a".repeat(5_000);
    let pieces = std::iter::repeat_n([Piece::Many, Piece::Exactly('a')], 200).flatten().chain([Piece::Exactly('b')]);
    assert!(!Wildcard::new(pieces.collect()).matches(&text));
}

proptest::proptest! {
    #[test]
    fn wildcards_agree_with_the_obvious_definition(pattern in "[ab?*]{0,8}", text in "[ab]{0,10}") {
        fn obvious(pattern: &[u8], text: &[u8]) -> bool {
            match (pattern.split_first(), text.split_first()) {
                (None, None) => true,
                (Some((b'*', rest)), Some((_, after))) => obvious(rest, text) || obvious(pattern, after),
                (Some((b'*', rest)), None) => obvious(rest, text),
                (Some((b'?', rest)), Some((_, after))) => obvious(rest, after),
                (Some((c, rest)), Some((d, after))) => c == d && obvious(rest, after),
                (Some(_), None) | (None, Some(_)) => false,
            }
        }
        let pieces = pattern.chars().map(|c| match c { '*' => Piece::Many, '?' => Piece::One, c => Piece::Exactly(c) });
        let wildcard = Wildcard::new(pieces.collect());
        proptest::prop_assert_eq!(wildcard.matches(&text), obvious(pattern.as_bytes(), text.as_bytes()));
    }

    #[test]
    fn no_query_panics_and_columns_lie_within_it(query in "[ab:().*?\"\\\\+!&|<>=~^/\\[\\]{} TONADRé-]{0,24}") {
        if let Err(error) = Select::query(&query) {
            proptest::prop_assert!(error.column >= 1 && error.column <= query.chars().count() + 1, "{:?}", error);
        }
    }
}

#[test]
fn ranges_compare_numbers_dates_and_strings() {
    for (query, expected) in [
        ("n:[33 TO 40]", true),
        ("n:{33 TO 40]", false),
        ("n:[30 TO 33}", false),
        ("n:[30 TO 33]", true),
        ("n:{32.9 TO 33.1}", true),
        ("n:[* TO 33]", true),
        ("n:[34 TO *]", false),
        ("n:>32", true),
        ("n:>=33", true),
        ("n:>33", false),
        ("n:<33", false),
        ("n:<=33", true),
        ("n:(>30 AND <40)", true),
        ("minus:[-10 TO -5]", true),
        ("minus:>-8", true),
        ("s:[4 TO 40]", false),
        ("s:[30 TO 4]", true),
        ("os:[a TO z]", true),
        ("os:{iOS TO z]", false),
        ("os:[\"a\" TO \"j k\"]", true),
        ("nothing:[* TO a]", false),
        ("missing:>0", false),
        ("tags:[t2 TO t9]", true),
        ("yes:[true TO true]", true),
        ("base_dt:[2026-11-22 TO 2026-11-22]", true),
        ("base_dt:[2026-11-21 TO 2026-11-22}", false),
        ("base_dt:[2026-11-21 TO 2026-11-23}", true),
        ("base_dt:{2026-11-22 TO *]", false),
        ("base_dt:>2026-11-21", true),
        ("base_dt:>=2026-11-22", true),
        ("base_dt:<=2026-11-22", true),
        ("base_dt:<2026-11-22", false),
        ("base_dt:<=2026-11", false),
        ("base_dt:>2026", true),
        ("base_dt:[2026 TO 2026]", false),
        ("base_dt:[2026-11 TO 2026-12]", true),
        ("base_dt:[\"2026-11-22T10:30\" TO \"2026-11-22T10:30\"]", true),
        ("base_dt:>=2026-11-22T10\\:30\\:01", false),
        ("base_dt:[\"2026-11-22T19:30:00.500+09:00\" TO *]", true),
        ("base_dt:{\"2026-11-22T19:30:00.500+09:00\" TO *]", false),
        ("base_dt:2026-11-22", true),
        ("base_dt:2026-11-23", false),
        ("base_dt:\"2026-11-22T10:30:00.500Z\"", true),
        ("ms:[2026-11-22 TO 2026-11-22]", true),
        ("ms:>2026-11-22", false),
        ("ms:2026-11-22", true),
        ("day:[2026-11-01 TO 2026-12-01}", true),
    ] {
        assert_eq!(matches(query, EVENT), expected, "{query}");
    }
}

/// An `ip` field of the engine gives the same results. tests/wire/query compares thousands more.
#[test]
fn addresses_compare_as_on_an_ip_field() {
    let event = r#"{"ip":"10.0.0.10","six":"2001:DB8:0:0:0:0:0:1","mapped":"::ffff:10.0.0.1","many":["x","10.1.2.3"],
        "host":"10.0.0.example","net":"10.0.0.0/8","version":"1.10.0","n":10}"#;
    for (query, expected) in [
        ("ip:10.0.0.10", true),
        ("ip:10.0.0.1", false),
        ("ip:\"10.0.0.0/8\"", true),
        ("ip:10.0.0.0\\/8", true),
        ("ip:\"10.0.0.0/29\"", false),
        ("ip:(\"192.168.0.0/16\" OR \"10.0.0.0/24\")", true),
        ("NOT ip:\"10.0.0.0/8\"", false),
        ("ip:\"0.0.0.0/0\"", true),
        ("ip:\"::/0\"", true),
        ("ip:\"2000::/3\"", false),
        ("ip:[10.0.0.9 TO 10.0.0.11]", true),
        ("ip:[10.0.0.10 TO 10.0.0.10]", true),
        ("ip:{10.0.0.10 TO 10.0.0.11]", false),
        ("ip:[10.0.0.9 TO 10.0.0.10}", false),
        ("ip:>10.0.0.9", true),
        ("ip:<=10.0.0.9", false),
        ("ip:[\"::\" TO 10.0.0.255]", true),
        ("ip:[* TO \"::ffff:10.0.0.10\"]", true),
        ("six:\"2001:db8::1\"", true),
        ("six:2001\\:db8\\:\\:1", true),
        ("six:\"2001:db8::/32\"", true),
        ("six:[\"2001:db8::\" TO \"2001:db8::ffff\"]", true),
        ("six:\"10.0.0.0/8\"", false),
        ("mapped:10.0.0.1", true),
        ("mapped:\"10.0.0.0/24\"", true),
        ("many:\"10.1.0.0/16\"", true),
        // A text that is not an address stays a string.
        ("host:\"10.0.0.0/8\"", false),
        ("host:[10.0.0.0 TO 10.0.0.f]", true),
        // Only one bound is an address, so both are texts.
        ("ip:[10.0.0.0 TO z]", true),
        ("ip:[10.0.0.2 TO z]", false),
        ("ip:[\"\" TO 10.0.0.9]", true),
        ("net:\"10.0.0.0/8\"", true),
        ("net:\"10.0.0.0/7\"", false),
        ("version:[1.2.0 TO 1.9.0]", false),
        ("ip:10.0.0.*", true),
        ("n:\"10.0.0.0/8\"", false),
    ] {
        assert_eq!(matches(query, event), expected, "{query}");
    }
}

#[test]
fn a_pair_of_escapes_is_one_character() {
    for (query, expected) in [
        ("a:\\uD83D\\uDE00", true),
        ("a:\"\\ud83d\\ude00\"", true),
        ("a:\\uD83D\\uDE0*", false),
        ("a:?", true),
        ("a:\\u0041", false),
    ] {
        match Select::query(query) {
            Ok(_) => assert_eq!(matches(query, r#"{"a":"😀"}"#), expected, "{query}"),
            Err(error) => assert!(error.message.contains("as a pair") && !expected, "{query}: {error}"),
        }
    }
    for query in ["a:\\uD83D", "a:\\uDE00\\uD83D", "a:\\uD83Dx", "a:\\u+123", "a:\\u12"] {
        assert!(Select::query(query).unwrap_err().message.contains("four hexadecimal digits"), "{query}");
    }
}

#[test]
fn a_fault_names_the_slash_that_was_read_as_a_regular_expression() {
    for (query, column, says) in [
        ("path:/api/v1", 11, "`/api/` was read as a regular expression"),
        ("path:/api/v1/users", 11, "`/api/` was read as a regular expression"),
        ("agent:Mozilla/5.0 AND os:x/y", 14, "`/5.0 AND os:x/` was read as a regular expression"),
        ("agent:Mozilla/5.0", 14, "a `/` without a closing one: it begins a regular expression"),
        ("ip:10.0.0.0/8 OR ip:10.1.0.0/16", 12, "`/8 OR ip:10.1.0.0/` was read as a regular expression"),
        ("title:a / b / c", 9, "`/ b /` was read as a regular expression"),
        ("a:/x(/", 3, "`/x(/` was read as a regular expression"),
        ("path:(/api/v1 OR /api/v2) AND b:", 33, "`/api/` was read as a regular expression"),
    ] {
        let error = Select::query(query).map(|_| ()).unwrap_err();
        assert!(error.message.contains(says), "{query}: {error}");
        assert!(error.message.contains("in quotes"), "{query}: {error}");
        assert_eq!(error.column, column, "{query}: {error}");
    }
    let error = Select::query("a:/x/ AND b:").map(|_| ()).unwrap_err();
    assert!(!error.message.contains("regular"), "one that was meant is not to blame: {error}");
}

#[test]
fn a_slash_within_a_value_is_a_doubt() {
    for (query, doubts) in [
        ("path:(/api/v1 OR /api/v2)", 2),
        ("agent:(Mozilla/5.0 OR x/y)", 1),
        ("path:/api/", 0),
        ("path:/api/ AND os:(/i.*/ OR x)", 0),
        ("path:\"/api/v1\"", 0),
        ("path:\\/api\\/v1", 0),
    ] {
        assert_eq!(Select::query(query).unwrap().doubts().len(), doubts, "{query}");
    }
}

#[test]
fn the_fields_that_are_compared_are_known() {
    let select =
        Select::query("a:1 AND _exists_:b AND c:* AND d.keyword:x AND e:[* TO *] AND f:[1 TO *] AND NOT g:/x/")
            .unwrap();
    assert_eq!(select.compared_fields().collect::<Vec<_>>(), ["a", "d.keyword", "f", "g"]);
}

/// The query in Lucene's notation: `+` must, `-` must not.
fn shown(expression: &Expression, labels: &[(Bit, String)]) -> String {
    match expression {
        Expression::All => "*:*".into(),
        Expression::Holds(bit) => {
            let (_, label) = labels.iter().find(|(known, _)| known == bit).unwrap();
            label.trim_start_matches("f:").trim_matches('"').into()
        }
        Expression::Bool { must, should, must_not } => {
            let part = |sign: &str, clauses: &[Expression]| -> Vec<String> {
                clauses.iter().map(|clause| format!("{sign}{}", shown(clause, labels))).collect()
            };
            format!("({})", [part("+", must), part("", should), part("-", must_not)].concat().join(" "))
        }
    }
}

#[test]
fn operators_bind_as_in_lucenes_classic_parser() {
    for (query, expected) in [
        ("f:a", "a"),
        ("(f:a)", "a"),
        ("f:a f:b", "(a b)"),
        ("f:a OR f:b", "(a b)"),
        ("f:a || f:b", "(a b)"),
        ("f:a AND f:b", "(+a +b)"),
        ("f:a && f:b", "(+a +b)"),
        ("f:a OR f:b AND f:c", "(+b +c a)"),
        ("f:a AND f:b OR f:c", "(+a +b c)"),
        ("f:a AND NOT f:b", "(+a -b)"),
        ("f:a AND !f:b", "(+a -b)"),
        ("NOT f:a AND f:b", "(+b -a)"),
        ("f:a OR NOT f:b", "(a -b)"),
        ("+f:a f:b -f:c", "(+a b -c)"),
        ("+f:a", "(+a)"),
        ("-f:a", "(-a)"),
        ("NOT f:a", "(-a)"),
        ("NOT (f:a OR f:b)", "(-(a b))"),
        ("f:(a OR b) AND f:c", "(+(a b) +c)"),
        ("f:a AND (f:b OR f:c)", "(+a +(b c))"),
        ("f:(+a -b)", "(+a -b)"),
        ("f:a AND f:ANDROID", "(+a +ANDROID)"),
        ("f:\"AND\"", "AND"),
        ("f:a!f:b", "(a -b)"),
    ] {
        let compiled = compile(query).unwrap_or_else(|error| panic!("{query}: {error}"));
        assert_eq!(shown(&compiled.expression, &compiled.labels), expected, "{query}");
    }
}

#[test]
fn a_should_counts_only_where_nothing_is_a_must() {
    for (query, expected) in [
        ("os:iOS AND n:33 OR n:99", true),
        ("os:x OR n:33 AND yes:true", true),
        ("os:iOS OR n:99 AND yes:true", false),
        ("os:x OR NOT n:99", false),
        ("os:iOS OR NOT n:99", true),
        ("NOT os:x", true),
        ("NOT os:iOS", false),
        ("NOT os:x AND NOT n:99", true),
        ("(NOT os:x) AND n:33", true),
        ("os:x OR (NOT n:99)", true),
        ("+os:iOS n:99", true),
    ] {
        assert_eq!(matches(query, EVENT), expected, "{query}");
    }
}

#[test]
fn an_unsupported_query_is_refused_with_column_and_form() {
    for (query, column, says) in [
        ("", 1, "empty"),
        ("  ", 1, "empty"),
        ("login", 1, "field:login"),
        ("os:(Android iOS)", 13, "an operator such as OR between"),
        ("os:(x:1 Android iOS)", 17, "an operator such as OR between"),
        ("a:1 and b:2", 5, "capitals: AND"),
        ("a:1 \"two words\"", 5, "a phrase without a field"),
        ("[1 TO 2]", 1, "a range without a field"),
        ("a:x~", 4, "fuzzy"),
        ("a:x~2", 4, "fuzzy"),
        ("a:\"x y\"~2", 8, "proximity"),
        ("a:x^2", 4, "boost"),
        ("(a:x)^2", 6, "boost"),
        ("a:/x.*", 3, "without a closing one"),
        ("a:/x(/", 3, "`/x(/`: a `(` without its `)`"),
        ("a:/x/~2", 6, "fuzzy"),
        ("/x/", 1, "a regular expression without a field"),
        ("a:(x", 3, "`(` without its `)`"),
        ("a:x)", 4, "`)` without its `(`"),
        ("a:()", 4, "empty parentheses"),
        ("a:\"x", 3, "without a closing one"),
        ("a:[1 TO 2", 10, "`]` or `}`"),
        ("a:[1 2]", 6, "`TO` is expected"),
        ("a:[TO 2]", 7, "`TO` is expected"),
        ("a:[]", 3, "without its bounds"),
        ("a:[now-1d TO *]", 4, "the current time"),
        ("a:>now", 3, "the current time"),
        ("a:>", 3, "followed by a value"),
        ("a:", 3, "without a value"),
        ("a: AND b:1", 4, "operator"),
        ("a:-1", 3, "escaped or quoted"),
        ("a:b:c", 4, "`\\:`"),
        ("a..b:1", 1, "names"),
        ("dev*:1", 1, "wildcard"),
        ("*:x", 1, "any field"),
        ("_exists_:a*", 10, "wildcard"),
        ("_exists_:", 10, "field"),
        ("AND a:1", 1, "none before"),
        ("a:1 AND", 5, "none after"),
        ("a:1 OR )", 5, "none after"),
        ("a:1 AND OR b:2", 9, "operator"),
        ("NOT", 4, "need a clause"),
        ("NOT NOT a:1", 5, "operator"),
        ("+ a:1", 1, "without a space"),
        ("-+a:1", 2, "one of"),
        ("a:x\\", 4, "`\\` at the end"),
        ("a:\\uZZZZ", 3, "hexadecimal"),
        ("é:1 x", 5, "field:x"),
    ] {
        let error = Select::query(query).map(|select| panic!("{query}: {select:?}")).unwrap_err();
        assert_eq!(error.column, column, "{query}: {error}");
        assert!(error.message.contains(says), "{query}: {error}");
    }
}

#[test]
fn nesting_is_bounded() {
    let nested = |levels: usize| format!("{}a:1{}", "(".repeat(levels), ")".repeat(levels));
    assert!(Select::query(&nested(64)).is_ok());
    assert!(Select::query(&nested(65)).unwrap_err().message.contains("64"));
    assert!(Select::query(&nested(100_000)).is_err());
    assert!(Select::query(&"(".repeat(100_000)).is_err());
}

#[test]
fn a_query_has_so_many_regular_expressions_and_no_more() {
    let query = |count: usize| (0..count).map(|n| format!("a:/{n}.*/")).collect::<Vec<_>>().join(" OR ");
    assert!(Select::query(&query(64)).is_ok());
    let error = Select::query(&query(65)).map(|_| ()).unwrap_err();
    assert!(error.message.contains("more than 64 regular expressions"), "{error}");
}
