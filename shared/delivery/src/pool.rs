//! The bodies, as many as memory allows. They are filled, sent and filled again.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::{Notify, Semaphore};

use pipeline::bulk::Body;

/// A fixed number of bodies. Waiting for one is the back-pressure.
#[derive(Debug)]
pub(super) struct Pool {
    free: Mutex<Vec<Body>>,
    permits: Semaphore,
    max_bytes: usize,
}

impl Pool {
    pub(super) fn new(bodies: usize, max_bytes: usize) -> Self {
        Self { free: Mutex::default(), permits: Semaphore::new(bodies), max_bytes }
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
    async fn a_lost_body_is_replaced() {
        let (pool, stop) = (Pool::new(1, 10), Stop::default());
        drop(pool.take(&stop).await);
        pool.give(None);
        assert!(pool.take(&stop).await.is_some());
    }
}
