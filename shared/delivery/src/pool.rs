//! The bodies, as many as memory allows. They are filled, sent and filled again.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use pipeline::bulk::Body;

/// A fixed number of bodies. Waiting for one is the back-pressure.
#[derive(Debug)]
pub(super) struct Pool {
    free: Mutex<Vec<Body>>,
    permits: Semaphore,
    max_bytes: usize,
    /// The bytes that small bodies may take together: as many as one body.
    compact: Arc<Semaphore>,
}

/// Where the memory of a sealed body belongs.
#[derive(Debug)]
pub(super) enum Memory {
    /// It is one of the pool's bodies.
    Pooled,
    /// It is of the size of its content.
    Compact(OwnedSemaphorePermit),
}

impl Pool {
    pub(super) fn new(bodies: usize, max_bytes: usize) -> Self {
        let compact = Arc::new(Semaphore::new(max_bytes));
        Self { free: Mutex::default(), permits: Semaphore::new(bodies), max_bytes, compact }
    }

    /// The size of a body.
    pub(super) fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    /// An empty body, if one is free.
    pub(super) fn take_now(&self) -> Option<Body> {
        self.permits.try_acquire().ok()?.forget();
        Some(self.empty())
    }

    /// An empty body. `None` if `stop` comes first.
    pub(super) async fn take(&self, stop: &Stop) -> Option<Body> {
        let permit = tokio::select! {
            biased;
            () = stop.wait() => return None,
            permit = self.permits.acquire() => permit.ok()?,
        };
        // `give` returns the permit.
        permit.forget();
        Some(self.empty())
    }

    fn empty(&self) -> Body {
        let body = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        body.unwrap_or_else(|| Body::new(self.max_bytes))
    }

    /// Whether a body is so small that it may share a request with others.
    pub(super) fn is_small(&self, body: &Body) -> bool {
        body.used() <= self.max_bytes / 4
    }

    /// Moves the content of a small body into memory of its size, as far as that may be used, so that the next object is
    /// read into the pool's body meanwhile.
    pub(super) fn compact(&self, mut body: Body) -> (Body, Memory) {
        let bytes = u32::try_from(body.compact_bytes()).unwrap_or(u32::MAX);
        match Arc::clone(&self.compact).try_acquire_many_owned(bytes) {
            Ok(permit) => {
                let compact = body.compacted();
                self.give(Some(body));
                (compact, Memory::Compact(permit))
            }
            Err(_) => (body, Memory::Pooled),
        }
    }

    /// Returns the memory of a body that was delivered.
    pub(super) fn give_back(&self, body: Option<Body>, memory: Memory) {
        match memory {
            Memory::Pooled => self.give(body),
            Memory::Compact(permit) => drop((body, permit)),
        }
    }

    /// Returns a body. `None` if the body is lost, for example because an HTTP client still holds it: another is made.
    pub(super) fn give(&self, body: Option<Body>) {
        if let Some(mut body) = body {
            body.clear();
            self.free.lock().unwrap_or_else(PoisonError::into_inner).push(body);
        }
        self.permits.add_permits(1);
    }
}

/// A signal that stops a producer: blocking work can't be aborted.
#[derive(Debug, Default)]
pub(super) struct Stop {
    flag: AtomicBool,
    set: Notify,
}

impl Stop {
    pub(super) fn set(&self) {
        self.flag.store(true, Ordering::Release);
        self.set.notify_waiters();
    }

    pub(super) fn is_set(&self) -> bool {
        self.flag.load(Ordering::Acquire)
    }

    pub(super) async fn wait(&self) {
        let set = self.set.notified();
        if !self.is_set() {
            set.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline::record::ItemPosition;

    #[tokio::test]
    async fn a_body_is_waited_for_until_one_is_given_back_or_the_stop() {
        let (pool, stop) = (Pool::new(1, 10), Stop::default());
        let body = pool.take(&stop).await;
        assert!(body.is_some());
        let (again, ()) = tokio::join!(pool.take(&stop), async { pool.give(body) });
        assert!(again.is_some());
        let (none, ()) = tokio::join!(pool.take(&stop), async { stop.set() });
        assert!(none.is_none());
    }

    #[tokio::test]
    async fn small_bodies_leave_the_pools_body_free_until_they_take_as_much_as_one() {
        let pool = Pool::new(1, 1_000);
        let small = || {
            let mut body = pool.take_now()?;
            body.push(b"{}\n", &[b'x'; 400], None, ItemPosition::default()).ok()?;
            Some(pool.compact(body))
        };
        let (first, second, third) = (small().unwrap(), small().unwrap(), small().unwrap());
        assert!(matches!((&first.1, &second.1, &third.1), (Memory::Compact(_), Memory::Compact(_), Memory::Pooled)));
        assert!(small().is_none(), "the third one is the pool's");
        pool.give_back(Some(third.0), third.1);
        pool.give_back(None, second.1);
        assert!(matches!(small().unwrap().1, Memory::Compact(_)), "the second one left room");
    }

    #[tokio::test]
    async fn a_lost_body_is_replaced() {
        let (pool, stop) = (Pool::new(1, 10), Stop::default());
        drop(pool.take(&stop).await);
        pool.give(None);
        assert!(pool.take(&stop).await.is_some());
    }
}
