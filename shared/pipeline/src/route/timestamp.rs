//! The time in an event.
//!
//! In: the event's field, its formats, and the accepted range of times. Out: milliseconds since 1970, `None` if the event
//! has no time, or a [`RouteError`].

mod format;

pub use format::TimestampFormat;

use super::{error::RouteError, zone::Zone};
use crate::decode::{Event, Number, Path, Scalar, Value};
use crate::time;

/// Events before 2000-01-01 come from a broken clock. They would be spread over a thousand indices.
pub(crate) const EARLIEST_MS: i64 = 946_684_800_000;
/// The last millisecond that RFC 3339 can represent.
pub(crate) const LATEST_MS: i64 = 253_402_300_799_999;

/// The field and the formats of an event's time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timestamp {
    field: Path,
    /// Tried in this order.
    formats: Vec<TimestampFormat>,
    /// The zone of texts without an offset. UTC if absent.
    zone: Option<Zone>,
    /// Earlier times are rejected.
    earliest_ms: i64,
}

impl Timestamp {
    /// The time in `field`, in one of `formats`. The first format that reads an accepted time is used, otherwise the first that can read it.
    pub fn new(field: Path, formats: Vec<TimestampFormat>) -> Self {
        Self { field, formats, zone: None, earliest_ms: EARLIEST_MS }
    }

    /// Sets the zone of texts without an offset.
    #[must_use]
    pub fn in_zone(self, zone: Option<Zone>) -> Self {
        Self { zone, ..self }
    }

    /// Accepts times from `earliest_ms` on. The default is the year 2000.
    #[must_use]
    pub fn since(self, earliest_ms: Option<i64>) -> Self {
        Self { earliest_ms: earliest_ms.unwrap_or(EARLIEST_MS), ..self }
    }

    /// The field's path.
    pub fn field(&self) -> &Path {
        &self.field
    }

    /// The formats, in the order in which they are tried.
    pub fn formats(&self) -> &[TimestampFormat] {
        &self.formats
    }

    /// The zone of texts without an offset. UTC if absent.
    pub fn zone(&self) -> Option<&Zone> {
        self.zone.as_ref()
    }

    /// Whether a time is in the accepted range.
    #[inline]
    pub(super) fn admits(&self, time_ms: i64, latest_ms: i64) -> bool {
        (self.earliest_ms..=latest_ms).contains(&time_ms)
    }

    /// The event's time. `None` if the field is missing or `null`. If several formats can read it, the result is the first time
    /// between `earliest` and `latest_ms`. If there is none, the result of the first format.
    #[inline]
    pub(crate) fn read(&self, event: &Event<'_>, latest_ms: i64) -> Result<Option<i64>, RouteError> {
        let Some(value) = event.get(&self.field) else { return Ok(None) };
        if let (Some(Scalar::String(text)), TimestampFormat::Auto | TimestampFormat::Rfc3339) =
            (value.scalar(), self.formats.first().unwrap_or(&TimestampFormat::Auto))
            && let Some(time_ms) = time::parse_utc_instant(text.as_bytes())
            && (self.admits(time_ms, latest_ms) || self.formats.len() <= 1)
        {
            return Ok(Some(time_ms));
        }
        self.read_rare(value, latest_ms)
    }

    #[inline(never)]
    fn read_rare(&self, value: Value<'_>, latest_ms: i64) -> Result<Option<i64>, RouteError> {
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
        let mut first = None;
        for format in &self.formats {
            let Some(time_ms) = format.read(number, text, self.zone.as_ref()) else { continue };
            if self.admits(time_ms, latest_ms) {
                return Ok(Some(time_ms));
            }
            first.get_or_insert(time_ms);
        }
        first.map(Some).ok_or_else(|| self.unreadable(scalar))
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

    /// The reason why a time is out of range.
    #[cold]
    pub(super) fn absurd(&self, time_ms: i64, record_time_ms: i64) -> RouteError {
        let why = if time_ms < self.earliest_ms {
            let earliest = show(self.earliest_ms);
            format!("before {}", earliest.strip_suffix("T00:00:00Z").unwrap_or(&earliest))
        } else {
            "more than a day after its record".to_owned()
        };
        RouteError {
            error_type: "absurd_timestamp",
            reason: format!("the time in `{}` is {}, {why} ({})", self.field, show(time_ms), show(record_time_ms)),
        }
    }
}

fn show(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| format!("{ms} ms since 1970"), |time| time.to_string())
}
