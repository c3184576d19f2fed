//! How a time is written, in the engine's words: the formats of pipeline.yaml become a date mapping.

use serde_json::{Value, json};

use crate::route::TimestampFormat;

/// What `auto` and `rfc3339` read as text; a space may stand for the T.
const TEXT: &str = "strict_date_optional_time||yyyy-MM-dd HH:mm:ss||yyyy-MM-dd HH:mm:ss.SSS||yyyy-MM-dd HH:mm:ssXXX";

/// The mapping of a field with a time in one of `formats`; `Err` names a format that the engine has no words for.
pub(super) fn date(formats: &[TimestampFormat]) -> Result<Value, String> {
    let mut words: Vec<String> = Vec::new();
    for format in formats {
        let word = match format {
            TimestampFormat::Auto => format!("{TEXT}||epoch_millis"),
            TimestampFormat::Rfc3339 => TEXT.to_owned(),
            TimestampFormat::EpochS => "epoch_second".to_owned(),
            TimestampFormat::EpochMs => "epoch_millis".to_owned(),
            TimestampFormat::Strptime(text) => java(text).ok_or_else(|| text.clone())?,
        };
        if !words.contains(&word) {
            words.push(word);
        }
    }
    // An event whose time the engine cannot read has found its index nevertheless: it is not to be lost by it.
    Ok(json!({ "type": "date", "format": words.join("||"), "ignore_malformed": true }))
}

/// A strptime format in the letters of Java's `DateTimeFormatter`; `None` where a directive has no counterpart.
fn java(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut quoted = String::new();
    let mut chars = text.chars();
    let flush = |out: &mut String, quoted: &mut String| {
        if !quoted.is_empty() {
            out.extend(["'", &quoted.replace('\'', "''"), "'"]);
            quoted.clear();
        }
    };
    while let Some(c) = chars.next() {
        if c != '%' {
            if c.is_alphabetic() || c == '\'' {
                quoted.push(c);
            } else {
                flush(&mut out, &mut quoted);
                out.push(c);
            }
            continue;
        }
        flush(&mut out, &mut quoted);
        out += match chars.next()? {
            'Y' => "yyyy",
            'm' => "MM",
            'd' => "dd",
            'H' => "HH",
            'M' => "mm",
            'S' => "ss",
            'y' => "yy",
            'b' | 'h' => "MMM",
            'B' => "MMMM",
            'a' => "EEE",
            'A' => "EEEE",
            'I' => "hh",
            'p' => "a",
            'j' => "DDD",
            'z' => "XX",
            'F' => "yyyy-MM-dd",
            'T' => "HH:mm:ss",
            'D' => "MM/dd/yy",
            'R' => "HH:mm",
            's' => "epoch_second",
            '%' => "%",
            _ => return None,
        };
    }
    flush(&mut out, &mut quoted);
    // The engine takes it for the name of a format, which stands alone.
    (!out.contains("epoch_second") || out == "epoch_second").then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strptime_becomes_javas_letters_or_is_refused() {
        for (strptime, expected) in [
            ("%d/%b/%Y:%H:%M:%S %z", Some("dd/MMM/yyyy:HH:mm:ss XX")),
            ("%Y-%m-%dT%H:%M:%S", Some("yyyy-MM-dd'T'HH:mm:ss")),
            ("%F at %R", Some("yyyy-MM-dd 'at' HH:mm")),
            ("%s", Some("epoch_second")),
            ("%s.%f", None),
            ("%Q", None),
        ] {
            assert_eq!(java(strptime).as_deref(), expected, "{strptime}");
        }
        let two = [TimestampFormat::EpochMs, TimestampFormat::Strptime("%Y".into())];
        assert_eq!(date(&two).unwrap()["format"], "epoch_millis||yyyy");
    }
}
