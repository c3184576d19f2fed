//! The bytes of one object: downloaded in the background, resumed after a break, read by a blocking thread.

use std::{
    io::{self, Read},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::{Buf, Bytes};
use tokio::sync::mpsc;

use crate::{
    aws::{
        Objects,
        objects::{ByteStream, ObjectRef, OpenError, Opened},
    },
    retry::Backoff,
};
use pipeline::outcome::BatchError;

/// The number of breaks in a row, without a byte in between, after which the attempt ends.
const MAX_BREAKS: u32 = 5;
/// The number of chunks between download and reader. The HTTP client's chunks have at most some hundred KiB.
const CHUNKS_AHEAD: usize = 4;
/// A download without a byte for this long counts as broken.
const STALLED: Duration = Duration::from_secs(30);

/// Why the bytes ended before the object did.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// It was deleted or replaced while it was read.
    #[error("{0}")]
    Gone(String),
    /// S3 failed.
    #[error("{0}")]
    Failed(BatchError),
    /// The deadline came first.
    #[error("the deadline came before the end of the object")]
    Stopped,
}

/// A download in progress.
#[derive(Debug)]
pub struct Fetch {
    objects: Objects,
    object: ObjectRef,
    next_byte: u64,
    /// The length of the whole object. If S3 does not give it, only a last chunk is the end.
    total: Option<u64>,
    body: Option<Body>,
}

#[derive(Debug)]
struct Body {
    bytes: ByteStream,
    is_chunked: bool,
}

/// The result of the next read from a body.
enum Received {
    Chunk(Bytes),
    End,
    Broken(String),
    /// All bytes came, but they are not the object's.
    Corrupt(String),
}

impl Fetch {
    /// Continues an opened object. `from` is the byte at which it was opened.
    pub fn new(objects: Objects, mut object: ObjectRef, from: u64, opened: Opened) -> Self {
        // Resume with exactly this ETag and version.
        object.etag = Some(opened.etag);
        object.version = opened.version.or(object.version);
        let body = Body { bytes: opened.body, is_chunked: opened.is_chunked };
        Self { objects, object, next_byte: from, total: opened.total, body: Some(body) }
    }

    /// The next bytes. `None` only after the whole object.
    ///
    /// Not by [`crate::retry::retry`]: a download resumes after the bytes that came, and only breaks in a row count.
    async fn next(&mut self, breaks: &mut u32, backoff: &mut Backoff) -> Result<Option<Bytes>, FetchError> {
        loop {
            let reason = match self.step().await {
                Received::Chunk(chunk) => {
                    self.next_byte += chunk.len() as u64;
                    *breaks = 0;
                    backoff.reset();
                    return Ok(Some(chunk));
                }
                Received::End => return Ok(None),
                Received::Corrupt(reason) => return Err(self.failed(reason)),
                Received::Broken(reason) => reason,
            };
            *breaks += 1;
            tracing::warn!(position = %self.object, next_byte = self.next_byte, reason, "resuming a broken download");
            if *breaks > MAX_BREAKS {
                return Err(self.failed(reason));
            }
            tokio::time::sleep(backoff.next_pause(None)).await;
            self.body = self.resume().await?;
        }
    }

    async fn step(&mut self) -> Received {
        let has_all = self.total == Some(self.next_byte);
        let left = self.total.map(|total| total.saturating_sub(self.next_byte));
        let Some(body) = &mut self.body else {
            return Received::Broken("the download could not be resumed".to_owned());
        };
        match tokio::time::timeout(STALLED, body.bytes.next()).await {
            Ok(Some(Ok(chunk))) if left.is_some_and(|left| chunk.len() as u64 > left) => {
                Received::Broken("the download brings more bytes than the object has".to_owned())
            }
            Ok(Some(Ok(chunk))) => Received::Chunk(chunk),
            // After the last byte, a missing last chunk loses nothing. Any other error there is a failed checksum.
            Ok(Some(Err(_))) if has_all && body.is_chunked => Received::End,
            Ok(Some(Err(error))) if has_all => Received::Corrupt(error.to_string()),
            Ok(Some(Err(error))) => Received::Broken(error.to_string()),
            Ok(None) if has_all || (self.total.is_none() && body.is_chunked) => Received::End,
            Ok(None) => Received::Broken(match left {
                Some(left) => format!("the download ended {left} bytes early"),
                None => "the download ended, and the length of the object is unknown".to_owned(),
            }),
            Err(_) if has_all => Received::End,
            Err(_) => Received::Broken("the download stalled".to_owned()),
        }
    }

    /// Opens the object where the download broke. `None`: this try failed.
    async fn resume(&mut self) -> Result<Option<Body>, FetchError> {
        match self.objects.open(&self.object, self.next_byte, self.total).await {
            Ok(opened) => {
                self.total = self.total.or(opened.total);
                Ok(Some(Body { bytes: opened.body, is_chunked: opened.is_chunked }))
            }
            Err(OpenError::Gone(reason)) => Err(FetchError::Gone(reason)),
            // The next attempt finds it archived when it opens the rest, and makes the rest a dead letter.
            Err(OpenError::Archived(reason)) => {
                let what = format!("GET {}", self.object);
                Err(FetchError::Failed(BatchError::permanent(what, reason)))
            }
            Err(OpenError::Failed(error @ BatchError::Permanent { .. })) => Err(FetchError::Failed(error)),
            Err(OpenError::Failed(error)) => {
                tracing::warn!(position = %self.object, %error, "the download could not be resumed");
                Ok(None)
            }
        }
    }

    fn failed(&self, reason: String) -> FetchError {
        let what = format!("GET {}", self.object);
        FetchError::Failed(BatchError::retryable(what, reason))
    }

    /// Downloads in a separate task until the end, an error or `stopped`. The reader may be used on a blocking thread.
    pub fn spawn(mut self, stopped: impl Future<Output = ()> + Send + 'static) -> ChunkReader {
        let (sender, receiver) = mpsc::channel(CHUNKS_AHEAD);
        let is_stopped = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&is_stopped);
        tokio::spawn(async move {
            let download = async {
                let (mut breaks, mut backoff) = (0, Backoff::new(fastrand::u64(..)));
                loop {
                    let chunk = self.next(&mut breaks, &mut backoff).await;
                    let is_last = !matches!(chunk, Ok(Some(_)));
                    // The reader was dropped.
                    if sender.send(chunk).await.is_err() || is_last {
                        return;
                    }
                }
            };
            // A channel that closes without a final message means: stopped.
            tokio::select! {
                () = download => {}
                () = stopped => stop.store(true, Ordering::Release),
            }
        });
        ChunkReader { receiver, chunk: Bytes::new(), is_over: false, is_stopped, waited: Duration::ZERO }
    }
}

/// Reads the bytes that a [`Fetch`] downloads. An error of the source becomes an [`io::Error`] that holds a
/// [`FetchError`].
#[derive(Debug)]
pub struct ChunkReader {
    receiver: mpsc::Receiver<Result<Option<Bytes>, FetchError>>,
    chunk: Bytes,
    is_over: bool,
    /// After a stop, downloaded bytes are not returned: they may inflate for seconds.
    is_stopped: Arc<AtomicBool>,
    waited: Duration,
}

impl ChunkReader {
    /// The time spent waiting for bytes.
    pub fn waited(&self) -> Duration {
        self.waited
    }
}

impl Read for ChunkReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.is_stopped.load(Ordering::Acquire) && !self.is_over {
            return Err(io::Error::other(FetchError::Stopped));
        }
        while self.chunk.is_empty() {
            if self.is_over {
                return Ok(0);
            }
            let began = Instant::now();
            let received = self.receiver.blocking_recv();
            self.waited += began.elapsed();
            match received {
                Some(Ok(Some(chunk))) => self.chunk = chunk,
                Some(Ok(None)) => self.is_over = true,
                Some(Err(error)) => return Err(io::Error::other(error)),
                None => return Err(io::Error::other(FetchError::Stopped)),
            }
        }
        let n = buffer.len().min(self.chunk.len());
        buffer[..n].copy_from_slice(&self.chunk[..n]);
        self.chunk.advance(n);
        Ok(n)
    }
}
