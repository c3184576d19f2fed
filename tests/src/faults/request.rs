//! HTTP/1.1 as bytes: one request and its reply, each read completely, so that it can be cut at any byte.
//!
//! Deliberately absent: an HTTP library, which would repair the broken bytes.

use std::io;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// A request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// Such as `GET`.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, without its framing.
    pub body: Vec<u8>,
}

/// A reply.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reply {
    /// Such as `HTTP/1.1 200 OK`.
    pub status_line: String,
    /// Names in lower case, without those about framing.
    pub headers: Vec<(String, String)>,
    /// The length that the reply to a HEAD request names.
    pub told_length: Option<String>,
    /// The body, without its framing.
    pub body: Vec<u8>,
}

fn value<'h>(headers: &'h [(String, String)], name: &str) -> Option<&'h str> {
    headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

impl Request {
    /// Reads one request; `None` if the connection is closed before it.
    ///
    /// # Errors
    /// If the connection breaks, or the bytes are not a request.
    pub async fn read(from: &mut BufReader<TcpStream>) -> io::Result<Option<Self>> {
        let Some((first, headers)) = head(from).await? else { return Ok(None) };
        let mut words = first.split(' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let mut request = Self { method: method.into(), target: target.into(), headers, body: Vec::new() };
        if request.header("expect").is_some() {
            from.get_mut().write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        request.body = body(from, &request.headers, false).await?;
        Ok(Some(request))
    }

    /// The value of a header. The name is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        value(&self.headers, name)
    }

    /// The target without its query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The bytes of the request, with a connection that closes after the reply.
    pub fn bytes(&self) -> Vec<u8> {
        let mut head = vec![format!("{} {} HTTP/1.1", self.method, self.target)];
        let others = ["connection", "transfer-encoding", "content-length", "expect"];
        for (name, value) in self.headers.iter().filter(|(name, _)| !others.contains(&name.as_str())) {
            head.push(format!("{name}: {value}"));
        }
        head.push(format!("content-length: {}\r\nconnection: close\r\n\r\n", self.body.len()));
        [head.join("\r\n").into_bytes(), self.body.clone()].concat()
    }

    /// Sends the request, and reads the reply.
    ///
    /// # Errors
    /// If the other side does not answer.
    pub async fn exchange(&self, address: &str) -> io::Result<Reply> {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(&self.bytes()).await?;
        Reply::read(&mut BufReader::new(stream), self.method == "HEAD").await
    }

    /// Sends the first half of the request, and closes the connection.
    ///
    /// # Errors
    /// If the other side cannot be reached.
    pub async fn send_half(&self, address: &str) -> io::Result<()> {
        let (bytes, mut stream) = (self.bytes(), TcpStream::connect(address).await?);
        // At least one byte of the body is missing, or the end of the head.
        let end = if self.body.is_empty() { bytes.len() - 2 } else { bytes.len() - self.body.len().div_ceil(2) };
        stream.write_all(&bytes[..end]).await?;
        stream.shutdown().await
    }
}

impl Reply {
    async fn read(from: &mut BufReader<TcpStream>, is_head: bool) -> io::Result<Self> {
        let Some((status_line, mut headers)) = head(from).await? else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        let has_no_body = is_head || [" 204", " 304"].iter().any(|status| status_line.contains(status));
        let body = if has_no_body { Vec::new() } else { body(from, &headers, true).await? };
        let told_length = value(&headers, "content-length").filter(|_| is_head).map(str::to_owned);
        headers.retain(|(name, _)| !["connection", "transfer-encoding", "content-length"].contains(&name.as_str()));
        Ok(Self { status_line, headers, told_length, body })
    }

    /// A reply with this status and body.
    pub fn of(status: u16, headers: &[(&str, &str)], body: &str) -> Self {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { status_line: format!("HTTP/1.1 {status} Fault"), headers, told_length: None, body: body.into() }
    }

    /// The bytes of the reply, with a `Content-Length`.
    pub fn bytes(&self) -> Vec<u8> {
        let length = self.told_length.clone().unwrap_or_else(|| self.body.len().to_string());
        let has_no_length = self.status_line.contains(" 204");
        let length = if has_no_length { String::new() } else { format!("content-length: {length}\r\n") };
        [self.head(&length), self.body.clone()].concat()
    }

    /// The bytes of the reply in chunks, without a length.
    pub fn chunks(&self) -> Vec<u8> {
        let mut bytes = self.head("transfer-encoding: chunked\r\n");
        for chunk in self.body.chunks(1_000) {
            bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            bytes.extend_from_slice(chunk);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"0\r\n\r\n");
        bytes
    }

    fn head(&self, framing: &str) -> Vec<u8> {
        let lines = std::iter::once(self.status_line.clone());
        let lines = lines.chain(self.headers.iter().map(|(name, value)| format!("{name}: {value}")));
        let head = lines.collect::<Vec<_>>().join("\r\n") + "\r\n";
        (head + framing + "connection: close\r\n\r\n").into_bytes()
    }
}

type Head = (String, Vec<(String, String)>);

async fn head(from: &mut BufReader<TcpStream>) -> io::Result<Option<Head>> {
    let mut first = String::new();
    if from.read_line(&mut first).await? == 0 {
        return Ok(None);
    }
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        if from.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let Some((name, value)) = line.split_once(':') else {
            // A `100 Continue` may come before the reply.
            return Ok(Some((first.trim_end().to_owned(), headers)));
        };
        headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
}

async fn body(
    from: &mut BufReader<TcpStream>,
    headers: &[(String, String)],
    ends_with_connection: bool,
) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    if value(headers, "transfer-encoding").is_some_and(|encoding| encoding.contains("chunked")) {
        loop {
            let mut line = String::new();
            from.read_line(&mut line).await?;
            let digits = line.trim().split(';').next().unwrap_or_default();
            let length = usize::from_str_radix(digits, 16).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
            let mut chunk = vec![0; length + 2];
            from.read_exact(&mut chunk).await?;
            body.extend_from_slice(&chunk[..length]);
            if length == 0 {
                return Ok(body);
            }
        }
    }
    match value(headers, "content-length").and_then(|length| length.parse().ok()) {
        Some(length) => {
            body.resize(length, 0);
            from.read_exact(&mut body).await?;
        }
        None if ends_with_connection => drop(from.read_to_end(&mut body).await?),
        None => {}
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place;

    #[test]
    fn a_reply_is_the_same_with_a_length_and_in_chunks() {
        let reply = Reply::of(200, &[("etag", "\"e\"")], &"body ".repeat(600));
        place::run(async {
            for bytes in [reply.bytes(), reply.chunks()] {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
                let address = listener.local_addr().expect("it is bound").to_string();
                let other = tokio::spawn(async move {
                    let (stream, _) = listener.accept().await.expect("a connection");
                    let mut stream = BufReader::new(stream);
                    let request = Request::read(&mut stream).await.expect("it is whole").expect("a request");
                    stream.get_mut().write_all(&bytes).await.expect("it is read");
                    request
                });
                let headers = vec![("host".into(), "a".into())];
                let request = Request { method: "PUT".into(), target: "/b?c".into(), headers, body: b"d".to_vec() };
                assert_eq!(request.exchange(&address).await.expect("a reply"), reply);
                let read = other.await.expect("it does not panic");
                assert_eq!(
                    (read.method.as_str(), read.target.as_str(), read.body.as_slice()),
                    ("PUT", "/b?c", &b"d"[..])
                );
            }
        });
    }
}
