//! The last step of every replay: list objects and send their notifications, at the requested rate if there is one.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures_util::future::try_join_all;

use super::{ATTEMPTS, Broken, LOOKS_EVERY, Run};
use crate::replay::{notify, objects::places_of, places::Place, request::What};
use delivery::{
    aws::{Objects, objects::Page},
    retry::retry,
};
use pipeline::outcome::BatchError;

/// The maximum number of messages in a batch
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html>).
const BATCH: usize = 10;
/// The number of concurrent batches.
const BATCHES_AT_ONCE: usize = 8;

/// The message about one object, and the objects of the listing between it and the one before.
struct Notification {
    key: String,
    /// The number of these objects, including its own.
    looked_at: u64,
    /// Those of them that are archived.
    archived: Vec<String>,
    body: String,
}

impl Run<'_> {
    /// Whether everything was listed and sent.
    pub(super) async fn send(&mut self) -> Result<bool, Broken> {
        let places = places_of(&self.state.value)?;
        while let Some(place) = places.get(self.state.value.places_done) {
            if !self.send_place(place).await? {
                return Ok(false);
            }
            self.state.value.places_done += 1;
            self.state.value.after = None;
            self.write_now_and_then().await?;
        }
        Ok(true)
    }

    /// Whether everything of one place was listed and sent.
    async fn send_place(&mut self, Place { bucket, prefix }: &Place) -> Result<bool, Broken> {
        let what = self.state.value.what.clone();
        let started_ms = self.state.value.started_ms;
        let wanted = self.replay.wanted(&what, bucket, started_ms)?;
        let objects = self.replay.aws.objects.owned_by(wanted.owner());
        let group = what.rate().map_or(BATCH * BATCHES_AT_ONCE, group_of);
        loop {
            let page = self.page(&objects, bucket, prefix).await?;
            let Some(last) = page.objects.last().map(|object| object.key.clone()) else { return Ok(true) };
            let mut messages: Vec<Notification> = Vec::new();
            let (mut looked_at, mut archived) = (0, Vec::new());
            for object in &page.objects {
                looked_at += 1;
                if !wanted.takes(object) {
                    continue;
                }
                if object.is_archived {
                    let position = format!("s3://{bucket}/{}", object.key);
                    tracing::warn!(position, "not notified, because the object is archived: restore it");
                    archived.push(position);
                    continue;
                }
                let body = match &what {
                    What::Objects(_) => notify::created(bucket, object),
                    What::DeadLetters(letters) => notify::letters(bucket, object, letters.reason.as_deref()),
                };
                let (looked_at, archived) = (std::mem::take(&mut looked_at), std::mem::take(&mut archived));
                messages.push(Notification { key: object.key.clone(), looked_at, archived, body });
            }
            for group in messages.chunks_mut(group) {
                if self.deadline.reading_is_over() || !self.pace(group.len(), what.rate()).await? {
                    return Ok(false);
                }
                let bodies: Vec<String> = group.iter().map(|message| message.body.clone()).collect();
                try_join_all(bodies.chunks(BATCH).map(|batch| self.batch(batch))).await?;
                let progress = &mut self.state.value;
                progress.after = group.last().map(|message| message.key.clone());
                progress.sent += group.len() as u64;
                for message in group {
                    progress.listed += message.looked_at;
                    progress.skip_archived(std::mem::take(&mut message.archived));
                }
                self.write_now_and_then().await?;
            }
            self.state.value.listed += looked_at;
            self.state.value.skip_archived(archived);
            self.state.value.after = Some(last);
            self.write().await?;
            if page.next.is_none() {
                return Ok(true);
            }
        }
    }

    async fn page(&self, objects: &Objects, bucket: &str, prefix: &str) -> Result<Page, BatchError> {
        let what = format!("ListObjectsV2 s3://{bucket}/{prefix}");
        let after = self.state.value.after.as_deref();
        retry(self.deadline.end, ATTEMPTS, &what, || objects.list(bucket, prefix, after)).await
    }

    /// Sends messages until all of them are in the queue. Some may be sent twice, which is harmless.
    async fn batch(&self, bodies: &[String]) -> Result<(), BatchError> {
        let what = "SendMessageBatch";
        let left = Mutex::new(bodies.to_vec());
        retry(self.deadline.end, ATTEMPTS, what, || async {
            let bodies = left.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let refused = self.replay.aws.queue.send_batch(&self.replay.settings.queue_url, &bodies).await?;
            if refused.is_empty() {
                return Ok(());
            }
            let again = refused.iter().map(|number| bodies[*number].clone()).collect();
            *left.lock().unwrap_or_else(PoisonError::into_inner) = again;
            let reason = format!("{} messages were refused", refused.len());
            Err(BatchError::retryable(what, reason))
        })
        .await
    }

    /// Waits until the rate allows this many more objects; `false` if the deadline comes first.
    async fn pace(&mut self, count: usize, rate: Option<f64>) -> Result<bool, Broken> {
        let Some(rate) = rate else { return Ok(true) };
        while self.next > Instant::now() {
            if self.deadline.reading_is_over() {
                return Ok(false);
            }
            tokio::time::sleep_until(self.next.min(Instant::now() + LOOKS_EVERY).into()).await;
            self.write_now_and_then().await?;
        }
        // Unused capacity is not saved up: the rate is a ceiling.
        self.next = self.next.max(Instant::now()) + Duration::from_secs_f64(count as f64 / rate);
        Ok(true)
    }
}

/// The number of objects for a fifth of a second, at least one. Small groups keep the rate even.
fn group_of(rate: f64) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 80")]
    let group = (rate / 5.0).clamp(1.0, (BATCH * BATCHES_AT_ONCE) as f64) as usize;
    group
}
