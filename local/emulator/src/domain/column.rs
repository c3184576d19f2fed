//! The values of one field in some thousand documents, as the engine's doc values: a document's values are sorted, and a
//! text has each value once.
//!
//! Every value is an `i64` whose order is that of the values: an integer, the milliseconds of a date, 0 or 1, the bits of
//! a double, a position in the sorted dictionary of texts, or a point.

mod geo;

use std::collections::HashMap;

use pipeline::decode::{Decoder, Event, Number, Path, Scalar, Value};

pub(super) use self::geo::{Point, geohash, letters};
use super::{
    mapping::{Field, Kind},
    row::Row,
};

/// A column. It takes 4 bytes for a document and 8 for a value, besides the different texts.
#[derive(Debug)]
pub(super) struct Column {
    /// For each document the end of its values.
    ends: Vec<u32>,
    values: Vec<i64>,
    texts: Vec<Box<str>>,
}

/// A column that is being read.
struct Reading<'f> {
    field: &'f Field,
    path: Option<Path>,
    ends: Vec<u32>,
    values: Vec<i64>,
    texts: HashMap<Box<str>, i64>,
}

impl Column {
    /// Reads the columns of several fields in one pass.
    pub(super) fn read(rows: &[Row], fields: &[&Field]) -> Vec<Self> {
        let mut columns: Vec<Reading<'_>> = fields.iter().map(|field| Reading::new(field, rows.len())).collect();
        let mut decoder = Decoder::new();
        for row in rows {
            match row.source.as_deref().map(|source| decoder.decode(source)) {
                Some(Ok(document)) => columns.iter_mut().for_each(|column| column.add(Some(&document.event()))),
                _ => columns.iter_mut().for_each(|column| column.add(None)),
            }
        }
        columns.into_iter().map(Reading::finish).collect()
    }

    /// The values of a document, in ascending order.
    pub(super) fn values(&self, row: u32) -> &[i64] {
        let row = row as usize;
        let end = |row: usize| self.ends.get(row).map_or(0, |end| *end as usize);
        let start = row.checked_sub(1).map_or(0, end);
        self.values.get(start..end(row)).unwrap_or_default()
    }

    /// All values of these documents.
    pub(super) fn each<'c>(&'c self, rows: &'c [u32]) -> impl Iterator<Item = i64> + 'c {
        rows.iter().flat_map(|row| self.values(*row).iter().copied())
    }

    /// The text of a value.
    pub(super) fn text(&self, value: i64) -> &str {
        usize::try_from(value).ok().and_then(|at| self.texts.get(at)).map_or("", |text| text)
    }

    /// The number of different texts.
    pub(super) fn text_count(&self) -> usize {
        self.texts.len()
    }
}

impl<'f> Reading<'f> {
    fn new(field: &'f Field, rows: usize) -> Self {
        let path = Path::parse(&field.path).ok();
        Self { field, path, ends: Vec::with_capacity(rows), values: Vec::new(), texts: HashMap::new() }
    }

    /// Adds the values of a document; `None` if it has no readable source.
    fn add(&mut self, event: Option<&Event<'_>>) {
        let start = self.values.len();
        if let (Some(event), Some(path)) = (event, self.path.take()) {
            path.any(event.value(), |value| {
                if let Kind::GeoPoint(wraps) = self.field.kind {
                    let points = Point::read(value, wraps);
                    self.values.extend(points.into_iter().flatten().map(Point::encoded));
                } else {
                    value.any_element(&mut |element| {
                        let value = self.value(event, element);
                        self.values.extend(value);
                        false
                    });
                }
                false
            });
            self.path = Some(path);
        }
        self.values[start..].sort_unstable();
        self.ends.push(u32::try_from(self.values.len()).unwrap_or(u32::MAX));
    }

    fn value(&mut self, event: &Event<'_>, value: Value<'_>) -> Option<i64> {
        let scalar = value.scalar()?;
        // The text of a number as it is written: `1.50`.
        let written = || std::str::from_utf8(event.bytes_of(value)?).ok();
        match (&self.field.kind, scalar) {
            (Kind::Keyword(length), Scalar::String(text)) => {
                let fits = length.is_none_or(|length| text.encode_utf16().count() <= length);
                fits.then(|| self.text(text))
            }
            (Kind::Keyword(_), Scalar::Number(_)) => written().map(|text| self.text(text)),
            (Kind::Keyword(_), Scalar::Bool(value)) => Some(self.text(if value { "true" } else { "false" })),
            (Kind::Integer(bits), Scalar::Number(number)) => integer(number, *bits),
            (Kind::Integer(bits), Scalar::String(text)) => integer(number(text)?, *bits),
            (Kind::Float(single), Scalar::Number(number)) => float(number.as_f64(), *single),
            (Kind::Float(single), Scalar::String(text)) => float(text.trim().parse().ok()?, *single),
            (Kind::Boolean, Scalar::Bool(value)) => Some(value.into()),
            (Kind::Boolean, Scalar::String("true")) => Some(1),
            (Kind::Boolean, Scalar::String("false" | "")) => Some(0),
            (Kind::Date(format), Scalar::String(text)) => format.read(text),
            (Kind::Date(format), Scalar::Number(_)) => format.read(written()?),
            _ => None,
        }
    }

    fn text(&mut self, text: &str) -> i64 {
        if let Some(found) = self.texts.get(text) {
            return *found;
        }
        let number = i64::try_from(self.texts.len()).unwrap_or(i64::MAX);
        self.texts.insert(text.into(), number);
        number
    }

    fn finish(mut self) -> Column {
        let mut texts: Vec<(Box<str>, i64)> = self.texts.into_iter().collect();
        if !texts.is_empty() {
            texts.sort_unstable();
            let mut sorted = vec![0; texts.len()];
            for (place, (_, number)) in (0..).zip(&texts) {
                if let Some(found) = usize::try_from(*number).ok().and_then(|number| sorted.get_mut(number)) {
                    *found = place;
                }
            }
            let mut values = Vec::with_capacity(self.values.len());
            let mut start = 0;
            for end in &mut self.ends {
                let own = &self.values[start..*end as usize];
                start = *end as usize;
                let first = values.len();
                values.extend(own.iter().filter_map(|number| sorted.get(usize::try_from(*number).ok()?)));
                values[first..].sort_unstable();
                let mut kept = first;
                for at in first..values.len() {
                    if at == first || values[at] != values[at - 1] {
                        values[kept] = values[at];
                        kept += 1;
                    }
                }
                values.truncate(kept);
                *end = u32::try_from(values.len()).unwrap_or(u32::MAX);
            }
            self.values = values;
        }
        self.values.shrink_to_fit();
        let texts = texts.into_iter().map(|(text, _)| text).collect();
        Column { ends: self.ends, values: self.values, texts }
    }
}

/// The number in a text, as the engine coerces it.
fn number(text: &str) -> Option<Number> {
    let text = text.strip_prefix('+').unwrap_or(text);
    text.parse::<i64>().map(|integer| Number::Integer(integer.into())).ok().or_else(|| Number::parse(text))
}

/// The integer of a field with so many bits. The engine cuts a fraction off.
#[expect(clippy::cast_possible_truncation, reason = "a double outside of an i128 becomes its bound, which is refused")]
fn integer(number: Number, bits: u32) -> Option<i64> {
    let integer = match number {
        Number::Integer(integer) => integer,
        Number::Float(float) => float.trunc() as i128,
    };
    let limit = 1_i128 << (bits - 1);
    (-limit..limit).contains(&integer).then(|| i64::try_from(integer).ok()).flatten()
}

#[expect(clippy::cast_possible_truncation, reason = "the engine stores a float")]
fn float(value: f64, single: bool) -> Option<i64> {
    let value = if single { f64::from(value as f32) } else { value };
    value.is_finite().then(|| encoded(value))
}

/// An integer with the order of the doubles.
pub(super) fn encoded(value: f64) -> i64 {
    let bits = value.to_bits().cast_signed();
    bits ^ ((bits >> 63) & i64::MAX)
}

/// The double of an encoded value.
pub(super) fn decoded(value: i64) -> f64 {
    f64::from_bits((value ^ ((value >> 63) & i64::MAX)).cast_unsigned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_keep_their_order() {
        let sorted = [f64::NEG_INFINITY, -1e300, -1.0, -f64::MIN_POSITIVE, -0.0, 0.0, 1.0, 1e300, f64::INFINITY];
        for pair in sorted.windows(2) {
            assert!(encoded(pair[0]) < encoded(pair[1]), "{pair:?}");
        }
        assert!(sorted.iter().all(|value| decoded(encoded(*value)).to_bits() == value.to_bits()));
    }
}
