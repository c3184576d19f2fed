//! One invocation's part of a replay: step by step, each written down before the next.

use std::time::{Duration, Instant};

use futures_util::future::try_join_all;

use super::{Lease, Phase, Progress, Replay, What, notify, objects};
use crate::{
    aws::state::{NotWritten, State},
    backoff::Backoff,
    lambda::{self, Deadline},
    operate::sources::Released,
    outcome::BatchError,
};

/// Messages of a batch at the most (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html>).
const BATCH: usize = 10;
/// Batches at once.
const BATCHES_AT_ONCE: usize = 8;
/// Attempts at one batch, and at one page.
const ATTEMPTS: u32 = 6;
/// The progress is written so often, and after every page.
const WRITES_EVERY: Duration = Duration::from_secs(3);
/// Between two looks at sources that are being turned off.
const LOOKS_EVERY: Duration = Duration::from_millis(500);

/// How an invocation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing is left to do.
    Over,
    /// There is more, and no more time.
    GoesOn,
    /// Another invocation is at work on the same replay, or it was stopped.
    Elsewhere,
}

pub(super) struct Run<'r> {
    replay: &'r Replay,
    state: &'r mut State<Progress>,
    deadline: Deadline,
    watch: &'r dyn Fn(&Progress),
    me: String,
    written: Instant,
    /// When the next object may be sent.
    next: Instant,
}

/// Whose replay it is.
enum Taken {
    Mine,
    OfAnother,
    /// The deadline came before the other lease expired.
    Unknown,
}

/// Why a step is not done.
enum Broken {
    Elsewhere,
    Failed(String),
}

impl From<NotWritten> for Broken {
    fn from(error: NotWritten) -> Self {
        match error {
            NotWritten::Overtaken(_) => Self::Elsewhere,
            NotWritten::Failed(error) => Self::Failed(error.to_string()),
        }
    }
}

impl From<BatchError> for Broken {
    fn from(error: BatchError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<String> for Broken {
    fn from(reason: String) -> Self {
        Self::Failed(reason)
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
        Self { replay, state, deadline, watch, me: format!("{:016x}", fastrand::u64(..)), written: now, next: now }
    }

    pub(super) async fn go(mut self) -> Result<Step, String> {
        match self.take_lease().await? {
            Taken::Mine => {}
            Taken::OfAnother => return Ok(Step::Elsewhere),
            // The lease may be of a run that was killed: the next invocation waits for its end.
            Taken::Unknown => return Ok(Step::GoesOn),
        }
        if self.state.value.phase.is_over() {
            return Ok(Step::Over);
        }
        match self.steps().await {
            Ok(step) => Ok(step),
            Err(Broken::Elsewhere) => Ok(Step::Elsewhere),
            Err(Broken::Failed(reason)) => {
                // Whoever continues need not wait for the lease.
                self.state.value.lease = None;
                let _ = self.replay.states.write(self.state).await;
                Err(format!("replay {}: {reason}", self.state.value.id))
            }
        }
    }

    /// Whether this run may work. A lease that has not expired may be of a run that was killed: wait until it expires, or is renewed.
    async fn take_lease(&mut self) -> Result<Taken, String> {
        let Some(lease) = self.state.value.lease.clone() else { return Ok(Taken::Mine) };
        while lease.until_ms > lambda::now_ms() {
            if self.deadline.reading_is_over() {
                return Ok(Taken::Unknown);
            }
            tokio::time::sleep(LOOKS_EVERY).await;
        }
        *self.state = self.replay.known(&self.state.value.id).await?;
        let is_dead = self.state.value.lease.as_ref().is_none_or(|now| *now == lease);
        Ok(if is_dead { Taken::Mine } else { Taken::OfAnother })
    }

    async fn steps(&mut self) -> Result<Step, Broken> {
        self.write().await?;
        loop {
            if self.deadline.reading_is_over() {
                return self.rest(Step::GoesOn).await;
            }
            match self.state.value.phase {
                Phase::Pausing => {
                    if !self.pause().await? {
                        return self.rest(Step::GoesOn).await;
                    }
                    self.enter(Phase::Recreating).await?;
                }
                Phase::Recreating => {
                    // Also where an earlier run had paused them: the brake releases what a dead run held.
                    if !self.pause().await? {
                        return self.rest(Step::GoesOn).await;
                    }
                    self.recreate().await?;
                    self.enter(Phase::Releasing).await?;
                }
                Phase::Releasing => {
                    if !self.release().await? {
                        return self.rest(Step::GoesOn).await;
                    }
                    self.enter(Phase::Sending).await?;
                }
                Phase::Sending => {
                    if !self.send().await? {
                        return self.rest(Step::GoesOn).await;
                    }
                    self.state.value.phase = Phase::Done;
                    return self.rest(Step::Over).await;
                }
                Phase::Done | Phase::Stopped => return Ok(Step::Over),
            }
        }
    }

    /// Whether the sources are off, and nothing of them is under way.
    async fn pause(&mut self) -> Result<bool, Broken> {
        let by = super::holder(&self.state.value.id);
        for attempt in 1.. {
            match self.replay.sources.pause(&by).await {
                Ok(()) => break,
                Err(NotWritten::Failed(error @ BatchError::Permanent { .. })) => return Err(error.into()),
                Err(error) if attempt >= ATTEMPTS => return Err(Broken::Failed(error.to_string())),
                // The brake wrote at the same time, or a mapping is on its way to another state.
                Err(error) => tracing::warn!(%error, "pausing again"),
            }
            if self.deadline.reading_is_over() {
                return Ok(false);
            }
            tokio::time::sleep(LOOKS_EVERY * attempt).await;
            self.write_now_and_then().await?;
        }
        while !self.deadline.reading_is_over() {
            let queue = &self.replay.settings.queue_url;
            if self.replay.sources.are_off().await? && self.replay.aws.queue.in_flight(queue).await? == 0 {
                return Ok(true);
            }
            tokio::time::sleep(LOOKS_EVERY).await;
            self.write_now_and_then().await?;
        }
        Ok(false)
    }

    /// Whether the sources are on, or off for another holder.
    async fn release(&mut self) -> Result<bool, Broken> {
        let mut attempt = 0;
        while !self.deadline.reading_is_over() {
            match self.replay.release(&self.state.value.id).await {
                Ok(Released::Done | Released::Held) => return Ok(true),
                Ok(Released::Pending) => {}
                Err(error) if attempt >= ATTEMPTS => return Err(Broken::Failed(error)),
                Err(error) => {
                    attempt += 1;
                    tracing::warn!(error, "releasing again");
                }
            }
            tokio::time::sleep(LOOKS_EVERY).await;
            self.write_now_and_then().await?;
        }
        Ok(false)
    }

    async fn recreate(&mut self) -> Result<(), Broken> {
        let What::Objects(objects) = self.state.value.what.clone() else { return Ok(()) };
        let indices = self.replay.admin.indices(self.deadline).await?;
        let doomed = self.replay.doomed(&objects, &indices)?;
        // Before the first is deleted, so that the answer tells of all, also after a kill.
        let known: Vec<_> = doomed.iter().filter(|index| !self.state.value.deleted.contains(index)).cloned().collect();
        self.state.value.deleted.extend(known);
        self.write().await?;
        Ok(self.replay.recreate(&doomed, self.deadline).await?)
    }

    /// Whether everything was listed and sent.
    async fn send(&mut self) -> Result<bool, Broken> {
        let what = self.state.value.what.clone();
        let (bucket, prefix) = objects::at(&what)?;
        let started_ms = self.state.value.started_ms;
        let wanted = self.replay.wanted(&what, &bucket, started_ms)?;
        let group = what.rate().map_or(BATCH * BATCHES_AT_ONCE, group_of);
        loop {
            let page = self.page(&bucket, &prefix).await?;
            let Some(last) = page.objects.last().map(|object| object.key.clone()) else { return Ok(true) };
            let mut messages: Vec<(String, u64, String)> = Vec::new();
            let mut looked_at = 0;
            for object in &page.objects {
                looked_at += 1;
                if !wanted.takes(object) {
                    continue;
                }
                let message = match &what {
                    What::Objects(_) => notify::created(&bucket, object),
                    What::DeadLetters(letters) => notify::letters(&bucket, object, letters.reason.as_deref()),
                };
                messages.push((object.key.clone(), std::mem::take(&mut looked_at), message));
            }
            for group in messages.chunks(group) {
                if self.deadline.reading_is_over() {
                    return Ok(false);
                }
                if !self.pace(group.len(), what.rate()).await? {
                    return Ok(false);
                }
                let bodies: Vec<String> = group.iter().map(|(_, _, message)| message.clone()).collect();
                try_join_all(bodies.chunks(BATCH).map(|batch| self.batch(batch))).await?;
                let progress = &mut self.state.value;
                progress.after = group.last().map(|(key, _, _)| key.clone());
                progress.listed += group.iter().map(|(_, looked_at, _)| looked_at).sum::<u64>();
                progress.sent += group.len() as u64;
                self.write_now_and_then().await?;
            }
            self.state.value.listed += looked_at;
            self.state.value.after = Some(last);
            self.write().await?;
            if page.next.is_none() {
                return Ok(true);
            }
        }
    }

    async fn page(&self, bucket: &str, prefix: &str) -> Result<crate::aws::objects::Page, Broken> {
        let mut backoff = Backoff::new(fastrand::u64(..));
        for attempt in 1.. {
            match self.replay.aws.objects.list(bucket, prefix, self.state.value.after.as_deref()).await {
                Err(BatchError::Retryable { what, reason, .. }) if attempt < ATTEMPTS => {
                    tracing::warn!(what, reason, "listing again");
                    tokio::time::sleep(backoff.next_pause(None)).await;
                }
                result => return Ok(result?),
            }
        }
        unreachable!("the last attempt returns")
    }

    /// Sends messages until all of them are in the queue. Some may be there twice: that is harmless.
    async fn batch(&self, bodies: &[String]) -> Result<(), BatchError> {
        let mut left = bodies.to_vec();
        let mut backoff = Backoff::new(fastrand::u64(..));
        for attempt in 1.. {
            match self.replay.aws.queue.send_batch(&self.replay.settings.queue_url, &left).await {
                Ok(refused) if refused.is_empty() => return Ok(()),
                Ok(refused) if attempt < ATTEMPTS => {
                    left = refused.iter().map(|number| left[*number].clone()).collect();
                }
                Ok(refused) => {
                    let (what, reason) =
                        ("SendMessageBatch".into(), format!("{} messages were refused", refused.len()));
                    return Err(BatchError::Retryable { what, reason, retry_after: None });
                }
                Err(BatchError::Retryable { what, reason, .. }) if attempt < ATTEMPTS => {
                    tracing::warn!(what, reason, "sending again");
                }
                Err(error) => return Err(error),
            }
            tokio::time::sleep(backoff.next_pause(None)).await;
        }
        unreachable!("the last attempt returns")
    }

    /// Waits until so many objects more are within the rate; `false` where the deadline comes before.
    async fn pace(&mut self, count: usize, rate: Option<f64>) -> Result<bool, Broken> {
        let Some(rate) = rate else { return Ok(true) };
        while self.next > Instant::now() {
            if self.deadline.reading_is_over() {
                return Ok(false);
            }
            tokio::time::sleep_until(self.next.min(Instant::now() + LOOKS_EVERY).into()).await;
            self.write_now_and_then().await?;
        }
        // What was not used is not made up for: the rate is a ceiling.
        self.next = self.next.max(Instant::now()) + Duration::from_secs_f64(count as f64 / rate);
        Ok(true)
    }

    async fn enter(&mut self, phase: Phase) -> Result<(), Broken> {
        self.state.value.phase = phase;
        self.write().await
    }

    /// Leaves it for whoever goes on.
    async fn rest(&mut self, step: Step) -> Result<Step, Broken> {
        self.put(None).await?;
        Ok(step)
    }

    async fn write_now_and_then(&mut self) -> Result<(), Broken> {
        if self.written.elapsed() < WRITES_EVERY { Ok(()) } else { self.write().await }
    }

    async fn write(&mut self) -> Result<(), Broken> {
        let lease = Lease { owner: self.me.clone(), until_ms: lambda::now_ms() + super::LEASE_MS };
        self.put(Some(lease)).await
    }

    /// Whether what is there instead was written by this very run: a write that was given up took effect later. Then the next one goes over it.
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
            Err(NotWritten::Overtaken(_)) if self.reclaim().await? => self.replay.states.write(self.state).await?,
            result => result?,
        }
        self.written = Instant::now();
        (self.watch)(&self.state.value);
        Ok(())
    }
}

/// As many objects as one fifth of a second is good for, at least one: so the pace is even.
fn group_of(rate: f64) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 80")]
    let group = (rate / 5.0).clamp(1.0, (BATCH * BATCHES_AT_ONCE) as f64) as usize;
    group
}
