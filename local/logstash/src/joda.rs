//! Time formats: translates those of Logstash's `date` filter into those of `pipeline.yaml`.
//!
//! In: `ISO8601`, `UNIX`, `UNIX_MS`, or a pattern of Joda-Time
//! (<https://www.joda.org/joda-time/apidocs/org/joda/time/format/DateTimeFormat.html>). Out: `rfc3339`, `epoch_s`,
//! `epoch_ms` or strptime formats; or the reason why there is none. An offset needs several: Joda reads `Z`, `+0900` and
//! `+09:00` for one pattern. Deliberately absent: zones by name, week years.

use pipeline::route::TimestampFormat;

/// The formats for a pattern, and whether its texts include a time zone.
pub(super) struct Format {
    pub(super) texts: Vec<String>,
    /// The one of them for times that end in `Z`, which are in UTC.
    pub(super) in_utc: Option<String>,
    pub(super) has_zone: bool,
}

impl Format {
    fn named(name: &str, has_zone: bool) -> Self {
        Self { texts: vec![name.to_owned()], in_utc: None, has_zone }
    }
}

/// Stands for the offset until its notation is chosen.
const OFFSET: &str = "\0";
/// `+0900`; and `+09:00` or `+09`.
const OFFSETS: [&str; 2] = ["%z", "%:::z"];

pub(super) fn translate(format: &str) -> Result<Format, String> {
    match format {
        // A text may or may not have an offset.
        "ISO8601" => return Ok(Format::named("rfc3339", false)),
        "UNIX" => return Ok(Format::named("epoch_s", true)),
        "UNIX_MS" => return Ok(Format::named("epoch_ms", true)),
        "TAI64N" => return Err("`TAI64N`: no such times are read".into()),
        _ => {}
    }
    let mut out = String::new();
    let mut rest = format;
    while let Some(first) = rest.chars().next() {
        if first == '\'' {
            rest = quoted(rest.get(1..).unwrap_or_default(), &mut out);
            continue;
        }
        let run = rest.len() - rest.trim_start_matches(first).len();
        let (letters, after) = rest.split_at(run);
        rest = after;
        let directive = match (first, run) {
            ('y' | 'Y', 2) => "%y",
            ('y' | 'Y', _) => "%Y",
            ('M', 1 | 2) => "%m",
            ('M', 3) => "%b",
            ('M', _) => "%B",
            ('d', 1 | 2) => "%d",
            ('D', _) => "%j",
            ('E', 1..=3) => "%a",
            ('E', _) => "%A",
            ('H', 1 | 2) => "%H",
            ('h', 1 | 2) => "%I",
            ('m', 1 | 2) => "%M",
            ('s', 1 | 2) => "%S",
            ('S', _) => "%f",
            ('a', _) => "%p",
            ('Z', 1 | 2) => OFFSET,
            ('z' | 'Z', _) => return Err(format!("`{letters}` in `{format}`: zones by name are not read")),
            _ if first.is_alphabetic() => return Err(format!("`{letters}` in `{format}` has no counterpart")),
            _ => {
                out.push_str(&letters.replace('%', "%%"));
                continue;
            }
        };
        out.push_str(directive);
    }
    let has_zone = out.contains(OFFSET);
    let in_utc = has_zone.then(|| out.replace(OFFSET, "Z"));
    let mut texts: Vec<String> = OFFSETS.iter().map(|offset| out.replace(OFFSET, offset)).collect();
    texts.dedup();
    texts.extend(in_utc.clone());
    match texts.iter().find_map(|text| TimestampFormat::parse(text).err().map(|error| (text, error))) {
        None => Ok(Format { texts, in_utc, has_zone }),
        Some((text, error)) => Err(format!("`{format}`, which would be `{text}`: {error}")),
    }
}

/// Reads a text in single quotes. Two single quotes stand for a literal one. Returns the rest of the pattern.
fn quoted<'f>(inner: &'f str, out: &mut String) -> &'f str {
    if let Some(after) = inner.strip_prefix('\'') {
        out.push('\'');
        return after;
    }
    let mut rest = inner;
    while let Some((text, after)) = rest.split_once('\'') {
        out.push_str(&text.replace('%', "%%"));
        let Some(further) = after.strip_prefix('\'') else { return after };
        out.push('\'');
        rest = further;
    }
    out.push_str(&rest.replace('%', "%%"));
    ""
}
