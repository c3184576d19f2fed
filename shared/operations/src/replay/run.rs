//! One invocation's part of a replay. Each step is stored before the next one starts.

mod making;
mod sending;

use std::time::{Duration, Instant};

use super::{
    function::Replay,
    progress::{LEASE_MS, Lease, Phase, Progress},
};
use crate::error::{Error, Refused};
use delivery::{
    aws::state::{NotWritten, State},
    lambda::{self, Deadline},
};
use pipeline::outcome::BatchError;

/// The maximum number of attempts at one batch or one page.
const ATTEMPTS: u32 = 6;
/// The interval between writes of the progress. It is also written after every page.
const WRITES_EVERY: Duration = Duration::from_secs(3);
/// The polling interval while sources are being turned off.
const LOOKS_EVERY: Duration = Duration::from_millis(500);

/// How an invocation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing is left to do.
    Finished,
    /// Work is left, but no time.
    TimedOut,
    /// Another invocation is working on the same replay, or it was stopped.
    Superseded,
}

pub(super) struct Run<'r> {
    replay: &'r Replay,
    state: &'r mut State<Progress>,
    deadline: Deadline,
    watch: &'r dyn Fn(&Progress),
    me: String,
    /// Whether this run has verified that the sources are off for it.
    holds_sources: bool,
    written: Instant,
    /// When the next object may be sent.
    next: Instant,
}

/// Who owns the replay.
enum LeaseOwner {
    This,
    Another,
    /// The deadline came before the other lease expired.
    Unknown,
}

/// Why a step was not finished.
enum Broken {
    Superseded,
    Failed(Error),
}

impl From<NotWritten> for Broken {
    fn from(error: NotWritten) -> Self {
        match error {
            NotWritten::Conflict(_) => Self::Superseded,
            NotWritten::Failed(error) => Self::Failed(error.into()),
        }
    }
}

impl From<BatchError> for Broken {
    fn from(error: BatchError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Refused> for Broken {
    fn from(error: Refused) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl<'r> Run<'r> {
    pub(super) fn new(
        replay: &'r Replay,
        state: &'r mut State<Progress>,
        deadline: Deadline,
        watch: &'r dyn Fn(&Progress),
    ) -> Self {
        let now = Instant::now();
        Self {
            replay,
            state,
            deadline,
            watch,
            me: format!("{:016x}", fastrand::u64(..)),
            holds_sources: false,
            written: now,
            next: now,
        }
    }

    pub(super) async fn go(mut self) -> Result<Step, Error> {
        match self.take_lease().await? {
            LeaseOwner::This => {}
            LeaseOwner::Another => return Ok(Step::Superseded),
            // The lease may belong to a run that was killed. The next invocation waits for its end.
            LeaseOwner::Unknown => return Ok(Step::TimedOut),
        }
        if self.state.value.phase.is_over() {
            return Ok(Step::Finished);
        }
        match self.steps().await {
            Ok(step) => Ok(step),
            Err(Broken::Superseded) => Ok(Step::Superseded),
            Err(Broken::Failed(error)) => {
                // The next run need not wait for the lease to expire.
                self.state.value.lease = None;
                let _ = self.replay.states.write(self.state).await;
                Err(Error::Of { operation: format!("replay {}", self.state.value.id), source: Box::new(error) })
            }
        }
    }

    /// Whether this run may work. An unexpired lease may belong to a run that was killed: wait until it expires or is
    /// renewed.
    async fn take_lease(&mut self) -> Result<LeaseOwner, Error> {
        let Some(lease) = self.state.value.lease.clone() else { return Ok(LeaseOwner::This) };
        while lease.until_ms > lambda::now_ms() {
            if self.deadline.reading_is_over() {
                return Ok(LeaseOwner::Unknown);
            }
            tokio::time::sleep(LOOKS_EVERY).await;
        }
        *self.state = self.replay.known(&self.state.value.id).await?;
        let is_dead = self.state.value.lease.as_ref().is_none_or(|now| *now == lease);
        Ok(if is_dead { LeaseOwner::This } else { LeaseOwner::Another })
    }

    async fn steps(&mut self) -> Result<Step, Broken> {
        self.replay.widen_old(&mut self.state.value);
        self.write().await?;
        loop {
            if self.deadline.reading_is_over() {
                return self.rest(Step::TimedOut).await;
            }
            match self.state.value.phase {
                // Check again even if an earlier run had paused them: the brake releases the sources of a dead run, and
                // events may have been written since.
                Phase::Pausing | Phase::Snapshotting | Phase::Recreating if !self.holds_sources => {
                    if !self.pause().await? {
                        return self.rest(Step::TimedOut).await;
                    }
                    self.holds_sources = true;
                    if let Some(reason) = self.refusal().await? {
                        self.refuse(reason).await?;
                    }
                }
                Phase::Pausing => self.enter(Phase::Snapshotting).await?,
                Phase::Snapshotting => {
                    if !self.snapshot().await? {
                        return self.rest(Step::TimedOut).await;
                    }
                }
                Phase::Recreating => {
                    if !self.recreate().await? {
                        return self.rest(Step::TimedOut).await;
                    }
                    self.enter(Phase::Releasing).await?;
                }
                Phase::Releasing => {
                    if !self.release().await? {
                        return self.rest(Step::TimedOut).await;
                    }
                    if let Some(reason) = self.state.value.refused.clone() {
                        self.state.value.phase = Phase::Stopped;
                        self.put(None).await?;
                        return Err(Refused(reason).into());
                    }
                    self.enter(Phase::Sending).await?;
                }
                Phase::Sending => {
                    if !self.send().await? {
                        return self.rest(Step::TimedOut).await;
                    }
                    self.state.value.phase = Phase::Done;
                    return self.rest(Step::Finished).await;
                }
                Phase::Done | Phase::Stopped => return Ok(Step::Finished),
            }
        }
    }

    async fn enter(&mut self, phase: Phase) -> Result<(), Broken> {
        self.state.value.phase = phase;
        self.write().await
    }

    /// Releases the lease for the next run.
    async fn rest(&mut self, step: Step) -> Result<Step, Broken> {
        self.put(None).await?;
        Ok(step)
    }

    async fn write_now_and_then(&mut self) -> Result<(), Broken> {
        if self.written.elapsed() < WRITES_EVERY { Ok(()) } else { self.write().await }
    }

    async fn write(&mut self) -> Result<(), Broken> {
        let lease = Lease { owner: self.me.clone(), until_ms: lambda::now_ms() + LEASE_MS };
        self.put(Some(lease)).await
    }

    /// Whether the stored state was written by this very run: a write that was given up took effect later. Then the
    /// next write replaces it.
    async fn reclaim(&mut self) -> Result<bool, Broken> {
        let there = self.replay.known(&self.state.value.id).await?;
        let is_mine = there.value.lease.as_ref().is_some_and(|lease| lease.owner == self.me);
        if !is_mine || there.value.phase.is_over() {
            return Ok(false);
        }
        let meant = std::mem::replace(self.state, there).value;
        self.state.value = meant;
        Ok(true)
    }

    async fn put(&mut self, lease: Option<Lease>) -> Result<(), Broken> {
        self.state.value.lease = lease;
        self.state.value.updated_ms = lambda::now_ms();
        match self.replay.states.write(self.state).await {
            Err(NotWritten::Conflict(_)) if self.reclaim().await? => self.replay.states.write(self.state).await?,
            result => result?,
        }
        self.written = Instant::now();
        (self.watch)(&self.state.value);
        Ok(())
    }
}
