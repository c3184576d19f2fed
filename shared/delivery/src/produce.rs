//! Turns events into bodies on a blocking thread: frame, decode, judge, push.
//!
//! [`Producer::fill`] is the hot loop. Objects and the records of a stream both use it. A [`Producer`] reuses its
//! buffers from one record to the next.

#[cfg(test)]
pub(super) mod tests;

use std::{io::Read, sync::Arc};

use tokio::{runtime::Handle, sync::mpsc};

use super::{
    pool::{Pool, Stop},
    turns::Seat,
};
use crate::source::s3::FetchError;
use pipeline::events::{self, Judge, Refused, Unfolding, Verdict};
use pipeline::{
    bulk::{Body, Full},
    decode::{DecodeError, Decoder},
    frame::{Awaited, Frame, FrameError, Frames, Look, Only},
    outcome::{Rejection, Stage},
    record::{ItemPosition, Origin},
    rules::Dataset,
};

/// The `error_type` of a letter whose event was not found again.
pub(super) const POSITION_NOT_FOUND: &str = "position_not_found";
const NO_EVENT: &str = "no event begins at this offset, as the rules read the object now";

/// How reading ended.
#[derive(Debug)]
pub(super) enum End {
    /// At the end, or at a rest that is rejected.
    Whole,
    /// At the deadline, or because sending failed permanently.
    Stopped,
    /// At an error of S3.
    Failed(String),
}

/// The stop came during the wait for an empty body. The current event is not counted.
pub(super) struct Stopped;

/// The body being filled, and the channel for full bodies.
pub(super) struct Bodies {
    body: Body,
    pool: Arc<Pool>,
    stop: Arc<Stop>,
    seat: Arc<Seat>,
    sealed: mpsc::UnboundedSender<Body>,
    runtime: Handle,
}

impl Bodies {
    pub(super) fn new(
        pool: Arc<Pool>,
        stop: Arc<Stop>,
        seat: Arc<Seat>,
        sealed: mpsc::UnboundedSender<Body>,
        runtime: Handle,
    ) -> Self {
        // A placeholder. The producer waits for the first body on its own thread.
        Self { body: Body::new(0), pool, stop, seat, sealed, runtime }
    }

    /// Takes an empty body. While it waits for one, its object counts as waiting: slow objects then stop at the end of
    /// their share.
    fn take(&self) -> Result<Body, Stopped> {
        if let Some(body) = self.pool.take_now() {
            return Ok(body);
        }
        let _waits = self.seat.wait();
        self.runtime.block_on(self.pool.take(&self.stop)).ok_or(Stopped)
    }

    /// Waits for the first body.
    fn begin(&mut self) -> Result<(), Stopped> {
        self.body = self.take()?;
        Ok(())
    }

    /// Puts one event into the body, or into the next body if this one is full. All events before it are in this body
    /// or an earlier one.
    #[inline]
    fn place(&mut self, at: ItemPosition, put: impl Fn(&mut Body) -> Result<(), Full>) -> Result<(), Stopped> {
        if put(&mut self.body).is_err() {
            let empty = self.take()?;
            self.seal(at, empty);
            // An empty body takes any item.
            let placed = put(&mut self.body);
            debug_assert!(placed.is_ok(), "an empty body was full");
        }
        self.body.produced.read += 1;
        Ok(())
    }

    fn seal(&mut self, end: ItemPosition, next: Body) {
        let mut full = std::mem::replace(&mut self.body, next);
        full.end = end;
        // The receiver lives as long as the producer, because it waits for the producer.
        let _ = self.sealed.send(full);
    }
}

/// Context shared by all events of one object, record or dead letter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Here<'h> {
    /// The position at which it begins. Offsets within it are added.
    pub(super) at: ItemPosition,
    /// The prefix of the ids of its events.
    pub(super) id_prefix: &'h str,
    /// The fallback time of an event that has none.
    pub(super) time_ms: i64,
    /// All of its bytes if they are in memory, for the dead letter of data that can't be framed, or of an event over the
    /// limit.
    pub(super) bytes: &'h [u8],
}

impl Here<'_> {
    fn offset(&self, offset: u64) -> ItemPosition {
        ItemPosition { offset: self.at.offset + offset, ..self.at }
    }
}

/// A running producer.
pub(super) struct Producer<'p> {
    bodies: Bodies,
    dataset: &'p Dataset,
    origin: &'p Origin,
    decoder: Decoder,
    unfolding: Unfolding,
    judge: Judge,
    unreadable: Vec<u8>,
    /// The events of the current object or record that are read. `None`: all of them.
    awaited: Option<Awaited>,
}

impl<'p> Producer<'p> {
    /// Runs `produce`, then seals the last body even if it is empty, since it carries the counts. `produce` returns how
    /// reading ended, and the position before which every event was pushed. Returns `Stopped` if the stop came before
    /// the first body was free.
    pub(super) fn run(
        mut bodies: Bodies,
        dataset: &'p Dataset,
        origin: &'p Origin,
        produce: impl FnOnce(&mut Self) -> (End, ItemPosition),
    ) -> End {
        if bodies.begin().is_err() {
            return End::Stopped;
        }
        // The clock at the start of the attempt. The next retention run deletes an index that expires during the
        // attempt.
        let now_ms = crate::lambda::now_ms();
        let mut producer = Self {
            bodies,
            dataset,
            origin,
            decoder: Decoder::new(),
            unfolding: Unfolding::default(),
            judge: Judge::new(origin, dataset.keep_from_ms(now_ms), now_ms),
            unreadable: Vec::new(),
            awaited: None,
        };
        let (end, position) = produce(&mut producer);
        producer.bodies.seal(position, Body::new(0));
        end
    }

    /// Restricts the next object or record, which begins at `start`, to the events in `only`. Without `only`, all
    /// events are read.
    pub(super) fn read_only(&mut self, only: Option<&Only>, start: u64) {
        self.awaited = only.map(|only| Awaited::new(only, start));
    }

    /// Rejects one event, or data that stands for several. `payload` is the part of it that the letter keeps, `length`
    /// its full length.
    pub(super) fn reject(&mut self, rejection: &Rejection, payload: &[u8], length: u64) -> Result<(), Stopped> {
        let (origin, name) = (self.origin, self.dataset.name.as_str());
        self.bodies.place(rejection.at, |body| body.reject(origin, name, rejection, payload, length))
    }

    /// Reads all frames. Returns how reading ended, and the position before which every event was pushed.
    pub(super) fn fill<R: Read>(&mut self, frames: &mut Frames<R>, here: Here<'_>) -> (End, ItemPosition) {
        let filled = self.fill_bodies(frames, here);
        self.bodies.body.left_out += frames.take_left_out();
        filled
    }

    /// The hot loop. Returns how reading ended, and the position before which every event was pushed.
    #[expect(
        clippy::too_many_lines,
        reason = "the parser has one call site, and the loop around it is measured as one"
    )]
    #[inline]
    fn fill_bodies<R: Read>(&mut self, frames: &mut Frames<R>, here: Here<'_>) -> (End, ItemPosition) {
        let Self { bodies, dataset, origin, decoder, unfolding, judge, unreadable, awaited } = self;
        let mut refused: Option<(ItemPosition, Look, DecodeError)> = None;
        let name = dataset.name.as_str();
        loop {
            // A payload that did not decode may hold several values in one line. The framer then returns them one by
            // one.
            if let Some((at, look, error)) = refused.take()
                && !frames.split()
                && look == Look::Take
            {
                let rejection = rejection(at, Stage::Decode, error.error_type, error.reason);
                let length = unreadable.len() as u64;
                if bodies.place(at, |body| body.reject(origin, name, &rejection, unreadable, length)).is_err() {
                    return (End::Stopped, at);
                }
                taken(awaited, at);
            }
            if bodies.stop.is_set() {
                return (End::Stopped, here.offset(frames.offset()));
            }
            if awaited.as_ref().is_some_and(Awaited::is_over) {
                return (End::Whole, here.offset(frames.offset()));
            }
            let (payload, at, time_ms, added) = match frames.next() {
                Ok(Some(Frame::Record { payload, offset, time_ms, added })) => {
                    (payload, here.offset(offset), time_ms.unwrap_or(here.time_ms), added)
                }
                Ok(Some(Frame::TooLarge { offset, length, head })) => {
                    let at = here.offset(offset);
                    match look(awaited, at, length, bodies, origin, name) {
                        Ok(Look::Take) => {}
                        Ok(Look::Divide | Look::Skip) => continue,
                        Err(stopped_at) => return (End::Stopped, stopped_at),
                    }
                    let reason = format!("the event has {length} bytes, more than MILLRACE_MAX_EVENT_BYTES");
                    let rejection = rejection(at, Stage::Frame, "event_too_large", reason);
                    // The head alone could not be retried. An object is read again, a record exists nowhere else.
                    let is_cut = length > head.len() as u64 && !here.bytes.is_empty();
                    let put = |body: &mut Body| {
                        if is_cut {
                            body.reject_by_record(origin, name, &rejection, here.bytes)
                        } else {
                            body.reject(origin, name, &rejection, head, length)
                        }
                    };
                    if bodies.place(at, put).is_err() {
                        return (End::Stopped, at);
                    }
                    taken(awaited, at);
                    continue;
                }
                Ok(None) => {
                    let end = here.offset(frames.offset());
                    return match missed(awaited, end, bodies, origin, name) {
                        Ok(()) => (End::Whole, end),
                        Err(stopped_at) => (End::Stopped, stopped_at),
                    };
                }
                Err(error) => {
                    let end = here.offset(frames.offset());
                    return match rest(error, end) {
                        Ok(rejection) => {
                            let held = (here.bytes, frames.torn());
                            reject_rest(rejection, end, held, awaited, bodies, origin, name)
                        }
                        Err(how) => (how, end),
                    };
                }
            };
            let look = match look(awaited, at, payload.len() as u64, bodies, origin, name) {
                // Decode it even if it is not wanted: the next value begins where decoding ends.
                Ok(Look::Skip) => Look::Divide,
                Ok(look) => look,
                Err(stopped_at) => return (End::Stopped, stopped_at),
            };
            let placed = events::decode(decoder, dataset.embedded.as_ref(), unfolding, payload, |event| {
                if look == Look::Divide {
                    return Ok(()); // a single value that is not wanted
                }
                let added = if std::ptr::eq(event.source, payload) { added } else { 0 };
                let event = &event.with_added(added);
                match judge.judge(dataset, event, origin.at(at), here.id_prefix, time_ms) {
                    Verdict::Wanted { action, document } => {
                        let original = if std::ptr::eq(document, payload) { None } else { Some(payload) };
                        bodies.place(at, |body| body.push(action, document, original, at))
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
                        bodies.place(at, |body| body.reject(origin, name, &rejection, payload, length))
                    }
                }
            });
            let placed = match placed {
                Ok(placed) => placed,
                Err(error) => {
                    unreadable.clear();
                    unreadable.extend_from_slice(payload);
                    refused = Some((at, look, error));
                    continue;
                }
            };
            let left_out = judge.shape.take_left_out() + std::mem::take(&mut unfolding.left_out);
            bodies.body.left_out += if look == Look::Take { left_out } else { 0 };
            if placed.is_err() {
                return (End::Stopped, at);
            }
            taken(awaited, at);
        }
    }
}

/// Whether a value is read. Rejects the awaited positions before it at which no value began.
#[inline]
fn look(
    awaited: &mut Option<Awaited>,
    at: ItemPosition,
    length: u64,
    bodies: &mut Bodies,
    origin: &Origin,
    dataset: &str,
) -> Result<Look, ItemPosition> {
    let Some(awaited) = awaited else { return Ok(Look::Take) };
    while let Some(offset) = awaited.missed_before(at.offset) {
        not_found(ItemPosition { offset, ..at }, awaited.restart(), NO_EVENT, bodies, origin, dataset)?;
    }
    Ok(awaited.look(at.offset, length))
}

#[inline]
fn taken(awaited: &mut Option<Awaited>, at: ItemPosition) {
    if let Some(awaited) = awaited {
        awaited.taken(at.offset);
    }
}

/// Rejects the awaited positions that were not found before the end.
fn missed(
    awaited: &mut Option<Awaited>,
    end: ItemPosition,
    bodies: &mut Bodies,
    origin: &Origin,
    dataset: &str,
) -> Result<(), ItemPosition> {
    let Some(awaited) = awaited else { return Ok(()) };
    while let Some(offset) = awaited.missed_at_end(end.offset) {
        not_found(ItemPosition { offset, ..end }, awaited.restart(), NO_EVENT, bodies, origin, dataset)?;
    }
    Ok(())
}

/// Rejects the rest, which can never be read. If only some events are awaited, all other events have their fates
/// already: then each awaited event that was not found is rejected, and the rest from the position from which it was
/// requested.
///
/// A record of a stream is kept whole, since it exists nowhere else. Of an object the value within which it ended is kept.
#[cold]
fn reject_rest(
    mut rejection: Rejection,
    end: ItemPosition,
    (record, torn): (&[u8], (&[u8], u64)),
    awaited: &mut Option<Awaited>,
    bodies: &mut Bodies,
    origin: &Origin,
    dataset: &str,
) -> (End, ItemPosition) {
    let broken_at = rejection.at.offset;
    if let Some(awaited) = awaited {
        let unreachable =
            format!("what is at offset {broken_at} can't be read: {}: {}", rejection.error_type, rejection.reason);
        while let Some(offset) = awaited.missed_before(u64::MAX) {
            let reason = if offset < broken_at { NO_EVENT } else { &unreachable };
            let at = ItemPosition { offset, ..end };
            if let Err(stopped_at) = not_found(at, awaited.restart(), reason, bodies, origin, dataset) {
                return (End::Stopped, stopped_at);
            }
        }
        let Some(from) = awaited.rest_from() else { return (End::Whole, end) };
        rejection.at.offset = broken_at.max(from);
    }
    let (bytes, length) = match record {
        [] if rejection.at.offset == broken_at => torn,
        record => (record, record.len() as u64),
    };
    let put = |body: &mut Body| body.reject(origin, dataset, &rejection, bytes, length);
    match bodies.place(rejection.at, put) {
        Ok(()) => (End::Whole, end),
        Err(Stopped) => (End::Stopped, rejection.at.min(end)),
    }
}

/// Rejects a position from a dead letter at which no value begins: it stays a dead letter. The error is the position
/// where the next attempt has to begin. That is `restart`, since the value at the position itself may be the rest of
/// another value.
#[cold]
fn not_found(
    at: ItemPosition,
    restart: u64,
    reason: &str,
    bodies: &mut Bodies,
    origin: &Origin,
    dataset: &str,
) -> Result<(), ItemPosition> {
    let restart = ItemPosition { offset: restart, ..at };
    let rejection =
        Rejection { restart: Some(restart), ..rejection(at, Stage::Frame, POSITION_NOT_FOUND, reason.to_owned()) };
    bodies.place(restart, |body| body.reject(origin, dataset, &rejection, &[], 0)).map_err(|Stopped| restart)
}

pub(super) fn rejection(at: ItemPosition, stage: Stage, error_type: &str, reason: String) -> Rejection {
    Rejection { at, restart: None, stage, error_type: error_type.to_owned(), reason }
}

/// The rest of the object or record: a rejection if it can never be read, otherwise how reading ended.
fn rest(error: FrameError, end: ItemPosition) -> Result<Rejection, End> {
    match error {
        FrameError::Broken { offset, error_type, reason } => {
            Ok(rejection(ItemPosition { offset, ..end }, Stage::Frame, error_type, reason))
        }
        FrameError::Read(error) => match error.get_ref().and_then(|error| error.downcast_ref()) {
            Some(FetchError::Gone(reason)) => Ok(rejection(end, Stage::Source, "gone", reason.clone())),
            Some(FetchError::Stopped) => Err(End::Stopped),
            Some(FetchError::Failed(error)) => Err(End::Failed(error.to_string())),
            None => Err(End::Failed(error.to_string())),
        },
    }
}
