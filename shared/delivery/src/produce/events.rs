//! Puts the events of one object, record or dead letter into bodies.
//!
//! In: events and refused values from the event loop. Out: items and letters in a body, each with its position. If only some
//! positions are wanted ([`Awaited`]), every one of them gets an item or a letter.

use super::bodies::{Bodies, Stopped};
use pipeline::{
    bulk::Body,
    decode::Event,
    events::{Judge, Refused, Sink, Value, Verdict},
    frame::{Awaited, Look},
    outcome::{POSITION_NOT_FOUND, Rejection, Stage},
    record::{ItemPosition, Origin},
    rules::Dataset,
};

/// The most letters that hold a copy of the same record. Letters would otherwise take the size of a record times the number
/// of its events over the limit. Later ones hold the head of their event.
const MAX_COPIES: usize = 8;
const NO_EVENT: &str = "no event begins at this offset, as the rules read the object now";

/// Context shared by all events of one object, record or dead letter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RecordContext<'c> {
    /// The position at which it begins. Offsets within it are added.
    pub(crate) at: ItemPosition,
    /// The prefix of the ids of its events.
    pub(crate) id_prefix: &'c str,
    /// The fallback time of an event that has none.
    pub(crate) time_ms: i64,
    /// All of its bytes if they are in memory, for the dead letter of data that can't be framed, or of an event over the
    /// limit.
    pub(crate) bytes: &'c [u8],
}

impl RecordContext<'_> {
    /// The position of an offset within it.
    #[inline]
    pub(super) fn position(&self, offset: u64) -> ItemPosition {
        ItemPosition { offset: self.at.offset + offset, ..self.at }
    }
}

/// How reading ended.
#[derive(Debug)]
pub(crate) enum End {
    /// At the end, or at a rest that is rejected.
    Whole,
    /// At the deadline, or because sending failed permanently.
    Stopped,
    /// At an error of S3.
    Failed(String),
}

/// Why and where reading stops before the end.
pub(super) struct Halt {
    pub(super) end: End,
    /// The position before which every event was pushed. `None`: where the framer stands.
    pub(super) at: Option<ItemPosition>,
}

impl Halt {
    fn stopped(at: ItemPosition) -> Self {
        Self { end: End::Stopped, at: Some(at) }
    }
}

/// The sink for the events of one object, record or dead letter.
pub(super) struct RecordEvents<'s, 'c> {
    pub(super) bodies: &'s mut Bodies,
    pub(super) dataset: &'s Dataset,
    pub(super) origin: &'s Origin,
    pub(super) judge: &'s mut Judge,
    /// The events that are read. `None`: all of them.
    pub(super) awaited: &'s mut Option<Awaited>,
    pub(super) context: RecordContext<'c>,
    /// The letters that hold a copy of this record.
    pub(super) copies: usize,
}

impl Sink for RecordEvents<'_, '_> {
    type Stop = Halt;

    #[inline]
    fn proceed(&mut self) -> Result<(), Halt> {
        if self.bodies.stop.is_set() {
            return Err(Halt { end: End::Stopped, at: None });
        }
        if self.awaited.as_ref().is_some_and(Awaited::is_over) {
            return Err(Halt { end: End::Whole, at: None });
        }
        Ok(())
    }

    /// Also rejects the awaited positions before this one at which no value began.
    #[inline]
    fn look(&mut self, offset: u64, length: u64) -> Result<Look, Halt> {
        if self.awaited.is_none() {
            return Ok(Look::Take);
        }
        let at = self.context.position(offset);
        self.reject_missed(at, |awaited| awaited.missed_before(at.offset)).map_err(Halt::stopped)?;
        Ok(match self.awaited.as_mut().map(|awaited| awaited.look(at.offset, length)) {
            Some(Look::Take) | None => Look::Take,
            // Decode it even if it is not wanted: the next value begins where decoding ends.
            Some(Look::Divide | Look::Skip) => Look::Divide,
        })
    }

    #[inline]
    fn take(&mut self, value: Value<'_>, event: &Event<'_>) -> Result<(), Halt> {
        let (dataset, origin, context) = (self.dataset, self.origin, self.context);
        let Self { bodies, judge, .. } = self;
        let Value { payload, offset, time_ms } = value;
        let (at, time_ms) = (context.position(offset), time_ms.unwrap_or(context.time_ms));
        let pushed = match judge.judge(dataset, event, origin.at(at), context.id_prefix, time_ms) {
            Verdict::Wanted { action, document } => {
                let original = if std::ptr::eq(document, payload) { None } else { Some(payload) };
                bodies.push(at, |body| body.push(action, document, original, at))
            }
            Verdict::Dropped => {
                bodies.body.produced.read += 1;
                bodies.body.produced.dropped += 1;
                Ok(())
            }
            Verdict::Expired => {
                bodies.body.produced.read += 1;
                bodies.body.produced.expired += 1;
                Ok(())
            }
            Verdict::Rejected(Refused { stage, error_type, reason }) => {
                let rejection = rejection(at, stage, error_type, reason.into_owned());
                let length = payload.len() as u64;
                bodies.push(at, |body| body.reject(origin, &dataset.name, &rejection, payload, length))
            }
        };
        pushed.map_err(|Stopped| Halt::stopped(at))?;
        self.taken(at);
        Ok(())
    }

    #[inline]
    fn count_left_out(&mut self, strings: u64) {
        self.bodies.body.left_out += self.judge.shape.take_left_out() + strings;
    }

    #[cold]
    fn refuse(&mut self, offset: u64, payload: &[u8], length: u64, refused: Refused) -> Result<(), Halt> {
        let Refused { stage, error_type, reason } = refused;
        let at = self.context.position(offset);
        let rejection = rejection(at, stage, error_type, reason.into_owned());
        let (origin, name, record) = (self.origin, self.dataset.name.as_str(), self.context.bytes);
        // The head alone could not be retried. An object is read again, a record exists nowhere else.
        let is_cut = length > payload.len() as u64 && !record.is_empty() && self.copies < MAX_COPIES;
        self.copies += usize::from(is_cut);
        let put = |body: &mut Body| {
            if is_cut {
                body.reject_by_record(origin, name, &rejection, record)
            } else {
                body.reject(origin, name, &rejection, payload, length)
            }
        };
        self.bodies.push(at, put).map_err(|Stopped| Halt::stopped(at))?;
        self.taken(at);
        Ok(())
    }
}

impl RecordEvents<'_, '_> {
    /// Notes that an awaited event has its fate.
    #[inline]
    fn taken(&mut self, at: ItemPosition) {
        if let Some(awaited) = self.awaited {
            awaited.taken(at.offset);
        }
    }

    fn reject(&mut self, at: ItemPosition, rejection: &Rejection, payload: &[u8], length: u64) -> Result<(), Stopped> {
        let (dataset, origin) = (self.dataset, self.origin);
        self.bodies.push(at, |body: &mut Body| body.reject(origin, &dataset.name, rejection, payload, length))
    }

    /// The position where an input ends that was read whole. Rejects the awaited positions that were not found.
    pub(super) fn end(&mut self, end: ItemPosition) -> (End, ItemPosition) {
        match self.reject_missed(end, |awaited| awaited.missed_at_end(end.offset)) {
            Ok(()) => (End::Whole, end),
            Err(stopped_at) => (End::Stopped, stopped_at),
        }
    }

    /// Rejects the rest, which can never be read. If only some events are awaited, all other events have their fates
    /// already: then each awaited event that was not found is rejected, and the rest from the position from which it was
    /// requested.
    ///
    /// A record of a stream is kept whole, since it exists nowhere else. Of an object the value within which it ended is
    /// kept: `torn`.
    #[cold]
    pub(super) fn reject_rest(
        &mut self,
        mut rejection: Rejection,
        end: ItemPosition,
        torn: (&[u8], u64),
    ) -> (End, ItemPosition) {
        let broken_at = rejection.at.offset;
        let unreachable =
            format!("what is at offset {broken_at} can't be read: {}: {}", rejection.error_type, rejection.reason);
        while let Some((offset, restart)) = self.missed(|awaited| awaited.missed_before(u64::MAX)) {
            let reason = if offset < broken_at { NO_EVENT } else { &unreachable };
            let at = ItemPosition { offset, ..end };
            if let Err(stopped_at) = self.not_found(at, restart, reason) {
                return (End::Stopped, stopped_at);
            }
        }
        if let Some(awaited) = &self.awaited {
            let Some(from) = awaited.rest_from() else { return (End::Whole, end) };
            rejection.at.offset = broken_at.max(from);
        }
        let (bytes, length) = match self.context.bytes {
            [] if rejection.at.offset == broken_at => torn,
            record => (record, record.len() as u64),
        };
        match self.reject(rejection.at, &rejection, bytes, length) {
            Ok(()) => (End::Whole, end),
            Err(Stopped) => (End::Stopped, rejection.at.min(end)),
        }
    }

    /// The next awaited offset that was missed, and the offset where another reading can begin.
    fn missed(&mut self, next: impl FnOnce(&mut Awaited) -> Option<u64>) -> Option<(u64, u64)> {
        let awaited = self.awaited.as_mut()?;
        Some((next(awaited)?, awaited.restart()))
    }

    /// Rejects all awaited positions that `next` returns. The error is as in [`Self::not_found`].
    fn reject_missed(
        &mut self,
        at: ItemPosition,
        next: impl Fn(&mut Awaited) -> Option<u64>,
    ) -> Result<(), ItemPosition> {
        while let Some((offset, restart)) = self.missed(&next) {
            self.not_found(ItemPosition { offset, ..at }, restart, NO_EVENT)?;
        }
        Ok(())
    }

    /// Rejects a position from a dead letter at which no value begins: it stays a dead letter. The error is the position
    /// where the next attempt has to begin. That is `restart`, since the value at the position itself may be the rest of
    /// another value.
    #[cold]
    fn not_found(&mut self, at: ItemPosition, restart: u64, reason: &str) -> Result<(), ItemPosition> {
        let restart = ItemPosition { offset: restart, ..at };
        let rejection =
            Rejection { restart: Some(restart), ..rejection(at, Stage::Frame, POSITION_NOT_FOUND, reason.to_owned()) };
        let (origin, name, record) = (self.origin, self.dataset.name.as_str(), self.context.bytes);
        // The letter that is retried may hold the only copy of its record.
        let put = |body: &mut Body| {
            if record.is_empty() {
                body.reject(origin, name, &rejection, &[], 0)
            } else {
                body.reject_by_record(origin, name, &rejection, record)
            }
        };
        self.bodies.push(restart, put).map_err(|Stopped| restart)
    }
}

/// A rejection of the event at a position.
pub(crate) fn rejection(at: ItemPosition, stage: Stage, error_type: &str, reason: String) -> Rejection {
    Rejection { at, restart: None, stage, error_type: error_type.to_owned(), reason }
}
