use pipeline::outcome::Stage;

use super::*;
use crate::files;

const PIPELINE: &str = r#"
datasets:
  - name: app
    from: { bucket: "logs-*", key: "app/**" }
    select: os:iOS
    fields: { drop: [debug], geo_point: { at: { lat: lat, lon: lon } } }
    timestamp: t
    index: app-%{+YYYY.MM.dd}
  - name: other-bucket
    from: { bucket: other, key: "app/**" }
    index: other
  - name: live
    from: { stream: "app-*" }
    fields: { metadata: source, hash: [user] }
    index: live
  - name: delivery
    from: { delivery_stream: d }
    select: { os: [{ anything-but: iOS }] }
"#;

fn samples(folder: &Path) -> Vec<File> {
    fs::create_dir_all(folder.join("app")).unwrap();
    let events = [
        r#"{"os":"iOS","t":"2026-11-22T00:00:00Z"}"#,
        r#"{"os":"iOS","t":"2026-11-23T00:00:00Z","debug":1,"lat":91,"lon":0}"#,
        r#"{"os":"iOS","t":"soon"}"#,
        r#"{"os":"iOS","t":"later"}"#,
        r#"{"os":"Android"}"#,
        "no",
    ];
    fs::write(folder.join("app/1.json"), events.join("\n")).unwrap();
    fs::write(folder.join("else.json.gz"), gzip(br#"{"os":"iOS","user":"u"}"#)).unwrap();
    files::collect(&[folder.into()], folder).unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn each_dataset_says_what_it_would_do_to_the_samples() {
    let folder = tempfile::TempDir::new().unwrap();
    let pipeline = folder.path().join("pipeline.yaml");
    fs::write(&pipeline, PIPELINE).unwrap();
    let datasets = datasets(&pipeline).unwrap();
    fs::remove_file(&pipeline).unwrap();
    let samples = samples(folder.path());
    let report = check(&datasets, &samples, None);
    let warned: Vec<&str> = report.warnings.iter().map(|one| one.split_once(':').unwrap().0).collect();
    assert_eq!(warned, ["rollover"; 2], "{:?}", report.warnings);
    assert!(report.warnings_text().starts_with("warning  rollover: the index `other`"), "{}", report.warnings_text());
    let names: Vec<&str> = report.datasets.iter().map(|tried| tried.name.as_str()).collect();
    assert_eq!(names, ["app", "other-bucket", "live", "delivery"]);
    assert_eq!(report.not_taken, ["else.json.gz"]);
    assert!(report.is_whole());

    let app = &report.datasets[0];
    assert_eq!((app.files, app.read, app.wanted, app.dropped, app.failed, app.left_out), (1, 6, 2, 1, 3, 1));
    let indices: Vec<_> = app.indices.iter().map(|(index, count)| (index.as_str(), *count)).collect();
    assert_eq!(indices, [("app-2026.11.22", 1), ("app-2026.11.23", 1)]);
    let failures: Vec<_> = app.failures.iter().map(|failure| (failure.stage, failure.count, failure.offset)).collect();
    assert_eq!(failures, [(Stage::Route, 2, 107), (Stage::Decode, 1, 173)]);
    let example = app.example.as_ref().unwrap();
    assert_eq!((example.key.as_str(), example.offset), ("app/1.json", 40), "one that is changed");
    assert_eq!(example.after, r#"{"os":"iOS","t":"2026-11-23T00:00:00Z","lat":91,"lon":0}"#);
    let mut rules: Vec<&str> = app.costs.iter().map(|cost| cost.rule.as_str()).collect();
    rules.sort_unstable();
    assert_eq!(rules, ["drop: debug", "geo_point: at", "select: os:iOS"]);

    assert_eq!(report.datasets[1].files, 0, "the first dataset whose key matches took it");
    let live = &report.datasets[2];
    assert_eq!((live.files, live.read, live.wanted, live.failed), (2, 7, 6, 1), "compressed files too");
    assert!(live.example.as_ref().unwrap().after.contains(r#""source":{"stream":"arn:aws:kinesis:"#));
    let delivery = &report.datasets[3];
    assert_eq!((delivery.read, delivery.wanted, delivery.dropped), (7, 1, 5));
    assert_eq!(delivery.indices.len(), 0);

    // With a bucket name, the glob of `bucket` has to match.
    let report = check(&datasets, &samples, Some("other"));
    assert_eq!((report.datasets[0].files, report.datasets[1].files), (0, 1));
    assert_eq!(check(&datasets, &samples, Some("third")).not_taken.len(), 2);
}

#[test]
fn a_sample_that_cannot_be_read_is_named() {
    let folder = tempfile::TempDir::new().unwrap();
    let pipeline = folder.path().join("pipeline.yaml");
    fs::write(&pipeline, PIPELINE).unwrap();
    let gone = File { path: folder.path().join("gone"), key: "app/gone".into(), size: 1 };
    let report = check(&datasets(&pipeline).unwrap(), &[gone], None);
    assert!(!report.is_whole() && report.text().contains("not read to its end: app/gone"), "{}", report.text());
}

#[test]
fn the_text_for_a_person_says_the_same() {
    let folder = tempfile::TempDir::new().unwrap();
    let pipeline = folder.path().join("pipeline.yaml");
    fs::write(&pipeline, PIPELINE).unwrap();
    let datasets = datasets(&pipeline).unwrap();
    fs::remove_file(&pipeline).unwrap();
    let text = check(&datasets, &samples(folder.path()), None).text();
    for line in [
        "app, from key app/** of bucket logs-*",
        "  6 events in 1 file: 2 wanted, 1 dropped, 3 failed",
        "  index   app-2026.11.22  1",
        "  failed  2 by route, invalid_timestamp; the first in app/1.json @107: ",
        "          {\"os\":\"iOS\",\"t\":\"soon\"}",
        "  values left out, since they could not be made: 1",
        "  example app/1.json @40",
        "other-bucket, from key app/** of bucket other",
        "  no sample",
        "live, from stream app-*",
        "delivery, from delivery stream d",
        "  after   the same",
        "no S3 dataset's `from` matches else.json.gz",
    ] {
        assert!(text.lines().any(|shown| shown.starts_with(line)), "{line}\n{text}");
    }
}
