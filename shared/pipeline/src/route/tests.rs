use super::*;
use crate::decode::{Decoder, Path};

mod identity;

const RECORD: &str = "2026-11-22T12:00:00Z";

fn ms(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

fn path(text: &str) -> Path {
    Path::parse(text).unwrap()
}

fn route(router: &Router, json: &str) -> Result<String, RouteError> {
    let mut decoder = Decoder::new();
    let parsed = decoder.decode(json.as_bytes()).unwrap_or_else(|error| panic!("{json}: {error}"));
    let mut action = b"before\n".to_vec();
    let result = router.route(&parsed.event(), "PREFIX", 42, ms(RECORD), &mut RouteScratch::default(), &mut action);
    let action = String::from_utf8(action).unwrap();
    let action = action.strip_prefix("before\n").unwrap();
    if result.is_err() {
        assert_eq!(action, "", "a failed route leaves nothing behind");
    }
    result.map(|_| action.into())
}

fn router(format: TimestampFormat, index: &str, id: IdRule) -> Router {
    Router::new(Some(Timestamp::new(path("t"), vec![format])), IndexPattern::parse(index).unwrap(), id)
}

fn index_of(action: &str) -> String {
    let action: serde_json::Value = serde_json::from_str(action).unwrap();
    action["create"]["_index"].as_str().unwrap().into()
}

#[test]
fn the_action_line_has_index_and_id() {
    let at = |id| router(TimestampFormat::Auto, "logs-%{+YYYY.MM.dd}", id);
    let json = r#"{"t":"2026-11-21T23:59:59.999Z","k":"a\"\\\u0001é"}"#;
    assert_eq!(
        route(&at(IdRule::Position), json).unwrap(),
        "{\"create\":{\"_index\":\"logs-2026.11.21\",\"_id\":\"PREFIX-42\"}}\n"
    );
    assert_eq!(route(&at(IdRule::None), json).unwrap(), "{\"create\":{\"_index\":\"logs-2026.11.21\"}}\n");
    assert_eq!(
        route(&at(IdRule::Field(path("k"))), json).unwrap(),
        "{\"create\":{\"_index\":\"logs-2026.11.21\",\"_id\":\"a\\\"\\\\\\u0001é\"}}\n"
    );
    // The first 16 bytes of `printf '{"t":null}' | sha256sum` in base64url.
    let content = route(&at(IdRule::Content), r#"{"t":null}"#).unwrap();
    let id = serde_json::from_str::<serde_json::Value>(&content).unwrap()["create"]["_id"].clone();
    assert_eq!(id, "t1vKuKd4UgG3rhX3TeDP6Q");
}

#[test]
fn times_are_read_in_every_form_they_are_met_in() {
    use TimestampFormat::{Auto, EpochMs, EpochS, Rfc3339};
    let strptime = |format: &str| TimestampFormat::parse(format).unwrap();
    for (format, value, expected) in [
        (Auto, r#""2026-11-21T10:00:00Z""#, "2026-11-21T10:00:00Z"),
        (Auto, r#""2026-11-21T10:00:00.123Z""#, "2026-11-21T10:00:00.123Z"),
        (Auto, r#""2026-11-21T10:00:00.123456789+09:00""#, "2026-11-21T01:00:00.123Z"),
        (Auto, r#""2026-11-21T10:00:00""#, "2026-11-21T10:00:00Z"),
        (Auto, r#""2026-11-21 10:00:00""#, "2026-11-21T10:00:00Z"),
        (Auto, r#""2026-11-21""#, "2026-11-21T00:00:00Z"),
        (Auto, "1763719200", "2025-11-21T10:00:00Z"),
        (Auto, "1763719200.5", "2025-11-21T10:00:00.500Z"),
        (Auto, "1763719200.123", "2025-11-21T10:00:00.123Z"),
        (Auto, "1763719200123", "2025-11-21T10:00:00.123Z"),
        (Auto, r#""1763719200""#, "2025-11-21T10:00:00Z"),
        (Auto, r#""1763719200123""#, "2025-11-21T10:00:00.123Z"),
        (Rfc3339, r#""2026-11-21T10:00:00-01:00""#, "2026-11-21T11:00:00Z"),
        (EpochS, "1763719200", "2025-11-21T10:00:00Z"),
        (EpochS, r#""1763719200.25""#, "2025-11-21T10:00:00.250Z"),
        (EpochMs, "1763719200123", "2025-11-21T10:00:00.123Z"),
        (strptime("%d/%b/%Y:%H:%M:%S %z"), r#""21/Nov/2026:10:00:00 +0900""#, "2026-11-21T01:00:00Z"),
        (strptime("%Y%m%d %H:%M"), r#""20261121 10:00""#, "2026-11-21T10:00:00Z"),
        (strptime("%Y/%m/%d"), r#""2026/11/21""#, "2026-11-21T00:00:00Z"),
        (strptime("at %s"), r#""at 1763719200""#, "2025-11-21T10:00:00Z"),
    ] {
        let router = router(format.clone(), "logs-%{+YYYY.MM.dd}", IdRule::None);
        let json = format!(r#"{{"t":{value}}}"#);
        let mut decoder = Decoder::new();
        let parsed = decoder.decode(json.as_bytes()).unwrap();
        let time = router.event_time_ms(&parsed.event(), ms(RECORD)).unwrap_or_else(|e| panic!("{value}: {e}"));
        assert_eq!(time, ms(expected), "{format:?} {value}");
    }
}

#[test]
fn an_event_without_a_time_takes_its_records() {
    let pattern = IndexPattern::parse("logs-%{+YYYY.MM.dd}").unwrap();
    for router in
        [router(TimestampFormat::Auto, "logs-%{+YYYY.MM.dd}", IdRule::None), Router::new(None, pattern, IdRule::None)]
    {
        for json in [r#"{"x":1}"#, r#"{"t":null}"#] {
            assert_eq!(index_of(&route(&router, json).unwrap()), "logs-2026.11.22");
        }
    }
}

#[test]
fn unreadable_and_absurd_times_are_told_apart() {
    let auto = || TimestampFormat::Auto;
    for (format, value, error_type, says) in [
        (auto(), r#""yesterday""#, "invalid_timestamp", "\"yesterday\""),
        (auto(), r#""""#, "invalid_timestamp", "RFC 3339"),
        (auto(), r#""2026-11""#, "invalid_timestamp", "2026-11"),
        (auto(), r#""2026-02-30T00:00:00Z""#, "invalid_timestamp", "2026-02-30"),
        (auto(), "true", "invalid_timestamp", "true"),
        (auto(), "[1763719200]", "invalid_timestamp", "an array or object"),
        (auto(), "{}", "invalid_timestamp", "an array or object"),
        (TimestampFormat::Rfc3339, "1763719200", "invalid_timestamp", "1763719200"),
        (TimestampFormat::EpochS, r#""2026-11-21""#, "invalid_timestamp", "seconds"),
        (TimestampFormat::Strptime("%Y".into()), r#""x""#, "invalid_timestamp", "%Y"),
        (
            auto(),
            r#""1999-12-31T23:59:59.999Z""#,
            "absurd_timestamp",
            "1999-12-31T23:59:59.999Z, before 2000-01-01 (2026-11-22T12:00:00Z)",
        ),
        (auto(), "0", "absurd_timestamp", "1970-01-01"),
        (auto(), "-5", "absurd_timestamp", "1969-12-31"),
        (
            auto(),
            r#""2026-11-23T12:00:00.001Z""#,
            "absurd_timestamp",
            "2026-11-23T12:00:00.001Z, more than a day after its record (2026-11-22T12:00:00Z)",
        ),
        (auto(), "99999999999999999999", "absurd_timestamp", "5138-11-16"),
        (auto(), "9223372036854775807", "absurd_timestamp", "2262-04-11"),
        (auto(), "99999999999999999999999999", "invalid_timestamp", "1000000"),
        (TimestampFormat::EpochMs, "9223372036854775807", "absurd_timestamp", "9223372036854775807 ms"),
        (TimestampFormat::EpochS, "18446744073709551615", "invalid_timestamp", "seconds"),
    ] {
        let router = router(format, "logs-%{+YYYY.MM.dd}", IdRule::None);
        let error = route(&router, &format!(r#"{{"t":{value}}}"#)).unwrap_err();
        assert_eq!(error.error_type, error_type, "{value}: {error}");
        assert!(error.reason.contains(says), "{value}: {error}");
        assert!(error.reason.contains("`t`"), "{value}: {error}");
    }
    let router = router(auto(), "logs-%{+YYYY.MM.dd}", IdRule::None);
    for value in [r#""2000-01-01T00:00:00Z""#, r#""2026-11-23T12:00:00Z""#] {
        assert!(route(&router, &format!(r#"{{"t":{value}}}"#)).is_ok(), "{value} is just possible");
    }
}

#[test]
fn of_several_formats_the_first_that_makes_sense_of_a_time_is_taken() {
    let formats = |words: &[&str]| words.iter().map(|word| TimestampFormat::parse(word).unwrap()).collect::<Vec<_>>();
    for (words, value, expected) in [
        (&["epoch_s", "epoch_ms"][..], "1795348923", Ok("logs-2026.11.22.12")),
        (&["epoch_s", "epoch_ms"], "1795348923456", Ok("logs-2026.11.22.12")),
        (&["epoch_ms", "epoch_s"], "1795348923", Ok("logs-2026.11.22.12")),
        (&["epoch_ns", "epoch_us", "epoch_ms", "epoch_s"], "1795348923456789", Ok("logs-2026.11.22.12")),
        // The first of the two numbers is the day, unless that date is in the future.
        (&["%d/%m/%Y", "%m/%d/%Y"], r#""11/10/2026""#, Ok("logs-2026.10.11.00")),
        (&["%d/%m/%Y", "%m/%d/%Y"], r#""11/12/2026""#, Ok("logs-2026.11.12.00")),
        (&["auto", "%Y-%m-%dT%H:%M:%SZ"], r#""1999-01-01T00:00:00Z""#, Err("absurd_timestamp")),
        // The error names the first format that can read it.
        (&["epoch_s", "epoch_ms"], "7", Err("absurd_timestamp")),
        (&["epoch_s", "epoch_ms"], r#""soon""#, Err("invalid_timestamp")),
    ] {
        let timestamp = Timestamp::new(path("t"), formats(words));
        let router = Router::new(Some(timestamp), IndexPattern::parse("logs-%{+YYYY.MM.dd.HH}").unwrap(), IdRule::None);
        let index = route(&router, &format!(r#"{{"t":{value}}}"#)).map(|action| index_of(&action));
        assert_eq!(index.as_deref().map_err(|error| error.error_type), expected, "{words:?} {value}");
    }
}

#[test]
fn the_clock_chooses_no_format() {
    // For a record whose time is set by its producer, read on days before and after the time that the first format reads.
    let formats = ["%d/%m/%Y", "%m/%d/%Y"].map(|word| TimestampFormat::parse(word).unwrap()).to_vec();
    let index = IndexPattern::parse("logs-%{+YYYY.MM.dd}").unwrap();
    let router = Router::new(Some(Timestamp::new(path("t"), formats)), index, IdRule::None);
    let mut decoder = Decoder::new();
    let parsed = decoder.decode(br#"{"t":"11/12/2026"}"#).unwrap();
    let results = ["2026-11-22T00:00:00Z", "2026-12-10T00:00:00Z", "2027-03-01T00:00:00Z"].map(|now| {
        let mut action = Vec::new();
        let mut scratch = RouteScratch::default().read_at(Some(ms(now)));
        let result = router.route(&parsed.event(), "P", 0, -1, &mut scratch, &mut action);
        result.map(|_| index_of(std::str::from_utf8(&action).unwrap())).map_err(|error| error.error_type)
    });
    let there = Ok("logs-2026.12.11".to_owned());
    assert_eq!(results, [Err("absurd_timestamp"), there.clone(), there]);
}

#[test]
fn earliest_says_from_when_on_a_time_makes_sense() {
    let at = |earliest: Option<&str>| {
        let timestamp = Timestamp::new(path("t"), vec![TimestampFormat::Auto]).since(earliest.map(ms));
        Router::new(Some(timestamp), IndexPattern::parse("logs-%{+YYYY}").unwrap(), IdRule::None)
    };
    for (earliest, time, says) in [
        (None, "1999-12-31T23:59:59.999Z", Err("before 2000-01-01 (")),
        (Some("1990-01-01T00:00:00Z"), "1995-05-01T00:00:00Z", Ok("logs-1995")),
        (Some("1990-01-01T00:00:00Z"), "1989-12-31T23:59:59Z", Err("before 1990-01-01 (")),
        (Some("0001-01-01T00:00:00Z"), "0001-01-01", Ok("logs-0001")),
        (Some("2020-01-01T12:30:00Z"), "2020-01-01", Err("before 2020-01-01T12:30:00Z (")),
    ] {
        match (route(&at(earliest), &format!(r#"{{"t":"{time}"}}"#)), says) {
            (Ok(action), Ok(index)) => assert_eq!(index_of(&action), index),
            (Err(error), Err(says)) => assert!(error.reason.contains(says), "{error}"),
            (result, _) => panic!("{earliest:?} {time}: {result:?}"),
        }
    }
}

#[test]
fn a_text_without_an_offset_is_of_the_zones_clock() {
    let seoul = || Zone::parse("Asia/Seoul").ok();
    for (format, value, expected) in [
        ("auto", r#""2026-11-22 08:30:00""#, "2026-11-21T23:30:00Z"),
        ("auto", r#""2026-11-22""#, "2026-11-21T15:00:00Z"),
        ("rfc3339", r#""2026-11-22T08:30:00.123""#, "2026-11-21T23:30:00.123Z"),
        ("%Y/%m/%d %H:%M", r#""2026/11/22 08:30""#, "2026-11-21T23:30:00Z"),
        // A text with an offset keeps its offset.
        ("auto", r#""2026-11-22T08:30:00Z""#, "2026-11-22T08:30:00Z"),
        ("auto", r#""2026-11-22T08:30:00+01:00""#, "2026-11-22T07:30:00Z"),
        ("%Y/%m/%d %H:%M %z", r#""2026/11/22 08:30 +0000""#, "2026-11-22T08:30:00Z"),
        ("auto", "1795348923", "2026-11-22T12:02:03Z"),
    ] {
        let timestamp = Timestamp::new(path("t"), vec![TimestampFormat::parse(format).unwrap()]).in_zone(seoul());
        let router = Router::new(Some(timestamp), IndexPattern::parse("logs").unwrap(), IdRule::None);
        let mut decoder = Decoder::new();
        let json = format!(r#"{{"t":{value}}}"#);
        let parsed = decoder.decode(json.as_bytes()).unwrap();
        assert_eq!(router.event_time_ms(&parsed.event(), ms(RECORD)), Ok(ms(expected)), "{format} {value}");
    }
}

#[test]
fn index_names_follow_time_and_fields() {
    for (pattern, json, expected) in [
        ("logs", "{}", "logs"),
        ("logs-%{+YYYY.MM.dd}", "{}", "logs-2026.11.22"),
        ("logs-%{+yyyy-MM-dd-HH}", "{}", "logs-2026-11-22-12"),
        ("logs-%{+YYYY}%{+MM}-x", "{}", "logs-202611-x"),
        ("logs-%{app}-%{+YYYY.MM}", r#"{"app":"shop"}"#, "logs-shop-2026.11"),
        ("logs-%{a.b}", r#"{"a":{"b":"x_1.y-z"}}"#, "logs-x_1.y-z"),
        ("logs-%{[a][b]}", r#"{"a":{"b":7}}"#, "logs-7"),
        ("logs-%{[a]}", r#"{"a":true}"#, "logs-true"),
    ] {
        let router = Router::new(None, IndexPattern::parse(pattern).unwrap(), IdRule::None);
        assert_eq!(index_of(&route(&router, json).unwrap()), expected, "{pattern}");
    }
}

#[test]
fn no_event_chooses_an_index_outside_its_pattern() {
    let router = Router::new(None, IndexPattern::parse("logs-%{a}").unwrap(), IdRule::None);
    for (value, says) in [
        (r#""Shop""#, "\"Shop\""),
        (r#""""#, "empty"),
        (r#""a/b""#, "a/b"),
        (r#""a b""#, "a b"),
        (r#""é""#, "é"),
        (r#""a\",\"x""#, "a-z"),
        (r#""*""#, "*"),
        ("null", "null"),
        ("[1]", "array"),
        ("{}", "object"),
        ("1e300", "bytes"),
    ] {
        let error = route(&router, &format!(r#"{{"a":{value}}}"#)).unwrap_err();
        assert_eq!(error.error_type, "invalid_index", "{value}");
        assert!(error.reason.contains(says), "{value}: {error}");
    }
    assert!(route(&router, "{}").unwrap_err().reason.contains("missing"));
    assert!(route(&router, &format!(r#"{{"a":"{}"}}"#, "x".repeat(250))).is_ok());
    assert!(route(&router, &format!(r#"{{"a":"{}"}}"#, "x".repeat(251))).unwrap_err().reason.contains("256 bytes"));
}

#[test]
fn a_pattern_that_could_leave_its_name_is_refused() {
    for (pattern, says) in [
        ("", "begin with a name"),
        ("%{+YYYY}", "begin with a name"),
        ("%{app}-logs", "begin with a name"),
        (".security", "begins with `.`"),
        ("-logs", "begins with `-`"),
        ("_logs", "begins with `_`"),
        ("+logs", "begins with `+`"),
        ("Logs", "lower case"),
        ("logs*", "takes none of"),
        ("logs,other", "takes none of"),
        ("logs x", "no space"),
        ("logs\"", "takes none of"),
        ("logs-%", "without `{`"),
        ("logs-%{+YYYY", "without its `}`"),
        ("logs-%{+xxxx.ww}", "`xxxx`"),
        ("logs-%{+YYYY.ww}", "`ww`"),
        ("logs-%{+YYYY.MMM}", "`MMM`"),
        ("logs-%{+YYYY.M}", "`M`"),
        ("logs-%{+.}", "names no date"),
        ("logs-%{+}", "names no date"),
        ("logs-%{}", "names joined"),
        ("logs-%{a..b}", "names joined"),
        ("logs-%{[a][]}", "names joined"),
        ("logs-%{[a}", "write `%{a.b}` or `%{[a][b]}`"),
    ] {
        let error = IndexPattern::parse(pattern).unwrap_err();
        assert!(error.contains(says), "{pattern}: {error}");
    }
    assert!(IndexPattern::parse(&"x".repeat(255)).is_ok());
    assert!(IndexPattern::parse(&"x".repeat(256)).unwrap_err().contains("256 bytes"));
}

#[test]
fn an_id_field_is_a_string_or_number_of_512_bytes() {
    let router = Router::new(None, IndexPattern::parse("logs").unwrap(), IdRule::Field(path("id")));
    for (value, expected) in [("\"a\"", "\"a\""), ("7", "\"7\""), ("-7", "\"-7\""), ("7.5", "\"7.5\"")] {
        let action = route(&router, &format!(r#"{{"id":{value}}}"#)).unwrap();
        assert!(action.contains(&format!("\"_id\":{expected}")), "{action}");
    }
    assert!(route(&router, &format!(r#"{{"id":"{}"}}"#, "x".repeat(512))).is_ok());
    for value in ["\"\"", "null", "true", "[1]", "{}", &format!("\"{}\"", "x".repeat(513))] {
        assert_eq!(route(&router, &format!(r#"{{"id":{value}}}"#)).unwrap_err().error_type, "invalid_id", "{value}");
    }
    assert!(route(&router, "{}").unwrap_err().reason.contains("`id` is missing"));
}

#[test]
fn a_routing_is_the_exact_text_of_a_field() {
    let of = |id| Router::new(None, IndexPattern::parse("logs").unwrap(), id).sending(Some(path("r")), None);
    let router = of(IdRule::None);
    for (value, expected) in [
        (r#""a\"\\\u0001é""#, r#""a\"\\\u0001é""#),
        ("7", r#""7""#),
        ("1.0", r#""1""#),
        ("18446744073709551617", r#""18446744073709551617""#),
        ("true", r#""true""#),
    ] {
        let action = route(&router, &format!(r#"{{"r":{value}}}"#)).unwrap();
        assert_eq!(action, format!("{{\"create\":{{\"_index\":\"logs\",\"routing\":{expected}}}}}\n"));
    }
    for value in ["\"\"", "null", "[1]", "{}", &format!("\"{}\"", "x".repeat(513))] {
        let error = route(&router, &format!(r#"{{"r":{value}}}"#)).unwrap_err();
        assert_eq!(error.error_type, "invalid_routing", "{value}");
    }
    assert!(route(&of(IdRule::Position), "{}").unwrap_err().reason.contains("`r` of `routing` is missing"));
    let both = of(IdRule::Position).sending(Some(path("r")), Some("a\"b"));
    assert_eq!(
        route(&both, r#"{"r":1}"#).unwrap(),
        "{\"create\":{\"_index\":\"logs\",\"_id\":\"PREFIX-42\",\"routing\":\"1\",\"pipeline\":\"a\\\"b\"}}\n"
    );
}

#[test]
fn a_format_that_names_no_whole_time_is_refused() {
    for (format, says) in [
        ("rfc822", "not a time format"),
        ("%H:%M", "%H:%M"),
        ("%Y-%m", "%Y-%m"),
        ("%K", "%K"),
        ("%Y-%m-%d %Q", "by name"),
    ] {
        let error = TimestampFormat::parse(format).unwrap_err();
        assert!(error.contains(says) && error.contains("epoch_ns"), "{format}: {error}");
    }
}

#[test]
fn what_is_older_than_what_is_kept_has_no_action_line() {
    let router = router(TimestampFormat::Auto, "logs-%{+YYYY.MM.dd}", IdRule::Position);
    let mut scratch = RouteScratch::keeping_from(Some(ms("2026-11-20T00:00:00Z")));
    let mut decoder = Decoder::new();
    for (time, routed) in [("2026-11-20T00:00:00Z", Routed::ToIndex), ("2026-11-19T23:59:59.999Z", Routed::Expired)] {
        let json = format!(r#"{{"t":"{time}"}}"#);
        let parsed = decoder.decode(json.as_bytes()).unwrap();
        let mut action = Vec::new();
        assert_eq!(router.route(&parsed.event(), "P", 0, ms(RECORD), &mut scratch, &mut action), Ok(routed), "{time}");
        assert_eq!(action.is_empty(), routed == Routed::Expired);
    }
}

#[test]
fn a_record_that_calls_itself_older_than_it_can_be_makes_no_event_absurd() {
    let router = router(TimestampFormat::Auto, "logs-%{+YYYY.MM.dd}", IdRule::Position);
    let mut decoder = Decoder::new();
    let now_ms = ms(RECORD);
    for record_ms in [-1, 0, ms("2020-01-26T00:00:00Z"), now_ms, ms("2026-11-24T12:00:00Z")] {
        let came_by_ms = now_ms.max(record_ms);
        for (after_ms, is_absurd) in [(-3_600_000, false), (time::DAY_MS, false), (time::DAY_MS + 1, true)] {
            let json = format!(r#"{{"t":{}}}"#, came_by_ms + after_ms);
            let parsed = decoder.decode(json.as_bytes()).unwrap();
            let (mut scratch, mut action) = (RouteScratch::default().read_at(Some(now_ms)), Vec::new());
            let result = router.route(&parsed.event(), "P", 0, record_ms, &mut scratch, &mut action);
            assert_eq!(result.is_err(), is_absurd, "{record_ms} {json}: {result:?}");
        }
    }
    // An event without its own time uses the record's time, even an absurd one. The clock never determines an index.
    let parsed = decoder.decode(b"{}").unwrap();
    let (mut scratch, mut action) = (RouteScratch::default().read_at(Some(now_ms)), Vec::new());
    router.route(&parsed.event(), "P", 0, 1_580_000_000_000, &mut scratch, &mut action).unwrap();
    assert_eq!(index_of(std::str::from_utf8(&action).unwrap()), "logs-2020.01.26");
}

proptest::proptest! {
    #[test]
    fn the_rendered_day_is_the_civil_day_whatever_came_before(times in proptest::collection::vec(946_684_800_000_i64..4_102_444_800_000, 1..20)) {
        let router = Router::new(None, IndexPattern::parse("x%{+YYYYMMddHH}").unwrap(), IdRule::None);
        let mut scratch = RouteScratch::default();
        let mut decoder = Decoder::new();
        let parsed = decoder.decode(b"{}").unwrap();
        for time in times {
            let mut action = Vec::new();
            router.route(&parsed.event(), "", 0, time, &mut scratch, &mut action).unwrap();
            let civil = jiff::Timestamp::from_millisecond(time).unwrap().strftime("x%Y%m%d%H").to_string();
            proptest::prop_assert_eq!(index_of(std::str::from_utf8(&action).unwrap()), civil);
        }
    }
}
