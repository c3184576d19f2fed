//! The exact value of a number in an event, in plain decimal digits.
//!
//! In: a number as JSON writes it. Out: no exponent, no zero at the end of a fraction, no sign of a whole zero: `1.0`, `1e0`
//! and `1` all become `1`. It is used in names (document ids, indices, partition keys), where two different numbers must not get
//! the same name. Deliberately absent: doubles, which distinguish only about seventeen digits.

use super::{
    event::Event,
    value::{Number, Value},
};

/// The plain digits would be longer than the caller's limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLong {
    /// The length that they would have, in bytes.
    pub(crate) bytes: u64,
}

impl<'e> Event<'e> {
    /// Appends a number of this event in plain digits, at most `most` bytes.
    #[inline]
    pub(crate) fn push_exact(
        &self,
        value: Value<'e>,
        number: Number,
        most: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), TooLong> {
        match number {
            Number::Integer(integer) => {
                push_integer(out, integer);
                Ok(())
            }
            // A value that was looked up in an event always has bytes in it.
            Number::Float(_) => push_plain(self.bytes_of(value).unwrap_or_default(), most, out),
        }
    }
}

/// Appends the digits of an integer.
#[inline]
fn push_integer(out: &mut Vec<u8>, integer: i128) {
    match u64::try_from(integer) {
        Ok(integer) => push_decimal(out, integer),
        Err(_) => out.extend_from_slice(integer.to_string().as_bytes()),
    }
}

/// Appends the digits of a number.
#[inline]
pub(crate) fn push_decimal(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Whether two numbers, as JSON writes them, have the same value.
pub(crate) fn is_same_number(left: &str, right: &str) -> bool {
    let [left, right] = [left, right].map(|text| Written::read(text.as_bytes()));
    let (of_left, of_right) = (left.digits(), right.digits());
    let is_zero = of_left.0.is_empty() && of_right.0.is_empty();
    is_zero || (left.is_negative == right.is_negative && of_left == of_right)
}

/// A number as it is written, split into its parts.
struct Written<'t> {
    is_negative: bool,
    whole: &'t [u8],
    fraction: &'t [u8],
    exponent: i64,
    is_integer: bool,
}

impl<'t> Written<'t> {
    fn read(text: &'t [u8]) -> Self {
        let (is_negative, unsigned) = text.strip_prefix(b"-").map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = split_at(unsigned, |byte| matches!(byte, b'e' | b'E'));
        let (whole, fraction) = split_at(mantissa, |byte| byte == b'.');
        Self {
            is_negative,
            whole,
            fraction: fraction.unwrap_or_default(),
            exponent: exponent.map_or(0, saturating),
            is_integer: exponent.is_none() && fraction.is_none(),
        }
    }

    /// The significant digits, without the zeros at both ends, and the number of digits before the point. This number is negative if
    /// the fraction begins with zeros.
    fn digits(&self) -> (Vec<u8>, i64) {
        let mut digits = [self.whole, self.fraction].concat();
        while digits.last() == Some(&b'0') {
            digits.pop();
        }
        let leading = digits.iter().take_while(|digit| **digit == b'0').count();
        digits.drain(..leading);
        let point = i64::try_from(self.whole.len()).unwrap_or(i64::MAX) - i64::try_from(leading).unwrap_or(i64::MAX);
        (digits, point.saturating_add(self.exponent))
    }
}

/// The bytes before the first border byte, and the bytes after it.
fn split_at(text: &[u8], is_border: impl Fn(u8) -> bool) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|byte| is_border(*byte)) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}

/// An exponent. An extreme exponent is saturated: its plain digits exceed every limit anyway.
fn saturating(text: &[u8]) -> i64 {
    const BEYOND: i64 = i64::MAX / 4;
    let parsed = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    let beyond = if text.first() == Some(&b'-') { -BEYOND } else { BEYOND };
    parsed.map_or(beyond, |exponent: i64| exponent.clamp(-BEYOND, BEYOND))
}

/// Appends a number in plain digits, at most `most` bytes. The length is known before the first digit is written.
fn push_plain(text: &[u8], most: usize, out: &mut Vec<u8>) -> Result<(), TooLong> {
    let written = Written::read(text);
    let (digits, point) = written.digits();
    if digits.is_empty() {
        // An integer has one zero. Ids of former releases distinguish `-0.0` from it, so this stays.
        out.extend_from_slice(if written.is_negative && !written.is_integer { b"-0" } else { b"0" });
        return Ok(());
    }
    let before = point.max(1).unsigned_abs();
    let after = i64::try_from(digits.len()).unwrap_or(i64::MAX).saturating_sub(point);
    let fraction = if after > 0 { 1 + after.unsigned_abs() } else { 0 };
    let bytes = u64::from(written.is_negative) + before + fraction;
    if bytes > most as u64 {
        return Err(TooLong { bytes });
    }
    if written.is_negative {
        out.push(b'-');
    }
    push_digits(&digits, point, out);
    Ok(())
}

/// Appends digits with a point after the first `point` of them.
fn push_digits(digits: &[u8], point: i64, out: &mut Vec<u8>) {
    let zeros = |count: u64| std::iter::repeat_n(b'0', usize::try_from(count).unwrap_or_default());
    let (before, after) = digits.split_at(usize::try_from(point).unwrap_or(0).min(digits.len()));
    if before.is_empty() {
        out.push(b'0');
    }
    out.extend_from_slice(before);
    if after.is_empty() {
        out.extend(zeros(point.unsigned_abs() - digits.len() as u64));
        return;
    }
    out.push(b'.');
    out.extend(zeros(point.min(0).unsigned_abs()));
    out.extend_from_slice(after);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain(text: &str) -> String {
        let mut out = Vec::new();
        push_plain(text.as_bytes(), 2_000_000, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_are_the_same_if_their_values_are() {
        for (left, right, expected) in [
            ("1", "1.0", true),
            ("1e2", "100", true),
            ("0.05", "5e-2", true),
            ("0", "-0.0", true),
            ("0e9", "0", true),
            ("0", "1e-400", false),
            ("1", "-1", false),
            ("18446744073709551616", "18446744073709551617", false),
            ("0.1", "0.10000000000000000001", false),
        ] {
            assert_eq!(is_same_number(left, right), expected, "{left} {right}");
        }
    }

    #[test]
    fn every_way_to_write_a_number_has_one_plain_text() {
        for (text, expected) in [
            ("0", "0"),
            ("-0", "0"),
            ("0.0", "0"),
            ("-0.0", "-0"),
            ("-0e9", "-0"),
            ("1", "1"),
            ("1.0", "1"),
            ("1e0", "1"),
            ("1E+00", "1"),
            ("10e-1", "1"),
            ("0.1e1", "1"),
            ("1e3", "1000"),
            ("1000", "1000"),
            ("1.50", "1.5"),
            ("-15e-1", "-1.5"),
            ("12.5e-3", "0.0125"),
            ("0.00012", "0.00012"),
            ("120e-6", "0.00012"),
            ("123.456e1", "1234.56"),
            ("100.10", "100.1"),
            ("18446744073709551617", "18446744073709551617"),
            ("0.12345678901234567891", "0.12345678901234567891"),
            ("1e-0000000000000000000000000000003", "0.001"),
        ] {
            assert_eq!(plain(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_too_long_is_known_before_it_is_written() {
        for (text, bytes) in
            [("1e600", 601), ("-1e600", 602), ("1e-600", 602), ("15e-1", 3), ("1e-99999999999999999999", u64::MAX / 8)]
        {
            let mut out = b"before".to_vec();
            let error = push_plain(text.as_bytes(), 2, &mut out).unwrap_err();
            assert_eq!(out, b"before");
            assert!(if bytes < 1_000 { error.bytes == bytes } else { error.bytes >= bytes }, "{text}: {error:?}");
        }
        assert_eq!(push_plain(b"1e511", 512, &mut Vec::new()), Ok(()));
        assert_eq!(push_plain(b"1e512", 512, &mut Vec::new()), Err(TooLong { bytes: 513 }));
    }

    /// The notation of former releases: the shortest digits of the nearest double.
    fn of_double(text: &str) -> String {
        format!("{}", text.parse::<f64>().unwrap())
    }

    proptest! {
        #[test]
        fn where_the_text_of_a_double_was_exact_it_stays(double in any::<f64>().prop_filter("a number", |d| d.is_finite())) {
            // Both notations for the shortest digits of a double.
            for text in [format!("{double:?}"), format!("{double:e}")] {
                if text.contains(['.', 'e']) {
                    prop_assert_eq!(plain(&text), of_double(&text), "{}", text);
                }
            }
        }

        #[test]
        fn two_numbers_have_one_text_where_they_are_equal_and_only_there(
            digits in "[0-9]{1,30}", zeros in 0_usize..5, shift in 0_usize..40, other in "[0-9]{1,30}",
        ) {
            let whole = |digits: &str| digits.trim_start_matches('0').to_owned();
            let text = format!("{}{}e-{zeros}", whole(&digits), "0".repeat(zeros));
            let text = if whole(&digits).is_empty() { format!("0{text}") } else { text };
            let shifted = format!("0.{}{digits}e{}", "0".repeat(shift), shift + digits.len());
            prop_assert_eq!(plain(&text), plain(&shifted));
            prop_assert_eq!(whole(&digits) == whole(&other), plain(&text) == plain(&format!("{other}.0")));
        }
    }
}
