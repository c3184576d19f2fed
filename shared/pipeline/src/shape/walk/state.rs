//! The state of a walk: its buffers, and what applies to the current value.

use crate::shape::tree::NodeId;

/// Buffers that a walk reuses for each event.
#[derive(Debug, Default)]
pub(in crate::shape) struct Scratch {
    /// The places of the objects around the current position, innermost last.
    pub(super) places: Vec<NodeId>,
    /// By place: whether the document already contains a value there. Fields made below it were added with that value, or cannot be placed.
    pub(super) taken: Vec<bool>,
    /// By made value: whether it is in the document.
    pub(super) placed: Vec<bool>,
    /// Number of values that are not typed attributes although a rule makes them plain, and of values that could not be lifted.
    pub(in crate::shape) left_as_it_came: u64,
}

/// The state that applies to a value and everything in it.
#[derive(Clone, Copy)]
pub(super) struct Scope {
    /// Fields that are not kept are left out.
    pub(super) keeping: bool,
    /// Every value is replaced by its hash.
    pub(super) hashing: bool,
    /// The value lies in an array, where nothing is made or replaced.
    pub(super) in_array: bool,
    /// The notation of the value.
    pub(super) form: Form,
}

/// The notation at the current position of a walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    /// An object whose members are typed attributes.
    Attributes,
    /// One typed attribute.
    Attribute,
}

impl Form {
    /// The notation of the member `name`. `is_plain` means that a rule makes it plain.
    pub(super) fn below(self, name: &str, is_plain: bool) -> Self {
        match self {
            Self::Attributes => Self::Attribute,
            Self::Attribute if name == "M" => Self::Attributes,
            Self::Json if is_plain => Self::Attributes,
            Self::Json | Self::Attribute => Self::Json,
        }
    }
}
