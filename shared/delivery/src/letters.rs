//! Retries the dead letters of one object. Their events keep their positions, and so their ids.
//!
//! In: a message of `replay`. Out: the events that could be indexed now. The other letters stay in the object.
//! A letter that holds its event, or a whole record of a stream, is retried from the letter (`tried`). For other
//! letters the source is read again, by a separate message: an event over the limit, a rest that could not be read, an
//! object that was gone. The same holds for the rest of an object whose dataset was gone (`source`).
//! If only a part of the letters was settled, the remainder is written before the object is deleted. A repetition is
//! harmless: the remainder's key follows from its positions.

mod source;
mod tried;
mod wanted;

use std::{collections::BTreeMap, time::Instant};

use self::{
    source::Sources,
    tried::{Fates, StoppedAt, by_origin},
    wanted::{Tried, Wanted, wanted},
};
use super::{
    ingest::S3Ingest,
    not_settled::NotSettled,
    object::Left,
    turns::{Turn, Turns},
};
use crate::{lambda::Deadline, settings::S3Prefix, source::s3::LettersTask};
use pipeline::{
    dead_letter::{DeadLetter, identities, move_to, remainder_key},
    outcome::BatchError,
};

impl S3Ingest {
    /// Retries the letters of one object, and prints their receipt. It frees the slot of `turn` when the letters are
    /// read: the next object of the invocation is read while these letters are being sent.
    ///
    /// # Errors
    /// An event is undelivered, or the object could not be written or deleted: the message is redelivered.
    pub(super) async fn letters(
        &self,
        task: &LettersTask,
        (turns, mut turn): (&Turns, Turn),
        deadline: Deadline,
    ) -> Result<Left, NotSettled> {
        let dead = &self.settings.dead_letters;
        let is_ours = task.bucket == dead.bucket && task.key.starts_with(&dead.prefix);
        if !is_ours {
            let S3Prefix { bucket, prefix } = dead;
            let reason = format!("{task} is not below s3://{bucket}/{prefix}: not read, and not deleted");
            return Err(NotSettled::Refused(reason));
        }
        let got = within(deadline.stop_reading, task, Box::pin(self.aws.objects.get(&task.bucket, &task.key))).await?;
        let Some((etag, bytes)) = got else {
            tracing::info!(position = %task, "these dead letters are gone: they were settled before");
            return Ok(Left::Nothing);
        };
        if etag.trim_matches('"') != task.etag {
            tracing::info!(position = %task, "these dead letters were written again: they are another replay's");
            return Ok(Left::Nothing);
        }
        let Some(()) = turns.read(&mut turn).await else { return Ok(Left::All) };
        let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        let mut tried: BTreeMap<String, Vec<Tried>> = BTreeMap::new();
        let mut sources = Sources::of(&task.key);
        for (line, bytes) in lines.iter().enumerate() {
            match self.wanted(task, bytes) {
                Some(Wanted::Tried { dataset, tried: mut one }) => {
                    one.line = line;
                    tried.entry(dataset).or_default().push(one);
                }
                Some(Wanted::Source(source)) => sources.add(line, source),
                None => {}
            }
        }
        let left = lines.len() - tried.values().map(Vec::len).sum::<usize>() - sources.lines().len();
        let groups = tried.into_iter().filter_map(|(name, tried)| Some((self.datasets.by_name(&name)?, tried)));
        let groups = groups.flat_map(|(dataset, tried)| by_origin(dataset, tried));
        let mut groups = groups.collect::<Vec<_>>().into_iter().peekable();
        let mut fates = Fates::new();
        let mut stopped_at = None;
        while let Some(group) = groups.next() {
            let slot = if groups.peek().is_none() { turn.slot.take() } else { None };
            let retried = self.try_again(task, left as u64, group, &mut turn, slot, deadline).await?;
            fates.extend(retried.fates);
            if retried.stopped_at.is_some() {
                stopped_at = retried.stopped_at;
                break;
            }
        }
        drop(turn);
        let is_over = stopped_at.is_none();
        if let Some(stopped) = stopped_at {
            fates.extend(stopped.fate(&lines));
            if fates.is_empty() || self.settings.queue_url.is_none() {
                return Err(NotSettled::NoTime(format!("{task}: the deadline came first")));
            }
        }
        for continuation in sources.continuations(&self.datasets) {
            self.hand_on(&continuation, deadline).await?;
        }
        // The queue keeps them as safely as this object did.
        fates.extend(sources.lines().iter().map(|line| (*line, None)));
        self.replace(task, &lines, &fates, is_over, deadline).await.map(|()| Left::Nothing)
    }

    /// How to retry a line, if the task selects it and it can be retried.
    fn wanted(&self, task: &LettersTask, bytes: &[u8]) -> Option<Wanted> {
        let letter: DeadLetter = serde_json::from_slice(bytes).ok()?;
        if task.reason.as_ref().is_some_and(|reason| *reason != letter.error_type) {
            return None;
        }
        let wanted = wanted(letter, &self.datasets, self.settings.max_event_bytes)?;
        // Reading a source needs a queue for the message.
        let can_be_tried = matches!(wanted, Wanted::Tried { .. }) || self.settings.queue_url.is_some();
        can_be_tried.then_some(wanted)
    }

    /// Writes the remainder of an object of letters, and deletes the object. Does nothing if no letter changed. Unless the
    /// retry `is_over`, a message about the remainder goes to the queue.
    async fn replace(
        &self,
        task: &LettersTask,
        lines: &[&[u8]],
        fates: &Fates,
        is_over: bool,
        deadline: Deadline,
    ) -> Result<(), NotSettled> {
        let is_as_it_was = |(line, fate): (&usize, &Option<Vec<u8>>)| {
            fate.as_ref().is_some_and(|letters| identities(letters) == identities(lines[*line]))
        };
        if fates.iter().all(is_as_it_was) {
            let reason = || format!("{task}: the deadline came before any letter changed");
            return if is_over { Ok(()) } else { Err(NotSettled::NoTime(reason())) };
        }
        let remainder: Vec<u8> = lines
            .iter()
            .enumerate()
            .flat_map(|(line, as_it_was)| match fates.get(&line) {
                None => as_it_was,
                Some(rejected) => rejected.as_deref().unwrap_or_default(),
            })
            .copied()
            .collect();
        if !remainder.is_empty() {
            let key = remainder_key(&task.key, &remainder);
            let etag =
                within(deadline.stop_writing, task, Box::pin(self.aws.objects.put(&task.bucket, &key, remainder)))
                    .await?;
            if !is_over {
                self.letters_on(&LettersTask::new(&task.bucket, &key, &etag, task.reason.as_deref()), deadline).await?;
            }
        }
        within(deadline.stop_writing, task, Box::pin(self.aws.objects.delete(&task.bucket, &task.key))).await
    }
}

impl StoppedAt {
    /// The fate of the letter: it stands for its record from the offset that was reached. `None` if none was.
    fn fate(self, lines: &[&[u8]]) -> Option<(usize, Option<Vec<u8>>)> {
        let (offset, mut letters) = self.record?;
        letters.extend(move_to(offset, lines[self.line])?);
        Some((self.line, Some(letters)))
    }
}

/// Ends a call to S3 at `until`. Without that, Lambda would kill the invocation, and all of its messages would count as
/// failed.
async fn within<T>(
    until: Instant,
    task: &LettersTask,
    call: impl Future<Output = Result<T, BatchError>>,
) -> Result<T, NotSettled> {
    match tokio::time::timeout_at(until.into(), call).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(NotSettled::NoTime(format!("{task}: no answer of S3 before the deadline"))),
    }
}
