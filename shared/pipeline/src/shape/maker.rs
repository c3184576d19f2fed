//! How a value is made: the compiled form of [`Making`].

use super::{
    making::{Making, Metadata},
    stored_time::StoredTime,
    template::Part,
};
use crate::{decode::Path, route::Timestamp};

/// How a value is made: a compiled [`Making`], or a field that moves to another object.
#[derive(Debug, Clone)]
pub(super) enum Maker {
    Constant(String),
    Text(Vec<TextPart>),
    GeoPoint { lat: Path, lon: Path },
    Date(Timestamp),
    Metadata(Metadata),
    EventTime(StoredTime),
    Moved(Path),
}

/// A part of a text. If a field's value is hashed, only its hash appears.
#[derive(Debug, Clone)]
pub(super) enum TextPart {
    Literal(String),
    Field { path: Path, hashed: bool },
}

impl Maker {
    pub(super) fn new(making: &Making, is_hashed: impl Fn(&Path) -> bool) -> Self {
        match making.clone() {
            Making::Constant(json) => Self::Constant(json),
            Making::GeoPoint { lat, lon } => Self::GeoPoint { lat, lon },
            Making::Date(timestamp) => Self::Date(timestamp),
            Making::Metadata(metadata) => Self::Metadata(metadata),
            Making::EventTime => Self::EventTime(StoredTime::default()),
            Making::Template(template) => {
                let part = |part| match part {
                    Part::Literal(text) => TextPart::Literal(text),
                    Part::Field(path) => TextPart::Field { hashed: is_hashed(&path), path },
                };
                Self::Text(template.parts.into_iter().map(part).collect())
            }
        }
    }
}
