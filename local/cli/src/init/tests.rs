//! `init` as a whole, on samples of every kind.

use std::path::PathBuf;

use clap::Parser;
use pipeline::rule_tests as product;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

/// 2026-12-01T00:00:00Z.
const NOW_MS: i64 = 1_796_083_200_000;
/// Names that YAML, JSON, the engine or a glob may read as something else.
const NAMES: [&str; 26] = [
    "a",
    "b",
    "@timestamp",
    "a.b",
    ".a",
    "a.",
    "a..b",
    "",
    " ",
    "no",
    "null",
    "1",
    "0x1f",
    "~",
    "- a",
    "a: b",
    "a #b",
    "\"",
    "'",
    "\\",
    "a\nb",
    "\u{2028}",
    "{",
    "%",
    "_id",
    "kim@example.com",
];

#[derive(Debug, Parser)]
struct Program {
    #[command(flatten)]
    options: InitOptions,
}

/// The options of a command line, which writes to the folder.
fn options(folder: &TempDir, arguments: &[&str]) -> InitOptions {
    let output = folder.path().to_str().unwrap();
    let fixed = ["init", "--output", output, "--bucket", "my-logs", "--create-domain"];
    let all = fixed.iter().chain(arguments);
    Program::try_parse_from(all).unwrap().options
}

fn run(folder: &TempDir, sample: &[u8], arguments: &[&str]) -> io::Result<Written> {
    let path = folder.path().join("sample");
    std::fs::write(&path, sample).unwrap();
    let mut options = options(folder, arguments);
    options.samples = vec![path];
    init(&options, &mut Questions::<&[u8], Vec<u8>>::without_terminal(), NOW_MS)
}

/// The text of pipeline.yaml, which has to pass the checks and three tests.
fn yaml(folder: &TempDir) -> String {
    let path = folder.path().join("pipeline.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    let datasets = product::load(&path).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let tested = product::run(&datasets);
    assert_eq!((tested.tests, &tested.failures), (3, &vec![]), "{text}");
    assert_eq!(check::deployed(&datasets, &path).faults, [], "{text}");
    text
}

fn mapping_of(folder: &TempDir) -> serde_json::Value {
    let text = std::fs::read_to_string(folder.path().join("mappings/events.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn lines(written: &Written) -> String {
    written.notes.join("\n")
}

#[test]
fn a_file_of_events_becomes_rules_a_mapping_and_three_tests() {
    let folder = TempDir::new().unwrap();
    let sample = "{\"base_dt\":\"2026-11-22T10:00:00+09:00\",\"os\":\"iOS\",\"n\":1.50,\"lat\":35.6,\"lon\":139.7,\"mail\":\"kim@example.com\"}\n\
                  {\"base_dt\":\"2026-11-22T11:00:00+09:00\",\"os\":\"x\",\"n\":2,\"lat\":1,\"lon\":2}\n";
    let written = run(&folder, sample.as_bytes(), &["--prefix", "app/events/"]).unwrap();
    let text = yaml(&folder);
    for part in [
        "  - name: events\n    from: { bucket: my-logs, key: \"app/events/**\" }\n    fields:\n",
        "      geo_point: { location: { lat: lat, lon: lon } }\n    timestamp: base_dt\n    index: events-%{+YYYY.MM.dd}\n",
        "    mapping: mappings/events.json\n",
        "\"n\": 1.50, \"lat\": 35.6, \"lon\": 139.7, \"mail\": \"masked\"}\n        key: app/events/example.json\n",
        "\"location\": {\"lat\": 35.6, \"lon\": 139.7}}\n        index: events-2026.11.22\n",
        "      - line: 'not json'\n        rejected: invalid_json\n",
        "      - event: {\"base_dt\": \"no time\"}\n        rejected: invalid_timestamp\n",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(!text.contains("format") && !text.contains("kim@"), "{text}");
    let properties = &mapping_of(&folder)["properties"];
    assert_eq!((&properties["n"]["type"], properties.get("base_dt")), (&"double".into(), None));
    assert!(lines(&written).contains("replaced by `masked` of mail"), "{written:?}");
    assert!(lines(&written).contains("hold an event of the samples"), "{written:?}");
    assert_eq!(written.files.last().unwrap(), &folder.path().join("pipeline.yaml"));
}

#[test]
fn the_unit_of_a_number_is_said_where_the_engine_would_take_it_for_milliseconds() {
    for (value, expected, is_mapped) in [
        ("1795341600", "    timestamp: { field: ts, format: epoch_s }\n", false),
        ("1795341600123", "    timestamp: ts\n", false),
        ("1795341600123456", "    timestamp: { field: ts, format: epoch_us }\n", true),
        ("\"22/Nov/2026:10:00:00 +0000\"", "    timestamp: { field: ts, format: \"%d/%b/%Y:%H:%M:%S %z\" }\n", false),
    ] {
        let folder = TempDir::new().unwrap();
        run(&folder, format!("{{\"ts\":{value},\"a\":1}}").as_bytes(), &[]).unwrap();
        assert!(yaml(&folder).contains(expected), "{value}");
        assert_eq!(mapping_of(&folder)["properties"].get("ts").is_some(), is_mapped, "{value}");
    }
}

#[test]
fn a_sample_is_read_as_the_functions_read_it() {
    for (name, events) in [
        ("arrays-in-lines/arrays.ndjson", 1),
        ("byte-order-marks/bom-gz.json.gz", 1),
        ("byte-order-marks/bom-records.json", 1),
        ("cloudwatch-in-s3/double.gz", 1),
        ("cloudwatch-in-s3/plain-glued", 1),
        ("dotted-names/k8s.ndjson", 1),
        ("debezium/debezium.ndjson", 1),
    ] {
        let folder = TempDir::new().unwrap();
        let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/cases")).join(name);
        let sample = std::fs::read(path).unwrap();
        let written = match run(&folder, &sample, &[]) {
            Err(error) if error.to_string().contains("--timestamp") => run(&folder, &sample, &["--no-timestamp"]),
            other => other,
        };
        let written = written.unwrap_or_else(|error| panic!("{name}: {error}"));
        let text = yaml(&folder);
        assert!(text.contains("events of samples") && events > 0, "{name} {written:?} {text}");
        if name.starts_with("cloudwatch") {
            assert!(text.contains("timestamp: \"@timestamp\"") && text.contains("\"@log_group\""), "{text}");
        }
    }
}

#[test]
fn samples_without_an_event_are_an_error_and_write_nothing() {
    let endless = b"{\"a\":\"".iter().copied().chain(std::iter::repeat_n(b'x', 17 << 20)).collect::<Vec<u8>>();
    for sample in
        [&endless[..], b"", b"\n\n", b"text\nmore text\n", b"PAR1\0\0", b"\x1f\x8b\x08garbage", b"[1,2]", b"\0\0\0"]
    {
        let folder = TempDir::new().unwrap();
        let error = run(&folder, sample, &[]).unwrap_err().to_string();
        assert!(error.starts_with("no event in the samples: "), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "only the sample");
    }
}

#[test]
fn a_large_or_strange_sample_still_makes_a_valid_file() {
    let long = format!("{{\"a\":\"{}\"}}\n", "x".repeat(2 << 20));
    let deep = format!("{{\"d\":{}1{}}}\n", "[".repeat(500), "]".repeat(500));
    let members = (0..5_000).map(|n| format!(",\"a{n}\":1")).collect::<Vec<_>>().concat();
    let below_a_long_name = format!("{{\"{}\":{{\"a\":1{members}}}}}\n", "k".repeat(900_000));
    let zeros = "{\"a\":1}\n".to_owned() + &"\0".repeat(1 << 20);
    for (sample, note) in [
        (long.clone() + "{\"a\":\"b\"}\n", "Values of the samples that are no events: 1."),
        (deep, "the tests have examples"),
        ("{\"a\":1,\"a\":2}\n".into(), "the tests have examples"),
        ("{\"a\":\"\\ud83d\"}\n".into(), "the tests have examples"),
        (format!("{{\"{}\":1}}", "k".repeat(3_000)), "Fields that are not in the mapping file: many"),
        (below_a_long_name, "Fields that are not in the mapping file: many"),
        (
            "{\"time\":\"2026-11-22\"}\n".repeat(199) + "{\"time\":\"soon\"}\n",
            "In `time`, 1 of 200 events have no such time.",
        ),
        ("{\"time\":\"2026-11-22 10:00:00\"}\n".into(), "times without an offset, which are read as UTC"),
        ("{\"\\u001b[2J\":1}\n{\"\\u001b[2J\":\"x\"}\n".into(), "`\\u{1b}[2J` has strings and numbers"),
        ("{\"a\":1}\n".to_owned() + &"1\n".repeat(30_000), "Values of the samples that are no events: 10000."),
        (zeros, "No timestamp"),
        ("{\"a\":1}\n".repeat(50_000), "only 10000 events in 1 files"),
        ("{}".into(), "No timestamp"),
    ] {
        let folder = TempDir::new().unwrap();
        let written = run(&folder, sample.as_bytes(), &[]).unwrap();
        assert!(lines(&written).contains(note), "{note}: {written:?}");
        yaml(&folder);
    }
}

#[test]
fn without_samples_the_answers_suffice() {
    for arguments in [&[][..], &["--timestamp", "a.b"], &["--timestamp", "t", "--timestamp-format", "epoch_s"]] {
        let folder = TempDir::new().unwrap();
        init(&options(&folder, arguments), &mut Questions::<&[u8], Vec<u8>>::without_terminal(), NOW_MS).unwrap();
        assert!(!yaml(&folder).contains("mapping:"));
    }
}

#[test]
fn what_the_sample_does_not_decide_is_asked() {
    for sample in ["{\"candidate_id\":1500000123}", "{\"birth_date\":\"2004-03-01\",\"created\":1795341600123}"] {
        let error = run(&TempDir::new().unwrap(), sample.as_bytes(), &[]).unwrap_err().to_string();
        assert!(error.contains("(-: none of them): no answer. Give --timestamp FIELD or --no-timestamp"), "{error}");
    }
    let sample = b"{\"created_at\":\"2026-11-22\",\"updated_at\":\"11/10/2026 10:00:00\"}\n";
    for (arguments, expected) in [
        (&[][..], "created_at, updated_at (-: none of them): no answer. Give --timestamp FIELD or --no-timestamp"),
        (&["--timestamp", "updated_at"], "%m/%d/%Y %H:%M:%S or %d/%m/%Y %H:%M:%S: no answer. Give --timestamp FIELD"),
        (&["--timestamp", "none"], "no event of the samples has a field `none`"),
        (&["--timestamp", "created_at", "--timestamp-format", "epoch_s"], "none of 1 events has such a time"),
        (&["--timestamp", "created_at", "--timestamp-format", "x"], "`x` is not a time format"),
        (&["--no-timestamp", "--index", "Logs"], "--index Logs: `L`: index names are lower case"),
        (&["--no-timestamp", "--name", "A"], "--name A: a name is 1 to 64"),
        (&["--format", "text"], "--format text: "),
        (&["--format", "records:a..b"], "--format records:a..b: "),
    ] {
        let folder = TempDir::new().unwrap();
        let error = run(&folder, sample, arguments).unwrap_err().to_string();
        assert!(error.contains(expected), "{arguments:?}: {error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "only the sample");
    }
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("sample");
    std::fs::write(&path, sample).unwrap();
    let mut options = options(&folder, &[]);
    options.samples = vec![path];
    let answers = b"n\n\n\nevents\nother\nupdated_at\n%d/%m/%Y %H:%M:%S\n\n";
    init(&options, &mut Questions::in_terminal(&answers[..], Vec::new()), NOW_MS).unwrap();
    let text = yaml(&folder);
    assert!(text.contains("{ field: updated_at, format: \"%d/%m/%Y %H:%M:%S\" }"), "{text}");
    assert!(text.contains("index: events-2026.10.11\n"), "{text}");
}

/// The JSON of a value.
fn value() -> impl Strategy<Value = String> {
    let text = |text: &str| serde_json::Value::from(text).to_string();
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        any::<i64>().prop_map(|value| value.to_string()),
        any::<u64>().prop_map(|value| value.to_string()),
        Just("-1.50E+3".to_owned()),
        Just("123456789012345678901234567890".to_owned()),
        Just("\"\\ud83d\"".to_owned()),
        "\\PC{0,8}".prop_map(move |value| text(&value)),
        any::<String>().prop_map(move |value| text(&value)),
        proptest::sample::select(&NAMES[..]).prop_map(text),
        Just("\"2026-11-22T10:00:00Z\"".to_owned()),
        Just("1795341600".to_owned()),
        Just("\"10.0.0.1\"".to_owned()),
        Just("{\"lat\":1,\"lon\":2}".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(|values| format!("[{}]", values.join(","))),
            object(inner),
        ]
    })
}

/// The JSON of an object with values of a kind.
fn object(values: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let name = prop_oneof![
        4 => proptest::sample::select(&NAMES[..]).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    proptest::collection::vec((name, values), 0..6).prop_map(|members| {
        let member = |(name, value)| format!("{}:{value}", serde_json::Value::from(name));
        format!("{{{}}}", members.into_iter().map(member).collect::<Vec<_>>().join(","))
    })
}

proptest! {
    #[test]
    fn every_sample_of_objects_makes_a_file_that_passes_its_tests(
        objects in proptest::collection::vec(object(value()), 1..5),
        time in proptest::option::of(proptest::sample::select(&NAMES[..])),
        separator in proptest::sample::select(&["\n", " ", ",\n"][..]),
        answer in any::<bool>(),
    ) {
        let time = time.map(|name| format!("{}:\"2026-11-22T10:00:00Z\",", serde_json::Value::from(name)));
        let objects: Vec<String> = objects.iter().map(|object| match &time {
            Some(time) if object != "{}" => format!("{{{time}{}", &object[1..]),
            _ => object.clone(),
        }).collect();
        let joined = objects.join(separator);
        let sample = if separator == ",\n" { format!("[{joined}]") } else { joined };
        let folder = TempDir::new().unwrap();
        match run(&folder, sample.as_bytes(), &[]) {
            Ok(_) => {}
            Err(error) => {
                // Several times: one of them, or none.
                let error = error.to_string();
                let listed = error.split_once("time of an event: ").map(|(_, rest)| rest.to_owned());
                prop_assert!(listed.is_some(), "{error}\n{sample}");
                let field = listed.unwrap_or_default().split([',', ' ']).next().unwrap_or_default().to_owned();
                let given = ["--timestamp", field.as_str()];
                let by_field = if answer && !field.is_empty() { run(&folder, sample.as_bytes(), &given) } else { Err(io::Error::other("")) };
                if by_field.is_err() {
                    run(&folder, sample.as_bytes(), &["--no-timestamp"]).unwrap();
                }
            }
        }
        yaml(&folder);
    }
}
