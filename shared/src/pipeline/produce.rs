//! One object's events into bodies, on a blocking thread: frame, decode, select, shape, route, push.

use std::sync::Arc;

use tokio::{runtime::Handle, sync::mpsc};

use super::pool::{Pool, Stop};
use crate::{
    bulk::Body,
    config::datasets::Dataset,
    decode::{DecodeError, Decoder},
    frame::{Frame, FrameError, Frames},
    outcome::{Rejection, Stage},
    record::Origin,
    route::RouteScratch,
    source::s3::{ChunkReader, FetchError},
};

/// How reading ended.
#[derive(Debug)]
pub(super) enum End {
    /// At the end of the object, or where its rest is rejected.
    Whole,
    /// By the deadline, or since sending failed for good.
    Stopped,
    /// S3 would not go on.
    Failed(String),
}

/// What the producer leaves behind.
pub(super) struct Produced {
    pub(super) frames: Frames<ChunkReader>,
    pub(super) end: End,
}

/// Everything one producer needs.
pub(super) struct Producer {
    pub(super) frames: Frames<ChunkReader>,
    pub(super) dataset: Arc<Dataset>,
    pub(super) origin: Arc<Origin>,
    /// Of the object; stands in for an event's own time where it has none.
    pub(super) record_time_ms: i64,
    pub(super) pool: Arc<Pool>,
    pub(super) stop: Arc<Stop>,
    pub(super) sealed: mpsc::UnboundedSender<Body>,
    pub(super) runtime: Handle,
}

/// The body being filled, and where full ones go.
struct Bodies<'p> {
    body: Body,
    pool: &'p Pool,
    stop: &'p Stop,
    sealed: &'p mpsc::UnboundedSender<Body>,
    runtime: &'p Handle,
}

/// The stop came while an empty body was waited for: the event at hand is not counted.
struct Stopped;

impl Bodies<'_> {
    /// Puts one event into the body, or into the next where this one is full. `offset` is the event's: what lies before
    /// it is in this body or an earlier one.
    #[inline]
    fn place(&mut self, offset: u64, put: impl Fn(&mut Body) -> Result<(), crate::bulk::Full>) -> Result<(), Stopped> {
        if put(&mut self.body).is_err() {
            let empty = self.runtime.block_on(self.pool.take(self.stop)).ok_or(Stopped)?;
            self.seal(offset, empty);
            // An empty body takes any item.
            let placed = put(&mut self.body);
            debug_assert!(placed.is_ok(), "an empty body was full");
        }
        self.body.produced.read += 1;
        Ok(())
    }

    fn seal(&mut self, end_offset: u64, next: Body) {
        let mut full = std::mem::replace(&mut self.body, next);
        full.end_offset = end_offset;
        // The receiver lives as long as the producer: it waits for it.
        let _ = self.sealed.send(full);
    }
}

impl Producer {
    /// Reads to the end, the stop or a failure; the last body is sealed whatever it holds, since it carries the counts.
    pub(super) fn run(mut self) -> Produced {
        let (pool, stop, runtime) = (Arc::clone(&self.pool), Arc::clone(&self.stop), self.runtime.clone());
        let Some(body) = runtime.block_on(pool.take(&stop)) else {
            return Produced { frames: self.frames, end: End::Stopped };
        };
        let sealed = self.sealed.clone();
        let mut bodies = Bodies { body, pool: &pool, stop: &stop, sealed: &sealed, runtime: &runtime };
        let (end, end_offset) = self.fill(&mut bodies);
        bodies.seal(end_offset, Body::new(0));
        Produced { frames: self.frames, end }
    }

    /// The hot loop. Returns how it ended, and the offset before which every event was placed.
    fn fill(&mut self, bodies: &mut Bodies<'_>) -> (End, u64) {
        let Self { frames, dataset, origin, record_time_ms, stop, .. } = self;
        let mut decoder = Decoder::new();
        let mut scratch = RouteScratch::default();
        let (mut action, mut shaped, mut unreadable) = (Vec::new(), Vec::new(), Vec::new());
        let mut refused: Option<(u64, DecodeError)> = None;
        let name = dataset.name.as_str();
        loop {
            // What did not decode may be several values in one line: the framer then gives them singly.
            if let Some((offset, error)) = refused.take()
                && !frames.split()
            {
                let rejection = reject(offset, Stage::Decode, error.error_type, error.reason);
                let length = unreadable.len() as u64;
                if bodies.place(offset, |body| body.reject(origin, name, &rejection, &unreadable, length)).is_err() {
                    return (End::Stopped, offset);
                }
            }
            if stop.is_set() {
                return (End::Stopped, frames.offset());
            }
            let (payload, offset) = match frames.next() {
                Ok(Some(Frame::Record { payload, offset })) => (payload, offset),
                Ok(Some(Frame::TooLarge { offset, length, head })) => {
                    let reason = format!("the event has {length} bytes, more than MILLRACE_MAX_EVENT_BYTES");
                    let rejection = reject(offset, Stage::Frame, "event_too_large", reason);
                    if bodies.place(offset, |body| body.reject(origin, name, &rejection, head, length)).is_err() {
                        return (End::Stopped, offset);
                    }
                    continue;
                }
                Ok(None) => return (End::Whole, frames.offset()),
                Err(error) => {
                    let offset = frames.offset();
                    return match rest(error, offset) {
                        Ok(rejection) => {
                            match bodies.place(rejection.offset, |body| body.reject(origin, name, &rejection, &[], 0)) {
                                Ok(()) => (End::Whole, frames.offset()),
                                Err(Stopped) => (End::Stopped, rejection.offset),
                            }
                        }
                        Err(end) => (end, offset),
                    };
                }
            };
            // The one call site of the parser: a second one costs 30 % (SPEED.md, "codegen trap").
            let parsed = match decoder.decode(payload) {
                Ok(parsed) => parsed,
                Err(error) => {
                    unreadable.clear();
                    unreadable.extend_from_slice(payload);
                    refused = Some((offset, error));
                    continue;
                }
            };
            let event = parsed.event();
            let placed = if !event.is_object() {
                let reason = "the event is not a JSON object".to_owned();
                let rejection = reject(offset, Stage::Decode, "not_an_object", reason);
                bodies.place(offset, |body| body.reject(origin, name, &rejection, payload, payload.len() as u64))
            } else if dataset.select.as_ref().is_some_and(|select| !select.matches(&event)) {
                bodies.body.produced.read += 1;
                bodies.body.produced.dropped += 1;
                Ok(())
            } else {
                action.clear();
                match dataset.router.route(
                    &event,
                    &origin.id_prefix,
                    offset,
                    *record_time_ms,
                    &mut scratch,
                    &mut action,
                ) {
                    Ok(()) => match dataset.shape.apply(&event, &mut shaped) {
                        None => bodies.place(offset, |body| body.push(&action, payload, None, offset)),
                        Some(document) => {
                            bodies.place(offset, |body| body.push(&action, document, Some(payload), offset))
                        }
                    },
                    Err(error) => {
                        let rejection = reject(offset, Stage::Route, error.error_type, error.reason);
                        bodies
                            .place(offset, |body| body.reject(origin, name, &rejection, payload, payload.len() as u64))
                    }
                }
            };
            if placed.is_err() {
                return (End::Stopped, offset);
            }
        }
    }
}

fn reject(offset: u64, stage: Stage, error_type: &str, reason: String) -> Rejection {
    Rejection { offset, stage, error_type: error_type.to_owned(), reason }
}

/// The rest of the object: rejected where it can never be read, else how reading ended.
fn rest(error: FrameError, offset: u64) -> Result<Rejection, End> {
    match error {
        FrameError::Broken { offset, error_type, reason } => Ok(reject(offset, Stage::Frame, error_type, reason)),
        FrameError::Read(error) => match error.get_ref().and_then(|error| error.downcast_ref()) {
            Some(FetchError::Gone(reason)) => Ok(reject(offset, Stage::Source, "gone", reason.clone())),
            Some(FetchError::Stopped) => Err(End::Stopped),
            Some(FetchError::Failed(error)) => Err(End::Failed(error.to_string())),
            None => Err(End::Failed(error.to_string())),
        },
    }
}
