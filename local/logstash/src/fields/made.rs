//! A field that a filter made, and the value that a filter or condition finds.

use crate::{
    ast::Place,
    names::{self, Part},
};

/// The origin of a field that a filter made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Made {
    /// The original field with this path.
    Moved(String),
    /// A text, with `%{…}` for original fields.
    Text(String),
    /// A constant that the input sets if the event has no such field.
    Default(String),
    /// Constants in addition to the original elements: `tags`.
    List(Vec<String>),
    Point {
        lat: String,
        lon: String,
    },
    Date(Time),
    /// The position of the event: a member of `metadata`.
    Metadata(&'static str),
    /// A checksum of these fields, without a key.
    Checksum(Vec<String>),
}

/// The way a time is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Time {
    /// The original field.
    pub(crate) field: String,
    pub(crate) formats: Vec<String>,
    /// The zone of times without an offset, if it is not UTC.
    pub(crate) zone: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) at: Place,
    pub(crate) made: Made,
    /// Whether the event may have an original field with this name, which stays if the moved field is missing.
    pub(crate) may_be_own: bool,
    /// Whether the field is beside the object that holds the original fields in Logstash.
    pub(crate) is_beside: bool,
}

/// The value that a filter or condition finds under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen<'f> {
    /// The original field with this path.
    Field(String),
    /// A text that a filter made, with `%{…}` for original fields.
    Text(&'f str),
    /// A constant, if the event has no such field.
    Default(&'f str),
    List(&'f [String]),
    Metadata(&'static str),
    Checksum(&'f [String]),
    /// A filter removed the field.
    Nothing,
}

/// The field of a text that consists of one `%{field}`.
pub(crate) fn sole_field(text: &str) -> Option<String> {
    match names::parts(text).ok()?.as_slice() {
        [Part::Field(path)] => Some(path.clone()),
        _ => None,
    }
}
