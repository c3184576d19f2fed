//! Makes values from an event: constants, texts, points, dates, and the event's position.

use super::{
    facts::{self, Fact},
    input::Input,
    made::Made,
    maker::{Maker, TextPart},
    making::Metadata,
    stored_time::StoredTime,
    walk,
};
use crate::{
    decode::{Event, Number, Path, Scalar},
    json,
    record::{Member, Position},
    route::{EARLIEST_MS, LATEST_MS, Timestamp},
    time::rfc3339,
};

/// The year 2100. A later time probably has another unit.
const LIKELY_MS: i64 = 4_102_444_800_000;

/// Why no value was made: its input is missing, or is invalid, which is counted.
enum Nothing {
    Missing,
    Invalid,
}

impl Made {
    /// Makes all values. Returns the number of values that could not be made.
    pub(super) fn make(&mut self, makers: &[Maker], of: Input<'_>, walk: &mut walk::Scratch) -> u64 {
        self.bytes.clear();
        self.values.clear();
        let mut left_out = 0;
        for maker in makers {
            let start = self.bytes.len();
            let made = match maker {
                Maker::Constant(json) => {
                    self.bytes.extend_from_slice(json.as_bytes());
                    Ok(())
                }
                Maker::Text(parts) => self.text(of, parts),
                Maker::GeoPoint { lat, lon } => self.geo_point(of.event, lat, lon),
                Maker::Date(timestamp) => self.date(of.event, timestamp),
                Maker::EventTime(stored) => self.event_time(of, stored),
                Maker::Metadata(metadata) => self.metadata(of.position, metadata, &mut left_out),
                Maker::Moved(path) => walk::moved(of, path, walk, &mut self.bytes).ok_or(Nothing::Missing),
            };
            let value = match made {
                Ok(()) => Some(start..self.bytes.len()),
                Err(nothing) => {
                    self.bytes.truncate(start);
                    left_out += u64::from(matches!(nothing, Nothing::Invalid));
                    None
                }
            };
            self.values.push(value);
        }
        left_out
    }

    fn text(&mut self, of: Input<'_>, parts: &[TextPart]) -> Result<(), Nothing> {
        self.bytes.push(b'"');
        for part in parts {
            let (path, hashed) = match part {
                TextPart::Literal(text) => {
                    json::push_escaped(&mut self.bytes, text);
                    continue;
                }
                TextPart::Field { path, hashed } => (path, *hashed),
            };
            let value = of.event.get(path).ok_or(Nothing::Missing)?;
            let scalar = value.scalar().ok_or(Nothing::Invalid)?;
            self.text.clear();
            match scalar {
                Scalar::Null => return Err(Nothing::Missing),
                Scalar::String(text) => self.text.extend_from_slice(text.as_bytes()),
                Scalar::Number(_) | Scalar::Bool(_) => {
                    self.text.extend_from_slice(of.event.bytes_of(value).ok_or(Nothing::Invalid)?);
                }
            }
            match of.key.filter(|_| hashed) {
                Some(key) => key.write(&self.text, &mut self.bytes),
                None => json::push_escaped(&mut self.bytes, std::str::from_utf8(&self.text).unwrap_or_default()),
            }
        }
        self.bytes.push(b'"');
        Ok(())
    }

    fn geo_point(&mut self, event: &Event<'_>, lat: &Path, lon: &Path) -> Result<(), Nothing> {
        match (coordinate(event, lat, 90.0), coordinate(event, lon, 180.0)) {
            (Ok(lat), Ok(lon)) => {
                for part in [&b"{\"lat\":"[..], lat, b",\"lon\":", lon, b"}"] {
                    self.bytes.extend_from_slice(part);
                }
                Ok(())
            }
            (Err(Nothing::Missing), Err(Nothing::Missing)) => Err(Nothing::Missing),
            _ => Err(Nothing::Invalid),
        }
    }

    fn date(&mut self, event: &Event<'_>, timestamp: &Timestamp) -> Result<(), Nothing> {
        let read = |latest_ms| timestamp.read(event, latest_ms).map_err(|_| Nothing::Invalid)?.ok_or(Nothing::Missing);
        // For example, 1975 in milliseconds would be the year 6969 in seconds. A time before 2000 from the first format is accepted, unless
        // another format reads a time before 2100.
        let near_ms = if timestamp.formats().len() > 1 { Some(read(LIKELY_MS)?) } else { None };
        let time_ms = match near_ms.filter(|near_ms| *near_ms < EARLIEST_MS) {
            Some(near_ms) => near_ms,
            None => read(LATEST_MS)?,
        };
        let text = rfc3339(time_ms).ok_or(Nothing::Invalid)?;
        json::push_string(&mut self.bytes, &text);
        Ok(())
    }

    fn event_time(&mut self, of: Input<'_>, stored: &StoredTime) -> Result<(), Nothing> {
        if stored.is_there(of.event) {
            return Err(Nothing::Missing);
        }
        let text = rfc3339(of.time_ms).ok_or(Nothing::Invalid)?;
        json::push_string(&mut self.bytes, &text);
        Ok(())
    }

    fn metadata(&mut self, position: Position<'_>, metadata: &Metadata, left_out: &mut u64) -> Result<(), Nothing> {
        let out = &mut self.bytes;
        let push = |out: &mut Vec<u8>, member: Member<'_>| match member {
            Member::Text(text) => json::push_string(out, text),
            Member::Number(number) => out.extend_from_slice(number.to_string().as_bytes()),
        };
        match metadata {
            Metadata::All => {
                let mut sign = b'{';
                position.each_member(|name, member| {
                    out.push(sign);
                    json::push_string(out, name);
                    out.push(b':');
                    push(out, member);
                    sign = b',';
                });
                out.push(b'}');
                Ok(())
            }
            Metadata::Member(wanted) => {
                let mut found = Err(Nothing::Missing);
                position.each_member(|name, member| {
                    if name == wanted {
                        push(out, member);
                        found = Ok(());
                    }
                });
                found.or_else(|_| match facts::write(position, wanted, out) {
                    Fact::Missing => Err(Nothing::Missing),
                    Fact::Invalid => Err(Nothing::Invalid),
                    Fact::Written { left_out: headers } => {
                        *left_out += headers;
                        Ok(())
                    }
                })
            }
        }
    }
}

/// The digits of a number or a numeric string, within bounds.
fn coordinate<'e>(event: &Event<'e>, path: &Path, most: f64) -> Result<&'e [u8], Nothing> {
    let value = event.get(path).ok_or(Nothing::Missing)?;
    let (digits, number) = match value.scalar().ok_or(Nothing::Invalid)? {
        Scalar::Null => return Err(Nothing::Missing),
        Scalar::Number(number) => (event.bytes_of(value).ok_or(Nothing::Invalid)?, number),
        Scalar::String(text) if json::is_number(text.trim()) => {
            (text.trim().as_bytes(), Number::parse(text.trim()).ok_or(Nothing::Invalid)?)
        }
        Scalar::String(_) | Scalar::Bool(_) => return Err(Nothing::Invalid),
    };
    if number.as_f64().abs() <= most { Ok(digits) } else { Err(Nothing::Invalid) }
}
