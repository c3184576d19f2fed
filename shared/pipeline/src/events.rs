//! Processes one event: decode it, unfold JSON in its strings, then apply the rules of its dataset.
//!
//! An object, a stream and a dry run use the same steps.

use std::borrow::Cow;

use crate::{
    decode::{DecodeError, Decoder, Embedded, Event},
    outcome::Stage,
    record::{Origin, Position},
    route::{RouteError, RouteScratch, Routed},
    rules::Dataset,
    select::Select,
    shape::ShapeScratch,
};

/// Why an event cannot be used.
#[derive(Debug)]
pub struct Refused {
    /// The step that refused it.
    pub stage: Stage,
    /// A stable word to search by.
    pub error_type: &'static str,
    /// A description of the fault for a person.
    pub reason: Cow<'static, str>,
}

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
        let document = dataset.shape.apply(event, position, shape).unwrap_or(event.source);
        Verdict::Wanted { action, document }
    }
}

/// Whether `select` wants an event. The event must be an object, since nothing else can be a document.
///
/// # Errors
/// The event is not an object, or the query cannot be decided for it.
#[inline]
pub fn is_wanted(event: &Event<'_>, select: Option<&Select>) -> Result<bool, Refused> {
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

/// The buffers of unfolding.
#[derive(Debug, Default)]
pub struct Unfolding {
    text: Vec<u8>,
    next: Vec<u8>,
    /// Number of strings so far that hold no JSON.
    pub left_out: u64,
}

/// Which text is decoded.
#[derive(PartialEq)]
enum Text {
    AsItCame,
    Unfolded,
    /// The payload without unfolding, because the unfolded text cannot be decoded: its numbers or nesting exceed a limit.
    NotToBeUnfolded,
}

/// Decodes a payload and passes the event on. If JSON in the payload was unfolded, the result is decoded a second time.
///
/// # Errors
/// The payload is not JSON, or exceeds a limit of decode.
//
// This is the only call site of the parser in each of the three loops that call this function, and it is inlined. Behind a call,
// or with a second call site in the same program, the parser takes 30 % longer (`Decoder::decode`).
#[inline(always)]
#[expect(clippy::inline_always, reason = "measured, see above")]
pub fn decode<R>(
    decoder: &mut Decoder,
    embedded: Option<&Embedded>,
    unfolding: &mut Unfolding,
    payload: &[u8],
    then: impl FnOnce(&Event<'_>) -> R,
) -> Result<R, DecodeError> {
    let Unfolding { text: unfolded, next, left_out } = unfolding;
    let mut text = Text::AsItCame;
    loop {
        let bytes = if text == Text::Unfolded { unfolded.as_slice() } else { payload };
        let parsed = match decoder.decode(bytes) {
            Ok(parsed) => parsed,
            Err(_) if text == Text::Unfolded => {
                *left_out += 1;
                text = Text::NotToBeUnfolded;
                continue;
            }
            Err(error) => return Err(error),
        };
        if text == Text::AsItCame
            && let Some(embedded) = embedded
            && embedded.unfold(&parsed.event(), next, left_out)
        {
            drop(parsed);
            std::mem::swap(unfolded, next);
            text = Text::Unfolded;
            continue;
        }
        return Ok(then(&parsed.event()));
    }
}
