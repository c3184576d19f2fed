//! Time formats: translates those of Logstash's `date` filter into those of `pipeline.yaml`.
//!
//! In: `ISO8601`, `UNIX`, `UNIX_MS`, or a pattern of Joda-Time
//! (<https://www.joda.org/joda-time/apidocs/org/joda/time/format/DateTimeFormat.html>). Out: `rfc3339`, `epoch_s`,
//! `epoch_ms` or a strptime format; or the reason why there is none. Deliberately absent: zones by name, week years.

use pipeline::route::TimestampFormat;

/// A format, and whether its texts include a time zone.
pub(super) struct Format {
    pub(super) text: String,
    pub(super) has_zone: bool,
}

pub(super) fn translate(format: &str) -> Result<Format, String> {
    match format {
        // A text may or may not have an offset.
        "ISO8601" => return Ok(Format { text: "rfc3339".into(), has_zone: false }),
        "UNIX" => return Ok(Format { text: "epoch_s".into(), has_zone: true }),
        "UNIX_MS" => return Ok(Format { text: "epoch_ms".into(), has_zone: true }),
        "TAI64N" => return Err("`TAI64N`: no such times are read".into()),
        _ => {}
    }
    let mut out = String::new();
    let mut has_zone = false;
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
            ('Z', 1) => "%z",
            ('Z', 2) => "%:z",
            ('z' | 'Z', _) => return Err(format!("`{letters}` in `{format}`: zones by name are not read")),
            _ if first.is_alphabetic() => return Err(format!("`{letters}` in `{format}` has no counterpart")),
            _ => {
                out.push_str(&letters.replace('%', "%%"));
                continue;
            }
        };
        has_zone |= first == 'Z';
        out.push_str(directive);
    }
    match TimestampFormat::parse(&out) {
        Ok(_) => Ok(Format { text: out, has_zone }),
        Err(error) => Err(format!("`{format}`, which would be `{out}`: {error}")),
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
