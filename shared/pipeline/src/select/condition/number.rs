//! Compares numbers like event-ruler: as doubles, if the double represents the written number exactly.
//!
//! A number is comparable if its decimal digits equal the shortest digits of its double. `9007199254740993` is not comparable,
//! since its double is written `9007199254740992`. Such a number equals only the same text, and lies in no
//! range. So account numbers of twenty digits stay distinct.

use crate::decode::{Event, Number, Value};

/// A number, as it can be compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::select) enum Comparable<'t> {
    /// By its value.
    Double(f64),
    /// By its text alone.
    Text(&'t str),
}

/// All integers up to this value are exact as doubles.
const EXACT: i128 = 1 << 53;
/// Decimals with this many digits always have distinct doubles.
const EXACT_DIGITS: usize = 15;

impl<'t> Comparable<'t> {
    /// Reads a number as JSON writes it.
    pub(in crate::select) fn parse(text: &'t str) -> Self {
        match text.parse::<f64>() {
            Ok(double) if double.is_finite() && says_what_was_written(double, text) => Self::Double(double),
            _ => Self::Text(text),
        }
    }

    /// The number of an event.
    #[inline]
    pub(in crate::select) fn of(event: &Event<'t>, value: Value<'t>, number: Number) -> Self {
        match number {
            Number::Integer(integer) if integer.abs() <= EXACT => Self::Double(number.as_f64()),
            _ => {
                let bytes = event.bytes_of(value).unwrap_or_default();
                if bytes.len() <= EXACT_DIGITS && !bytes.iter().any(|byte| byte.eq_ignore_ascii_case(&b'e')) {
                    return Self::Double(number.as_f64());
                }
                Self::parse(std::str::from_utf8(bytes).unwrap_or_default())
            }
        }
    }
}

fn says_what_was_written(double: f64, text: &str) -> bool {
    let written = Decimal::parse(text);
    written.digits.len() <= EXACT_DIGITS && (double != 0.0 || written.digits.is_empty())
        || written == Decimal::parse(&format!("{double:e}"))
}

/// A decimal number in canonical form: no zero at either end.
#[derive(Debug, PartialEq, Eq)]
struct Decimal {
    is_negative: bool,
    digits: String,
    /// The exponent of the last digit.
    exponent: i64,
}

impl Decimal {
    fn parse(text: &str) -> Self {
        let (text, is_negative) = text.strip_prefix('-').map_or((text, false), |rest| (rest, true));
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let digits = all.trim_end_matches('0');
        let zeros = all.len() - digits.len();
        let digits = digits.trim_start_matches('0');
        if digits.is_empty() {
            return Self { is_negative: false, digits: String::new(), exponent: 0 };
        }
        // No double has an exponent beyond an i64.
        let exponent: i64 = exponent.parse().unwrap_or(i64::MAX / 2);
        let moved = i64::try_from(zeros).unwrap_or_default() - i64::try_from(fraction.len()).unwrap_or_default();
        Self { is_negative, digits: digits.into(), exponent: exponent.saturating_add(moved) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_comparable_where_its_double_says_what_was_written() {
        for (text, double) in [
            ("0", Some(0.0)),
            ("-0", Some(0.0)),
            ("-0.000e5", Some(0.0)),
            ("1", Some(1.0)),
            ("1.00", Some(1.0)),
            ("100e-2", Some(1.0)),
            ("-33.5", Some(-33.5)),
            ("0.1", Some(0.1)),
            ("9007199254740992", Some(9_007_199_254_740_992.0)),
            ("9007199254740993", None),
            ("9007199254740994", Some(9_007_199_254_740_994.0)),
            ("12345678901234567890", None),
            ("12345678901234567000", Some(12_345_678_901_234_567_000.0)),
            ("0.1000000000000000055511151231257827", None),
            ("1.7976931348623157e308", Some(f64::MAX)),
            ("1.7976931348623159e308", None),
            ("5e-324", Some(5e-324)),
            ("1e-400", None),
            ("1e400", None),
            ("1e99999999999999999999", None),
        ] {
            let expected = double.map_or(Comparable::Text(text), Comparable::Double);
            assert_eq!(Comparable::parse(text), expected, "{text}");
        }
    }
}
