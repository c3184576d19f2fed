//! The formats of date fields: reading texts and numbers, and writing the keys of buckets.
//!
//! Read: `strict_date_optional_time`, `epoch_millis`, `epoch_second`, and patterns of letters with a fixed number of
//! digits, a month's or day's name, and an offset at the end, such as `yyyy-MM-dd HH:mm:ssXXX`. A field with any other
//! format has a type that this domain does not read. Deliberately absent: years beyond 9999 and names of time zones.

use jiff::fmt::strtime::BrokenDownTime;
use pipeline::time::{self, DAY_MS};

const DEFAULT: &str = "strict_date_optional_time||epoch_millis";
/// The engine tries these on texts of fields that are not mapped, after ISO 8601, and then maps the field with the format.
const SLASHES: &str = "yyyy/MM/dd HH:mm:ss||yyyy/MM/dd||epoch_millis";
const MINUTE_MS: i64 = 60_000;

/// The formats of a field. The first one writes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::domain) struct DateFormat(Vec<Format>);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Format {
    Iso,
    EpochMillis,
    EpochSecond,
    Pattern(Pattern),
}

/// A pattern, translated into that of strftime.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Pattern {
    date_and_time: String,
    offset: Option<Offset>,
}

/// The offset from UTC at the end of a pattern. Zero is `Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Offset {
    /// `+0900`
    Digits,
    /// `+09:00`
    Colon,
}

impl Default for DateFormat {
    fn default() -> Self {
        Self(vec![Format::Iso, Format::EpochMillis])
    }
}

impl DateFormat {
    /// Formats joined by `||`; `None` if this domain does not read one of them.
    pub(in crate::domain) fn parse(text: &str) -> Option<Self> {
        let format = |name: &str| match name.trim() {
            "strict_date_optional_time" | "strictDateOptionalTime" => Some(Format::Iso),
            "epoch_millis" => Some(Format::EpochMillis),
            "epoch_second" => Some(Format::EpochSecond),
            pattern => Pattern::parse(pattern).map(Format::Pattern),
        };
        text.split("||").map(format).collect::<Option<Vec<_>>>().map(Self)
    }

    /// The format of a field whose first value is this text, if the text is a date.
    pub(in crate::domain) fn detected(text: &str) -> Option<Self> {
        if iso(text).is_some() {
            return Self::parse(DEFAULT);
        }
        let slashes = Self::parse(SLASHES)?;
        let is_date = text.get(4..5) == Some("/") && slashes.read(text).is_some();
        is_date.then_some(slashes)
    }

    /// The milliseconds since 1970 of a text, or of a number as it is written.
    pub(in crate::domain) fn read(&self, text: &str) -> Option<i64> {
        self.0.iter().find_map(|format| match format {
            Format::Iso => iso(text),
            Format::EpochMillis => decimal(text, 0),
            Format::EpochSecond => decimal(text, 3),
            Format::Pattern(pattern) => pattern.read(text),
        })
    }

    /// The text of an instant.
    pub(in crate::domain) fn write(&self, time_ms: i64) -> String {
        match self.0.first() {
            None | Some(Format::Iso) => iso_text(time_ms),
            Some(Format::EpochMillis) => time_ms.to_string(),
            Some(Format::EpochSecond) => {
                let sign = if time_ms < 0 { "-" } else { "" };
                let (second, fraction) = (time_ms.unsigned_abs() / 1000, time_ms.unsigned_abs() % 1000);
                let text = format!("{sign}{second}.{fraction:03}");
                text.trim_end_matches('0').trim_end_matches('.').to_owned()
            }
            Some(Format::Pattern(pattern)) => pattern.write(time_ms),
        }
    }
}

/// An ISO 8601 date as the engine's strict format takes it.
fn iso(text: &str) -> Option<i64> {
    if let Some(time_ms) = time::parse_utc_instant(text.as_bytes()) {
        return Some(time_ms);
    }
    if text.get(10..11).is_some_and(|separator| separator != "T") || text.ends_with('z') {
        return None;
    }
    // The library reads a leap second as the end of its minute, and the engine refuses it.
    if text.get(17..19) == Some("60") {
        return None;
    }
    let text = if text.len() == 11 { text.get(..10)? } else { text };
    time::parse(text).map(|date| date.start_ms)
}

/// A decimal number times ten to the power of `shift`, without its fraction.
fn decimal(text: &str, shift: usize) -> Option<i64> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let kept: String = fraction.chars().chain(std::iter::repeat('0')).take(shift).collect();
    let value: i64 = format!("{whole}{kept}").parse().ok()?;
    Some(if negative { -value } else { value })
}

fn iso_text(time_ms: i64) -> String {
    time::rfc3339(time_ms).unwrap_or_else(|| {
        let (year, month, day) = time::civil_from_days(time_ms.div_euclid(DAY_MS));
        let of_day = time::rfc3339(time_ms.rem_euclid(DAY_MS)).unwrap_or_default();
        let sign = if year < 0 { '-' } else { '+' };
        format!("{sign}{:04}-{month:02}-{day:02}{}", year.abs(), of_day.get(10..).unwrap_or_default())
    })
}

impl Pattern {
    fn parse(text: &str) -> Option<Self> {
        let (text, offset) = match text.strip_suffix("XXX") {
            Some(rest) => (rest, Some(Offset::Colon)),
            None => text.strip_suffix("XX").map_or((text, None), |rest| (rest, Some(Offset::Digits))),
        };
        let mut date_and_time = String::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if first == '\'' {
                let (quoted, after) = rest[1..].split_once('\'')?;
                date_and_time.push_str(if quoted.is_empty() { "'" } else { quoted });
                rest = after;
                continue;
            }
            let length = rest.len() - rest.trim_start_matches(first).len();
            let (letters, after) = rest.split_at(length);
            rest = after;
            date_and_time.push_str(match letters {
                "yyyy" | "uuuu" => "%Y",
                "yy" => "%y",
                "MM" => "%m",
                "MMM" => "%b",
                "MMMM" => "%B",
                "dd" => "%d",
                "DDD" => "%j",
                "HH" => "%H",
                "hh" => "%I",
                "mm" => "%M",
                "ss" => "%S",
                "SSS" => "%3f",
                "EEE" => "%a",
                "EEEE" => "%A",
                "a" => "%p",
                letters if first.is_ascii_alphabetic() || letters.contains(['%', '[', ']', '#', '{', '}']) => {
                    return None;
                }
                others => others,
            });
        }
        Some(Self { date_and_time, offset })
    }

    fn read(&self, text: &str) -> Option<i64> {
        let (text, offset_ms) = match self.offset {
            Some(offset) => offset.split(text)?,
            None => (text, 0),
        };
        let parsed = BrokenDownTime::parse(&self.date_and_time, text).ok()?;
        // The engine wants each number with all its digits.
        if parsed.to_string(&self.date_and_time).ok()? != text {
            return None;
        }
        let date = parsed.to_date().ok().or_else(|| {
            let month = parsed.month().unwrap_or(1);
            jiff::civil::Date::new(parsed.year()?, month, parsed.day().unwrap_or(1)).ok()
        })?;
        let time = parsed.to_time().unwrap_or_default();
        let at = date.to_datetime(time).to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        Some(at.timestamp().as_millisecond() - offset_ms)
    }

    fn write(&self, time_ms: i64) -> String {
        let zone = if self.offset.is_some() { "Z" } else { "" };
        let Ok(timestamp) = jiff::Timestamp::from_millisecond(time_ms) else { return time_ms.to_string() };
        format!("{}{zone}", timestamp.strftime(&self.date_and_time))
    }
}

impl Offset {
    /// The text before the offset, and the offset in milliseconds.
    fn split(self, text: &str) -> Option<(&str, i64)> {
        if let Some(rest) = text.strip_suffix('Z') {
            return Some((rest, 0));
        }
        let length = if self == Self::Colon { 6 } else { 5 };
        let (rest, offset) = text.split_at_checked(text.len().checked_sub(length)?)?;
        let digits = offset.get(1..)?;
        let (hours, minutes) = match self {
            Self::Colon => digits.split_once(':')?,
            Self::Digits => digits.split_at_checked(2)?,
        };
        let minutes = hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?;
        match offset.as_bytes().first()? {
            b'+' => Some((rest, minutes * MINUTE_MS)),
            b'-' => Some((rest, -minutes * MINUTE_MS)),
            _ => None,
        }
    }
}
