//! The steps of `recreate` before any notification: pause the sources, take a snapshot of the indices, delete them,
//! release the sources.

use std::time::Duration;

use super::{ATTEMPTS, Broken, LOOKS_EVERY, Run};
use crate::{
    admin::deletion::{Deleted, Stays},
    error::Refused,
    replay::{
        plan::Plan,
        progress::{Phase, Progress, holder},
        request::What,
        snapshot::{self, Kept},
    },
    sources::Released,
};
use delivery::{aws::state::NotWritten, lambda};
use pipeline::outcome::BatchError;

/// An invocation that a source began just before it was off may start this much later.
const LINGERS: Duration = Duration::from_secs(5);

impl Run<'_> {
    /// Whether the sources are off, and no event from them is in flight.
    pub(super) async fn pause(&mut self) -> Result<bool, Broken> {
        let by = holder(&self.state.value.id);
        // The brake releases the sources of a run that seems dead. Then invocations have begun since.
        let is_known = self.state.value.off_since_ms.is_some();
        if is_known && !self.replay.sources.are_held_off(&by).await.unwrap_or(false) {
            self.state.value.off_since_ms = None;
        }
        // Not by `retry`: it also repeats after a conflict, and renews the lease between attempts.
        for attempt in 1.. {
            match self.replay.sources.pause(&by).await {
                Ok(()) => break,
                Err(NotWritten::Failed(error @ BatchError::Permanent { .. })) => return Err(error.into()),
                Err(error) if attempt >= ATTEMPTS => return Err(Broken::Failed(error.into())),
                // The brake wrote at the same time, or a mapping is changing its state.
                Err(error) => tracing::warn!(%error, "pausing again"),
            }
            if self.deadline.reading_is_over() {
                return Ok(false);
            }
            tokio::time::sleep(LOOKS_EVERY * attempt).await;
            self.write_now_and_then().await?;
        }
        while !self.deadline.reading_is_over() {
            if self.is_quiet().await? {
                return Ok(true);
            }
            tokio::time::sleep(LOOKS_EVERY).await;
            self.write_now_and_then().await?;
        }
        Ok(false)
    }

    /// Whether the sources are off, and every invocation that they began has ended. A message that failed counts as in
    /// flight while it is hidden, for up to an hour, so no message in flight is only the earlier sign.
    async fn is_quiet(&mut self) -> Result<bool, Broken> {
        if !self.replay.sources.are_off().await? {
            self.state.value.off_since_ms = None;
            return Ok(false);
        }
        let now_ms = lambda::now_ms();
        let off_since_ms = *self.state.value.off_since_ms.get_or_insert(now_ms);
        let settings = &self.replay.settings;
        let longest_ms = i64::try_from((settings.source_timeout + LINGERS).as_millis()).unwrap_or(i64::MAX);
        if now_ms.saturating_sub(off_since_ms) > longest_ms {
            return Ok(true);
        }
        Ok(self.replay.aws.queue.in_flight(&settings.queue_url).await? == 0)
    }

    /// Whether the sources are on, or are off for another holder.
    pub(super) async fn release(&mut self) -> Result<bool, Broken> {
        let mut attempt = 0;
        while !self.deadline.reading_is_over() {
            match self.replay.release(&self.state.value.id).await {
                Ok(Released::Done | Released::Held) => return Ok(true),
                Ok(Released::Pending) => {}
                Err(error) if attempt >= ATTEMPTS => return Err(error.into()),
                Err(error) => {
                    attempt += 1;
                    tracing::warn!(%error, "releasing again");
                }
            }
            tokio::time::sleep(LOOKS_EVERY).await;
            self.write_now_and_then().await?;
        }
        Ok(false)
    }

    /// The reason to delete nothing, checked now that no event is in flight. A deletion that has begun is finished.
    pub(super) async fn refusal(&self) -> Result<Option<String>, Broken> {
        let Progress { what: What::Objects(objects), deleted, plan, .. } = &self.state.value else { return Ok(None) };
        if !deleted.is_empty() {
            return Ok(None);
        }
        let Some(plan) = plan else {
            let reason = "it was begun by a release that made no plans, and had deleted nothing: ask for a plan with `dry_run: true`";
            return Ok(Some(reason.into()));
        };
        if let Err(Refused(reason)) = self.replay.is_still_good(plan, objects) {
            return Ok(Some(reason));
        }
        Ok(self.replay.changed(plan, self.deadline).await?)
    }

    /// Ends the replay before any deletion. The sources are released first.
    pub(super) async fn refuse(&mut self, reason: String) -> Result<(), Broken> {
        tracing::error!(reason, "nothing is recreated");
        self.state.value.refused = Some(reason);
        self.enter(Phase::Releasing).await
    }

    /// Whether this step is finished: by a snapshot, without one, or by a refusal.
    pub(super) async fn snapshot(&mut self) -> Result<bool, Broken> {
        let is_without = matches!(&self.state.value.what, What::Objects(objects) if objects.without_snapshot);
        let plan = self.state.value.plan.clone().filter(|plan| !is_without && !plan.indices.is_empty());
        let Some((plan, repository)) = plan.and_then(|plan| Some((plan.clone(), plan.repository?))) else {
            self.enter(Phase::Recreating).await?;
            return Ok(true);
        };
        let name = snapshot::name(&self.state.value);
        self.state.value.snapshot = Some(name.clone());
        self.write().await?;
        while !self.deadline.reading_is_over() {
            match self.replay.snapshot(&repository, &name, &plan, self.deadline).await? {
                Kept::Whole => {
                    self.enter(Phase::Recreating).await?;
                    return Ok(true);
                }
                Kept::InProgress => {}
                Kept::Failed(why) => {
                    self.refuse(format!("the snapshot {name} is incomplete: {why}")).await?;
                    return Ok(true);
                }
            }
            tokio::time::sleep(LOOKS_EVERY).await;
            self.write_now_and_then().await?;
        }
        Ok(false)
    }

    /// Whether every index is deleted. The templates are written first: an index created meanwhile follows the new
    /// rules.
    pub(super) async fn recreate(&mut self) -> Result<bool, Broken> {
        self.replay.put_templates(self.deadline).await?;
        let plan = self.state.value.plan.clone();
        if let (Some(plan), true) = (&plan, self.state.value.deleted.is_empty()) {
            // Before the first deletion, so that the response names all indices even after a kill.
            self.state.value.deleted = plan.indices.iter().map(|index| index.name.clone()).collect();
            self.state.value.kept.clear();
            self.write().await?;
        }
        match plan {
            Some(plan) => self.delete_planned(&plan).await,
            None => self.delete_known().await,
        }
    }

    async fn delete_planned(&mut self, plan: &Plan) -> Result<bool, Broken> {
        for index in &plan.indices {
            if self.deadline.reading_is_over() {
                return Ok(false);
            }
            let deleted = self.replay.delete_planned(index, self.deadline).await?;
            if let Deleted::Stays(why @ (Stays::IsInUse | Stays::IsUnowned)) = deleted {
                self.keep(&index.name, why).await?;
            }
            self.write_now_and_then().await?;
        }
        Ok(true)
    }

    async fn keep(&mut self, index: &str, why: Stays) -> Result<(), Broken> {
        tracing::error!(index, %why, "the index is not recreated and keeps the old rules");
        self.state.value.keep(index);
        self.write().await
    }

    /// Finishes the deletion that a release without plans had begun. All objects of the dataset are sent afterwards.
    async fn delete_known(&mut self) -> Result<bool, Broken> {
        for index in self.state.value.deleted.clone() {
            if self.deadline.reading_is_over() {
                return Ok(false);
            }
            let now = self.replay.admin.index_now(&index, self.deadline).await?;
            if now.is_some_and(|now| now.is_in_use) {
                self.keep(&index, Stays::IsInUse).await?;
                continue;
            }
            self.replay.admin.delete_index(&index, self.deadline).await?;
            self.write_now_and_then().await?;
        }
        Ok(true)
    }
}
