//! The notation of a time: RFC 3339, a count of some unit since 1970, or a strptime format.
//!
//! In: a value that is a number, a text, or both. Out: milliseconds since 1970, or nothing if the value does not have the format.
//! Deliberately absent: the accepted range of times ([`Timestamp`](super::Timestamp)).

use jiff::{fmt::strtime::BrokenDownTime, tz::TimeZone};

use super::super::zone::Zone;
use crate::decode::Number;
use crate::time;

/// The notation of a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimestampFormat {
    /// RFC 3339 (with a space instead of the T, or only a date for its midnight), or a number or numeric string: seconds since
    /// 1970 below 10^11, milliseconds below 10^14, microseconds below 10^17, otherwise nanoseconds.
    Auto,
    /// RFC 3339 with the same variants.
    Rfc3339,
    /// Seconds since 1970, a number or numeric string. May be fractional.
    EpochS,
    /// Milliseconds since 1970, a number or numeric string.
    EpochMs,
    /// Microseconds since 1970, a number or numeric string.
    EpochUs,
    /// Nanoseconds since 1970, a number or numeric string.
    EpochNs,
    /// A strptime format such as `%d/%b/%Y:%H:%M:%S %z`.
    Strptime(String),
}

impl TimestampFormat {
    /// Parses the name of a format in the configuration.
    ///
    /// # Errors
    /// A description of the fault, with the accepted forms. The configuration is refused.
    pub fn parse(text: &str) -> Result<Self, String> {
        const FORMS: &str = "a format is `auto`, `rfc3339`, `epoch_s`, `epoch_ms`, `epoch_us`, `epoch_ns`, or a strptime \
                             format such as \"%d/%b/%Y:%H:%M:%S %z\"";
        match text {
            "auto" => return Ok(Self::Auto),
            "rfc3339" => return Ok(Self::Rfc3339),
            "epoch_s" => return Ok(Self::EpochS),
            "epoch_ms" => return Ok(Self::EpochMs),
            "epoch_us" => return Ok(Self::EpochUs),
            "epoch_ns" => return Ok(Self::EpochNs),
            _ if !text.contains('%') => return Err(format!("`{text}` is not a time format; {FORMS}")),
            _ => {}
        }
        // Writes a time in the format and reads it back. This finds the faults that the first event would find: unknown letters, a missing
        // year or day.
        match sample(text).and_then(|sample| read_strptime(text, &sample, None).map(drop)) {
            Ok(()) => Ok(Self::Strptime(text.into())),
            Err(error) => Err(format!("`{text}` cannot be read as a time: {error}; {FORMS}")),
        }
    }

    /// Whether the format can read a text without an offset from UTC.
    pub(crate) fn reads_local_times(&self) -> bool {
        match self {
            Self::Auto | Self::Rfc3339 => true,
            Self::EpochS | Self::EpochMs | Self::EpochUs | Self::EpochNs => false,
            Self::Strptime(format) => {
                let parsed = sample(format).ok().and_then(|sample| BrokenDownTime::parse(format, sample).ok());
                parsed.is_none_or(|parsed| parsed.timestamp().is_none() && parsed.offset().is_none())
            }
        }
    }

    /// Reads a value that is a number, a text, or both. A text without an offset uses the zone's clock, or UTC without a zone.
    pub(super) fn read(&self, number: Option<Number>, text: Option<&str>, zone: Option<&Zone>) -> Option<i64> {
        match self {
            Self::Auto => match number {
                Some(number) => Unit::of(number).milliseconds(number),
                None => text.and_then(|text| instant(text, zone)),
            },
            Self::Rfc3339 => text.and_then(|text| instant(text, zone)),
            Self::EpochS => number.and_then(|number| Unit::Seconds.milliseconds(number)),
            Self::EpochMs => number.and_then(|number| Unit::Milliseconds.milliseconds(number)),
            Self::EpochUs => number.and_then(|number| Unit::Microseconds.milliseconds(number)),
            Self::EpochNs => number.and_then(|number| Unit::Nanoseconds.milliseconds(number)),
            Self::Strptime(format) => text.and_then(|text| read_strptime(format, text, zone).ok()),
        }
    }

    /// The name for a message.
    pub(super) fn form(&self) -> &str {
        match self {
            Self::Auto => "RFC 3339 or seconds, milliseconds, microseconds or nanoseconds since 1970",
            Self::Rfc3339 => "RFC 3339",
            Self::EpochS => "seconds since 1970",
            Self::EpochMs => "milliseconds since 1970",
            Self::EpochUs => "microseconds since 1970",
            Self::EpochNs => "nanoseconds since 1970",
            Self::Strptime(format) => format,
        }
    }
}

/// The unit of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Seconds,
    Milliseconds,
    Microseconds,
    Nanoseconds,
}

impl Unit {
    /// Guesses the unit from the size of the number. Each unit covers the years 1973 to 5138, and the ranges have no gap.
    fn of(number: Number) -> Self {
        let digits = |power: u32| match number {
            Number::Integer(integer) => integer.unsigned_abs() < 10_u128.pow(power),
            Number::Float(float) => float.abs() < 10_f64.powi(power.cast_signed()),
        };
        if digits(11) {
            Self::Seconds
        } else if digits(14) {
            Self::Milliseconds
        } else if digits(17) {
            Self::Microseconds
        } else {
            Self::Nanoseconds
        }
    }

    /// Truncates to milliseconds.
    fn milliseconds(self, number: Number) -> Option<i64> {
        match number {
            Number::Integer(integer) => {
                let ms = match self {
                    Self::Seconds => integer.checked_mul(1_000)?,
                    Self::Milliseconds => integer,
                    Self::Microseconds => integer.div_euclid(1_000),
                    Self::Nanoseconds => integer.div_euclid(1_000_000),
                };
                i64::try_from(ms).ok()
            }
            Number::Float(float) => {
                let ms = match self {
                    Self::Seconds => float * 1_000.0,
                    Self::Milliseconds => float,
                    Self::Microseconds => float / 1_000.0,
                    Self::Nanoseconds => float / 1_000_000.0,
                };
                // Rounded first to a microsecond: in binary, 1700000000.123 is slightly less than that.
                let ms = ((ms * 1_000.0).round() / 1_000.0).floor();
                #[expect(clippy::cast_possible_truncation, reason = "checked to be far within an i64")]
                let whole = (ms.abs() < 1e18).then_some(ms as i64);
                whole
            }
        }
    }
}

/// A complete instant or date. A year or month alone is not accepted.
fn instant(text: &str, zone: Option<&Zone>) -> Option<i64> {
    let date = time::parse(text).filter(|date| date.precision >= time::Precision::Day)?;
    in_zone(date.start_ms, zone.filter(|_| !date.has_offset))
}

fn in_zone(local_ms: i64, zone: Option<&Zone>) -> Option<i64> {
    zone.map_or(Some(local_ms), |zone| zone.instant_ms(local_ms))
}

/// A time of 2026, written in a strptime format.
fn sample(format: &str) -> Result<String, String> {
    let at = jiff::Timestamp::from_second(1_795_348_923).map(|at| at.to_zoned(TimeZone::UTC));
    at.and_then(|at| jiff::fmt::strtime::format(format, &at)).map_err(|error| error.to_string())
}

fn read_strptime(format: &str, text: &str, zone: Option<&Zone>) -> Result<i64, String> {
    let parsed = BrokenDownTime::parse(format, text).map_err(|error| error.to_string())?;
    if parsed.iana_time_zone().is_some() {
        return Err("a zone by name (%Q); write its offset (%z), or give it as `timezone`".into());
    }
    if parsed.timestamp().is_some() || parsed.offset().is_some() {
        return Ok(parsed.to_timestamp().map_err(|error| error.to_string())?.as_millisecond());
    }
    let at = parsed.to_datetime().map_err(|error| error.to_string())?;
    let local = at.to_zoned(TimeZone::UTC).map_err(|error| error.to_string())?.timestamp().as_millisecond();
    in_zone(local, zone).ok_or_else(|| "a time beyond the year 9999".into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn auto(text: &str) -> Option<i64> {
        TimestampFormat::Auto.read(Number::parse(text), Some(text), None)
    }

    #[test]
    fn the_size_of_a_number_tells_its_unit_up_to_the_last_digit() {
        for (text, ms) in [
            ("99999999999", 99_999_999_999_000),
            ("100000000000", 100_000_000_000),
            ("99999999999999", 99_999_999_999_999),
            ("100000000000000", 100_000_000_000),
            ("99999999999999999", 99_999_999_999_999),
            ("100000000000000000", 100_000_000_000),
            ("-99999999999", -99_999_999_999_000),
            ("-100000000000000001", -100_000_000_001),
            ("1795773600123456", 1_795_773_600_123),
            ("1795773600123456789", 1_795_773_600_123),
            ("1.795773600123456e15", 1_795_773_600_123),
            ("1795773600.123456", 1_795_773_600_123),
            ("18446744073709551615", 18_446_744_073_709),
        ] {
            assert_eq!(auto(text), Some(ms), "{text}");
        }
    }

    #[test]
    fn which_formats_read_times_of_a_local_clock() {
        for (format, is_local) in [
            ("auto", true),
            ("rfc3339", true),
            ("epoch_s", false),
            ("epoch_ns", false),
            ("%Y-%m-%d", true),
            ("%Y-%m-%d %H:%M:%S %z", false),
            ("%s", false),
        ] {
            assert_eq!(TimestampFormat::parse(format).unwrap().reads_local_times(), is_local, "{format}");
        }
    }

    proptest! {
        #[test]
        fn an_instant_counted_in_any_unit_is_read_back(ms in 100_000_000_001_i64..99_999_999_999_000, rest in 0_i128..1_000_000) {
            let ns = i128::from(ms) * 1_000_000 + rest;
            for (format, count, expected) in [
                (TimestampFormat::EpochS, ns / 1_000_000_000, ms - ms.rem_euclid(1_000)),
                (TimestampFormat::EpochMs, ns / 1_000_000, ms),
                (TimestampFormat::EpochUs, ns / 1_000, ms),
                (TimestampFormat::EpochNs, ns, ms),
            ] {
                let text = count.to_string();
                let number = Number::parse(&text);
                // Beyond 64 bits a number is a double, with the precision of a double.
                let slack = if count > i128::from(u64::MAX) { 20 } else { 0 };
                let read = format.read(number, Some(&text), None).unwrap();
                prop_assert!((read - expected).abs() <= slack, "{} {} {}", text, read, expected);
                // From 1973 on, the unit follows from the size.
                prop_assert_eq!(auto(&text), Some(read), "{}", text);
            }
        }
    }
}
