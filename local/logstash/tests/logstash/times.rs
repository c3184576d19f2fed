//! The times that a `date` filter reads here, compared with those that its pattern reads by Joda's rules.

use fastrand::Rng;
use jiff::{Timestamp, tz::TimeZone};
use logstash::{Effect, import};
use pipeline::{
    dry_run::{DryRun, Prediction, Rules},
    record::Origin,
    rules::Datasets,
};
use serde_json::Value;

use super::evaluator::joda;

const PATTERNS: [&str; 10] = [
    "yyyy-MM-dd'T'HH:mm:ss.SSSZ",
    "yyyy-MM-dd'T'HH:mm:ssZZ",
    "yyyy-MM-dd'T'HH:mm:ss.SSSSSSZZ",
    "yyyy-MM-dd HH:mm:ss.SSS",
    "yyyy-MM-dd HH:mm:ss,S",
    "yyyy-MM-dd HH:mm:ss Z",
    "yyyy/M/d H:m:s",
    "dd/MMM/yyyy:HH:mm:ss Z",
    "MMMM dd yyyy HH:mm:ss ZZ",
    "yyyyMMddHHmmss",
];

/// A text for a pattern, and whether Logstash would write the pattern so, but for the notation of the offset.
fn text(random: &mut Rng, pattern: &str) -> (String, bool) {
    let is_plain = random.bool();
    let mut out = String::new();
    let mut rest = pattern;
    while let Some(letter) = rest.chars().next() {
        let after = rest.trim_start_matches(letter);
        let run = rest.len() - after.len();
        rest = after;
        let mut number = |least: u32, most: u32| {
            let number = random.u32(least..=most);
            if is_plain || random.u8(..4) > 0 { format!("{number:0>run$}") } else { number.to_string() }
        };
        match letter {
            '\'' => {
                let (literal, after) = rest.split_once('\'').unwrap();
                (out, rest) = (out + literal, after);
            }
            'y' => out += &number(2020, 2025),
            'M' if run > 2 => {
                let (name, long) = [("Nov", "November"), ("feb", "february"), ("May", "May")][random.usize(..3)];
                out += if (run > 3) == (is_plain || random.bool()) { long } else { name };
            }
            'M' => out += &number(1, 12),
            'd' => out += &number(1, 28),
            'H' => out += &number(0, 23),
            'm' | 's' => out += &number(0, 59),
            'S' => {
                let count = if is_plain { random.usize(1..=run) } else { random.usize(0..8) };
                out.extend((0..count).map(|_| random.digit(10)));
            }
            'Z' => out += ["Z", "+0900", "+09:00", "-01:30", "+09", "+00:00"][random.usize(..6)],
            _ => out.push(letter),
        }
    }
    if !is_plain && random.u8(..8) == 0 {
        out.push_str([" ", "Z", "x"][random.usize(..3)]);
    }
    (out, is_plain)
}

/// The time that the pipeline reads.
fn here(yaml: &str, text: &str) -> Option<Timestamp> {
    let datasets = Datasets::parse("pipeline.yaml", yaml, None).unwrap();
    let record = serde_json::json!({ "t": text }).to_string();
    let mut time = None;
    DryRun::new(Rules::Dataset(datasets.iter().next().unwrap()))
        .read(record.as_bytes(), &Origin::s3("b", "k", "e"), super::TIME_MS, |_, _, fate| {
            if let Prediction::Wanted { document, .. } = fate {
                let document: Value = serde_json::from_slice(document).unwrap();
                time = document["u"].as_str().map(|time| time.parse().unwrap());
            }
        })
        .unwrap();
    time
}

#[test]
fn a_time_is_read_as_its_pattern_reads_it_or_the_line_is_listed() {
    let mut random = Rng::with_seed(7);
    let (mut read, mut wrong) = (0, Vec::new());
    for pattern in PATTERNS {
        for zone in ["UTC", "Asia/Seoul"] {
            let conf = format!(
                "input {{ s3 {{ bucket => b codec => json }} }}\nfilter {{ date {{ match => [\"t\", \"{pattern}\"] timezone => \"{zone}\" target => u }} }}\noutput {{ opensearch {{ index => i }} }}"
            );
            let import = import("x.conf", &conf).unwrap();
            let yaml = import.yaml.as_deref().unwrap();
            let is_assumed =
                import.notes.iter().any(|note| note.effect == Effect::Assumed && note.text.contains(pattern));
            for _ in 0..200 {
                let (text, is_plain) = text(&mut random, pattern);
                let there = joda::read(pattern, &text, &TimeZone::get(zone).unwrap());
                let here = here(yaml, &text);
                read += usize::from(there.is_some() && there == here);
                if there != here && (is_plain || !is_assumed) {
                    wrong.push(format!("{pattern} in {zone}: `{text}` is {here:?}, in Logstash {there:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong: {:#?}", wrong.len(), &wrong[..wrong.len().min(20)]);
    assert!(read > 1_500, "{read} times read alike");
}
