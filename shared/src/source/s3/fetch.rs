//! The bytes of one object: downloaded in the background, resumed where the download breaks, read by a blocking thread.

use std::{
    io::{self, Read},
    time::Duration,
};

use bytes::{Buf, Bytes};
use tokio::sync::mpsc;

use crate::{
    aws::{
        Objects,
        objects::{ByteStream, ObjectRef, OpenError, Opened},
    },
    backoff::Backoff,
    outcome::BatchError,
};

/// A download that breaks this often without bringing a byte is given up for this attempt.
const MAX_BREAKS: u32 = 5;
/// Chunks between download and reader; the HTTP client's are at most some hundred KiB each.
const CHUNKS_AHEAD: usize = 4;
/// A download that brings nothing for so long is taken for broken.
const STALLED: Duration = Duration::from_secs(30);

/// Why the bytes ended before the object did.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// It was deleted or replaced while it was read.
    #[error("{0}")]
    Gone(String),
    /// S3 would not go on.
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
    remaining: u64,
    body: Option<ByteStream>,
}

impl Fetch {
    /// Goes on from an opened object; `from` is the byte at which it was opened.
    pub fn new(objects: Objects, mut object: ObjectRef, from: u64, opened: Opened) -> Self {
        // What was begun is what is read on: the same ETag, the same version.
        object.etag = Some(opened.etag);
        object.version = opened.version.or(object.version);
        Self { objects, object, next_byte: from, remaining: opened.length, body: Some(opened.body) }
    }

    /// The next bytes; `None` only when all of `Content-Length` came.
    async fn next(&mut self, breaks: &mut u32, backoff: &mut Backoff) -> Result<Option<Bytes>, FetchError> {
        loop {
            let reason = match &mut self.body {
                Some(body) => match tokio::time::timeout(STALLED, body.next()).await {
                    Ok(Some(Ok(chunk))) => {
                        self.next_byte += chunk.len() as u64;
                        self.remaining = self.remaining.saturating_sub(chunk.len() as u64);
                        *breaks = 0;
                        backoff.reset();
                        return Ok(Some(chunk));
                    }
                    Ok(Some(Err(error))) => error.to_string(),
                    // The end is believed only when all bytes came.
                    Ok(None) if self.remaining == 0 => return Ok(None),
                    Ok(None) => format!("the download ended {} bytes early", self.remaining),
                    Err(_) => "the download stalled".to_owned(),
                },
                None => "the download could not be resumed".to_owned(),
            };
            if self.remaining == 0 {
                return Ok(None);
            }
            *breaks += 1;
            tracing::warn!(position = %self.object, next_byte = self.next_byte, reason, "resuming a broken download");
            let what = format!("GET {}", self.object);
            if *breaks > MAX_BREAKS {
                return Err(FetchError::Failed(BatchError::Retryable { what, reason, retry_after: None }));
            }
            tokio::time::sleep(backoff.next_pause(None)).await;
            self.body = match self.objects.open(&self.object, self.next_byte).await {
                Ok(opened) => Some(opened.body),
                Err(OpenError::Gone(reason)) => return Err(FetchError::Gone(reason)),
                Err(OpenError::Failed(error @ BatchError::Permanent { .. })) => return Err(FetchError::Failed(error)),
                Err(OpenError::Failed(_)) => None,
            };
        }
    }

    /// Downloads in a task of its own until the end, an error or `deadline`; the reader may be used on a blocking thread.
    pub fn spawn(mut self, deadline: tokio::time::Instant) -> ChunkReader {
        let (sender, receiver) = mpsc::channel(CHUNKS_AHEAD);
        tokio::spawn(async move {
            let download = async {
                let (mut breaks, mut backoff) = (0, Backoff::new(fastrand::u64(..)));
                loop {
                    let chunk = self.next(&mut breaks, &mut backoff).await;
                    let is_last = !matches!(chunk, Ok(Some(_)));
                    // A reader that is gone wants no more.
                    if sender.send(chunk).await.is_err() || is_last {
                        return;
                    }
                }
            };
            // Closing the channel without a last word means: stopped.
            let _ = tokio::time::timeout_at(deadline, download).await;
        });
        ChunkReader { receiver, chunk: Bytes::new(), is_over: false }
    }
}

/// Reads what a [`Fetch`] downloads. An error of the source comes out as an [`io::Error`] that holds a [`FetchError`].
#[derive(Debug)]
pub struct ChunkReader {
    receiver: mpsc::Receiver<Result<Option<Bytes>, FetchError>>,
    chunk: Bytes,
    is_over: bool,
}

impl Read for ChunkReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            if self.is_over {
                return Ok(0);
            }
            match self.receiver.blocking_recv() {
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
