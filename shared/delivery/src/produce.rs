//! Turns events into bodies on a blocking thread: the event loop, and a sink that pushes into bodies.
//!
//! Objects and the records of a stream both use it. A [`Producer`] reuses its buffers from one record to the next.

mod bodies;
mod events;
#[cfg(test)]
pub(super) mod tests;

use std::{io::Read, time::Duration};

use crate::source::s3::FetchError;
pub(super) use bodies::{Bodies, Stopped};
pub(super) use events::{End, RecordContext, rejection};
use events::{Halt, RecordEvents};
use pipeline::{
    bulk::Body,
    events::{Ended, EventReader, Judge},
    frame::{Awaited, FrameError, Frames, Only},
    outcome::{Rejection, Stage},
    record::{ItemPosition, Origin},
    rules::Dataset,
};

/// A running producer.
pub(super) struct Producer<'p> {
    bodies: Bodies,
    dataset: &'p Dataset,
    origin: &'p Origin,
    reader: EventReader,
    judge: Judge,
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
            reader: EventReader::default(),
            judge: Judge::new(origin, dataset.keep_from_ms(now_ms), now_ms),
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

    /// Begins to measure the longest wait for an empty body.
    pub(super) fn begin_waits(&mut self) {
        self.bodies.longest_wait = Duration::ZERO;
    }

    /// The longest wait for an empty body since [`Self::begin_waits`].
    pub(super) fn longest_wait(&self) -> Duration {
        self.bodies.longest_wait
    }

    /// Rejects one event, or data that stands for several. `payload` is the part of it that the letter keeps, `length`
    /// its full length.
    pub(super) fn reject(&mut self, rejection: &Rejection, payload: &[u8], length: u64) -> Result<(), Stopped> {
        let (origin, name) = (self.origin, self.dataset.name.as_str());
        self.bodies.push(rejection.at, |body| body.reject(origin, name, rejection, payload, length))
    }

    /// Reads all frames. Returns how reading ended, and the position before which every event was pushed.
    pub(super) fn fill<R: Read>(&mut self, frames: &mut Frames<R>, context: RecordContext<'_>) -> (End, ItemPosition) {
        let (dataset, origin) = (self.dataset, self.origin);
        let Self { bodies, reader, judge, awaited, .. } = self;
        let mut events = RecordEvents { bodies, dataset, origin, judge, awaited, context, copies: 0 };
        let ended = reader.read(frames, dataset.embedded.as_ref(), &mut events);
        let end = context.position(frames.offset());
        let filled = match ended {
            Ok(Ended::Whole) => events.end(end),
            Ok(Ended::Unreadable(error)) => match rest(error, end) {
                Ok(rejection) => events.reject_rest(rejection, end, frames.torn()),
                Err(how) => (how, end),
            },
            Err(Halt { end: how, at }) => (how, at.unwrap_or(end)),
        };
        self.bodies.body.left_out += frames.take_left_out();
        filled
    }
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
