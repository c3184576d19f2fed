//! One call through the network: it is relayed, or meets the fault of a column.
//!
//! In: a whole request, and its connection. Out: bytes, complete or broken as the fault requires.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::column::{Column, LATE};
use super::refusal;
use super::request::{Reply, Request};
use super::row::Service;
use super::traffic::Shared;

/// A call on its way.
pub(super) struct Call {
    pub(super) client: TcpStream,
    pub(super) request: Request,
    pub(super) target: String,
    pub(super) service: Service,
    pub(super) row: Option<String>,
    pub(super) shared: Arc<Shared>,
}

impl Call {
    /// Relays the request and the reply.
    pub(super) async fn relay(mut self) {
        tokio::select! {
            reply = self.request.exchange(&self.target) => {
                let Ok(reply) = reply else { return self.reset() };
                self.note(&reply);
                let bytes = self.framed(&reply);
                let _ = self.client.write_all(&bytes).await;
                let _ = self.client.shutdown().await;
            }
            // The wait for the next invocation ends with the process.
            () = closed(&mut self.client) => {}
        }
    }

    fn note(&self, reply: &Reply) {
        if let Some(row) = self.row.as_ref().filter(|_| !reply.body.is_empty()) {
            self.shared.note_body(row);
        }
    }

    /// Sends an object without its length if its key contains `/chunked`.
    fn framed(&self, reply: &Reply) -> Vec<u8> {
        let is_object = self.service == Service::S3 && self.request.method == "GET";
        if is_object && self.request.path().contains("/chunked") { reply.chunks() } else { reply.bytes() }
    }

    /// Applies a fault to the call.
    pub(super) async fn fail(mut self, column: Column) {
        match column {
            Column::KilledBefore => self.killed().await,
            Column::KilledDuring => {
                let _ = self.request.send_half(&self.target).await;
                self.killed().await;
            }
            Column::KilledAfter => {
                let _ = self.request.exchange(&self.target).await;
                self.killed().await;
            }
            Column::Refused => {
                self.shared.refuse[&self.service].notify_one();
                self.reset();
            }
            Column::ResetBefore => self.reset(),
            Column::ResetInRequest => {
                let _ = self.request.send_half(&self.target).await;
                self.reset();
            }
            Column::LostReply => {
                let _ = self.request.exchange(&self.target).await;
                self.reset();
            }
            Column::Timeout => closed(&mut self.client).await,
            Column::Status(status) => {
                let refusal = refusal::of(self.service, status, false);
                self.answer(refusal.bytes()).await;
            }
            Column::RetryAfter => {
                let refusal = refusal::of(self.service, 429, true);
                self.answer(refusal.bytes()).await;
            }
            Column::Twice => {
                let _ = self.request.exchange(&self.target).await;
                self.relay().await;
            }
            Column::OutOfOrder => self.late(),
            column => self.break_reply(column).await,
        }
    }

    /// Applies a fault of the reply, after the call took effect.
    async fn break_reply(mut self, column: Column) {
        let Ok(mut reply) = self.request.exchange(&self.target).await else { return self.reset() };
        match column {
            Column::ResetInReply => {
                let bytes = self.framed(&reply);
                let _ = self.client.write_all(&bytes[..bytes.len() / 2]).await;
                // The client must read the bytes before the reset, which would discard them.
                tokio::time::sleep(Duration::from_millis(30)).await;
                self.reset();
            }
            Column::Truncated => {
                let bytes = self.framed(&reply);
                let end = bytes.len() - reply.body.len().div_ceil(2);
                self.answer(bytes[..end].to_vec()).await;
            }
            Column::Empty => {
                reply.body.clear();
                self.answer(reply.bytes()).await;
            }
            Column::Garbage => {
                reply.body = (0..reply.body.len()).map(|at| b"\x00}<\xffz"[at % 5]).collect();
                let bytes = self.framed(&reply);
                self.answer(bytes).await;
            }
            _ => {
                let bytes = self.framed(&reply);
                self.answer_slowly(&bytes).await;
            }
        }
    }

    async fn answer(mut self, bytes: Vec<u8>) {
        let _ = self.client.write_all(&bytes).await;
        let _ = self.client.shutdown().await;
    }

    async fn answer_slowly(mut self, bytes: &[u8]) {
        let (slowly, rest) = bytes.split_at(bytes.len().min(500));
        for byte in slowly {
            if self.client.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let _ = self.client.write_all(rest).await;
        let _ = self.client.shutdown().await;
    }

    /// Kills the process. Until then the process waits for a reply.
    async fn killed(mut self) {
        self.shared.kill.notify_one();
        closed(&mut self.client).await;
    }

    /// Ends the connection with a reset instead of an orderly close.
    fn reset(self) {
        let _ = self.client.set_zero_linger();
    }

    /// Resets the connection, and delivers the call later.
    fn late(self) {
        let (request, target, shared) = (self.request.clone(), self.target.clone(), Arc::clone(&self.shared));
        self.shared.late.send_modify(|late| *late += 1);
        self.reset();
        tokio::spawn(async move {
            tokio::time::sleep(LATE).await;
            let _ = request.exchange(&target).await;
            shared.late.send_modify(|late| *late -= 1);
        });
    }
}

/// Resolves when the other side has ended the connection.
async fn closed(client: &mut TcpStream) {
    let mut byte = [0];
    while let Ok(1..) = client.read(&mut byte).await {}
}
