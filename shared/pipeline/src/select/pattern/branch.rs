//! One of the alternatives that a pattern with `$or` multiplies out to.

use crate::select::fields::Bit;

/// Fields that must all match, sorted by name, which is the library's order.
pub(in crate::select) type Branch = Vec<Key>;

/// The conditions of a pattern on one field. One of them must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::select) struct Key {
    /// A value that is one of the alternatives.
    pub(super) one_of: Option<Bit>,
    /// The field must have no value. This is the condition that must not hold.
    pub(super) absent: Option<Bit>,
}
