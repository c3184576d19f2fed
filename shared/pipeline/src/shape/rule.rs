//! One rule about fields.

use std::fmt;

use super::{making::Making, name::NamePattern};
use crate::decode::Path;

/// One rule about fields.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldRule {
    /// Leaves out fields whose name matches.
    Drop(NamePattern),
    /// Leaves out fields whose name matches no `keep` rule.
    Keep(NamePattern),
    /// Gives a field another name, or moves it to another object.
    Rename {
        /// Its path in the event.
        from: Path,
        /// Its path in the document.
        to: Path,
    },
    /// Replaces a field's value by its keyed hash.
    Hash(Path),
    /// Replaces the event by the members of an object. If the event has no such object, it stays.
    Lift(Path),
    /// Turns the typed attributes of an object, as `DynamoDB` writes them, into plain JSON.
    DynamoDb(Path),
    /// Makes a field.
    Make {
        /// Its path in the document. An existing value there is replaced.
        to: Path,
        /// The source of its value.
        from: Making,
    },
}

impl fmt::Display for FieldRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Drop(pattern) => write!(f, "drop: {pattern}"),
            Self::Keep(pattern) => write!(f, "keep: {pattern}"),
            Self::Rename { from, to } => write!(f, "rename: {{ {from}: {to} }}"),
            Self::Hash(path) => write!(f, "hash: {path}"),
            Self::Lift(path) => write!(f, "lift: {path}"),
            Self::DynamoDb(path) => write!(f, "dynamodb: {path}"),
            Self::Make { to, from } => write!(f, "{}: {to}", from.key()),
        }
    }
}
