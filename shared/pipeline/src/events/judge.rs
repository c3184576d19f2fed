//! The rules of a dataset for one event.

use super::refused::Refused;
use crate::{
    decode::Event,
    outcome::Stage,
    partition::PartitionValues,
    record::{Origin, Position},
    route::{RouteError, RouteScratch, Routed},
    rules::{Dataset, Transform},
    select::Select,
    shape::ShapeScratch,
};

/// The result of a dataset's rules for one event.
#[derive(Debug)]
pub enum Verdict<'v> {
    /// The dataset's `select` does not want it.
    Dropped,
    /// It is older than the dataset's retention.
    Expired,
    /// It can never be indexed.
    Rejected(Refused),
    /// It becomes a document.
    Wanted {
        /// The action line of the `_bulk` body.
        action: &'v [u8],
        /// The document. These are the event's own bytes if no rule changed it.
        document: &'v [u8],
    },
}

/// Applies the rules to one event after another, and reuses its buffers.
#[derive(Debug, Default)]
pub struct Judge {
    route: RouteScratch,
    /// The buffers of the changes to an event. Its counts are read from here.
    pub shape: ShapeScratch,
    action: Vec<u8>,
}

impl Judge {
    /// For the events of an origin, read at `now_ms`. The dataset keeps events from `keep_from_ms` on.
    pub fn new(origin: &Origin, keep_from_ms: Option<i64>, now_ms: i64) -> Self {
        let now_ms = origin.times_are_of_producers().then_some(now_ms);
        Self { route: RouteScratch::keeping_from(keep_from_ms).read_at(now_ms), ..Self::default() }
    }

    /// Applies the rules to an event. `id_prefix` is the prefix of the ids of its record. `time_ms` is the fallback for an event
    /// without a time.
    #[inline]
    pub fn judge<'j>(
        &'j mut self,
        dataset: &Dataset,
        event: &Event<'j>,
        position: Position<'_>,
        id_prefix: &str,
        time_ms: i64,
    ) -> Verdict<'j> {
        match is_wanted(event, dataset.select.as_ref()) {
            Ok(true) => {}
            Ok(false) => return Verdict::Dropped,
            Err(refused) => return Verdict::Rejected(refused),
        }
        let Self { route, shape, action } = self;
        action.clear();
        let offset = position.item().offset;
        match dataset.router.route(event, id_prefix, offset, time_ms, route, action) {
            Ok(Routed::ToIndex) => {}
            Ok(Routed::Expired) => return Verdict::Expired,
            Err(RouteError { error_type, reason }) => {
                return Verdict::Rejected(Refused { stage: Stage::Route, error_type, reason: reason.into() });
            }
        }
        shape.time_ms = route.time_ms();
        let document = dataset.shape.apply(event, position, shape).unwrap_or(event.source);
        Verdict::Wanted { action, document }
    }

    /// Applies the rules of a delivery stream to an event. It has no action line, and its partition keys must be those of the
    /// events before it in its record.
    #[inline]
    pub fn judge_delivery<'j>(
        &'j mut self,
        transform: &Transform,
        event: &Event<'j>,
        position: Position<'_>,
        keys: &mut PartitionValues,
    ) -> Verdict<'j> {
        match is_wanted(event, transform.select.as_ref()) {
            Ok(true) => {}
            Ok(false) => return Verdict::Dropped,
            Err(refused) => return Verdict::Rejected(refused),
        }
        if let Err((error_type, reason)) = keys.read(&transform.partition_keys, event) {
            return Verdict::Rejected(Refused { stage: Stage::Route, error_type, reason: reason.into() });
        }
        let document = transform.shape.apply(event, position, &mut self.shape).unwrap_or(event.source);
        Verdict::Wanted { action: &[], document }
    }
}

/// Whether `select` wants an event. The event must be an object, since nothing else can be a document.
///
/// # Errors
/// The event is not an object, or the query cannot be decided for it.
#[inline]
fn is_wanted(event: &Event<'_>, select: Option<&Select>) -> Result<bool, Refused> {
    if !event.is_object() {
        let reason = "the event is not a JSON object".into();
        return Err(Refused { stage: Stage::Decode, error_type: "not_an_object", reason });
    }
    let Some(select) = select else { return Ok(true) };
    select.matches(event).map_err(|undecided| Refused {
        stage: Stage::Select,
        error_type: "undecided",
        reason: undecided.to_string().into(),
    })
}
