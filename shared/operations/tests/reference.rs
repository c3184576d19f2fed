//! Every example of docs/PIPELINE.md does what the document says. An example is a file, with events and their results
//! below it.

#![expect(clippy::unwrap_used, reason = "a test ends where it meets what it does not expect")]

use std::collections::BTreeSet;

use operations::{refusals, setup::template::TemplateOwner};
use pipeline::{
    dry_run::{DryRun, Prediction, Rules},
    record::{KafkaRecord, Origin},
    rule_tests::HASH_KEY,
    rules::{Datasets, From},
    shape::HashKey,
};

/// 2026-11-22T10:00:00Z
const RECORD_TIME_MS: i64 = 1_795_341_600_000;

/// A fenced block of the document.
struct Block<'d> {
    language: &'d str,
    text: &'d str,
}

fn blocks(document: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut rest = document;
    while let Some((_, from)) = rest.split_once("\n```") {
        let (language, from) = from.split_once('\n').unwrap();
        let (text, after) = from.split_once("\n```").unwrap();
        blocks.push(Block { language, text });
        rest = after;
    }
    blocks
}

/// The rules of an example. An example of a file that is included begins with the file's name, in a comment.
fn parsed(blocks: &[Block<'_>], yaml: &str) -> Datasets {
    let key = HashKey::new(HASH_KEY.as_bytes()).unwrap();
    let beside = |name: &str| {
        let found = blocks.iter().find(|block| block.text.starts_with(&format!("# {name}\n")));
        found.map(|block| block.text.to_owned()).ok_or_else(|| std::io::Error::other("no such example").into())
    };
    Datasets::parse_with("example", yaml, Some(&key), &beside).unwrap_or_else(|error| panic!("{yaml}\n{error}"))
}

/// The first dataset of a file, and an origin that its events could have.
fn rules(datasets: &Datasets) -> (Rules<'_>, Origin) {
    let Some(dataset) = datasets.iter().next() else {
        return (Rules::Transform(datasets.transforms().next().unwrap()), Origin::firehose("app", vec!["1".into()]));
    };
    let origin = match &dataset.from {
        From::S3(_) => Origin::s3("logs", "source/jsona/a.json.gz", "5d41402abc4b2a76b9719d911017c592"),
        From::Stream(_) => Origin::kinesis("arn:aws:kinesis:eu-west-1:1:stream/app", "shardId-0", vec!["1".into()]),
        From::Topic(_) => {
            Origin::kafka("c", "t", vec![KafkaRecord { partition: 0, offset: 0, timestamp: RECORD_TIME_MS }])
        }
    };
    (Rules::Dataset(dataset), origin)
}

/// The results for the events of a sample, in the form that the document uses.
fn told(datasets: &Datasets, sample: &str) -> Vec<String> {
    let (rules, origin) = rules(datasets);
    let mut told = Vec::new();
    DryRun::new(rules)
        .read(sample.as_bytes(), &origin, RECORD_TIME_MS, |_, _, fate| {
            told.push(match fate {
                Prediction::Dropped => "dropped".into(),
                Prediction::Failed { error_type, .. } => format!("failed   {error_type}"),
                Prediction::Wanted { index, document } => {
                    let document = String::from_utf8_lossy(document);
                    index
                        .map_or_else(|| format!("delivered {document}"), |index| format!("indexed  {index} {document}"))
                }
            });
        })
        .unwrap();
    told
}

/// The faults that a deployment by template.yaml reports for an example.
fn refused(datasets: &Datasets) -> Vec<String> {
    let dead_letters = refusals::dead_letters_of_template();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/pipeline.yaml");
    let (_, faults) = refusals::refusals(datasets, &TemplateOwner::default(), &folder, Some(&dead_letters));
    faults.into_iter().map(|fault| format!("{}: {}", fault.place, fault.message)).collect()
}

#[test]
fn every_example_of_rules_runs_as_it_stands() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let documents = std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let documents =
        documents.chain([root.join("README.md")]).filter(|path| path.extension().is_some_and(|of| of == "md"));
    let (mut examples, mut tests) = (0, 0);
    for path in documents {
        let document = std::fs::read_to_string(&path).unwrap();
        let blocks = blocks(&document);
        let is_rules = |block: &&Block<'_>| ["datasets:", "include:"].iter().any(|key| block.text.starts_with(key));
        for block in blocks.iter().filter(is_rules) {
            let (place, yaml) = (path.display(), block.text);
            let datasets = parsed(&blocks, yaml);
            tests += datasets.tests().len();
            assert_eq!(refused(&datasets), [] as [&str; 0], "{place}\n{yaml}");
            examples += 1;
        }
    }
    assert!(examples > 15 && tests >= 5, "{examples} examples, {tests} tests");
}

#[test]
fn every_example_does_what_the_document_says() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/PIPELINE.md");
    let document = std::fs::read_to_string(path).unwrap();
    let (mut shown, mut events) = (BTreeSet::new(), 0);
    let blocks = blocks(&document);
    for pair in blocks.windows(2).filter(|pair| pair[0].language == "yaml") {
        let yaml = pair[0].text;
        let datasets = parsed(&blocks, yaml);
        let outcomes = &pair[1];
        if outcomes.language != "text" || !outcomes.text.starts_with("event ") {
            continue;
        }
        for word in yaml.split(|c: char| !c.is_ascii_lowercase() && c != '_') {
            shown.insert(word);
        }
        let mut lines = outcomes.text.lines().peekable();
        while let Some(line) = lines.next() {
            let sample = line.strip_prefix("event    ").unwrap_or_else(|| panic!("no event: {line}"));
            let mut expected = Vec::new();
            while let Some(outcome) = lines.next_if(|line| !line.starts_with("event ")) {
                expected.push(outcome.to_owned());
            }
            assert_eq!(told(&datasets, sample), expected, "{sample}\n{yaml}");
            events += 1;
        }
    }
    assert!(events > 25, "{events}");
    for key in [
        "name",
        "from",
        "bucket",
        "key",
        "stream",
        "topic",
        "delivery_stream",
        "format",
        "select",
        "fields",
        "json",
        "lift",
        "dynamodb",
        "keep",
        "drop",
        "rename",
        "add",
        "hash",
        "geo_point",
        "date",
        "metadata",
        "timestamp",
        "field",
        "index",
        "id",
        "partition_keys",
    ] {
        assert!(shown.contains(key), "no example that is run shows `{key}`");
    }
}
