//! firehose-transform returns the selected events of each record, in order and once, for any mixture of records.

use std::time::Duration;

use emulator::function::{Answer, Function};
use serde_json::{Map, Value, json};
use tests::cloudwatch;
use tests::events;
use tests::firehose::{self, Outcome, outcomes};
use tests::payload;
use tests::place::{self, figure};
use tests::receipt;

const TIMEOUT: Duration = Duration::from_mins(1);
const PATTERNS: u64 = 300;

/// Starts the function with only a pipeline.yaml: no domain, no dead letters, no network, no credentials.
async fn start(yaml: &str) -> (Function, tempfile::TempDir) {
    let folder = place::scratch();
    let pipeline = folder.path().join("pipeline.yaml");
    std::fs::write(&pipeline, yaml).expect("the clone is writable");
    let env = [("MILLRACE_PIPELINE", pipeline.display().to_string())];
    (Function::start(&place::function("firehose-transform"), &env).await.expect("the function starts"), folder)
}

async fn transform<D: AsRef<[u8]>>(function: &mut Function, delivery_stream: &str, records: &[D]) -> Vec<Outcome> {
    let event = firehose::event(delivery_stream, records);
    let answer = function.invoke(&event, TIMEOUT).await.expect("the function runs");
    outcomes(&event, &answer)
}

fn ok(text: &str) -> Outcome {
    Outcome::Ok(text.as_bytes().to_vec(), Map::new())
}

fn keyed(text: &str, keys: &Value) -> Outcome {
    Outcome::Ok(text.as_bytes().to_vec(), keys.as_object().expect("keys").clone())
}

const CHOSEN: &str = "datasets:\n  - name: chosen\n    from: { delivery_stream: \"logs-*\" }\n    select: keep:true\n    \
                      fields: { drop: [secret] }\n";

#[test]
fn records_are_answered_in_order_with_what_was_chosen_of_each_as_lines() {
    place::run(async {
        let (mut function, _folder) = start(CHOSEN).await;
        let keep = |n: u32| format!(r#"{{"keep":true,"n":{n}}}"#);
        let drop = r#"{"keep":false,"n":0}"#;
        let log_events = [("1", 1_700_000_000_123, keep(1)), ("2", 1_700_000_000_124, drop.to_owned())];
        let log_events = log_events.each_ref().map(|(id, time, message)| (*id, *time, message.as_str()));
        let document = cloudwatch::document("1", "2023-11-14T22:13:20.123Z", &keep(1));
        let cases: Vec<(Vec<u8>, Outcome)> = vec![
            (keep(1).into(), ok(&(keep(1) + "\n"))),
            ((keep(2) + "\n").into(), ok(&(keep(2) + "\n"))),
            (drop.into(), Outcome::Dropped),
            ([&keep(3), drop, &keep(4)].join("\n").into(), ok(&format!("{}\n{}\n", keep(3), keep(4)))),
            ([keep(5), keep(6)].concat().into(), ok(&format!("{}\n{}\n", keep(5), keep(6)))),
            (format!("[{},\n{drop}]", keep(7)).into(), ok(&(keep(7) + "\n"))),
            (events::gzip((keep(8) + "\n" + drop).as_bytes()), ok(&(keep(8) + "\n"))),
            (events::zstd(keep(9).as_bytes()), ok(&(keep(9) + "\n"))),
            (b"{\"keep\":true,\n \"secret\":1,\r\n \"n\": 10}".to_vec(), ok("{\"keep\":true,   \"n\": 10}\n")),
            (Vec::new(), Outcome::Dropped),
            (b"\n\n".to_vec(), Outcome::Dropped),
            (b"not JSON".to_vec(), Outcome::ProcessingFailed),
            ((keep(11) + "\nnot JSON\n").into(), Outcome::ProcessingFailed),
            (b"[1,2]".to_vec(), Outcome::ProcessingFailed),
            (b"{\"keep\":true,\"t\":\"\xff\"}".to_vec(), Outcome::ProcessingFailed),
            (events::gzip(keep(12).as_bytes())[..20].to_vec(), Outcome::ProcessingFailed),
            (
                events::gzip(cloudwatch::envelope("DATA_MESSAGE", &log_events).as_bytes()),
                Outcome::Ok(document.to_string().into_bytes(), Map::new()),
            ),
            (
                events::gzip(cloudwatch::envelope("CONTROL_MESSAGE", &[("", 0, "CWL CONTROL MESSAGE")]).as_bytes()),
                Outcome::Dropped,
            ),
            (keep(13).into(), ok(&(keep(13) + "\n"))),
        ];
        let records: Vec<_> = cases.iter().map(|(record, _)| record).collect();
        let found = transform(&mut function, "logs-app", &records).await;
        for (found, (record, expected)) in found.iter().zip(&cases) {
            let shown = String::from_utf8_lossy(record);
            match found {
                // Only the members of a log event are compared: the envelope's own members come before them.
                Outcome::Ok(data, keys) if data.windows(10).any(|part| part == b"@log_group") => {
                    let event: Value = serde_json::from_slice(data).expect("one event");
                    assert!(data.ends_with(b"}\n"));
                    assert_eq!(&Outcome::Ok(event.to_string().into_bytes(), keys.clone()), expected, "{shown}");
                }
                found => assert_eq!(found, expected, "{shown}: {}", told(found)),
            }
        }
        let receipt = &receipt::of::<receipt::Firehose>(&function)[0];
        assert_eq!((receipt.delivery_stream.as_str(), receipt.dataset.as_deref()), ("logs-app", Some("chosen")));
        assert_eq!((receipt.records, receipt.ok, receipt.dropped_records, receipt.failed_records), (19, 10, 4, 5));
    });
}

fn told(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Ok(data, _) => String::from_utf8_lossy(data).into_owned(),
        other => format!("{other:?}"),
    }
}

#[test]
fn partition_keys_come_from_fields_and_a_record_without_them_fails_alone() {
    place::run(async {
        let (mut function, _folder) = start(
            "datasets:\n  - name: keyed\n    from: { delivery_stream: keyed }\n    \
             partition_keys: { customer: adid, country: geo.country }\n",
        )
        .await;
        let event = |adid: &str, country: &str| format!(r#"{{"adid":{adid},"geo":{{"country":{country}}}}}"#);
        let (a, number, flag) = (event(r#""a""#, r#""KR""#), event("17", r#""KR""#), event("true", r#""KR""#));
        let records = [
            a.clone(),
            format!("{a}\n{a}"),
            number.clone(),
            flag.clone(),
            format!("{a}\n{number}"),
            event("null", r#""KR""#),
            event(r#""""#, r#""KR""#),
            event("{}", r#""KR""#),
            r#"{"adid":"a"}"#.to_owned(),
            event(r#""é/b""#, r#""JP""#),
        ];
        let found = transform(&mut function, "keyed", &records).await;
        let kr = |customer: &str| json!({ "customer": customer, "country": "KR" });
        let failed = || Outcome::ProcessingFailed;
        let expected = [
            keyed(&format!("{a}\n"), &kr("a")),
            keyed(&format!("{a}\n{a}\n"), &kr("a")),
            keyed(&format!("{number}\n"), &kr("17")),
            keyed(&format!("{flag}\n"), &kr("true")),
            failed(),
            failed(),
            failed(),
            failed(),
            failed(),
            keyed(&format!("{}\n", records[9]), &json!({ "customer": "é/b", "country": "JP" })),
        ];
        assert_eq!(found, expected, "{:#?}", found.iter().map(told).collect::<Vec<_>>());
    });
}

#[test]
fn records_that_expand_beyond_the_limit_of_a_response_fail_singly() {
    place::run(async {
        let (mut function, _folder) = start("datasets:\n  - { name: all, from: { delivery_stream: \"*\" } }\n").await;
        let line = format!("{{\"pad\":\"{}\"}}\n", "x".repeat(1000));
        let mib = line.repeat(1040);
        // Four records of 1 MiB in gzip fit, with base64. Small records after them still fit.
        let records: Vec<Vec<u8>> = (0..40)
            .map(
                |number| {
                    if number % 4 == 3 { format!("{{\"n\":{number}}}").into() } else { events::gzip(mib.as_bytes()) }
                },
            )
            .collect();
        let found = transform(&mut function, "expanding", &records).await;
        let delivered =
            found.iter().filter(|outcome| matches!(outcome, Outcome::Ok(data, _) if data == mib.as_bytes()));
        let delivered = delivered.count();
        assert_eq!(delivered, 4);
        for (number, outcome) in found.iter().enumerate() {
            match outcome {
                Outcome::Ok(data, _) if number % 4 == 3 => assert_eq!(data, format!("{{\"n\":{number}}}\n").as_bytes()),
                Outcome::Ok(..) => {}
                other => assert!(number % 4 != 3 && *other == Outcome::ProcessingFailed, "{number}: {other:?}"),
            }
        }
        figure("firehose-transform, records that expand", "records of 1 MiB delivered of one response", delivered);

        // As many records as fit into an invocation. None leaves room for the others.
        let records = vec![r#"{"n":1}"#; 25_000];
        let event = firehose::event("many", &records);
        assert!(event.to_string().len() < firehose::ANSWER_BYTES);
        let answer = function.invoke(&event, TIMEOUT).await.expect("the function runs");
        let found = outcomes(&event, &answer);
        assert_eq!(found.len(), 25_000);
    });
}

#[test]
fn delivery_streams_without_a_dataset_and_foreign_events_fail_as_a_whole() {
    place::run(async {
        let (mut function, _folder) = start(CHOSEN).await;
        let other = firehose::event("other", &[r#"{"keep":true}"#]);
        let kinesis = tests::kinesis::event(&[tests::kinesis::Shard::new("logs-a", 0).record(b"{}")]);
        for event in [other, kinesis, json!({ "a": 1 }), json!([])] {
            let answer = function.invoke(&event, TIMEOUT).await.expect("it runs");
            assert!(matches!(answer, Answer::Error { .. }), "{event}: {answer:?}");
        }
        assert_eq!(transform::<&str>(&mut function, "logs-a", &[]).await, []);
    });
}

#[test]
fn whatever_a_record_holds_all_chosen_events_are_delivered_or_the_record_is_kept_whole() {
    let base = place::seed("firehose-contract");
    place::run(async {
        let (mut function, _folder) = start(CHOSEN).await;
        let mut fates = [0_u64; 3];
        for pattern in 0..PATTERNS {
            let seed = base.wrapping_add(pattern);
            let mut random = fastrand::Rng::with_seed(seed);
            let (mut records, mut expected) = (Vec::new(), Vec::new());
            for _ in 0..random.usize(0..30) {
                if random.u8(0..8) == 0 {
                    let poison = payload::poison();
                    records.push(poison[random.usize(0..poison.len())].clone());
                    expected.push(Outcome::ProcessingFailed);
                    continue;
                }
                let lines: Vec<String> = (0..random.usize(1..6))
                    .map(|_| format!(r#"{{"keep":{},"n":{}}}"#, random.u8(0..3) > 0, random.u32(..)) + "\n")
                    .collect();
                records.push(payload::packed(random.u8(0..payload::PLAIN_FORMS), &lines));
                let chosen: String = lines.iter().filter(|line| line.contains("true")).map(String::as_str).collect();
                expected.push(if chosen.is_empty() { Outcome::Dropped } else { ok(&chosen) });
            }
            let found = transform(&mut function, "logs-x", &records).await;
            assert_eq!(found, expected, "MILLRACE_SEED={seed}");
            for outcome in found {
                fates[match outcome {
                    Outcome::Ok(..) => 0,
                    Outcome::Dropped => 1,
                    Outcome::ProcessingFailed => 2,
                }] += 1;
            }
        }
        assert!(fates.iter().all(|count| *count > 50), "{fates:?}");
        let receipts: Vec<receipt::Firehose> = receipt::of(&function);
        let sum = |of: fn(&receipt::Firehose) -> u64| receipt::sum(&receipts, of);
        assert_eq!([sum(|r| r.ok), sum(|r| r.dropped_records), sum(|r| r.failed_records)], fates);
        figure(&format!("{PATTERNS} patterns of Firehose records"), "lost or doubled", 0);
    });
}
