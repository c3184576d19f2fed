//! The memory of the function: it follows from the settings and not from the input. The other side is a sink in a
//! separate process, so that the measurement covers only the function's process.

use std::process::Command;
use std::time::Duration;

use emulator::function::{Answer, Function};
use tests::envelope;
use tests::events;
use tests::moto::{Moto, Object};
use tests::place::{self, figure};
use tests::scene::{Scene, receipts};
use tests::service::Service;

const TIMEOUT: Duration = Duration::from_mins(10);
const MIB: u64 = 1 << 20;
const MOST_MEMORY: u64 = 96 * MIB;

/// A domain in a separate process that accepts everything.
pub(super) fn sink() -> Service {
    Service::spawn(&mut Command::new(env!("CARGO_BIN_EXE_sink")))
}

/// A function that has started and has answered once.
async fn warm(scene: &Scene<'_>, sink: &Service, max_body_bytes: usize) -> Function {
    let body = max_body_bytes.to_string();
    let env = [("MILLRACE_COMPRESSION", "none"), ("MILLRACE_MAX_BODY_BYTES", body.as_str())];
    let mut function = scene.function(&sink.url(), &env).await;
    ingest(&mut function, &[]).await;
    function
}

async fn ingest(function: &mut Function, objects: &[&Object]) {
    let event = match objects {
        [] => envelope::no_objects(),
        objects => envelope::s3(objects),
    };
    let answer = function.invoke(&event, TIMEOUT).await.expect("the function runs");
    assert_eq!(answer, Answer::Response("null".into()), "{:#?}", function.lines().last());
}

/// Notes the peak of a function's memory, which must stay below the limit that follows from the settings.
pub(super) fn assert_memory(what: &str, function: &Function) -> u64 {
    let peak = function.peak_memory_bytes();
    figure("memory", &format!("peak MiB, {what}"), format!("{:.1}", peak as f64 / MIB as f64));
    assert!(peak <= MOST_MEMORY, "{what}: {peak} bytes");
    peak
}

#[test]
fn a_large_object_takes_the_memory_of_a_small_one() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let scene = Scene::new(moto, "memory").await;
        let sink = sink();
        let block: String = events::generate(1000, 12).collect();
        let mut peaks = Vec::new();
        for (name, size) in [("small", 10 << 20), ("large", crate::LARGE_OBJECT)] {
            for (kind, compress) in [("plain", false), ("gzip", true)] {
                let object = scene.put(&format!("{name}-{kind}"), repeated(&block, size, compress)).await;
                // 10 MiB fill only two of the four bodies of 5 MiB that the settings allow. They fill all bodies of 1
                // MiB, so there the memory of the two objects must be equal.
                for body in [5 << 20, 1 << 20] {
                    let mut function = warm(&scene, &sink, body).await;
                    ingest(&mut function, &[&object]).await;
                    let receipt = &receipts(&function)[0];
                    assert!(
                        receipt.is_final && receipt.bytes_raw >= size as u64 && receipt.undelivered == 0,
                        "{receipt:?}"
                    );
                    let what =
                        format!("one {kind} object of {} MiB, bodies of {} MiB", receipt.bytes_raw / MIB, body >> 20);
                    let peak = assert_memory(&what, &function);
                    if body == 1 << 20 {
                        peaks.push((kind, peak));
                    }
                }
            }
        }
        // The memory that an allocator keeps differs a little between runs. A dependency on the size would be hundreds
        // of MiB.
        for (small, large) in peaks.iter().zip(&peaks[2..]) {
            assert!(large.1 <= small.1 + 8 * MIB, "{small:?} {large:?}");
        }
    });
}

#[test]
fn in_a_large_object_a_broken_value_costs_itself_and_no_memory() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let scene = Scene::new(moto, "broken").await;
        let sink = sink();
        // The first line is longer than the part that detects the format. So the format is not known to be lines.
        let mut text = format!("{{\"long\":\"{}\"}}\n", "x".repeat(200 << 10)).into_bytes();
        let block: String = events::generate(10_000, 14).collect();
        let broken = ["{\"cut\":\"in a string", "{\"cut\":{\"in\":[\"a list\"", "{\"v\":NaN}", "no value {at all}"];
        let mut blocks = 0;
        while text.len() < crate::LARGE_OBJECT {
            text.extend_from_slice(block.as_bytes());
            text.extend_from_slice(broken[blocks % broken.len()].as_bytes());
            text.push(b'\n');
            blocks += 1;
        }
        text.extend_from_slice(block.as_bytes());
        let object = scene.put("broken", text).await;
        let mut function = warm(&scene, &sink, 1 << 20).await;
        ingest(&mut function, &[&object]).await;
        let receipt = &receipts(&function)[0];
        assert!(receipt.is_final && receipt.undelivered == 0, "{receipt:?}");
        assert_eq!(
            (receipt.indexed, receipt.rejected),
            (1 + (blocks as u64 + 1) * 10_000, blocks as u64),
            "{receipt:?}"
        );
        let letters = scene.dead_letters().await;
        assert!(letters.iter().all(|letter| broken.iter().any(|text| text.as_bytes() == letter.payload())));
        let size = receipt.bytes_raw / MIB;
        assert_memory(&format!("one object of {size} MiB with a broken value every 10,000 lines"), &function);
    });
}

/// At least `size` bytes of the same events, compressed in one member.
pub(super) fn repeated(block: &str, size: usize, compress: bool) -> Vec<u8> {
    use std::io::Write;
    let times = size.div_ceil(block.len());
    if !compress {
        return block.repeat(times).into_bytes();
    }
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for _ in 0..times {
        gzip.write_all(block.as_bytes()).expect("memory takes everything");
    }
    gzip.finish().expect("memory takes everything")
}

#[test]
fn adversarial_lines_take_no_more_memory() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let scene = Scene::new(moto, "adversary").await;
        // Without `format`, the first line alone would make the object an array.
        scene.set_pipeline(
            "datasets:\n  - { name: adversary, from: { bucket: \"t-*\", key: \"**\" }, format: ndjson, index: adversary }\n",
        );
        let sink = sink();
        let line = 1 << 20;
        let open = "[".repeat(line - 2);
        let empties = format!(r#"{{"a":[{}[]]}}"#, "[],".repeat((line - 20) / 3));
        let digits = format!(r#"{{"a":[{}1]}}"#, "1,".repeat((line - 20) / 2));
        let keys = format!(r#"{{{}"z":1}}"#, r#""":1,"#.repeat((line - 20) / 5));
        let deep = format!(r#"{{"a":{}1{}}}"#, "[".repeat(400_000), "]".repeat(400_000));
        let escapes = format!(r#"{{"a":"{}"}}"#, r"\u0041".repeat((line - 20) / 6));
        let over = "x".repeat(3 * line);
        let lines = [open, empties, digits, keys, deep, escapes, over].join("\n") + "\n";
        for (name, bytes) in
            [("plain", lines.repeat(4).into_bytes()), ("gzip", events::gzip(lines.repeat(4).as_bytes()))]
        {
            let object = scene.put(name, bytes).await;
            let mut function = warm(&scene, &sink, 5 << 20).await;
            ingest(&mut function, &[&object]).await;
            let receipt = &receipts(&function)[0];
            // `[[[[…`, the deeply nested value and the value over the limit are not events.
            assert_eq!((receipt.read, receipt.indexed, receipt.rejected), (28, 16, 12), "{receipt:?}");
            assert_memory(&format!("adversarial lines of 1 MiB, {name}"), &function);
        }
    });
}
