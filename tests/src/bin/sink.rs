//! A domain that accepts everything and keeps only counts. It is the other side of the CPU measurements.
//! It is a separate process, so that its work is not counted as the function's.
//!
//! In: `POST …/_bulk`, plain or gzip. Out: 201 for each item. `GET /__stats` returns the number of documents, of
//! distinct values of `seq`, and of bytes. `POST /__reset` sets the counts to zero. It prints "SINK READY port" and
//! ends when standard input ends. Deliberately absent: JSON. ../shared/bench/bulksink is the same in Go.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Default)]
struct Stats {
    documents: u64,
    bytes: u64,
    requests: u64,
    without_seq: u64,
    seqs: HashSet<u64>,
}

fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("SINK READY {}", listener.local_addr()?.port());
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        #[expect(
            clippy::disallowed_methods,
            reason = "its life ends with that of the tests; it has nothing to clean up"
        )]
        std::process::exit(0);
    });
    let stats = Arc::new(Mutex::new(Stats::default()));
    for stream in listener.incoming() {
        let (stream, stats) = (stream?, Arc::clone(&stats));
        // A broken connection ends only its own thread.
        std::thread::spawn(move || serve(&stream, &stats));
    }
    Ok(())
}

fn serve(stream: &TcpStream, stats: &Mutex<Stats>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::with_capacity(256 << 10, stream);
    loop {
        let mut request = String::new();
        if reader.read_line(&mut request)? == 0 {
            return Ok(());
        }
        let (mut length, mut chunked, mut gzip) = (0, false, false);
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            let header = header.trim_end().to_ascii_lowercase();
            match header.split_once(": ") {
                Some(("content-length", value)) => length = value.parse().unwrap_or(0),
                Some(("transfer-encoding", "chunked")) => chunked = true,
                Some(("content-encoding", "gzip")) => gzip = true,
                Some(("expect", _)) => (&mut &*stream).write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?,
                None if header.is_empty() => break,
                _ => {}
            }
        }
        let mut body = Vec::with_capacity(length);
        if chunked {
            loop {
                let mut size = String::new();
                reader.read_line(&mut size)?;
                let size = u64::from_str_radix(size.trim(), 16).unwrap_or(0);
                (&mut reader).take(size).read_to_end(&mut body)?;
                reader.read_line(&mut String::new())?;
                if size == 0 {
                    break;
                }
            }
        } else {
            (&mut reader).take(length as u64).read_to_end(&mut body)?;
        }
        if gzip {
            let mut plain = Vec::new();
            flate2::read::MultiGzDecoder::new(&body[..]).read_to_end(&mut plain)?;
            body = plain;
        }
        let answer = answer(&request, &body, &mut stats.lock().unwrap_or_else(PoisonError::into_inner));
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", answer.len());
        (&mut &*stream).write_all(&[head.as_bytes(), answer.as_bytes()].concat())?;
    }
}

fn answer(request: &str, body: &[u8], stats: &mut Stats) -> String {
    let path = request.split(' ').nth(1).unwrap_or("/");
    match path.split('?').next() {
        Some("/__reset") => {
            *stats = Stats::default();
            "{}".into()
        }
        Some("/__stats") => format!(
            r#"{{"documents":{},"bytes":{},"requests":{},"without_seq":{},"distinct":{}}}"#,
            stats.documents,
            stats.bytes,
            stats.requests,
            stats.without_seq,
            stats.seqs.len()
        ),
        Some(path) if path.ends_with("/_bulk") => {
            stats.requests += 1;
            stats.bytes += body.len() as u64;
            let documents = body.split(|byte| *byte == b'\n').skip(1).step_by(2);
            let mut answer = String::from(r#"{"errors":false,"items":["#);
            for document in documents {
                stats.documents += 1;
                match seq(document) {
                    Some(seq) => _ = stats.seqs.insert(seq),
                    None => stats.without_seq += 1,
                }
                answer.push_str(r#"{"create":{"status":201}},"#);
            }
            answer.pop();
            answer + "]}"
        }
        _ => r#"{"version":{"number":"2.19.6","distribution":"opensearch"}}"#.into(),
    }
}

/// The number after the last `"seq":`. Generated events end with it.
fn seq(document: &[u8]) -> Option<u64> {
    let tail = String::from_utf8_lossy(&document[document.len().saturating_sub(64)..]);
    let (_, after) = tail.rsplit_once(r#""seq":"#)?;
    after.trim_end_matches('}').parse().ok()
}
