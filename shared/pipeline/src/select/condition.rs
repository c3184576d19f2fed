//! One condition on the values of one field.

mod alternative;
mod cidr;
mod fold;
mod network;
mod number;
mod regexp;
mod term;

use super::wildcard::Wildcard;
use crate::decode::{Event, Scalar, Value};
pub(super) use alternative::{Alternative, Bound as NumericBound};
pub(super) use cidr::Addresses;
pub(super) use fold::Folded;
pub(super) use number::Comparable;
pub(super) use regexp::Regexp;
pub(super) use term::{Bound, Range, Term};

/// A condition on a field. An array meets it if one of its elements does, at any depth.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Condition {
    /// The field is present, with any value.
    Present,
    /// The engine would have a value to index. It indexes nothing for `null`, `[]` and `{}`.
    HasValue,
    /// The field has a value that is not an object or array. `null` counts. Event patterns call this `exists`.
    IsLeaf,
    /// A value equals a term.
    Equal(Term),
    /// A value lies in a range.
    Range(Range),
    /// A string matches a pattern with `*` and `?`.
    Wildcard(Wildcard),
    /// A string matches a regular expression as a whole.
    Regexp(Regexp),
    /// A value is one of those that an event pattern lists.
    OneOf(Vec<Alternative>),
}

impl Condition {
    /// Whether it holds for the field's value.
    #[inline]
    pub(super) fn holds<'e>(&self, event: &Event<'e>, value: Value<'e>) -> bool {
        match value.scalar() {
            Some(scalar) => self.holds_for(event, value, scalar),
            None => self.holds_within(event, value),
        }
    }

    #[inline]
    pub(super) fn holds_for<'e>(&self, event: &Event<'e>, value: Value<'e>, scalar: Scalar<'e>) -> bool {
        match self {
            Self::Present | Self::IsLeaf => true,
            Self::HasValue => scalar != Scalar::Null,
            Self::Equal(term) => term.equals(scalar),
            Self::Range(range) => range.contains(scalar),
            Self::Wildcard(wildcard) => matches!(scalar, Scalar::String(text) if wildcard.matches(text)),
            Self::Regexp(regexp) => matches!(scalar, Scalar::String(text) if regexp.matches(text)),
            Self::OneOf(alternatives) => alternatives.iter().any(|one| one.holds(event, value, scalar)),
        }
    }

    fn holds_within<'e>(&self, event: &Event<'e>, value: Value<'e>) -> bool {
        if let Self::Present = self {
            return true;
        }
        if value.is_object() {
            return matches!(self, Self::HasValue)
                && value.members().any(|(_, member)| Self::HasValue.holds(event, member));
        }
        value.elements().any(|element| self.holds(event, element))
    }
}
