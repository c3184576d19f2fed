//! The fields of a sample, and the shapes of their values.
//!
//! In: events. Out: for each path what its values are. A name with dots and nested objects are the same path, as in the engine.

use std::collections::BTreeMap;

use pipeline::{
    decode::{Decoder, Number, Scalar, Value},
    time,
};

/// The largest number of paths that are counted. Names beyond it are data, not a schema.
const MAX_FIELDS: usize = 5_000;
/// The longest path in bytes. The paths of all fields are kept.
const MAX_PATH: usize = 1_000;
/// The largest number of names in a path. The engine accepts as many (`index.mapping.depth.limit`).
pub(super) const MAX_NAMES: usize = 20;

/// The fields of all events.
#[derive(Debug, Default)]
pub(super) struct Profile {
    /// The number of events.
    pub(super) events: u64,
    /// The fields by their paths.
    pub(super) fields: BTreeMap<String, Field>,
    /// Whether there are more, deeper or longer fields than are counted.
    pub(super) is_cut: bool,
}

/// The values of one field.
#[derive(Debug, Clone, Default)]
pub(super) struct Field {
    /// The number of events that have a value there other than `null`.
    pub(super) events: u64,
    last_event: u64,
    /// Whether some value is in an array, or below one.
    pub(super) is_in_array: bool,
    pub(super) booleans: u64,
    pub(super) integers: u64,
    pub(super) floats: u64,
    pub(super) strings: u64,
    pub(super) objects: u64,
    /// Objects with numbers `lat` and `lon` on the globe, and nothing else.
    pub(super) points: u64,
    /// Whether an integer is beyond 64 bits with a sign.
    pub(super) is_beyond_long: bool,
    /// The largest distance of a number from 0.
    pub(super) largest: f64,
    pub(super) dates: u64,
    pub(super) addresses: u64,
    /// Strings of more than 256 bytes, or of six or more words.
    pub(super) sentences: u64,
}

impl Profile {
    /// The fields of these events.
    pub(super) fn of(events: &[Vec<u8>]) -> Self {
        let mut profile = Self::default();
        let mut decoder = Decoder::new();
        for event in events {
            profile.events += 1;
            if let Ok(decoded) = decoder.decode(event) {
                profile.members(decoded.event().value(), "", false);
            }
        }
        profile
    }

    /// Whether every or nearly every event has a value of a field.
    pub(super) fn is_in_nearly_all(&self, field: &Field) -> bool {
        field.events > 0 && field.events * 100 >= self.events * 99
    }

    fn members(&mut self, object: Value<'_>, path: &str, is_in_array: bool) {
        for (name, value) in object.members() {
            let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            if path.len() > MAX_PATH || path.split('.').count() > MAX_NAMES {
                self.is_cut = true;
                continue;
            }
            // A name with dots is an object to the engine.
            let dots = path.match_indices('.').map(|(at, _)| at).filter(|at| at + name.len() >= path.len());
            for at in dots.collect::<Vec<_>>() {
                if let Some(field) = self.field(&path[..at]) {
                    field.objects += 1;
                }
            }
            self.value(value, &path, is_in_array);
        }
    }

    fn value(&mut self, value: Value<'_>, path: &str, is_in_array: bool) {
        if value.is_array() {
            value.elements().for_each(|element| self.value(element, path, true));
            return;
        }
        if value.is_null() {
            return;
        }
        let event = self.events;
        let Some(field) = self.field(path) else { return };
        if field.last_event != event {
            (field.last_event, field.events) = (event, field.events + 1);
        }
        field.is_in_array |= is_in_array;
        if let Some(scalar) = value.scalar() {
            return field.scalar(scalar);
        }
        field.objects += 1;
        field.points += u64::from(is_point(value));
        self.members(value, path, is_in_array);
    }

    fn field(&mut self, path: &str) -> Option<&mut Field> {
        if self.fields.len() >= MAX_FIELDS && !self.fields.contains_key(path) {
            self.is_cut = true;
            return None;
        }
        Some(self.fields.entry(path.to_owned()).or_default())
    }
}

impl Field {
    /// The number of values.
    pub(super) fn values(&self) -> u64 {
        self.booleans + self.integers + self.floats + self.strings + self.objects
    }

    fn scalar(&mut self, scalar: Scalar<'_>) {
        match scalar {
            Scalar::Bool(_) => self.booleans += 1,
            Scalar::Number(number) => {
                match number {
                    Number::Integer(integer) => {
                        self.integers += 1;
                        self.is_beyond_long |= i64::try_from(integer).is_err();
                    }
                    Number::Float(_) => self.floats += 1,
                }
                self.largest = self.largest.max(number.as_f64().abs());
            }
            Scalar::String(text) => {
                self.strings += 1;
                self.dates += u64::from(is_date(text));
                self.addresses += u64::from(text.parse::<std::net::IpAddr>().is_ok());
                self.sentences += u64::from(text.len() > 256 || text.split_whitespace().count() >= 6);
            }
            Scalar::Null => {}
        }
    }
}

fn is_point(object: Value<'_>) -> bool {
    let coordinate = |name: &str, most: f64| {
        let mut named = object.members().filter(|(member, _)| *member == name);
        let value = named.next().and_then(|(_, value)| value.scalar());
        matches!(value, Some(Scalar::Number(number)) if number.as_f64().abs() <= most) && named.next().is_none()
    };
    object.members().count() == 2 && coordinate("lat", 90.0) && coordinate("lon", 180.0)
}

/// Whether a field of the type `date` in its default format reads the text, and no person would read it as something else: a
/// whole date, or a date and a time with at least minutes (measured on OpenSearch 2.19).
fn is_date(text: &str) -> bool {
    let Some((date, time)) = text.split_once('T') else {
        return text.len() == 10 && time::parse(text).is_some() && text.starts_with(['1', '2']);
    };
    let offset = time.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, ':' | '.'));
    let clock = &time[..time.len() - offset.len()];
    let is_offset = matches!(offset, "" | "Z") || (offset.len() == 6 && offset.as_bytes()[3] == b':');
    let is_clock = clock.len() >= 5 && clock.get(6..8) != Some("60");
    date.len() == 10 && date.starts_with(['1', '2']) && is_clock && is_offset && time::parse(text).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_what_the_engine_reads_by_default() {
        for (text, expected) in [
            ("2026-11-22", true),
            ("2026-11-22T10:00Z", true),
            ("2026-11-22T10:00:00Z", true),
            ("2026-11-22T10:00:00", true),
            ("2026-11-22T10:00:00.123456789+09:00", true),
            ("2026-11-22T10:00:00-05:00", true),
            ("2026-11-22T10:00:60Z", false),
            ("2026-11-22 10:00:00", false),
            ("2026-11-22t10:00:00z", false),
            ("2026-11-22T10", false),
            ("2026-11", false),
            ("2026-13-22", false),
            ("0026-11-22", false),
            ("T", false),
            ("2026-11-22T", false),
            ("2026-11-22Té10:00", false),
            ("", false),
        ] {
            assert_eq!(is_date(text), expected, "{text}");
        }
    }

    #[test]
    fn names_with_dots_and_nested_objects_are_one_path() {
        let events = [r#"{"a.b":1,"c":[{"d":true},{"d":null}]}"#, r#"{"a":{"b":2.5},"p":{"lat":1,"lon":-180}}"#];
        let profile = Profile::of(&events.map(|event| event.as_bytes().to_vec()));
        let field = |path: &str| &profile.fields[path];
        assert_eq!((field("a.b").events, field("a.b").integers, field("a.b").floats), (2, 1, 1));
        assert_eq!((field("a").objects, field("a").points), (2, 0));
        assert_eq!((field("c.d").booleans, field("c.d").is_in_array), (1, true));
        assert_eq!(field("p").points, 1);
        assert!(profile.is_in_nearly_all(field("a")) || field("a").events == 1);
        assert!(!profile.is_in_nearly_all(field("p")));
    }
}
