//! A network that fails: a TCP proxy in front of a real server. Its connections are cut or slow.
//!
//! In: bytes from both sides, and a [`Fault`] that a test may change at any time. Out: the same bytes, until the fault
//! applies. It records the client's bytes, for tests that check whether a request was made. Deliberately absent: HTTP.
//! A cut comes at the configured byte count, at any place in a message, as in a real network.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The fault of a connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fault {
    /// Cut the connection after the client has sent this many bytes.
    pub cut_request_after: Option<u64>,
    /// Cut the connection after the server has answered this many bytes.
    pub cut_response_after: Option<u64>,
    /// Delay the first part of each answer by this much.
    pub delay: Duration,
    /// Close every new connection immediately.
    pub refuse: bool,
}

/// A running proxy. Dropping it stops the proxy.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: tokio::task::JoinHandle<()>,
}

struct Shared {
    target: Mutex<String>,
    fault: Mutex<Box<dyn FnMut(u64) -> Fault + Send>>,
    connections: AtomicU64,
    cuts: AtomicU64,
    sent: Mutex<Vec<u8>>,
    keep: bool,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "-> {}", lock(&self.target))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Proxy {
    /// Starts a proxy in front of `url`, without a fault.
    pub async fn start(url: &str) -> Self {
        Self::new(url, false).await
    }

    /// Starts a proxy that also records every byte of the clients.
    pub async fn that_listens(url: &str) -> Self {
        Self::new(url, true).await
    }

    async fn new(url: &str, keep: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let shared = Arc::new(Shared {
            target: Mutex::new(address_of(url)),
            fault: Mutex::new(Box::new(|_| Fault::default())),
            connections: AtomicU64::new(0),
            cuts: AtomicU64::new(0),
            sent: Mutex::default(),
            keep,
        });
        let connections = shared.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(connect(client, connections.clone()));
            }
        });
        Self { address, shared, accepting }
    }

    /// The URL to use instead of the server's.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on, every new connection leads to this server.
    pub fn lead_to(&self, url: &str) {
        *lock(&self.shared.target) = address_of(url);
    }

    /// From now on, every new connection has this fault. Open connections keep theirs, except for [`Fault::delay`].
    pub fn set(&self, fault: Fault) {
        self.set_by(move |_| fault);
    }

    /// From now on, `fault` chooses the fault of a connection by its number (from 0).
    pub fn set_by(&self, fault: impl FnMut(u64) -> Fault + Send + 'static) {
        *lock(&self.shared.fault) = Box::new(fault);
    }

    /// The number of connections so far.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// The number of cut connections so far.
    pub fn cuts(&self) -> u64 {
        self.shared.cuts.load(Ordering::Relaxed)
    }

    /// The bytes of the clients so far, in the order of arrival, with invalid UTF-8 replaced. Only for
    /// [`Self::that_listens`].
    pub fn sent(&self) -> String {
        String::from_utf8_lossy(&lock(&self.shared.sent)).into_owned()
    }
}

fn address_of(url: &str) -> String {
    url.trim_start_matches("http://").to_owned()
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn connect(client: TcpStream, shared: Arc<Shared>) {
    let number = shared.connections.fetch_add(1, Ordering::Relaxed);
    let fault = (lock(&shared.fault))(number);
    if fault.refuse {
        return;
    }
    let target = lock(&shared.target).clone();
    let Ok(server) = TcpStream::connect(target).await else { return };
    for side in [&client, &server] {
        // A small write must not wait for an acknowledgement. An error means that the side has closed the connection.
        let _ = side.set_nodelay(true);
    }
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let up = async {
        let mut left = fault.cut_request_after.unwrap_or(u64::MAX);
        let mut buffer = vec![0; 64 << 10];
        loop {
            let Ok(n @ 1..) = from_client.read(&mut buffer).await else { return false };
            let take = usize::try_from(left).map_or(n, |left| n.min(left));
            if shared.keep {
                lock(&shared.sent).extend_from_slice(&buffer[..take]);
            }
            if to_server.write_all(&buffer[..take]).await.is_err() {
                return false;
            }
            left -= take as u64;
            if left == 0 {
                return true;
            }
        }
    };
    let down = async {
        let mut left = fault.cut_response_after.unwrap_or(u64::MAX);
        let mut buffer = vec![0; 64 << 10];
        loop {
            let Ok(n @ 1..) = from_server.read(&mut buffer).await else { return false };
            if !fault.delay.is_zero() {
                tokio::time::sleep(fault.delay).await;
            }
            let take = usize::try_from(left).map_or(n, |left| n.min(left));
            if to_client.write_all(&buffer[..take]).await.is_err() {
                return false;
            }
            left -= take as u64;
            if left == 0 {
                return true;
            }
        }
    };
    // The side that closes first closes both: a half-closed connection is useless to HTTP clients.
    if tokio::select! { cut = up => cut, cut = down => cut } {
        shared.cuts.fetch_add(1, Ordering::Relaxed);
    }
}
