//! The time that an event carries.
//!
//! In: the event's field and how it is written. Out: milliseconds since 1970, `None` where the event has no time, or a
//! [`RouteError`]. Deliberately absent: time zones by name where the text carries none; no zone means UTC.

use jiff::{fmt::strtime::BrokenDownTime, tz::TimeZone};

use super::{RouteError, iso};
use crate::decode::{Event, Number, Path, Scalar, Value};

/// Where an event's time stands and how it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timestamp {
    field: Path,
    /// Tried in their order.
    formats: Vec<TimestampFormat>,
}

/// How a time is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimestampFormat {
    /// RFC 3339 (a missing zone is UTC, a space may stand for the T, a date alone is its midnight), or a number or
    /// numeric string: seconds since 1970 where it is below 10^11, else milliseconds.
    Auto,
    /// RFC 3339 with the same freedoms.
    Rfc3339,
    /// Seconds since 1970, a number or numeric string, may be fractional.
    EpochS,
    /// Milliseconds since 1970, a number or numeric string.
    EpochMs,
    /// A strptime format such as `%d/%b/%Y:%H:%M:%S %z`; without a zone in it UTC.
    Strptime(String),
}

/// Numbers from here on are milliseconds: as seconds this is the year 5138, as milliseconds 1973.
const MILLISECONDS_FROM: f64 = 1e11;

impl TimestampFormat {
    /// Parses the configuration's word for a format.
    ///
    /// # Errors
    /// What is wrong, with the accepted forms: the configuration is refused.
    pub fn parse(text: &str) -> Result<Self, String> {
        const FORMS: &str =
            "a format is `rfc3339`, `epoch_s`, `epoch_ms`, or a strptime format such as \"%d/%b/%Y:%H:%M:%S %z\"";
        match text {
            "auto" => return Ok(Self::Auto),
            "rfc3339" => return Ok(Self::Rfc3339),
            "epoch_s" => return Ok(Self::EpochS),
            "epoch_ms" => return Ok(Self::EpochMs),
            _ if !text.contains('%') => return Err(format!("`{text}` is no format of a time; {FORMS}")),
            _ => {}
        }
        // A time written in it and read back shows what a first event would: unknown letters, a missing year or day.
        let sample = jiff::Timestamp::from_second(1_795_348_923).map(|at| at.to_zoned(TimeZone::UTC));
        let written = sample
            .map_err(|error| error.to_string())
            .and_then(|sample| jiff::fmt::strtime::format(text, &sample).map_err(|error| error.to_string()))
            .and_then(|sample| read_strptime(text, &sample).map(|_| ()));
        match written {
            Ok(()) => Ok(Self::Strptime(text.into())),
            Err(error) => Err(format!("`{text}` cannot be read as a time: {error}; {FORMS}")),
        }
    }
}

impl TimestampFormat {
    /// Reads a value that is a number, a text, or both.
    fn read(&self, number: Option<Number>, text: Option<&str>) -> Option<i64> {
        match self {
            Self::Auto => match number {
                Some(number) if number.as_f64().abs() < MILLISECONDS_FROM => milliseconds(number, 1_000),
                Some(number) => milliseconds(number, 1),
                None => text.and_then(instant),
            },
            Self::Rfc3339 => text.and_then(instant),
            Self::EpochS => number.and_then(|number| milliseconds(number, 1_000)),
            Self::EpochMs => number.and_then(|number| milliseconds(number, 1)),
            Self::Strptime(format) => text.and_then(|text| read_strptime(format, text).ok()),
        }
    }

    /// For a message.
    fn form(&self) -> &str {
        match self {
            Self::Auto => "RFC 3339 or seconds or milliseconds since 1970",
            Self::Rfc3339 => "RFC 3339",
            Self::EpochS => "seconds since 1970",
            Self::EpochMs => "milliseconds since 1970",
            Self::Strptime(format) => format,
        }
    }
}

impl Timestamp {
    /// The time in `field`, written in one of `formats`, of which the first that can read it does.
    pub fn new(field: Path, formats: Vec<TimestampFormat>) -> Self {
        Self { field, formats }
    }

    /// The field's path.
    pub fn field(&self) -> &Path {
        &self.field
    }

    /// How it is written, in the order in which it is tried.
    pub fn formats(&self) -> &[TimestampFormat] {
        &self.formats
    }

    /// The event's time, `None` where the field is missing or `null`.
    #[inline]
    pub(crate) fn read(&self, event: &Event<'_>) -> Result<Option<i64>, RouteError> {
        let Some(value) = event.get(&self.field) else { return Ok(None) };
        if let (Some(Scalar::String(text)), TimestampFormat::Auto | TimestampFormat::Rfc3339) =
            (value.scalar(), self.formats.first().unwrap_or(&TimestampFormat::Auto))
            && let Some(time_ms) = iso::parse_utc_instant(text.as_bytes())
        {
            return Ok(Some(time_ms));
        }
        self.read_rare(value)
    }

    #[inline(never)]
    fn read_rare(&self, value: Value<'_>) -> Result<Option<i64>, RouteError> {
        let scalar = value.scalar();
        if scalar == Some(Scalar::Null) {
            return Ok(None);
        }
        let number = match scalar {
            Some(Scalar::Number(number)) => Some(number),
            Some(Scalar::String(text)) => Number::parse(text),
            _ => None,
        };
        let text = match scalar {
            Some(Scalar::String(text)) => Some(text),
            _ => None,
        };
        let time_ms = self.formats.iter().find_map(|format| format.read(number, text));
        time_ms.map(Some).ok_or_else(|| self.unreadable(scalar))
    }

    #[cold]
    fn unreadable(&self, scalar: Option<Scalar<'_>>) -> RouteError {
        let shown = match scalar {
            Some(Scalar::String(text)) => format!("{:?}", text.chars().take(60).collect::<String>()),
            Some(Scalar::Number(Number::Integer(number))) => number.to_string(),
            Some(Scalar::Number(Number::Float(number))) => number.to_string(),
            Some(Scalar::Bool(value)) => value.to_string(),
            Some(Scalar::Null) => "null".into(),
            None => "an array or object".into(),
        };
        let forms: Vec<&str> = self.formats.iter().map(TimestampFormat::form).collect();
        let form = forms.join(" or ");
        RouteError {
            error_type: "invalid_timestamp",
            reason: format!("the time in `{}` is {shown}, which is not {form}", self.field),
        }
    }
}

/// A whole instant or date; a year or month alone is none.
fn instant(text: &str) -> Option<i64> {
    iso::parse(text).filter(|date| date.precision >= iso::Precision::Day).map(|date| date.start_ms)
}

/// A number of seconds (`unit` 1000) or milliseconds (1), cut to milliseconds.
fn milliseconds(number: Number, unit: i32) -> Option<i64> {
    match number {
        Number::Integer(integer) => i64::try_from(integer.checked_mul(unit.into())?).ok(),
        Number::Float(float) => {
            // Rounded first to a microsecond: 1700000000.123 is a little less than that in binary.
            let ms = ((float * f64::from(unit) * 1_000.0).round() / 1_000.0).floor();
            #[expect(clippy::cast_possible_truncation, reason = "checked to be far within an i64")]
            let whole = (ms.abs() < 1e18).then_some(ms as i64);
            whole
        }
    }
}

fn read_strptime(format: &str, text: &str) -> Result<i64, String> {
    let parsed = BrokenDownTime::parse(format, text).map_err(|error| error.to_string())?;
    if parsed.iana_time_zone().is_some() {
        return Err("a zone by name (%Q); write its offset (%z)".into());
    }
    if parsed.timestamp().is_some() || parsed.offset().is_some() {
        return Ok(parsed.to_timestamp().map_err(|error| error.to_string())?.as_millisecond());
    }
    let at = parsed.to_datetime().map_err(|error| error.to_string())?;
    Ok(at.to_zoned(TimeZone::UTC).map_err(|error| error.to_string())?.timestamp().as_millisecond())
}
