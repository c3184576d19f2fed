//! Configurations from public bug reports, each with its committed translation: pipeline.yaml, then every printed line.
//!
//! `MILLRACE_ACCEPT=1` writes the current translations into the committed files.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use logstash::{Import, import_files};
use pipeline::{
    dry_run::{DryRun, Prediction, Rules},
    record::Origin,
    rules::Datasets,
};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The translation of the configuration in these files.
fn translated(name: &str, paths: &[PathBuf]) -> (Import, String) {
    let file_name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    let texts: Vec<(String, String)> =
        paths.iter().map(|path| (file_name(path), fs::read_to_string(path).unwrap())).collect();
    let files: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let import = import_files(name, &files).unwrap_or_else(|error| panic!("{name}: {error}"));
    let yaml = import.yaml.as_deref().unwrap_or("nothing becomes a dataset\n");
    let rules: Vec<&str> = yaml.lines().filter(|line| !line.starts_with('#')).collect();
    let mut told = format!("{}\n---\n", rules.join("\n"));
    for note in &import.notes {
        let file = if files.len() > 1 { format!("{}:", files[note.at.file].0) } else { String::new() };
        let _ = writeln!(told, "{file}{}: {}: {}", note.at, note.effect.label(), note.text);
    }
    (import, told)
}

fn configurations() -> Vec<(String, Vec<PathBuf>)> {
    let mut all = Vec::new();
    for root in ["../../tests/data/cases/logstash", "tests/data/configurations"] {
        let mut paths: Vec<PathBuf> = fs::read_dir(folder(root)).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        for path in paths {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                let mut parts: Vec<PathBuf> = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()).collect();
                parts.sort();
                all.push((name, parts));
            } else if path.extension().is_some_and(|extension| extension == "conf") {
                all.push((name, vec![path]));
            }
        }
    }
    all
}

#[test]
fn every_configuration_of_a_report_becomes_what_is_committed() {
    let mut wrong = Vec::new();
    let configurations = configurations();
    assert!(configurations.len() >= 20, "{}", configurations.len());
    for (name, paths) in configurations {
        let (_, told) = translated(&name, &paths);
        let path = folder("tests/data/expected").join(format!("{name}.txt"));
        if std::env::var_os("MILLRACE_ACCEPT").is_some() {
            fs::write(&path, &told).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        if told != expected {
            wrong.push(format!("{name}, made:\n{told}\nexpected:\n{expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The documents that a translated configuration makes from a sample.
fn kept(name: &str, sample: &str) -> Vec<String> {
    let root = folder("../../tests/data/cases/logstash");
    let (import, _) = translated(name, &[root.join(format!("{name}.conf"))]);
    let datasets = Datasets::parse("pipeline.yaml", import.yaml.as_deref().unwrap(), None).unwrap();
    let mut documents = Vec::new();
    let sample = fs::read(root.join(sample)).unwrap();
    DryRun::new(Rules::Dataset(datasets.iter().next().unwrap()))
        .read(sample.as_slice(), &Origin::s3("b", "k", "e"), 1_795_773_700_000, |_, _, fate| {
            if let Prediction::Wanted { document, .. } = fate {
                documents.push(String::from_utf8_lossy(document).into_owned());
            }
        })
        .unwrap();
    documents
}

#[test]
fn events_of_the_reports_that_logstash_keeps_are_kept() {
    assert_eq!(kept("L05-fingerprint", "long.ndjson").len(), 3, "long texts and missing ones are no ids");
    assert_eq!(kept("M7", "n5.ndjson").len(), 1, "a number is not above a text");
    assert_eq!(kept("M7", "m7.ndjson").len(), 1);
}
