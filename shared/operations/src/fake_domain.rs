//! A domain for unit tests. It records the requests, and a function of the test answers them.
//!
//! Deliberately absent: the behaviour of an engine. The package `tests` has a real one.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

use crate::{admin::Admin, settings::Domain, stack::Stack};
use delivery::{aws::Aws, settings::Auth};

/// A running domain. It ends with the runtime of its test.
pub(crate) struct FakeDomain {
    pub(crate) admin: Admin,
    pub(crate) settings: Domain,
    pub(crate) requests: Requests,
}

/// The requests that came, in their order: method and path.
#[derive(Clone, Default)]
pub(crate) struct Requests(Arc<Mutex<Vec<String>>>);

impl FakeDomain {
    /// Starts a domain. `answer` gets each request, such as `GET /_alias`, and returns a status and a body.
    pub(crate) async fn start(mut answer: impl FnMut(&str) -> (u16, Value) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let settings = Domain {
            endpoint: format!("http://{}", listener.local_addr().unwrap()),
            auth: Auth::None,
            authority: None,
            pipeline: PathBuf::from("pipeline.yaml"),
            hash_key: None,
            log: "info".into(),
            stack: Stack::default(),
        };
        let requests = Requests::default();
        let seen = requests.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let mut socket = BufReader::new(socket);
                let Ok(request) = request(&mut socket).await else { continue };
                let (status, body) = answer(&request);
                seen.0.lock().unwrap_or_else(PoisonError::into_inner).push(request);
                let _ = socket.write_all(response(status, &body).as_bytes()).await;
            }
        });
        let admin = Admin::new(&settings, &Aws::load_in("eu-west-1".into()).await).unwrap();
        Self { admin, settings, requests }
    }
}

impl Requests {
    /// All requests but GETs.
    pub(crate) fn changes(&self) -> Vec<String> {
        let requests = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        requests.iter().filter(|request| !request.starts_with("GET ")).cloned().collect()
    }
}

/// Reads a request to its end. Returns its method and path.
async fn request(socket: &mut BufReader<TcpStream>) -> io::Result<String> {
    let (mut first, mut length) = (String::new(), 0);
    socket.read_line(&mut first).await?;
    loop {
        let mut header = String::new();
        socket.read_line(&mut header).await?;
        let header = header.trim_end().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    socket.read_exact(&mut vec![0_u8; length]).await?;
    Ok(first.trim_end().trim_end_matches(" HTTP/1.1").to_owned())
}

fn response(status: u16, body: &Value) -> String {
    let body = body.to_string();
    let length = body.len();
    format!(
        "HTTP/1.1 {status} As The Test Says\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    )
}
