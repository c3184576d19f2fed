//! An S3 that breaks off, or sends a wrong answer, as a test requests.
//!
//! In: objects, each with the faults of its next GETs, byte by byte on the wire. Out: the answers, and the objects that
//! were PUT. Deliberately absent: HTTP libraries, which would not send broken answers.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::stateful_server::lock;

/// The fault of one GET.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    /// The right answer with its length, cut after this many bytes of the body.
    Cut(usize),
    /// The same in chunks and without a length.
    CutChunks(usize),
    /// In chunks: every byte arrives, and the last chunk does not.
    NoLastChunk,
    /// In chunks, complete.
    Chunks,
    /// Neither a length nor chunks: the connection closes normally after this many bytes.
    UntilClosed(usize),
    /// The whole object, for any range.
    Whole,
    /// A range that begins this many bytes later.
    Later(usize),
    /// The bytes of another object, under that object's ETag.
    Other,
    /// A total length that is wrong by this much.
    Total(usize),
    /// A 416: the object ends at this byte.
    TheEnd,
    /// An answer without an ETag.
    NoEtag,
    /// A checksum that does not match the bytes.
    Checksum,
    /// 503.
    Busy,
    /// 403: the object is archived.
    Archived,
    /// No answer.
    Silence,
}

/// One object.
#[derive(Debug, Clone, Default)]
pub struct Held {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its entity tag, without quotes.
    pub etag: String,
    /// The bytes of another object, whose ETag is `other`.
    pub other: Vec<u8>,
    /// The faults of the next GETs. After them, the answers are right.
    pub lies: VecDeque<Lie>,
    /// Whether HEAD omits the length.
    pub head_is_silent: bool,
}

#[derive(Debug, Default)]
struct State {
    objects: HashMap<String, Held>,
    put: Vec<(String, Vec<u8>)>,
    gets: HashMap<String, u64>,
    heads: HashMap<String, u64>,
}

/// A running server. Dropping it stops the server.
#[derive(Debug)]
pub struct Liar {
    address: std::net::SocketAddr,
    state: Arc<Mutex<State>>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Liar {
    /// Starts a server.
    ///
    /// # Panics
    /// If no port is free.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let _ = client.set_nodelay(true);
                tokio::spawn(serve(client, Arc::clone(&shared)));
            }
        });
        Self { address, state, accepting }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stores an object as `BUCKET/KEY`.
    pub fn hold(&self, path: &str, object: Held) {
        lock(&self.state).objects.insert(path.to_owned(), object);
    }

    /// From now on, answers for this object are right.
    pub fn be_honest(&self, path: &str) {
        lock(&self.state).objects.get_mut(path).expect("an object").lies.clear();
    }

    /// The number of faults of an object that no GET has met yet.
    pub fn unmet(&self, path: &str) -> usize {
        lock(&self.state).objects[path].lies.len()
    }

    /// The number of GETs of an object.
    pub fn gets(&self, path: &str) -> u64 {
        lock(&self.state).gets.get(path).copied().unwrap_or_default()
    }

    /// The number of HEADs of an object.
    pub fn heads(&self, path: &str) -> u64 {
        lock(&self.state).heads.get(path).copied().unwrap_or_default()
    }

    /// The objects that were PUT so far.
    pub fn put(&self) -> Vec<(String, Vec<u8>)> {
        lock(&self.state).put.clone()
    }
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

struct Request {
    method: String,
    path: String,
    headers: HashMap<String, String>,
    body: Vec<u8>,
}

/// Serves one request, then closes the connection.
async fn serve(mut client: TcpStream, state: Arc<Mutex<State>>) {
    let Some(request) = read(&mut client).await else { return };
    let answer = answer(&request, &state);
    if answer.is_empty() {
        std::future::pending::<()>().await;
    }
    if client.write_all(&answer).await.is_ok() {
        let _ = client.shutdown().await;
        // Waits until the client has read the bytes and closed the connection: a reset could arrive before the bytes.
        let _ = client.read(&mut [0; 1]).await;
    }
}

async fn read(client: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if client.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
    let mut lines = text.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?);
    let path = target.split('?').next()?.trim_start_matches('/').to_owned();
    let headers: HashMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let length: usize = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    if headers.get("expect").is_some_and(|expect| expect.contains("100")) {
        client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.ok()?;
    }
    while bytes.len() < head + 4 + length {
        if client.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    Some(Request { method, path, headers, body: bytes.split_off(head + 4) })
}

fn answer(request: &Request, state: &Mutex<State>) -> Vec<u8> {
    let mut state = lock(state);
    if request.method == "PUT" {
        state.put.push((request.path.clone(), request.body.clone()));
        return head(200, &["ETag: \"put\"", "Content-Length: 0"]);
    }
    if request.method == "HEAD" {
        *state.heads.entry(request.path.clone()).or_default() += 1;
    }
    let Some(object) = state.objects.get_mut(&request.path) else { return refused(404, "NoSuchKey") };
    if request.method == "HEAD" {
        return head_of(object);
    }
    let from = range(request);
    let lie = object.lies.pop_front();
    let bytes = get(object, from, lie);
    *state.gets.entry(request.path.clone()).or_default() += 1;
    bytes
}

fn range(request: &Request) -> usize {
    let range = request.headers.get("range").and_then(|range| range.strip_prefix("bytes="));
    range.and_then(|range| range.trim_end_matches('-').parse().ok()).unwrap_or(0)
}

fn head_of(object: &Held) -> Vec<u8> {
    let (etag, length) = (format!("ETag: \"{}\"", object.etag), format!("Content-Length: {}", object.bytes.len()));
    if object.head_is_silent { head(200, &[&etag, MODIFIED]) } else { head(200, &[&etag, MODIFIED, &length]) }
}

const MODIFIED: &str = "Last-Modified: Sat, 28 Nov 2026 00:00:00 GMT";

fn get(object: &Held, from: usize, lie: Option<Lie>) -> Vec<u8> {
    let total = object.bytes.len();
    match lie {
        Some(Lie::Busy) => return refused(503, "SlowDown"),
        Some(Lie::Archived) => return refused(403, "InvalidObjectState"),
        Some(Lie::Silence) => return Vec::new(),
        Some(Lie::TheEnd) => return refused(416, "InvalidRange"),
        Some(Lie::Other) => {
            return with_length(&object.other, from.min(object.other.len()), "other", object.other.len(), None);
        }
        Some(Lie::Whole) => return with_length(&object.bytes, 0, &object.etag, total, None),
        Some(Lie::Later(more)) => {
            return with_length(&object.bytes, (from + more).min(total - 1), &object.etag, total, None);
        }
        _ => {}
    }
    if from >= total && total > 0 {
        return refused(416, "InvalidRange");
    }
    let rest = &object.bytes[from..];
    match lie {
        Some(Lie::Cut(at)) => with_length(&object.bytes, from, &object.etag, total, Some(at)),
        Some(Lie::Total(more)) => {
            let longer = [object.bytes.as_slice(), &vec![b' '; more]].concat();
            with_length(&longer, from, &object.etag, total + more, None)
        }
        Some(Lie::NoEtag) => with_length(&object.bytes, from, "", total, None),
        Some(Lie::Checksum) => {
            let length = format!("Content-Length: {}", rest.len());
            let etag = format!("ETag: \"{}\"", object.etag);
            let range = content_range(from, total);
            let mut bytes = head(status(from), &[&etag, MODIFIED, &length, &range, "x-amz-checksum-crc32: AAAAAA=="]);
            bytes.extend_from_slice(rest);
            bytes
        }
        Some(Lie::UntilClosed(at)) => {
            let etag = format!("ETag: \"{}\"", object.etag);
            let mut bytes = head(status(from), &[&etag, MODIFIED, &content_range(from, total)]);
            bytes.extend_from_slice(&rest[..at.min(rest.len())]);
            bytes
        }
        Some(Lie::CutChunks(at)) => chunks(object, from, at.min(rest.len()), false),
        Some(Lie::NoLastChunk) => chunks(object, from, rest.len(), false),
        Some(Lie::Chunks) => chunks(object, from, rest.len(), true),
        _ => with_length(&object.bytes, from, &object.etag, total, None),
    }
}

fn status(from: usize) -> u16 {
    if from > 0 { 206 } else { 200 }
}

/// The header `Content-Range` of a partial answer; empty for the whole object.
fn content_range(from: usize, total: usize) -> String {
    if from > 0 { format!("Content-Range: bytes {from}-{}/{total}", total - 1) } else { String::new() }
}

fn with_length(bytes: &[u8], from: usize, etag: &str, total: usize, cut: Option<usize>) -> Vec<u8> {
    let rest = &bytes[from..];
    let etag = if etag.is_empty() { String::new() } else { format!("ETag: \"{etag}\"") };
    let (length, range) = (format!("Content-Length: {}", rest.len()), content_range(from, total));
    let mut answer = head(status(from), &[&etag, MODIFIED, &length, &range]);
    answer.extend_from_slice(&rest[..cut.unwrap_or(rest.len()).min(rest.len())]);
    answer
}

fn chunks(object: &Held, from: usize, count: usize, is_whole: bool) -> Vec<u8> {
    let total = object.bytes.len();
    let etag = format!("ETag: \"{}\"", object.etag);
    let mut answer = head(status(from), &[&etag, MODIFIED, &content_range(from, total), "Transfer-Encoding: chunked"]);
    for chunk in object.bytes[from..from + count].chunks(4_096) {
        answer.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        answer.extend_from_slice(chunk);
        answer.extend_from_slice(b"\r\n");
    }
    if is_whole {
        answer.extend_from_slice(b"0\r\n\r\n");
    }
    answer
}

fn refused(status: u16, code: &str) -> Vec<u8> {
    let body = format!("<Error><Code>{code}</Code><Message>as the test says</Message></Error>");
    let length = format!("Content-Length: {}", body.len());
    [head(status, &["Content-Type: application/xml", &length]), body.into_bytes()].concat()
}

fn head(status: u16, headers: &[&str]) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status} As The Test Says\r\nConnection: close\r\n");
    for header in headers.iter().filter(|header| !header.is_empty()) {
        head += header;
        head += "\r\n";
    }
    (head + "\r\n").into_bytes()
}
