//! Points: the forms in which the engine takes them, the precision in which it stores them, and their geohashes.

use pipeline::decode::{Number, Scalar, Value};

const LETTERS: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
/// The engine stores each degree as an integer of 32 bits.
const STEPS: f64 = 4_294_967_296.0;

/// A point in degrees, as the engine stores it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::domain) struct Point {
    pub(in crate::domain) lat: f64,
    pub(in crate::domain) lon: f64,
}

impl Point {
    /// The points of a field: one, or an array of them. `None` if one of them is none. With `wraps`, a point outside the
    /// earth is moved onto it.
    pub(in crate::domain) fn read(value: Value<'_>, wraps: bool) -> Option<Vec<Self>> {
        if value.is_null() {
            return Some(Vec::new());
        }
        let is_number = |value: Value<'_>| matches!(value.scalar(), Some(Scalar::Number(_)));
        if value.is_array() && !value.elements().next().is_some_and(is_number) {
            return value.elements().map(|element| one(element)?.on_earth(wraps)).collect();
        }
        one(value)?.on_earth(wraps).map(|point| vec![point])
    }

    /// Refuses or moves a point outside the earth.
    fn on_earth(self, wraps: bool) -> Option<Self> {
        let is_on_earth = |point: &Self| point.lat.abs() <= 90.0 && point.lon.abs() <= 180.0;
        if is_on_earth(&self) || !wraps {
            return Some(self).filter(is_on_earth);
        }
        let (mut lat, mut lon) = (self.lat, self.lon);
        if lat.abs() > 90.0 {
            lat = centered(lat);
            if lat.abs() > 90.0 {
                lat = if lat > 0.0 { 180.0 - lat } else { -180.0 - lat };
                lon += 180.0;
            }
        }
        if lon.abs() > 180.0 || lat.to_bits() != self.lat.to_bits() {
            lon = centered(lon);
        }
        Some(Self { lat, lon }).filter(is_on_earth)
    }

    /// Both degrees as integers of 32 bits.
    pub(in crate::domain) fn encoded(self) -> i64 {
        (step(self.lat, 180.0) << 32) | (step(self.lon, 360.0) & 0xFFFF_FFFF)
    }

    /// The point of an encoded value.
    #[expect(clippy::cast_possible_truncation, reason = "its lower 32 bits")]
    pub(in crate::domain) fn decoded(value: i64) -> Self {
        Self { lat: (value >> 32) as f64 * (180.0 / STEPS), lon: f64::from(value as i32) * (360.0 / STEPS) }
    }
}

/// The number of the step in which a degree lies. The last degree is in the last step.
#[expect(clippy::cast_possible_truncation, reason = "between -2^31 and 2^31")]
fn step(degree: f64, range: f64) -> i64 {
    let degree = if degree >= range / 2.0 { (range / 2.0).next_down() } else { degree };
    (degree / (range / STEPS)).floor() as i64
}

/// The angle between -180 and 180 degrees.
fn centered(degree: f64) -> f64 {
    let rest = degree % 360.0;
    let rest = if rest <= 0.0 { rest + 360.0 } else { rest };
    if rest > 180.0 { rest - 360.0 } else { rest }
}

fn one(value: Value<'_>) -> Option<Point> {
    if value.is_object() {
        return object(value);
    }
    if value.is_array() {
        let numbers: Option<Vec<f64>> = value.elements().map(float).collect();
        // A third number is the height, which is not stored.
        return match numbers?.as_slice() {
            [lon, lat] | [lon, lat, _] => Some(Point { lat: *lat, lon: *lon }),
            _ => None,
        };
    }
    match value.scalar()? {
        Scalar::String(text) => self::text(text),
        _ => None,
    }
}

fn object(value: Value<'_>) -> Option<Point> {
    let mut members: Vec<(&str, Value<'_>)> = value.members().collect();
    members.sort_unstable_by_key(|(name, _)| *name);
    match members.as_slice() {
        [("lat", lat), ("lon", lon)] => Some(Point { lat: float_or_text(*lat)?, lon: float_or_text(*lon)? }),
        [("geohash", geohash)] => match geohash.scalar()? {
            Scalar::String(text) => south_west(text),
            _ => None,
        },
        [("coordinates", point), ("type", kind)] => match kind.scalar()? {
            Scalar::String(kind) if kind.eq_ignore_ascii_case("point") && point.is_array() => one(*point),
            _ => None,
        },
        _ => None,
    }
}

/// `lat,lon`, `POINT (lon lat)`, or a geohash.
fn text(text: &str) -> Option<Point> {
    let text = text.trim();
    if text.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("point")) {
        let inner = text.get(5..)?.trim().strip_prefix('(')?.strip_suffix(')')?;
        let numbers: Option<Vec<f64>> = inner.split_whitespace().map(|number| number.parse().ok()).collect();
        let numbers = numbers?;
        let (lon, lat) = (*numbers.first()?, *numbers.get(1)?);
        let is_on_earth = numbers.len() <= 3 && lat.abs() <= 90.0 && lon.abs() <= 180.0;
        return is_on_earth.then_some(Point { lat, lon });
    }
    if text.contains(',') {
        let mut numbers = text.split(',').map(|number| number.trim().parse::<f64>().ok().filter(|n| n.is_finite()));
        let (lat, lon) = (numbers.next()??, numbers.next()??);
        let is_whole = numbers.next().is_none_or(|height| height.is_some()) && numbers.next().is_none();
        return is_whole.then_some(Point { lat, lon });
    }
    south_west(text)
}

fn float(value: Value<'_>) -> Option<f64> {
    match value.scalar()? {
        Scalar::Number(number) => Some(number.as_f64()),
        _ => None,
    }
}

fn float_or_text(value: Value<'_>) -> Option<f64> {
    match value.scalar()? {
        Scalar::String(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
        Scalar::Number(number) => Some(Number::as_f64(number)),
        _ => None,
    }
}

/// The corner of a geohash's cell. The engine reads twelve letters.
fn south_west(text: &str) -> Option<Point> {
    let (mut lat, mut lon) = ([-90.0, 90.0], [-180.0, 180.0]);
    let mut is_lon = true;
    if text.is_empty() {
        return None;
    }
    for letter in text.bytes().take(12) {
        let value = LETTERS.iter().position(|known| *known == letter)?;
        for bit in (0..5).rev() {
            let range = if is_lon { &mut lon } else { &mut lat };
            let middle = f64::midpoint(range[0], range[1]);
            range[usize::from(value >> bit & 1 == 0)] = middle;
            is_lon = !is_lon;
        }
    }
    Some(Point { lat: lat[0], lon: lon[0] })
}

/// The geohash of an encoded point. Its letters have five bits each, alternately of longitude and latitude.
pub(in crate::domain) fn geohash(value: i64, precision: u32) -> u64 {
    // The step of a degree, counted from the south or the west.
    let bits = |degree: i64| (degree & 0xFFFF_FFFF).cast_unsigned() ^ 0x8000_0000;
    let (lat, lon) = (bits(value >> 32), bits(value));
    (0..5 * precision).fold(0, |hash, bit| {
        let degree = if bit % 2 == 0 { lon } else { lat };
        hash << 1 | (degree >> (31 - bit / 2) & 1)
    })
}

/// The letters of a geohash.
pub(in crate::domain) fn letters(hash: u64, precision: u32) -> String {
    (0..precision).rev().map(|letter| char::from(LETTERS[(hash >> (5 * letter) & 31) as usize])).collect()
}
