//! The sources from which a field can be made.

use super::template::Template;
use crate::{decode::Path, route::Timestamp};

/// The source of a field's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Making {
    /// Always this JSON.
    Constant(String),
    /// A text with fields in it. Nothing if one of them is missing or `null`.
    Template(Template),
    /// A point, `{"lat": …, "lon": …}`, from two numbers or numeric strings. Nothing if both are missing.
    GeoPoint {
        /// The latitude, -90 to 90.
        lat: Path,
        /// The longitude, -180 to 180.
        lon: Path,
    },
    /// A time as RFC 3339 with milliseconds, in UTC. Nothing if it is missing.
    Date(Timestamp),
    /// The event's position.
    Metadata(Metadata),
    /// The time by which the event is routed, as RFC 3339 with milliseconds, in UTC. Nothing if the document has a time there that the
    /// engine reads as the pipeline does.
    EventTime,
}

impl Making {
    /// The key of `fields` that the rule stands under.
    pub(super) fn key(&self) -> &'static str {
        match self {
            Self::Constant(_) | Self::Template(_) => "add",
            Self::GeoPoint { .. } => "geo_point",
            Self::Date(_) => "date",
            Self::Metadata(_) => "metadata",
            Self::EventTime => "data_stream",
        }
    }
}

/// Which part of an event's position is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Metadata {
    /// An object with the position's members.
    All,
    /// One member of it, such as `bucket` or `sequence_number`, or further data, such as `headers`.
    Member(String),
}
