//! The body of an object. A blocking thread reads it, a few chunks ahead of the receiver.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    ops::Range,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_core::Stream;
use s3s::{
    StdError,
    dto::StreamingBlob,
    stream::{ByteStream, RemainingLength},
};
use tokio::sync::mpsc;

use super::state::State;

const CHUNK_BYTES: usize = 256 * 1024;
const CHUNKS_AHEAD: usize = 4;

struct Chunks {
    receiver: mpsc::Receiver<io::Result<Bytes>>,
    remaining: u64,
}

/// The bytes of a range. With `cut`, an error follows after that many bytes, and the connection is cut.
pub(super) fn body(state: Arc<State>, file: File, range: Range<u64>, cut: Option<u64>) -> StreamingBlob {
    let (sender, receiver) = mpsc::channel(CHUNKS_AHEAD);
    let remaining = range.end - range.start;
    tokio::task::spawn_blocking(move || {
        let sent = send(&state, file, range, cut, &sender);
        if let Err(error) = sent {
            let _ = sender.blocking_send(Err(error));
        }
    });
    StreamingBlob::new(Chunks { receiver, remaining })
}

fn send(
    state: &State,
    mut file: File,
    range: Range<u64>,
    cut: Option<u64>,
    to: &mpsc::Sender<io::Result<Bytes>>,
) -> io::Result<()> {
    file.seek(SeekFrom::Start(range.start))?;
    let length = range.end - range.start;
    let mut left = cut.map_or(length, |bytes| bytes.min(length));
    while left > 0 {
        let wanted = usize::try_from(left).unwrap_or(CHUNK_BYTES).min(CHUNK_BYTES);
        let mut chunk = vec![0; wanted];
        file.read_exact(&mut chunk)?;
        left -= wanted as u64;
        state.count(|stats| stats.bytes_sent += wanted as u64);
        if to.blocking_send(Ok(chunk.into())).is_err() {
            // The receiver is gone.
            return Ok(());
        }
    }
    match cut {
        Some(bytes) if bytes < length => Err(io::Error::new(io::ErrorKind::ConnectionReset, "cut on purpose")),
        _ => Ok(()),
    }
}

impl Stream for Chunks {
    type Item = Result<Bytes, StdError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.receiver.poll_recv(context).map(|next| {
            next.map(|chunk| {
                let chunk = chunk?;
                self.remaining -= chunk.len() as u64;
                Ok(chunk)
            })
        })
    }
}

impl ByteStream for Chunks {
    fn remaining_length(&self) -> RemainingLength {
        usize::try_from(self.remaining).map_or_else(|_| RemainingLength::unknown(), RemainingLength::new_exact)
    }
}
