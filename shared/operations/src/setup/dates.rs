//! Timestamp formats: translates the formats of pipeline.yaml into the date mapping of the engine.

use serde_json::{Value, json};

use pipeline::route::{Timestamp, TimestampFormat};

/// The text formats that `auto` and `rfc3339` read. A space may replace the T.
const TEXT: &str = "strict_date_optional_time||yyyy-MM-dd HH:mm:ss||yyyy-MM-dd HH:mm:ss.SSS||yyyy-MM-dd HH:mm:ssXXX";

/// Why the engine would read a timestamp differently from the pipeline.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unmappable(String);

/// The mapping of `@timestamp` in a data stream. The engine takes no `ignore_malformed` there. The pipeline leaves only values there that
/// these formats read.
pub(super) fn of_data_stream() -> Value {
    json!({ "type": "date", "format": format!("{TEXT}||epoch_millis") })
}

/// The mapping of a timestamp field. `Err` says why the engine would read it differently from the pipeline.
pub(super) fn date(timestamp: &Timestamp) -> Result<Value, Unmappable> {
    if let Some(zone) = timestamp.zone() {
        // The engine reads a time without an offset as UTC, and would be hours off.
        return Err(Unmappable(format!(
            "the engine knows no `timezone: {}`; a `date` of the same field stores the instant",
            zone.name()
        )));
    }
    let mut words: Vec<String> = Vec::new();
    for format in timestamp.formats() {
        let unknown = |format: &str| Err(Unmappable(format!("the engine has no equivalent of the format `{format}`")));
        let word = match format {
            TimestampFormat::Auto => format!("{TEXT}||epoch_millis"),
            TimestampFormat::Rfc3339 => TEXT.to_owned(),
            TimestampFormat::EpochS => "epoch_second".to_owned(),
            TimestampFormat::EpochMs => "epoch_millis".to_owned(),
            TimestampFormat::EpochUs => return unknown("epoch_us"),
            TimestampFormat::EpochNs => return unknown("epoch_ns"),
            TimestampFormat::Strptime(text) => match java(text) {
                Some(word) => word,
                None => return unknown(text),
            },
        };
        if !words.contains(&word) {
            words.push(word);
        }
    }
    let reads = |word: &str| words.iter().any(|words| words.contains(word));
    if reads("epoch_second") && reads("epoch_millis") {
        return Err(Unmappable(
            "the engine reads every number by the first format for numbers, and the pipeline by the size of the number; \
             a `date` of the same field stores the instant"
                .into(),
        ));
    }
    // The pipeline has already read the time and chosen the index. The event must not be lost because the engine cannot
    // read it.
    Ok(json!({ "type": "date", "format": words.join("||"), "ignore_malformed": true }))
}

/// Translates a strptime format to Java's `DateTimeFormatter`. `None` if a directive has no counterpart.
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
    // The engine treats `epoch_second` as the name of a format, which must stand alone.
    (!out.contains("epoch_second") || out == "epoch_second").then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline::{decode::Path, route::Zone};

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
        let of = |formats: &[TimestampFormat], zone| {
            date(&Timestamp::new(Path::parse("t").unwrap(), formats.to_vec()).in_zone(zone))
        };
        let two = [TimestampFormat::EpochMs, TimestampFormat::Strptime("%Y".into())];
        assert_eq!(of(&two, None).unwrap()["format"], "epoch_millis||yyyy");
        for (formats, zone, says) in [
            (&[TimestampFormat::EpochUs][..], None, "`epoch_us`"),
            (&[TimestampFormat::EpochS, TimestampFormat::EpochNs], None, "`epoch_ns`"),
            (&two, Some("Asia/Seoul"), "no `timezone: Asia/Seoul`"),
            (&[TimestampFormat::EpochS, TimestampFormat::EpochMs], None, "by the size of the number"),
            (&[TimestampFormat::Auto, TimestampFormat::Strptime("%s".into())], None, "by the size of the number"),
        ] {
            let error = of(formats, zone.map(|zone| Zone::parse(zone).unwrap())).unwrap_err();
            assert!(error.0.contains(says), "{error}");
        }
    }
}
