//! The field with the time of an event, and its format: found by reading the values of a sample as the functions would.
//!
//! In: events. Out: the fields that every or nearly every event has, and whose values are times that make sense, each with the formats
//! that read them.

use pipeline::{
    decode::{Decoder, Path},
    route::{IdRule, IndexPattern, Router, Timestamp, TimestampFormat, Zone},
};

use super::{
    masked::is_data,
    profile::{Field, Profile},
};

/// The formats that are tried. `auto` is last: where only numbers are, their unit is said, because the engine takes every number for
/// milliseconds.
const FORMATS: [&str; 19] = [
    "epoch_s",
    "epoch_ms",
    "epoch_us",
    "epoch_ns",
    "auto",
    "%d/%b/%Y:%H:%M:%S %z",
    "%Y-%m-%d %H:%M:%S %z",
    "%Y-%m-%dT%H:%M:%S %z",
    "%Y/%m/%d %H:%M:%S",
    "%Y%m%dT%H%M%SZ",
    "%Y%m%d%H%M%S",
    "%Y%m%d",
    "%m/%d/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M:%S",
    "%d.%m.%Y %H:%M:%S",
    "%a, %d %b %Y %H:%M:%S %z",
    "%a, %d %b %Y %H:%M:%S GMT",
    "%a %b %d %H:%M:%S %Y",
    "%d-%b-%Y %H:%M:%S",
];
/// The number of events whose values are tried, and the number after which a format that read none of them is given up.
const TRIED: usize = 1_000;
const FIRST_TRIED: usize = 20;
/// The largest number of fields that are tried.
const MAX_FIELDS: usize = 500;
/// A zone that is never UTC.
const ELSEWHERE: &str = "Asia/Seoul";
/// The last words of the names of times.
const LAST_WORDS: [&str; 14] =
    ["time", "timestamp", "datetime", "date", "epoch", "ts", "t", "dt", "at", "on", "ms", "created", "updated", "when"];

/// A field that may be the time of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) field: String,
    /// The formats that read it, in the notation of pipeline.yaml. `auto` and a unit exclude all others.
    pub(super) formats: Vec<String>,
    /// Whether its values can hardly be anything else: texts, or numbers under the name of a time.
    pub(super) is_clear: bool,
}

/// A field with a format.
struct Trial<'f> {
    field: &'f str,
    path: Path,
    format: &'static str,
    router: Router,
    present: u64,
    read: u64,
}

/// The fields that may be the time, the clear ones first.
pub(super) fn candidates(profile: &Profile, events: &[Vec<u8>], now_ms: i64) -> Vec<Candidate> {
    let is_possible = |field: &Field| {
        let scalars = field.integers + field.floats + field.strings;
        profile.is_in_nearly_all(field) && !field.is_in_array && scalars == field.values()
    };
    // A name that is an address is data, and is written only where `--timestamp` names it.
    let mut fields: Vec<(&str, &Field)> = profile
        .fields
        .iter()
        .filter(|(path, field)| is_possible(field) && !is_data(path))
        .map(|(path, field)| (path.as_str(), field))
        .collect();
    // The likely ones first, if there are more than are tried.
    fields.sort_by_key(|(path, field)| (!is_name_of_a_time(path), field.strings == 0, path.matches('.').count()));
    let fields = fields.into_iter().map(|(path, _)| path);
    let mut trials: Vec<Trial<'_>> = fields
        .take(MAX_FIELDS)
        .flat_map(|field| FORMATS.iter().filter_map(move |format| trial(field, format)))
        .collect();
    let mut decoder = Decoder::new();
    for (ordinal, event) in events.iter().take(TRIED).enumerate() {
        let Ok(parsed) = decoder.decode(event) else { continue };
        let event = parsed.event();
        for trial in &mut trials {
            if event.get(&trial.path).is_some_and(|value| !value.is_null()) {
                trial.present += 1;
                trial.read += u64::from(trial.router.event_time_ms(&event, now_ms).is_ok());
            }
        }
        if ordinal + 1 == FIRST_TRIED {
            trials.retain(|trial| trial.read > 0);
        }
    }
    trials.retain(|trial| trial.read > 0 && trial.read * 100 >= trial.present * 99);
    let mut candidates = by_field(&trials, profile);
    candidates.sort_by(|one, other| (!one.is_clear, &one.field).cmp(&(!other.is_clear, &other.field)));
    candidates
}

/// What a format makes of the events.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    /// The number of events that have a value in the field.
    pub(super) present: u64,
    /// The number of those whose time is read as one that makes sense.
    pub(super) read: u64,
    /// The number of those whose time has no offset, so that it depends on the time zone.
    pub(super) local: u64,
}

/// Reads the times of events.
pub(super) fn read_by(field: &str, format: &str, events: &[Vec<u8>], now_ms: i64) -> Result<Reading, String> {
    let path = Path::parse(field).map_err(|error| error.to_string())?;
    let in_utc = router(path.clone(), TimestampFormat::parse(format)?, None)?;
    let elsewhere = router(path.clone(), TimestampFormat::parse(format)?, Some(Zone::parse(ELSEWHERE)?))?;
    let mut reading = Reading::default();
    let mut decoder = Decoder::new();
    for event in events {
        let Ok(parsed) = decoder.decode(event) else { continue };
        let event = parsed.event();
        if event.get(&path).is_some_and(|value| !value.is_null()) {
            reading.present += 1;
            if let Ok(time_ms) = in_utc.event_time_ms(&event, now_ms) {
                reading.read += 1;
                reading.local += u64::from(elsewhere.event_time_ms(&event, now_ms).ok() != Some(time_ms));
            }
        }
    }
    Ok(reading)
}

fn router(path: Path, format: TimestampFormat, zone: Option<Zone>) -> Result<Router, String> {
    let timestamp = Timestamp::new(path, vec![format]).in_zone(zone);
    Ok(Router::new(Some(timestamp), IndexPattern::parse("sample")?, IdRule::Position))
}

fn trial<'f>(field: &'f str, format: &'static str) -> Option<Trial<'f>> {
    let path = Path::parse(field).ok()?;
    let router = router(path.clone(), TimestampFormat::parse(format).ok()?, None).ok()?;
    Some(Trial { field, path, format, router, present: 0, read: 0 })
}

fn by_field(trials: &[Trial<'_>], profile: &Profile) -> Vec<Candidate> {
    let mut candidates: Vec<Candidate> = Vec::new();
    for trial in trials {
        if let Some(known) = candidates.iter_mut().find(|known| known.field == trial.field) {
            if known.formats.iter().all(|format| format.starts_with('%')) {
                known.formats.push(trial.format.to_owned());
            }
            continue;
        }
        // Eight digits may be anything.
        let is_text = trial.format == "auto" || (trial.format.starts_with('%') && !trial.format.starts_with("%Y%m%d"));
        let is_number = profile.fields.get(trial.field).is_some_and(|field| field.strings == 0);
        let is_clear = (is_text && !is_number) || is_name_of_a_time(trial.field);
        // The engine and `auto` agree on milliseconds.
        let format = if trial.format == "epoch_ms" { "auto" } else { trial.format };
        candidates.push(Candidate { field: trial.field.to_owned(), formats: vec![format.to_owned()], is_clear });
    }
    candidates
}

/// Whether the last word of a name is one of a time: `created_at`, `eventTime`, `@timestamp`, but neither `candidate_id` nor `updated_by`.
fn is_name_of_a_time(path: &str) -> bool {
    let last = path.rsplit(|c: char| !c.is_ascii_alphanumeric()).find(|word| !word.is_empty()).unwrap_or_default();
    let is_upper = |c: char| c.is_ascii_uppercase();
    let is_all_upper = last.chars().all(|c| !c.is_ascii_lowercase());
    let start = if is_all_upper { 0 } else { last.rfind(is_upper).unwrap_or_default() };
    LAST_WORDS.contains(&last[start..].to_ascii_lowercase().as_str())
        || LAST_WORDS.contains(&last.to_ascii_lowercase().as_str())
}

/// Whether a format makes a time of the event that the engine would read from the field itself. Of microseconds and nanoseconds
/// it would not.
pub(super) fn is_read_by_the_engine(format: &str) -> bool {
    !matches!(format, "epoch_us" | "epoch_ns")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_795_341_600_000;

    fn of(events: &[&str]) -> Vec<(String, String, bool)> {
        let events: Vec<Vec<u8>> = events.iter().map(|event| event.as_bytes().to_vec()).collect();
        let found = candidates(&Profile::of(&events), &events, NOW_MS);
        found.into_iter().map(|found| (found.field, found.formats.join(" or "), found.is_clear)).collect()
    }

    #[test]
    fn every_format_that_is_tried_is_one_of_the_product() {
        for format in FORMATS {
            assert!(trial("t", format).is_some(), "{format}");
        }
    }

    #[test]
    fn the_format_is_the_one_that_reads_every_value() {
        for (value, expected) in [
            ("\"2026-11-22T10:00:00.123Z\"", "auto"),
            ("\"2026-11-22 10:00:00\"", "auto"),
            ("\"2026-11-22\"", "auto"),
            ("1795341600", "epoch_s"),
            ("\"1795341600\"", "epoch_s"),
            ("1795341600.25", "epoch_s"),
            ("1795341600123", "auto"),
            ("1795341600123456", "epoch_us"),
            ("1795341600123456789", "epoch_ns"),
            ("\"22/Nov/2026:10:00:00 +0900\"", "%d/%b/%Y:%H:%M:%S %z"),
            ("\"20261122\"", "%Y%m%d"),
            ("\"20261122100000\"", "%Y%m%d%H%M%S"),
            ("\"Sun, 22 Nov 2026 10:00:00 GMT\"", "%a, %d %b %Y %H:%M:%S GMT"),
            ("\"11/22/2026 10:00:00\"", "%m/%d/%Y %H:%M:%S"),
            ("\"22/11/2026 10:00:00\"", "%d/%m/%Y %H:%M:%S"),
            ("\"11/10/2026 10:00:00\"", "%m/%d/%Y %H:%M:%S or %d/%m/%Y %H:%M:%S"),
        ] {
            let found = of(&[&format!("{{\"a\":{{\"time\":{value}}},\"n\":1}}")]);
            assert_eq!(found, [("a.time".to_owned(), expected.to_owned(), true)], "{value}");
        }
    }

    #[test]
    fn a_field_counts_if_nearly_all_events_have_a_time_there_that_makes_sense() {
        for value in ["\"soon\"", "5", "\"1970-01-01\"", "\"2999-01-01\"", "null", "[\"2026-11-22\"]", "true", "{}"] {
            assert_eq!(of(&[&format!("{{\"time\":{value}}}")]), [], "{value}");
        }
        assert_eq!(of(&["{\"time\":\"2026-11-22\"}", "{\"time\":\"2026-11-22\"}", "{}"]), []);
        let mut many = vec!["{\"time\":\"2026-11-22\"}"; 200];
        many[7] = "{\"time\":\"soon\"}";
        many[150] = "{}";
        assert_eq!(of(&many).len(), 1);
        many[8] = many[7];
        many[9] = many[7];
        assert_eq!(of(&many), []);
    }

    #[test]
    fn clear_times_come_before_numbers_that_may_be_anything() {
        let event = "{\"a\":1500000000,\"created_at\":\"2026-11-22\"}";
        let clear = ("created_at".to_owned(), "auto".to_owned(), true);
        assert_eq!(of(&[event]), [clear, ("a".to_owned(), "epoch_s".to_owned(), false)]);
        assert_eq!(of(&["{\"order\":1500000000}"]), [("order".to_owned(), "epoch_s".to_owned(), false)]);
        assert_eq!(of(&["{\"b_at\":\"2026-11-22\",\"a\":\"2026-11-22\"}"]).len(), 2);
    }

    #[test]
    fn the_last_word_of_a_name_says_that_it_is_a_time() {
        for name in [
            "time",
            "a.TIME",
            "@timestamp",
            "created_at",
            "createdAt",
            "eventTime",
            "event_ts",
            "created-on",
            "t",
            "base_dt",
        ] {
            assert!(is_name_of_a_time(name), "{name}");
        }
        for name in
            ["candidate_id", "updated_by", "multimedia_id", "sentiment", "mandate", "timeout", "dates", "", "at.x"]
        {
            assert!(!is_name_of_a_time(name), "{name}");
        }
    }

    #[test]
    fn a_time_is_found_among_many_other_fields() {
        let many = (0..600).map(|n| format!("\"metric_{n:03}\":{n},")).collect::<Vec<_>>().concat();
        let found = of(&[&format!("{{{many}\"timestamp\":\"2026-11-22T10:00:00Z\"}}")]);
        assert_eq!(found, [("timestamp".to_owned(), "auto".to_owned(), true)]);
    }

    #[test]
    fn times_without_an_offset_and_values_that_are_no_times_are_counted() {
        let events = ["2026-11-22 10:00:00", "2026-11-22T10:00:00Z", "soon"];
        let events: Vec<Vec<u8>> = events.iter().map(|time| format!("{{\"t\":\"{time}\"}}").into_bytes()).collect();
        assert_eq!(read_by("t", "auto", &events, NOW_MS), Ok(Reading { present: 3, read: 2, local: 1 }));
    }
}
