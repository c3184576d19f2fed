//! A domain that accepts everything and keeps only counts. It is the other side of the CPU measurements.
//! It is a separate process, so that its work is not counted as the function's.
//!
//! In: `POST …/_bulk`, plain or gzip, and `POST INDEX/_doc`. Out: 201 for each document, in full as OpenSearch answers,
//! or in short if the request has a `filter_path`. `GET /__stats` returns the number of documents (of bulk requests:
//! `actions`, alone: `single_docs`), of distinct values of `seq`, of requests, and of bytes as sent and inflated.
//! `POST /__reset` sets the counts to zero. It prints "SINK READY port" and ends when standard input ends. Deliberately
//! absent: JSON. ../shared/bench/bulksink is the same in Go, with the same names.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// The answer to a document, in full. Programs that do not ask for less have to read it.
const FULL: &str = r#""_index":"i","_id":"x","_version":1,"result":"created","_shards":{"total":2,"successful":1,"failed":0},"_seq_no":0,"_primary_term":1"#;

#[derive(Default)]
struct Stats {
    actions: u64,
    single_docs: u64,
    bytes_wire: u64,
    bytes_raw: u64,
    requests: u64,
    signed: u64,
    key_missing: u64,
    seqs: HashSet<u64>,
}

impl Stats {
    fn document(&mut self, document: &[u8]) {
        match seq(document) {
            Some(seq) => _ = self.seqs.insert(seq),
            None => self.key_missing += 1,
        }
    }
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
        let (mut length, mut chunked, mut gzip, mut signed) = (0, false, false, false);
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            let header = header.trim_end().to_ascii_lowercase();
            match header.split_once(": ") {
                Some(("content-length", value)) => length = value.parse().unwrap_or(0),
                Some(("transfer-encoding", "chunked")) => chunked = true,
                Some(("content-encoding", "gzip")) => gzip = true,
                Some(("authorization", value)) => signed = value.starts_with("aws4-hmac-sha256 "),
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
        let wire = body.len() as u64;
        if gzip {
            let mut plain = Vec::new();
            flate2::read::MultiGzDecoder::new(&body[..]).read_to_end(&mut plain)?;
            body = plain;
        }
        let answer = {
            let mut stats = stats.lock().unwrap_or_else(PoisonError::into_inner);
            let requests = stats.requests;
            let answer = answer(&request, &body, &mut stats);
            if stats.requests > requests {
                stats.bytes_wire += wire;
                stats.signed += u64::from(signed);
            }
            answer
        };
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
            r#"{{"actions":{},"single_docs":{},"bytes_wire":{},"bytes_raw":{},"requests":{},"signed":{},"key_missing":{},"distinct":{}}}"#,
            stats.actions,
            stats.single_docs,
            stats.bytes_wire,
            stats.bytes_raw,
            stats.requests,
            stats.signed,
            stats.key_missing,
            stats.seqs.len()
        ),
        Some(path) if path.ends_with("/_bulk") => {
            stats.requests += 1;
            stats.bytes_raw += body.len() as u64;
            let is_short = request.contains("filter_path=");
            let (took, full, comma) = if is_short { ("", "", "") } else { (r#""took":1,"#, FULL, ",") };
            let mut answer = format!(r#"{{{took}"errors":false,"items":["#);
            let mut lines = body.split(|byte| *byte == b'\n');
            while let (Some(action), Some(document)) = (lines.next(), lines.next()) {
                stats.actions += 1;
                stats.document(document);
                let action = if action.starts_with(b"{\"index\"") { "index" } else { "create" };
                answer.extend([r#"{""#, action, r#"":{"#, full, comma, r#""status":201}},"#]);
            }
            answer.pop();
            answer + "]}"
        }
        Some(path) if path.ends_with("/_doc") => {
            stats.requests += 1;
            stats.bytes_raw += body.len() as u64;
            stats.single_docs += 1;
            stats.document(body);
            format!("{{{FULL}}}")
        }
        _ => r#"{"version":{"number":"2.19.6","distribution":"opensearch"}}"#.into(),
    }
}

/// The number after the last `"seq":`. Generated events end with it.
fn seq(document: &[u8]) -> Option<u64> {
    let tail = String::from_utf8_lossy(&document[document.len().saturating_sub(64)..]);
    let (_, after) = tail.rsplit_once(r#""seq":"#)?;
    after.trim_end_matches('}').trim_start().parse().ok()
}
