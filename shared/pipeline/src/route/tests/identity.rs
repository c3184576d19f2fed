//! Ids and index names of numbers: exact, and unchanged where former releases were exact.

use super::*;

fn id_of(value: &str) -> Result<String, RouteError> {
    let router = Router::new(None, IndexPattern::parse("logs").unwrap(), IdRule::Field(path("id")));
    // After other values, so that the number must be found in the bytes.
    let action = route(&router, &format!(r#"{{"a":[1.5,{{"id":2}}],"b":"\"id\":9", "id" : {value} ,"z":0}}"#))?;
    let action: serde_json::Value = serde_json::from_str(&action).unwrap();
    Ok(action["create"]["_id"].as_str().unwrap().into())
}

/// Ids as release e0357a9 wrote them. If one changed, a delivered event would be indexed a second time.
#[test]
fn ids_of_numbers_that_were_exact_never_change() {
    for (value, id) in [
        ("0", "0"),
        ("-0", "0"),
        ("0.0", "0"),
        ("-0.0", "-0"),
        ("1", "1"),
        ("-1", "-1"),
        ("1.0", "1"),
        ("1e0", "1"),
        ("1e3", "1000"),
        ("-7.50", "-7.5"),
        ("0.1", "0.1"),
        ("1e-7", "0.0000001"),
        ("123456789.125", "123456789.125"),
        ("9007199254740993", "9007199254740993"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("18446744073709551615", "18446744073709551615"),
        ("1e21", "1000000000000000000000"),
        ("1e22", "10000000000000000000000"),
        ("0.30000000000000004", "0.30000000000000004"),
        ("5e-324", &format!("0.{}5", "0".repeat(323))),
        ("1e300", &format!("1{}", "0".repeat(300))),
    ] {
        assert_eq!(id_of(value), Ok(id.into()), "{value}");
    }
}

#[test]
fn numbers_that_differ_are_different_ids_however_long_they_are() {
    for (value, id) in [
        ("18446744073709551616", "18446744073709551616"),
        ("18446744073709551617", "18446744073709551617"),
        ("-9223372036854775809", "-9223372036854775809"),
        ("340282366920938463463374607431768211455", "340282366920938463463374607431768211455"),
        ("0.12345678901234567891", "0.12345678901234567891"),
        ("0.12345678901234567892", "0.12345678901234567892"),
        ("9007199254740993.0", "9007199254740993"),
        ("9007199254740993e-1", "900719925474099.3"),
        ("1e-400", &format!("0.{}1", "0".repeat(399))),
    ] {
        assert_eq!(id_of(value), Ok(id.into()), "{value}");
    }
}

#[test]
fn a_number_of_more_than_512_digits_is_no_id() {
    let digits = "9".repeat(300);
    assert_eq!(id_of(&digits), Ok(digits));
    // Within the range of a double, but longer than an id in plain digits.
    for value in [format!("1.{}", "9".repeat(512)), format!("1{}e-600", "0".repeat(80)), "1e-99999".into()] {
        let error = id_of(&value).unwrap_err();
        assert_eq!(error.error_type, "invalid_id", "{value}");
        assert!(error.reason.contains("bytes in plain digits"), "{error}");
    }
}

#[test]
fn texts_that_differ_only_in_half_a_surrogate_pair_are_no_ids_and_never_one_document() {
    for half in [r#""a\ud800""#, r#""a\udbffb""#, r#""\uDC00""#, r#""\ufffd\ud800""#, r#""\\\ud800""#] {
        let error = id_of(half).unwrap_err();
        assert_eq!(error.error_type, "invalid_id", "{half}");
        assert!(error.reason.contains("half of a surrogate pair"), "{error}");
    }
    for (whole, id) in [
        (r#""a\ufffd""#, "a\u{fffd}"),
        ("\"a\u{fffd}\"", "a\u{fffd}"),
        (r#""\ud83d\ude00""#, "\u{1f600}"),
        (r#""\\ud800\ufffd""#, "\\ud800\u{fffd}"),
    ] {
        assert_eq!(id_of(whole), Ok(id.into()), "{whole}");
    }
    // In another field it does not matter.
    let router = Router::new(None, IndexPattern::parse("logs").unwrap(), IdRule::Field(path("id")));
    let action = route(&router, r#"{"x":"\ud800","id":"a\ufffd"}"#).unwrap();
    assert!(action.contains("a\u{fffd}"), "{action}");
    // The name of an index takes no such character at all.
    let router = Router::new(None, IndexPattern::parse("logs-%{n}").unwrap(), IdRule::None);
    assert_eq!(route(&router, r#"{"n":"a\ud800"}"#).unwrap_err().error_type, "invalid_index");
}

#[test]
fn an_index_name_takes_a_number_exactly_too() {
    let router = Router::new(None, IndexPattern::parse("logs-%{n}").unwrap(), IdRule::None);
    for (value, index) in [
        ("18446744073709551617", "logs-18446744073709551617"),
        ("20.0", "logs-20"),
        ("-0.5", "logs--0.5"),
        ("0.12345678901234567892", "logs-0.12345678901234567892"),
    ] {
        assert_eq!(index_of(&route(&router, &format!(r#"{{"n":{value}}}"#)).unwrap()), index);
    }
    let error = route(&router, r#"{"n":1e-300}"#).unwrap_err();
    assert_eq!(error.error_type, "invalid_index");
}
