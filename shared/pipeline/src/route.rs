//! The destination of an event: its index, from its own time, and its document id.
//!
//! In: an event, its position and the time of its record. Out: one action line of a `_bulk` body, or a [`RouteError`].
//! Deliberately absent: the clock (an event without a time uses its record's time), and any op type except `create`, which
//! makes a second delivery harmless.

mod error;
mod id;
mod index;
mod routing;
mod timestamp;
mod zone;

pub use error::RouteError;
pub use id::{IdRule, MAX_ID_BYTES};
pub use index::{IndexPattern, MAX_INDEX_BYTES, Period};
pub(crate) use timestamp::{EARLIEST_MS, LATEST_MS};
pub use timestamp::{Timestamp, TimestampFormat};
pub use zone::Zone;

use crate::{
    decode::{Event, Path},
    json, time,
};

/// A dataset's rules for time, index and id.
#[derive(Debug, Clone)]
pub struct Router {
    timestamp: Option<Timestamp>,
    index: IndexPattern,
    id: IdRule,
    /// The field that decides the shard.
    routing: Option<Path>,
    /// The end of each action line.
    end: Box<[u8]>,
}

/// Buffers and limits that a [`Router`] reuses for each event. Several routers can share them.
#[derive(Debug, Clone, Default)]
pub struct RouteScratch {
    hour: index::RenderedHour,
    /// Events before this time have expired, on the clock of the index.
    keep_from_ms: Option<i64>,
    /// No record is treated as older than this.
    now_ms: Option<i64>,
    /// The time by which the last event was routed.
    time_ms: i64,
}

impl RouteScratch {
    /// For a dataset that keeps nothing before `keep_from_ms` on the clock of its index ([`IndexPattern::first_period_from`]). The
    /// indices of such events are deleted, or soon will be.
    pub fn keeping_from(keep_from_ms: Option<i64>) -> Self {
        Self { keep_from_ms, ..Self::default() }
    }

    /// For records whose times are set by their producers, read at `now_ms`. A record with an impossibly old time (-1, 0, a clock that is
    /// years behind) must not make an event of today absurd.
    #[must_use]
    pub fn read_at(self, now_ms: Option<i64>) -> Self {
        Self { now_ms, ..self }
    }

    /// The time by which the last event was routed, in milliseconds since 1970.
    pub(crate) fn time_ms(&self) -> i64 {
        self.time_ms
    }

    /// The latest possible arrival time of a record. The time of an event can be at most a day later.
    #[inline]
    fn came_by_ms(&self, record_time_ms: i64) -> i64 {
        self.now_ms.map_or(record_time_ms, |now_ms| now_ms.max(record_time_ms))
    }
}

/// The result of routing one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Routed {
    /// The event has an action line.
    ToIndex,
    /// The event is older than the retention. Indexing it would create an index again that was deleted for its age.
    Expired,
}

impl Router {
    /// A router. Without a `timestamp` the record's time is used.
    pub fn new(timestamp: Option<Timestamp>, index: IndexPattern, id: IdRule) -> Self {
        Self { timestamp, index, id, routing: None, end: Box::from(&b"}}\n"[..]) }
    }

    /// Also sends the value of a field as the routing, and the name of an ingest pipeline.
    #[must_use]
    pub fn sending(self, routing: Option<Path>, pipeline: Option<&str>) -> Self {
        let Some(pipeline) = pipeline else { return Self { routing, ..self } };
        let mut end = br#","pipeline":""#.to_vec();
        json::push_escaped(&mut end, pipeline);
        end.extend_from_slice(b"\"}}\n");
        Self { routing, end: end.into(), ..self }
    }

    /// The field that decides the shard of a document. `None` if its id does.
    pub fn routing(&self) -> Option<&Path> {
        self.routing.as_ref()
    }

    /// The rule for the events' own time. `None` if the time of their records is used.
    pub fn timestamp(&self) -> Option<&Timestamp> {
        self.timestamp.as_ref()
    }

    /// How documents get their ids.
    pub fn id(&self) -> &IdRule {
        &self.id
    }

    /// The pattern of all indices of this dataset.
    pub fn index(&self) -> &IndexPattern {
        &self.index
    }

    /// The time that determines the event's index, in milliseconds since 1970. This is the event's own time, or `record_time_ms` if the
    /// event has none (missing or `null`).
    ///
    /// # Errors
    /// `invalid_timestamp` if the field cannot be read as a time. `absurd_timestamp` if the time is before `earliest` or more than a
    /// day after the record's. The caller rejects the event.
    #[inline]
    pub fn event_time_ms(&self, event: &Event<'_>, record_time_ms: i64) -> Result<i64, RouteError> {
        self.time_ms(event, record_time_ms, &RouteScratch::default())
    }

    #[inline]
    fn time_ms(&self, event: &Event<'_>, record_time_ms: i64, scratch: &RouteScratch) -> Result<i64, RouteError> {
        let Some(timestamp) = &self.timestamp else { return Ok(record_time_ms) };
        let came_by_ms = scratch.came_by_ms(record_time_ms);
        let latest_ms = came_by_ms.saturating_add(time::DAY_MS);
        // The clock must not choose between several formats. Otherwise the same event could get another index when it is redelivered.
        let choice_ms = if scratch.now_ms.is_some() { LATEST_MS } else { latest_ms };
        match timestamp.read(event, choice_ms)? {
            None => Ok(record_time_ms),
            Some(time_ms) if timestamp.admits(time_ms, latest_ms) => Ok(time_ms),
            Some(time_ms) => Err(timestamp.absurd(time_ms, came_by_ms)),
        }
    }

    /// Appends one `_bulk` action line with its newline to `action`, such as
    /// `{"create":{"_index":"logs-2026.11.22","_id":"PREFIX-OFFSET"}}`.
    ///
    /// `id_prefix` and `offset` give the event's position. `record_time_ms` is the time of its record (for S3
    /// `LastModified`) in milliseconds since 1970.
    ///
    /// # Errors
    /// A [`RouteError`] if the event's time, a field of the index name, the id's or the routing's field cannot be used. The caller rejects the event.
    /// `action` is then unchanged. It is also unchanged if the event has [`Routed::Expired`].
    pub fn route(
        &self,
        event: &Event<'_>,
        id_prefix: &str,
        offset: u64,
        record_time_ms: i64,
        scratch: &mut RouteScratch,
        action: &mut Vec<u8>,
    ) -> Result<Routed, RouteError> {
        let before = action.len();
        let routed = self.write(event, id_prefix, offset, record_time_ms, scratch, action);
        if routed.is_err() {
            action.truncate(before);
        }
        routed
    }

    #[inline]
    fn write(
        &self,
        event: &Event<'_>,
        id_prefix: &str,
        offset: u64,
        record_time_ms: i64,
        scratch: &mut RouteScratch,
        action: &mut Vec<u8>,
    ) -> Result<Routed, RouteError> {
        let time_ms = self.time_ms(event, record_time_ms, scratch)?;
        scratch.time_ms = time_ms;
        let clock_ms = self.index.clock_ms(time_ms);
        if scratch.keep_from_ms.is_some_and(|keep_from_ms| clock_ms < keep_from_ms) {
            return Ok(Routed::Expired);
        }
        action.extend_from_slice(br#"{"create":{"_index":""#);
        self.index.write(event, clock_ms, &mut scratch.hour, action)?;
        action.push(b'"');
        self.id.write(event, id_prefix, offset, action)?;
        if let Some(path) = &self.routing {
            routing::write(path, event, action)?;
        }
        action.extend_from_slice(&self.end);
        Ok(Routed::ToIndex)
    }
}

#[cfg(test)]
mod tests;
