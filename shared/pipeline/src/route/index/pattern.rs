//! The index name, in Logstash's notation: `logs-%{+YYYY.MM.dd}`, `logs-%{app}-%{+YYYY.MM}`.
//!
//! It is parsed once, and it cannot produce the name of a foreign index: it begins with fixed letters, and a field may
//! add only letters, digits, `.`, `_` and `-`.

use super::super::{error::RouteError, zone::Zone};
use crate::decode::{Event, Path, Scalar, TooLong};
use crate::time;

/// The longest index name that the engine accepts, in bytes.
pub const MAX_INDEX_BYTES: usize = 255;

/// An index name with placeholders for the event's time and fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexPattern {
    text: String,
    pub(super) parts: Vec<Part>,
    /// Whether the name contains a field's value, so that its length varies by event.
    has_fields: bool,
    /// The zone of its days, months and years. UTC if absent.
    pub(super) zone: Option<Zone>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Literal(String),
    Date(DatePart),
    Field(Path),
}

/// A part of the event's time on the clock of the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DatePart {
    Year,
    Month,
    Day,
    Hour,
}

/// The digits of the hour that was rendered last. Most events have the same hour as the event before.
#[derive(Debug, Clone)]
pub(in crate::route) struct RenderedHour {
    /// Hours since 1970 on the clock of the index. The digits do not depend on the zone, so several patterns may share them.
    hour: i64,
    /// `YYYYMMddHH`
    digits: [u8; 10],
}

impl Default for RenderedHour {
    fn default() -> Self {
        Self { hour: 0, digits: *b"1970010100" }
    }
}

impl RenderedHour {
    #[inline]
    fn at(&mut self, clock_ms: i64) -> &[u8; 10] {
        let hour = clock_ms.div_euclid(3_600_000);
        if hour != self.hour {
            self.render(hour);
        }
        &self.digits
    }

    fn render(&mut self, hour: i64) {
        let (year, month, day) = time::civil_from_days(hour.div_euclid(24));
        let date = (year.clamp(0, 9999) * 100 + month) * 100 + day;
        let mut rest = (date * 100 + hour.rem_euclid(24)).unsigned_abs();
        for digit in self.digits.iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        self.hour = hour;
    }
}

const FORMS: &str = "write it like `logs-%{+YYYY.MM.dd}` or `logs-%{app}-%{+YYYY.MM}`";

impl IndexPattern {
    /// Parses an index name with `%{+…}` for the time (YYYY, MM, dd, HH) and `%{field}`, `%{a.b}` or `%{[a][b]}` for
    /// fields.
    ///
    /// # Errors
    /// A description of the fault, with the accepted form. The configuration is refused.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find('%') {
            push_literal(&mut parts, &rest[..at])?;
            let inner = rest[at + 1..].strip_prefix('{').ok_or_else(|| format!("a `%` without `{{`; {FORMS}"))?;
            let end = inner.find('}').ok_or_else(|| format!("a `%{{` without its `}}`; {FORMS}"))?;
            if let Some(date) = inner[..end].strip_prefix('+') {
                push_date(&mut parts, date)?;
            } else {
                let field = Path::of_reference(&inner[..end]);
                let no_field = |error| format!("`%{{{}}}`: {error}; write `%{{a.b}}` or `%{{[a][b]}}`", &inner[..end]);
                parts.push(Part::Field(field.map_err(no_field)?));
            }
            rest = &inner[end + 1..];
        }
        push_literal(&mut parts, rest)?;
        check_start(&parts)?;
        let has_fields = parts.iter().any(|part| matches!(part, Part::Field(_)));
        let fixed: usize = parts.iter().map(Part::fixed_len).sum();
        let longest = fixed + usize::from(has_fields);
        if longest > MAX_INDEX_BYTES {
            return Err(format!("an index name of {longest} bytes; the engine takes {MAX_INDEX_BYTES}"));
        }
        Ok(Self { text: text.into(), parts, has_fields, zone: None })
    }

    /// Uses the days, months and years of a zone.
    ///
    /// # Errors
    /// The name has no date. The configuration is refused.
    pub fn in_zone(self, zone: Zone) -> Result<Self, String> {
        if self.has_date() {
            return Ok(Self { zone: Some(zone), ..self });
        }
        Err(format!("`timezone: {}` with `{self}`, which has no date; {FORMS}", zone.name()))
    }

    /// The zone of its days, months and years. UTC if absent.
    pub fn zone(&self) -> Option<&Zone> {
        self.zone.as_ref()
    }

    /// Whether the name contains the event's time.
    pub fn has_date(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Date(_)))
    }

    /// Converts an instant to the clock of the index: milliseconds since 1970 as if that clock were UTC. All periods use this clock, so
    /// that a name and the times of its events agree across every clock change.
    #[inline]
    pub fn clock_ms(&self, time_ms: i64) -> i64 {
        self.zone.as_ref().map_or(time_ms, |zone| zone.local_ms(time_ms))
    }

    /// The fields in the name.
    pub fn fields(&self) -> impl Iterator<Item = &Path> {
        self.parts.iter().filter_map(|part| if let Part::Field(path) = part { Some(path) } else { None })
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    #[inline]
    pub(in crate::route) fn write(
        &self,
        event: &Event<'_>,
        clock_ms: i64,
        hour: &mut RenderedHour,
        out: &mut Vec<u8>,
    ) -> Result<(), RouteError> {
        let start = out.len();
        for part in &self.parts {
            match part {
                Part::Literal(text) => out.extend_from_slice(text.as_bytes()),
                Part::Date(DatePart::Year) => out.extend_from_slice(&hour.at(clock_ms)[..4]),
                Part::Date(DatePart::Month) => out.extend_from_slice(&hour.at(clock_ms)[4..6]),
                Part::Date(DatePart::Day) => out.extend_from_slice(&hour.at(clock_ms)[6..8]),
                Part::Date(DatePart::Hour) => out.extend_from_slice(&hour.at(clock_ms)[8..]),
                Part::Field(path) => write_field(path, event, out)?,
            }
        }
        if self.has_fields && out.len() - start > MAX_INDEX_BYTES {
            return Err(RouteError {
                error_type: "invalid_index",
                reason: format!(
                    "the index name of `{}` has {} bytes; the engine takes {MAX_INDEX_BYTES}",
                    self.text,
                    out.len() - start
                ),
            });
        }
        Ok(())
    }
}

impl std::fmt::Display for IndexPattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl Part {
    /// Number of bytes that the part always adds.
    pub(super) fn fixed_len(&self) -> usize {
        match self {
            Self::Literal(text) => text.len(),
            Self::Date(DatePart::Year) => 4,
            Self::Date(DatePart::Month | DatePart::Day | DatePart::Hour) => 2,
            Self::Field(_) => 0,
        }
    }
}

fn push_literal(parts: &mut Vec<Part>, text: &str) -> Result<(), String> {
    if let Some(wrong) = text.chars().find(|c| c.is_uppercase()) {
        return Err(format!("`{wrong}`: index names are lower case"));
    }
    if let Some(wrong) = text.chars().find(|c| r#"\/*?"<>|,#:"#.contains(*c) || c.is_whitespace() || c.is_control()) {
        return Err(format!(
            "`{}`: an index name takes none of \\ / * ? \" < > | , # : and no space",
            wrong.escape_debug()
        ));
    }
    match parts.last_mut() {
        Some(Part::Literal(before)) => before.push_str(text),
        _ if text.is_empty() => {}
        _ => parts.push(Part::Literal(text.into())),
    }
    Ok(())
}

fn push_date(parts: &mut Vec<Part>, format: &str) -> Result<(), String> {
    let mut rest = format;
    let mut any = false;
    while let Some(first) = rest.chars().next() {
        let run = rest.len() - rest.trim_start_matches(first).len();
        let part = match &rest[..run] {
            "YYYY" | "yyyy" => Some(DatePart::Year),
            "MM" => Some(DatePart::Month),
            "dd" => Some(DatePart::Day),
            "HH" => Some(DatePart::Hour),
            letters if first.is_alphabetic() => {
                return Err(format!("`{letters}` in `%{{+{format}}}`: the parts of a date are YYYY, MM, dd and HH"));
            }
            _ => None,
        };
        match part {
            Some(part) => parts.push(Part::Date(part)),
            None => push_literal(parts, &rest[..run])?,
        }
        any |= part.is_some();
        rest = &rest[run..];
    }
    if any { Ok(()) } else { Err(format!("`%{{+{format}}}` names no date; {FORMS}")) }
}

fn check_start(parts: &[Part]) -> Result<(), String> {
    let Some(Part::Literal(prefix)) = parts.first() else {
        return Err(format!(
            "it has to begin with a name of its own, so that no event chooses a foreign index; {FORMS}"
        ));
    };
    if prefix.starts_with(['.', '-', '_', '+']) {
        return Err(format!("it begins with `{}`: an index name begins with a letter or digit; {FORMS}", &prefix[..1]));
    }
    Ok(())
}

fn write_field(path: &Path, event: &Event<'_>, out: &mut Vec<u8>) -> Result<(), RouteError> {
    let invalid = |what: &str| RouteError {
        error_type: "invalid_index",
        reason: format!("the field `{path}` {what}; in an index name it takes a-z, 0-9, `.`, `_` and `-` only"),
    };
    let value = event.get(path).ok_or_else(|| invalid("is missing"))?;
    let start = out.len();
    match value.scalar() {
        Some(Scalar::String("")) => return Err(invalid("is empty")),
        Some(Scalar::String(text)) => out.extend_from_slice(text.as_bytes()),
        Some(Scalar::Number(number)) => event
            .push_exact(value, number, MAX_INDEX_BYTES, out)
            .map_err(|TooLong { bytes }| invalid(&format!("has {bytes} bytes in plain digits")))?,
        Some(Scalar::Bool(value)) => out.extend_from_slice(if value { b"true" } else { b"false" }),
        Some(Scalar::Null) => return Err(invalid("is null")),
        None => return Err(invalid("is an array or object")),
    }
    if out[start..].iter().copied().all(is_allowed_in_name) {
        return Ok(());
    }
    let shown: String = String::from_utf8_lossy(&out[start..]).chars().take(60).collect();
    Err(invalid(&format!("is {shown:?}")))
}

/// Whether a field may add this byte to an index name.
pub(super) fn is_allowed_in_name(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-')
}
