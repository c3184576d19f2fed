use super::*;
use crate::{decode::Decoder, select::Select};

fn matches(pattern: &str, json: &str) -> bool {
    let select = Select::pattern(pattern).unwrap_or_else(|errors| panic!("{pattern}: {errors:?}"));
    let mut decoder = Decoder::new();
    let parsed = decoder.decode(json.as_bytes()).unwrap_or_else(|error| panic!("{json}: {error}"));
    select.matches(&parsed.event()).unwrap()
}

/// event-ruler 2.1.0 gives the same results. tests/wire/pattern compares thousands more.
#[test]
#[expect(clippy::too_many_lines, reason = "a table of inputs")]
fn patterns_mean_what_they_mean_to_eventbridge() {
    for (pattern, json, expected) in [
        (r#"{"a":["x"]}"#, r#"{"a":"x"}"#, true),
        (r#"{"a":["x"]}"#, r#"{"a":"y"}"#, false),
        (r#"{"a":["x"]}"#, r#"{"b":"x"}"#, false),
        (r#"{"a":["x","y"],"b":[1]}"#, r#"{"a":"y","b":1.0}"#, true),
        (r#"{"a":["x"],"b":[1]}"#, r#"{"a":"x","b":"1"}"#, false),
        (r#"{"a":[""]}"#, r#"{"a":""}"#, true),
        (r#"{"a":["\ud83d\ude00"],"\uD83D\uDE00":["\u00e9"]}"#, r#"{"a":"😀","😀":"é"}"#, true),
        (r#"{"a":["😀"]}"#, r#"{"a":"\ud83d\ude00"}"#, true),
        (r#"{"a":[{"prefix":"x\ud83d\ude00"}]}"#, r#"{"a":"x😀y"}"#, true),
        (r#"{"a":[null]}"#, r#"{"a":null}"#, true),
        (r#"{"a":[null]}"#, "{}", false),
        (r#"{"a":[true]}"#, r#"{"a":[false,[true]]}"#, true),
        (r#"{"a":[1e2]}"#, r#"{"a":100}"#, true),
        (r#"{"a":[9007199254740993]}"#, r#"{"a":9007199254740992}"#, false),
        (r#"{"a":[9007199254740993]}"#, r#"{"a":9007199254740993}"#, true),
        (r#"{"a":{"b":["x"]}}"#, r#"{"a":{"b":"x"}}"#, true),
        (r#"{"a.b":["x"]}"#, r#"{"a":{"b":"x"}}"#, true),
        (r#"{"a":{"b":["x"]}}"#, r#"{"a.b":"x"}"#, true),
        (r#"{"a":[{"prefix":"ab"}]}"#, r#"{"a":"abc"}"#, true),
        (r#"{"a":[{"prefix":{"equals-ignore-case":"AB"}}]}"#, r#"{"a":"aBc"}"#, true),
        (r#"{"a":[{"suffix":"bc"}]}"#, r#"{"a":"abc"}"#, true),
        (r#"{"a":[{"suffix":{"equals-ignore-case":"BC"}}]}"#, r#"{"a":"abC"}"#, true),
        (r#"{"a":[{"equals-ignore-case":"ABC"}]}"#, r#"{"a":"abc"}"#, true),
        (r#"{"a":[{"equals-ignore-case":"x😀"}]}"#, r#"{"a":"X😀"}"#, true),
        (r#"{"a":[{"wildcard":"a*c"}]}"#, r#"{"a":"abbc"}"#, true),
        (r#"{"a":[{"wildcard":"a\\*c"}]}"#, r#"{"a":"abc"}"#, false),
        (r#"{"a":[{"wildcard":"a\\*\\\\c"}]}"#, r#"{"a":"a*\\c"}"#, true),
        (r#"{"a":[{"anything-but":"x"}]}"#, r#"{"a":"y"}"#, true),
        (r#"{"a":[{"anything-but":["x","y"]}]}"#, r#"{"a":"y"}"#, false),
        (r#"{"a":[{"anything-but":"x"}]}"#, r#"{"a":5}"#, true),
        (r#"{"a":[{"anything-but":"x"}]}"#, "{}", false),
        (r#"{"a":[{"anything-but":[1,2]}]}"#, r#"{"a":2.0}"#, false),
        (r#"{"a":[{"anything-but":"x"}]}"#, r#"{"a":["x","y"]}"#, true),
        (r#"{"a":[{"anything-but":{"prefix":["x","y"]}}]}"#, r#"{"a":"yz"}"#, false),
        (r#"{"a":[{"anything-but":{"suffix":"x"}}]}"#, r#"{"a":"yz"}"#, true),
        (r#"{"a":[{"anything-but":{"equals-ignore-case":"X"}}]}"#, r#"{"a":"x"}"#, false),
        (r#"{"a":[{"anything-but":{"wildcard":"x*"}}]}"#, r#"{"a":"xy"}"#, false),
        (r#"{"a":[{"numeric":[">",0,"<=",5]}]}"#, r#"{"a":5}"#, true),
        (r#"{"a":[{"numeric":[">",0,"<=",5]}]}"#, r#"{"a":0}"#, false),
        (r#"{"a":[{"numeric":["=",3.018e2]}]}"#, r#"{"a":301.8}"#, true),
        (r#"{"a":[{"numeric":["<",10]}]}"#, r#"{"a":"5"}"#, false),
        (r#"{"a":[{"exists":true}]}"#, r#"{"a":null}"#, true),
        (r#"{"a":[{"exists":true}]}"#, r#"{"a":{"b":1}}"#, false),
        (r#"{"a":[{"exists":false}]}"#, r#"{"a":{"b":1}}"#, true),
        (r#"{"a":[{"exists":false}]}"#, r#"{"a":[]}"#, true),
        (r#"{"a":[{"exists":false},"x"]}"#, r#"{"a":"x"}"#, true),
        (r#"{"a":[{"cidr":"10.0.0.0/8"}]}"#, r#"{"a":"10.9.8.7"}"#, true),
        (r#"{"a":["10.0.0.1"]}"#, r#"{"a":"010.0.0.1"}"#, true),
        (r#"{"a":[{"exactly":"10.0.0.1"}]}"#, r#"{"a":"010.0.0.1"}"#, false),
        (r#"{"$or":[{"a":[1]},{"b":[2]}],"c":[3]}"#, r#"{"b":2,"c":3}"#, true),
        (r#"{"$or":[{"a":[1]},{"b":[2]}],"c":[3]}"#, r#"{"b":2,"c":4}"#, false),
        (r#"{"x":{"$or":[{"a":[1]},{"b":{"$or":[{"c":[1]},{"d":[1]}]}}]}}"#, r#"{"x":{"b":{"d":1}}}"#, true),
        // Both must be in the same element.
        (r#"{"d":{"a":[1],"b":[2]}}"#, r#"{"d":[{"a":1},{"b":2}]}"#, false),
        (r#"{"d":{"a":[1],"b":[2]}}"#, r#"{"d":[{"a":1},{"a":1,"b":2}]}"#, true),
        (r#"{"d":{"a":[1],"b":[2]}}"#, r#"{"d":[[{"a":1},{"b":2}]]}"#, false),
        (r#"{"d":{"a":[1]},"e":{"b":[2]}}"#, r#"{"d":[{"a":1}],"e":[{},{"b":2}]}"#, true),
        (r#"{"d":{"a":[1],"b":[{"exists":false}]}}"#, r#"{"d":[{"a":1},{"b":2}]}"#, true),
        (r#"{"d":{"b":[1],"a":[{"exists":false}]}}"#, r#"{"d":[{"b":1},{"a":2}]}"#, false),
    ] {
        assert_eq!(matches(pattern, json), expected, "{pattern} {json}");
    }
}

#[test]
fn a_pattern_reads_the_same_in_yaml() {
    let yaml = "event_name: [2b_screen_view]\nlat: [{ numeric: [\">\", 33] }]\nok: [true, 'true']\nnone: [null]\n";
    let select = Select::pattern(yaml).unwrap();
    let expected = r#"{"event_name":["2b_screen_view"],"lat":[{"numeric":[">",33]}],"ok":[true,"true"],"none":[null]}"#;
    assert_eq!(select.as_str(), expected);
    assert!(matches(yaml, r#"{"event_name":"2b_screen_view","lat":33.1,"ok":"true","none":null}"#));
    let labels: Vec<String> = select.conditions().into_iter().map(|(label, _)| label.to_owned()).collect();
    assert_eq!(labels[1], r#"lat: [{"numeric":[">",33]}]"#);
}

#[test]
fn all_faults_are_reported_with_their_places() {
    for (pattern, place, says) in [
        ("", (1, 1), "nothing"),
        ("[a]", (1, 1), "a list"),
        ("{}", (1, 1), "an empty map"),
        ("{ a: x }", (1, 6), "a list of values"),
        ("{ a: [] }", (1, 6), "empty list"),
        ("{ a: [[x]] }", (1, 7), "a list within a list"),
        ("{ a: { b: {} } }", (1, 11), "an empty map"),
        ("{ a: [{ prefix: a, suffix: b }] }", (1, 7), "2 keys"),
        ("{ a: [{ prefx: a }] }", (1, 9), "unknown match `prefx`"),
        ("{ a: [{ prefix: 5 }] }", (1, 17), "takes a string"),
        ("{ a: [{ prefix: { wildcard: x } }] }", (1, 19), "equals-ignore-case"),
        ("{ a: [{ wildcard: \"a**\" }] }", (1, 19), "two `*` in a row"),
        ("{ a: [{ wildcard: 'a\\b' }] }", (1, 19), "before `*` or `\\`"),
        ("{ a: [{ anything-but: [1, x] }] }", (1, 23), "strings beside numbers"),
        ("{ a: [{ anything-but: [] }] }", (1, 23), "empty list"),
        ("{ a: [{ anything-but: { prefix: \"\" } }] }", (1, 33), "nothing at all"),
        ("{ a: [{ anything-but: { cidr: x } }] }", (1, 25), "takes a string"),
        ("{ a: [{ numeric: [\">\", x] }] }", (1, 24), "numeric"),
        ("{ a: [{ numeric: [\"<\", 5, \">\", 1] }] }", (1, 18), "lower end first"),
        ("{ a: [{ numeric: [\">\", 5, \"<\", 5] }] }", (1, 18), "no number is between"),
        ("{ a: [{ numeric: [\">\", 12345678901234567890] }] }", (1, 24), "more digits than a double"),
        ("{ a: [{ exists: yes }] }", (1, 17), "`true` or `false`"),
        ("{ a: [{ cidr: \"1.2.3.4/32\" }] }", (1, 15), "at most 31"),
        ("{ a: [0x10] }", (1, 7), "not as JSON"),
        ("{ $or: [{ a: [1] }] }", (1, 8), "at least two"),
        ("{ $or: [1, { a: [1] }] }", (1, 9), "at least two"),
        ("{ a: [1], a: [2] }", (1, 11), "is there twice"),
        ("{ a: { b: [1] }, a.b: [2] }", (1, 18), "is there twice"),
        ("{ a: [1], $or: [{ a: [2] }, { b: [1] }] }", (1, 19), "is there twice"),
        ("{ a..b: [1] }", (1, 3), "no empty name"),
        ("{ a: [1", (2, 1), "not YAML"),
        (r#"{"a":["\ud83d\ude00", "\ud83d"]}"#, (1, 24), "half of a character"),
        (r#"{"a":["\ud83d\ude00"], "b":"x"}"#, (1, 28), "a list of values"),
    ] {
        let errors = Select::pattern(pattern).map(|_| ()).unwrap_err();
        let found = errors.iter().any(|error| (error.line, error.column) == place && error.message.contains(says));
        assert!(found, "{pattern}: {errors:?}");
    }
    let errors = Select::pattern("{ a: x, b: [{ foo: 1 }], c: [] }").map(|_| ()).unwrap_err();
    assert_eq!(errors.len(), 3, "{errors:?}");
}

#[test]
fn a_pattern_with_too_many_combinations_is_refused() {
    let or = |n: usize| format!("{{\"k{n}\":{{\"$or\":[{{\"a\":[1]}},{{\"b\":[1]}},{{\"c\":[1]}},{{\"d\":[1]}}]}}}}");
    let fields: Vec<String> = (0..8).map(|n| or(n)[1..].trim_end_matches('}').to_owned() + "}").collect();
    let within = format!("{{{}}}", fields[..4].join(","));
    assert!(Select::pattern(&within).is_ok(), "{within}");
    let errors = Select::pattern(&format!("{{{}}}", fields.join(","))).map(|_| ()).unwrap_err();
    assert!(errors[0].message.contains("more than 1000 combinations"), "{errors:?}");
}

#[test]
fn an_event_with_too_many_ways_to_match_is_undecided() {
    let select = Select::pattern(r#"{"a":{"x":[1]},"b":{"x":[1]},"c":{"x":[1],"y":[1]}}"#).unwrap();
    let elements = |json: &str| vec![json; 2_000].join(",");
    let json =
        format!(r#"{{"a":[{}],"b":[{}],"c":[{{"x":1}},{{"y":1}}]}}"#, elements(r#"{"x":1}"#), elements(r#"{"x":1}"#));
    let mut decoder = Decoder::new();
    let parsed = decoder.decode(json.as_bytes()).unwrap();
    assert_eq!(select.matches(&parsed.event()), Err(Undecided));
}
