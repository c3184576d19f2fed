//! Promises 4 and 5 for objects that are corrupted by a seed: cut, with inserted bytes, over the limits, in any framing
//! and compression. No message fails, every receipt balances, and nothing panics. The good lines of NDJSON are indexed
//! once, whatever is next to them.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use tests::engine::Engine;
use tests::events;
use tests::moto::Moto;
use tests::place::figure;
use tests::receipt::sum;
use tests::scene::{Scene, receipts};
use tests::seeds;

const TIMEOUT: Duration = Duration::from_mins(2);
/// The number of objects in one invocation.
const BATCH: usize = 10;
const DAY: &str = "2026-11-28T00:00:00Z";

/// The number has seven digits, so an inserted digit does not make it another event of the test.
fn value(random: &mut fastrand::Rng, number: u64) -> String {
    let base = format!("\"base_dt\":\"{DAY}\",\"n\":{}", 1_000_000 + number);
    match random.u8(0..10) {
        0..5 => format!("{{{base}}}"),
        5 => format!("{{ {base} , \"a\":[1,{{\"b\":\"}}]{{\"}}] }}"),
        6 => format!("{{{base},\"s\":\"{}\"}}", "\\\"}{][\\\\".repeat(random.usize(0..4))),
        7 => format!("{{{base},\"u\":\"é😀\u{2028}\"}}"),
        8 => format!("{{{base},\"x\":\"{}\"}}", "y".repeat(random.usize(0..300))),
        _ => format!("{{\"q\":{{\"deep\":[[[]]]}},{base}}}"),
    }
}

fn corrupt(random: &mut fastrand::Rng, value: &str) -> Vec<u8> {
    let mut bytes = value.as_bytes().to_vec();
    match random.u8(0..11) {
        0 => bytes.truncate(random.usize(0..bytes.len())),
        1 => {
            let byte = random.u8(..);
            bytes.insert(random.usize(0..bytes.len()), if byte == b'\n' { b'x' } else { byte });
        }
        2 => bytes.push(b'}'),
        3 => bytes.extend_from_slice(b" trailing"),
        4 => bytes.splice(..0, *b"# ").for_each(drop),
        5 => bytes.splice(..0, *b"\xff\xfe").for_each(drop),
        6 => bytes = br#"{"n":1e400}"#.to_vec(),
        7 => {
            let length = *random.choice(&[4_090, 5_000, 70_000]).unwrap_or(&1);
            bytes = format!("{{\"big\":\"{}\"}}", "z".repeat(length)).into();
        }
        8 => bytes = vec![b'['; random.usize(1..2_000)],
        9 => bytes = [&b"\""[..], &vec![b'\\'; random.usize(0..9)]].concat(),
        _ => bytes = br#"{"a":{"b":["#.to_vec(),
    }
    bytes
}

/// An object: its key, its bytes, and the events that must be indexed.
struct Object {
    key: String,
    bytes: Vec<u8>,
    good: Vec<String>,
}

fn object(random: &mut fastrand::Rng, number: u64, first: u64) -> Object {
    let count = *random.choice(&[3, 10, 60, 400]).unwrap_or(&3);
    let corrupted = *random.choice(&[0, 1, 1, 2, 5]).unwrap_or(&1);
    let bad: Vec<usize> = (0..corrupted).map(|_| random.usize(0..count)).collect();
    let (mut lines, mut good) = (Vec::new(), Vec::new());
    for (at, number) in (0..count).zip(first..) {
        let value = value(random, number);
        if bad.contains(&at) {
            lines.push(corrupt(random, &value));
        } else {
            lines.push(value.clone().into_bytes());
            good.push(value);
        }
    }
    let format =
        *random.choice(&["lines", "lines", "lines", "crlf", "array", "concatenated", "records"]).unwrap_or(&"lines");
    let mut bytes = match format {
        "lines" => [lines.join(&b"\n"[..]), (*random.choice(&["", "\n", "\n\n"]).unwrap_or(&"")).into()].concat(),
        "crlf" => [lines.join(&b"\r\n"[..]), b"\r\n".to_vec()].concat(),
        "array" => [b"[".to_vec(), lines.join(if random.bool() { &b","[..] } else { b" ,\n" }), b"]".to_vec()].concat(),
        "concatenated" => lines.join(if random.bool() { &b""[..] } else { b" " }),
        _ => [b"{\"Records\":[".to_vec(), lines.join(&b","[..]), b"],\"z\":1}".to_vec()].concat(),
    };
    // Bytes at the very beginning may change the detected format, or make the object binary.
    let is_told = matches!(format, "lines" | "crlf") && !bad.contains(&0) && random.bool();
    if random.u8(0..10) == 0 {
        bytes.splice(..0, *b"\xef\xbb\xbf");
    }
    let mut is_cut = false;
    bytes = match random.u8(0..5) {
        0 => events::gzip(&bytes),
        1 => {
            is_cut = true;
            let whole = events::gzip(&bytes);
            whole[..random.usize(0..whole.len())].to_vec()
        }
        2 => {
            let half = random.usize(0..=bytes.len());
            [events::gzip(&bytes[..half]), events::gzip(&bytes[half..])].concat()
        }
        _ => bytes,
    };
    let is_expected = !is_cut && (is_told || bad.is_empty());
    let folder = if is_told { "lines" } else { "auto" };
    Object { key: format!("{folder}/{number}"), bytes, good: if is_expected { good } else { Vec::new() } }
}

/// One dataset with `format: ndjson`, one with the detected format.
fn pipeline(name: &str) -> String {
    let mut yaml = "datasets:\n".to_owned();
    for (folder, format) in [("lines", "ndjson"), ("auto", "auto")] {
        let _ = write!(
            yaml,
            "  - name: {name}-{folder}\n    from: {{ bucket: \"t-*\", key: \"{folder}/**\" }}\n    format: {format}\n    \
             timestamp: base_dt\n    index: {name}-%{{+YYYY.MM.dd}}\n"
        );
    }
    yaml
}

async fn corrupted(seed: u64) {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    let began = Instant::now();
    let mut random = fastrand::Rng::with_seed(seed);
    let scene = Scene::new(moto, &format!("corrupt-{seed}")).await;
    scene.set_pipeline(&pipeline(&scene.prefix));
    // The mapping ignores other fields, so their corrupted values cause no refusal.
    let mapping = r#"{"mappings":{"dynamic":false,"properties":{"n":{"type":"long"}}}}"#;
    engine.ask("PUT", &format!("/{}-2026.11.28", scene.prefix), mapping).await;
    let small = [("MILLRACE_MAX_EVENT_BYTES", "4096"), ("MILLRACE_MAX_BODY_BYTES", "65536")];
    let mut function = scene.function(&engine.url(), &small).await;
    let mut good: HashMap<String, u32> = HashMap::new();
    let mut first = 0;
    for number in 0..crate::CORRUPT_OBJECTS {
        let Object { key, bytes, good: more } = object(&mut random, number, first);
        first += 400;
        good.extend(more.into_iter().map(|event| (event, 0)));
        let object = scene.put(&key, bytes).await;
        scene.notify(&object).await;
    }
    let rounds = scene.queue.drain(
        &mut function,
        TIMEOUT,
        usize::try_from(crate::CORRUPT_OBJECTS).expect("it fits") / BATCH + 1,
    );
    for round in rounds.await {
        assert!(round.failed.is_empty(), "{:?} {:#?}", round.answer, function.lines());
    }
    engine.count(&scene.indices()).await;
    engine
        .each_document(&scene.indices(), |document| {
            if let Some(count) = good.get_mut(&document.source) {
                *count += 1;
            }
        })
        .await;
    let other: Vec<_> = good.iter().filter(|(_, count)| **count != 1).take(3).collect();
    assert!(other.is_empty(), "lost or doubled, such as {other:?}");
    // `receipts` checks that each balances.
    let receipts = receipts(&function);
    assert_eq!(receipts.iter().filter(|receipt| receipt.is_final).count() as u64, crate::CORRUPT_OBJECTS);
    assert_eq!(sum(&receipts, |receipt| receipt.undelivered + receipt.panicked), 0);
    let lines = function.lines();
    assert!(!lines.iter().any(|line| line.contains("panicked at")), "{lines:#?}");
    let name = format!("{} corrupted objects, seed {seed}", crate::CORRUPT_OBJECTS);
    let (indexed, rejected) = (sum(&receipts, |receipt| receipt.indexed), sum(&receipts, |receipt| receipt.rejected));
    figure(&name, "indexed / rejected", format!("{indexed} / {rejected}"));
    figure(&name, "panics / unbalanced receipts", "0 / 0");
    println!("{name}: {:?}", began.elapsed());
}

#[test]
fn corrupted_objects_fail_no_message_and_hide_no_good_line() {
    seeds::each("corrupt", crate::CORRUPT_SEEDS, 1, corrupted);
}
