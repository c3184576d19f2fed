//! A domain that accepts everything and keeps only counts. It is the other side of the CPU measurements.
//! It is a separate process, so that its work is not counted as the function's.
//!
//! In: `POST …/_bulk`, plain or gzip, and `POST INDEX/_doc`. Out: 201 for each document, in full as OpenSearch answers,
//! or in short if the request has a `filter_path`. `GET /__stats` returns the number of documents (of bulk requests:
//! `actions`, alone: `single_docs`), of distinct values of `seq`, of requests, and of bytes as sent and inflated.
//! `POST /__reset` sets the counts to zero. It prints "SINK READY port" and ends when standard input ends. With
//! `--remember`, a body that came before gets the same answer without being read, and counts as a request alone: so the sink
//! takes little time from a function on the same processors. Deliberately absent: JSON. ../shared/bench/bulksink is the
//! same in Go, with the same names.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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

/// The answers to bodies.
type Remembered = Mutex<HashMap<Vec<u8>, String>>;

struct Request {
    line: String,
    body: Vec<u8>,
    gzip: bool,
    signed: bool,
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
    let remembered = std::env::args().any(|option| option == "--remember").then(|| Arc::new(Remembered::default()));
    for stream in listener.incoming() {
        let (stream, stats, remembered) = (stream?, Arc::clone(&stats), remembered.clone());
        // A broken connection ends only its own thread.
        std::thread::spawn(move || serve(&stream, &stats, remembered.as_deref()));
    }
    Ok(())
}

fn serve(stream: &TcpStream, stats: &Mutex<Stats>, remembered: Option<&Remembered>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::with_capacity(256 << 10, stream);
    while let Some(request) = read(&mut reader)? {
        let remembered = remembered.filter(|_| !request.body.is_empty());
        let known = remembered.and_then(|all| locked(all).get(&request.body).cloned());
        let answer = if let Some(answer) = known {
            locked(stats).requests += 1;
            answer
        } else {
            let answer = count(&request, stats)?;
            if let Some(remembered) = remembered {
                locked(remembered).insert(request.body, answer.clone());
            }
            answer
        };
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", answer.len());
        (&mut &*stream).write_all(&[head.as_bytes(), answer.as_bytes()].concat())?;
    }
    Ok(())
}

fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The next request; `None` after the last one.
fn read(reader: &mut BufReader<&TcpStream>) -> std::io::Result<Option<Request>> {
    let mut request = Request { line: String::new(), body: Vec::new(), gzip: false, signed: false };
    if reader.read_line(&mut request.line)? == 0 {
        return Ok(None);
    }
    let (mut length, mut chunked) = (0, false);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let header = header.trim_end().to_ascii_lowercase();
        match header.split_once(": ") {
            Some(("content-length", value)) => length = value.parse().unwrap_or(0),
            Some(("transfer-encoding", "chunked")) => chunked = true,
            Some(("content-encoding", "gzip")) => request.gzip = true,
            Some(("authorization", value)) => request.signed = value.starts_with("aws4-hmac-sha256 "),
            Some(("expect", _)) => reader.get_mut().write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?,
            None if header.is_empty() => break,
            _ => {}
        }
    }
    request.body.reserve(length);
    if !chunked {
        reader.take(length as u64).read_to_end(&mut request.body)?;
        return Ok(Some(request));
    }
    loop {
        let mut size = String::new();
        reader.read_line(&mut size)?;
        let size = u64::from_str_radix(size.trim(), 16).unwrap_or(0);
        reader.take(size).read_to_end(&mut request.body)?;
        reader.read_line(&mut String::new())?;
        if size == 0 {
            return Ok(Some(request));
        }
    }
}

fn count(request: &Request, stats: &Mutex<Stats>) -> std::io::Result<String> {
    let mut plain = Vec::new();
    if request.gzip {
        flate2::read::MultiGzDecoder::new(&request.body[..]).read_to_end(&mut plain)?;
    }
    let body = if request.gzip { &plain } else { &request.body };
    let mut stats = locked(stats);
    let requests = stats.requests;
    let answer = answer(&request.line, body, &mut stats);
    if stats.requests > requests {
        stats.bytes_wire += request.body.len() as u64;
        stats.signed += u64::from(request.signed);
    }
    Ok(answer)
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
