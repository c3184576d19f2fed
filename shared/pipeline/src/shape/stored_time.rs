//! The time that a document has before a rule makes one: `@timestamp`, without which a data stream takes no document.
//!
//! In: an event. Out: whether its own value stays in the document and is a time that the engine reads as the pipeline does. Any
//! other value (a number of seconds, a text in another format, `null`) is replaced by the time of the event.

use crate::{
    decode::{Event, Number, Path, Scalar, Value},
    route::{LATEST_MS, Timestamp, TimestampFormat},
};

/// The field of a document's time in a data stream.
pub(crate) const TIME_FIELD: &str = "@timestamp";

/// Where an event has the value that its document has as `@timestamp`.
#[derive(Debug, Clone, Default)]
pub(super) struct StoredTime {
    /// The object that replaces the event, and the value in it.
    lifted: Option<(Path, Option<Timestamp>)>,
    /// The value in an event that stays as it is.
    plain: Option<Timestamp>,
}

impl StoredTime {
    /// A time that stays at these paths of the event: in the object that replaces it, or in an event that stays as it is.
    pub(super) fn at(lifted: Option<(Path, Option<Path>)>, plain: Option<Path>) -> Self {
        let read = |path| Timestamp::new(path, vec![TimestampFormat::Auto]);
        Self { lifted: lifted.map(|(object, own)| (object, own.map(read))), plain: plain.map(read) }
    }

    /// Whether the document of an event has a time there already.
    pub(super) fn is_there(&self, event: &Event<'_>) -> bool {
        let is_lifted = |path: &Path| path.through_objects(event.value()).is_some_and(Value::is_object);
        let own = match &self.lifted {
            Some((lifted, own)) if is_lifted(lifted) => own,
            _ => &self.plain,
        };
        own.as_ref().is_some_and(|own| is_the_same_for_the_engine(event, own))
    }
}

/// Whether a value is a text with a date, or a number of milliseconds. The engine takes every number for milliseconds.
fn is_the_same_for_the_engine(event: &Event<'_>, own: &Timestamp) -> bool {
    let Some(scalar) = event.get(own.field()).and_then(Value::scalar) else { return false };
    let Ok(Some(time_ms)) = own.read(event, LATEST_MS) else { return false };
    match scalar {
        Scalar::String(text) => Number::parse(text).is_none(),
        Scalar::Number(Number::Integer(number)) => number == time_ms.into(),
        Scalar::Number(Number::Float(_)) | Scalar::Bool(_) | Scalar::Null => false,
    }
}
