//! The choices about the data: found in the sample where it shows only one answer, else asked.

use std::io::{self, BufRead, Write};

use pipeline::route::IndexPattern;

use super::{
    dataset::{POINT, TimestampField},
    options::InitOptions,
    profile::Profile,
    questions::{Question, Questions},
    sample::Sample,
    time::{self, Candidate},
};

/// The names of two fields with latitude and longitude.
const COORDINATES: [(&str, &str); 4] = [("lat", "lon"), ("lat", "lng"), ("latitude", "longitude"), ("lat", "long")];
/// Fields that only the events of CloudWatch Logs have.
const OF_CLOUDWATCH: [&str; 4] = ["@id", "@timestamp", "@log_group", "@log_stream"];
const NO_TIMESTAMP: &str =
    "No timestamp: the index follows from the time at which S3 stored the object. `--timestamp FIELD` names a field.";
/// The answer for events without a time of their own.
const NONE: &str = "-";

/// The choices about the data.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    pub(super) name: String,
    pub(super) index: String,
    pub(super) timestamp: Option<TimestampField>,
    pub(super) point: Option<(String, String)>,
    pub(super) notes: Vec<String>,
}

impl Chosen {
    /// Chooses, and asks for what the sample does not decide.
    pub(super) fn ask<R: BufRead, W: Write>(
        options: &InitOptions,
        prefix: &str,
        profile: &Profile,
        sample: &Sample,
        questions: &mut Questions<R, W>,
        now_ms: i64,
    ) -> io::Result<Self> {
        let default = default_name(prefix);
        let name = Question { option: "--name NAME", text: "The name of the dataset", default: Some(&default) };
        let name = questions.answer(name, options.name.as_deref(), dataset_name)?;
        let mut notes = Vec::new();
        let timestamp = timestamp(options, profile, sample, questions, now_ms)?;
        match &timestamp {
            Some(timestamp) => notes.extend(notes_of(timestamp, sample, now_ms)?),
            None => notes.push(NO_TIMESTAMP.into()),
        }
        let point = point(profile);
        if let Some((lat, lon)) = &point {
            notes.push(format!(
                "`{lat}` and `{lon}` become the point `{POINT}`, for maps. It replaces a field of that name."
            ));
        }
        let default = format!("{name}-%{{+YYYY.MM.dd}}");
        let index = Question { option: "--index INDEX", text: "The index", default: Some(&default) };
        let index = questions
            .answer(index, options.index.as_deref(), |text| IndexPattern::parse(text).map(|_| text.to_owned()))?;
        Ok(Self { name, index, timestamp, point, notes })
    }
}

/// What the user should know about the time of the events.
fn notes_of(timestamp: &TimestampField, sample: &Sample, now_ms: i64) -> io::Result<Vec<String>> {
    let TimestampField { field, format } = timestamp;
    let field = shown(field);
    let mut notes = vec![format!("The time of an event is `{field}` (format {format}).")];
    let reading = time::read_by(&timestamp.field, format, &sample.events, now_ms).map_err(io::Error::other)?;
    if reading.read < reading.present {
        notes.push(format!(
            "In `{field}`, {} of {} events have no such time. They would become dead letters.",
            reading.present - reading.read,
            reading.present
        ));
    }
    if reading.local > 0 {
        notes.push(format!(
            "`{field}` has times without an offset, which are read as UTC. If that is wrong, set `timezone` before the first deployment."
        ));
    }
    Ok(notes)
}

/// A name from a sample, for a terminal.
pub(super) fn shown(name: &str) -> String {
    let short: String = name.chars().take(60).collect();
    format!("{}{}", short.escape_debug(), if short.len() < name.len() { "…" } else { "" })
}

/// The last folder of the prefix, as far as it is a name.
fn default_name(prefix: &str) -> String {
    let folder = prefix.split('/').rfind(|part| part.contains(|c: char| c.is_ascii_alphanumeric())).unwrap_or("events");
    let name: String =
        folder.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    name.trim_matches('-').chars().take(64).collect()
}

fn dataset_name(text: &str) -> Result<String, String> {
    let is_first = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_name =
        text.len() <= 64 && text.starts_with(is_first) && text.chars().all(|c| is_first(c) || c == '-' || c == '_');
    if is_name {
        Ok(text.to_owned())
    } else {
        Err("a name is 1 to 64 of a-z, 0-9, `-` and `_`, with a letter or digit first".into())
    }
}

fn timestamp<R: BufRead, W: Write>(
    options: &InitOptions,
    profile: &Profile,
    sample: &Sample,
    questions: &mut Questions<R, W>,
    now_ms: i64,
) -> io::Result<Option<TimestampField>> {
    if options.no_timestamp {
        return Ok(None);
    }
    let candidates = time::candidates(profile, &sample.events, now_ms);
    let field = match (&options.timestamp, &candidates[..]) {
        (Some(field), _) => field.clone(),
        (None, []) => return Ok(None),
        (None, [only]) if only.is_clear => only.field.clone(),
        (None, _) if is_cloudwatch(profile) => "@timestamp".to_owned(),
        (None, _) => match ask_field(&candidates, questions)? {
            Some(field) => field,
            None => return Ok(None),
        },
    };
    let format = format(options, &field, &candidates, sample, questions, now_ms)?;
    Ok(Some(TimestampField { field, format }))
}

fn ask_field<R: BufRead, W: Write>(
    candidates: &[Candidate],
    questions: &mut Questions<R, W>,
) -> io::Result<Option<String>> {
    let names: Vec<String> = candidates.iter().take(10).map(|candidate| shown(&candidate.field)).collect();
    let text = format!("The field with the time of an event: {} ({NONE}: none of them)", names.join(", "));
    // The only clear one is proposed, but never taken without an answer.
    let is_proposed =
        questions.is_in_terminal() && candidates.iter().filter(|candidate| candidate.is_clear).count() == 1;
    let default = candidates.first().filter(|_| is_proposed).map(|candidate| candidate.field.as_str());
    let question = Question { option: "--timestamp FIELD or --no-timestamp", text: &text, default };
    questions.answer(question, None, |text| match text {
        NONE => Ok(None),
        _ if candidates.iter().any(|candidate| candidate.field == text) => Ok(Some(text.to_owned())),
        _ => Err("write one of these fields".into()),
    })
}

fn format<R: BufRead, W: Write>(
    options: &InitOptions,
    field: &str,
    candidates: &[Candidate],
    sample: &Sample,
    questions: &mut Questions<R, W>,
    now_ms: i64,
) -> io::Result<String> {
    let read = |format: &str| {
        let reading = time::read_by(field, format, &sample.events, now_ms)?;
        if sample.events.is_empty() || reading.read > 0 {
            return Ok(format.to_owned());
        }
        Err(match reading.present {
            0 => format!("no event of the samples has a field `{field}`"),
            present => format!("none of {present} events has such a time in `{field}`"),
        })
    };
    if let Some(given) = &options.timestamp_format {
        let question = Question { option: "--timestamp-format FORMAT", text: "The format", default: None };
        return questions.answer(question, Some(given), read);
    }
    match candidates.iter().find(|candidate| candidate.field == field).map(|candidate| &candidate.formats[..]) {
        Some([only]) => Ok(only.clone()),
        Some(several) => {
            let text = format!("The format of `{field}`: {}", several.join(" or "));
            let question =
                Question { option: "--timestamp FIELD --timestamp-format FORMAT", text: &text, default: None };
            questions.answer(question, None, read)
        }
        None => {
            let failed = |reason| io::Error::other(format!("--timestamp {field}: {reason}; give --timestamp-format"));
            read("auto").map_err(failed)
        }
    }
}

fn is_cloudwatch(profile: &Profile) -> bool {
    let is_there = |name: &str| profile.fields.get(name).is_some_and(|field| field.events == profile.events);
    OF_CLOUDWATCH.into_iter().all(is_there)
}

/// Two numbers at the top of nearly all events that can only be a position.
fn point(profile: &Profile) -> Option<(String, String)> {
    if profile.fields.contains_key(POINT) {
        return None;
    }
    let is_coordinate = |name: &str, most: f64| {
        profile.fields.get(name).is_some_and(|field| {
            profile.is_in_nearly_all(field)
                && !field.is_in_array
                && field.integers + field.floats == field.values()
                && field.largest > 0.0
                && field.largest <= most
        })
    };
    let found = COORDINATES.iter().find(|(lat, lon)| is_coordinate(lat, 90.0) && is_coordinate(lon, 180.0));
    found.map(|(lat, lon)| ((*lat).to_owned(), (*lon).to_owned()))
}
