//! The body being filled, and the channel for full bodies.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{runtime::Handle, sync::mpsc};

use crate::{
    pool::{Pool, Stop},
    turns::Seat,
};
use pipeline::{
    bulk::{Body, Full},
    record::ItemPosition,
};

/// The stop came during the wait for an empty body. The current event is not counted.
pub(crate) struct Stopped;

/// The body being filled, and the channel for full bodies.
pub(crate) struct Bodies {
    pub(super) body: Body,
    pool: Arc<Pool>,
    pub(super) stop: Arc<Stop>,
    seat: Arc<Seat>,
    sealed: mpsc::UnboundedSender<Body>,
    runtime: Handle,
    /// The longest wait for an empty body, which is the domain's time.
    pub(super) longest_wait: Duration,
}

impl Bodies {
    pub(crate) fn new(
        pool: Arc<Pool>,
        stop: Arc<Stop>,
        seat: Arc<Seat>,
        sealed: mpsc::UnboundedSender<Body>,
        runtime: Handle,
    ) -> Self {
        // A placeholder. The producer waits for the first body on its own thread.
        Self { body: Body::new(0), pool, stop, seat, sealed, runtime, longest_wait: Duration::ZERO }
    }

    /// Takes an empty body. While it waits for one, its object counts as waiting: slow objects then stop at the end of
    /// their share.
    fn take(&mut self) -> Result<Body, Stopped> {
        if let Some(body) = self.pool.take_now() {
            return Ok(body);
        }
        let began = Instant::now();
        let body = {
            let _waits = self.seat.wait();
            self.runtime.block_on(self.pool.take(&self.stop))
        };
        self.longest_wait = self.longest_wait.max(began.elapsed());
        body.ok_or(Stopped)
    }

    /// Waits for the first body.
    pub(super) fn begin(&mut self) -> Result<(), Stopped> {
        self.body = self.take()?;
        Ok(())
    }

    /// Puts one event into the body, or into the next body if this one is full. All events before it are in this body
    /// or an earlier one.
    #[inline]
    pub(super) fn push(
        &mut self,
        at: ItemPosition,
        put: impl Fn(&mut Body) -> Result<(), Full>,
    ) -> Result<(), Stopped> {
        if put(&mut self.body).is_err() {
            let empty = self.take()?;
            self.seal(at, empty);
            // An empty body takes any item.
            let pushed = put(&mut self.body);
            debug_assert!(pushed.is_ok(), "an empty body was full");
        }
        self.body.produced.read += 1;
        Ok(())
    }

    pub(super) fn seal(&mut self, end: ItemPosition, next: Body) {
        let mut full = std::mem::replace(&mut self.body, next);
        full.end = end;
        // The receiver lives as long as the producer, because it waits for the producer.
        let _ = self.sealed.send(full);
    }
}
