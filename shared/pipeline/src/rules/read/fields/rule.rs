//! One rule of `fields`, with its location.

use crate::{
    decode::Path,
    shape::{FieldRule, Making},
    yaml::Location,
};

/// A rule, the key that it stands under, and its location.
pub(super) struct Rule {
    pub(super) does: FieldRule,
    pub(super) under: &'static str,
    pub(super) place: Location,
}

impl Rule {
    /// The field that the rule makes.
    pub(super) fn target(&self) -> Option<&Path> {
        match &self.does {
            FieldRule::Rename { to, .. } | FieldRule::Make { to, .. } => Some(to),
            FieldRule::Drop(_)
            | FieldRule::Keep(_)
            | FieldRule::Hash(_)
            | FieldRule::Lift(_)
            | FieldRule::DynamoDb(_) => None,
        }
    }

    pub(super) fn hashed(&self) -> Option<&Path> {
        if let FieldRule::Hash(path) = &self.does { Some(path) } else { None }
    }

    /// The fields whose values the rule reveals, even if in another notation.
    pub(super) fn plainly_read(&self) -> Vec<&Path> {
        match &self.does {
            FieldRule::Make { from: Making::GeoPoint { lat, lon }, .. } => vec![lat, lon],
            FieldRule::Make { from: Making::Date(timestamp), .. } => vec![timestamp.field()],
            _ => Vec::new(),
        }
    }
}
