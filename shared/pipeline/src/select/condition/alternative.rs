//! One of the values that an event pattern lists for a field.

use super::{cidr::Addresses, fold::Folded, number::Comparable};
use crate::{
    decode::{Event, Number, Scalar, Value},
    select::wildcard::Wildcard,
};

/// A possible value. Alternatives about text match only strings. Alternatives about numbers match only JSON numbers.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::select) enum Alternative {
    /// This string.
    Text(String),
    /// This number. It is compared by value if both are [comparable](super::number), otherwise by text.
    Number(String),
    /// `true` or `false`.
    Bool(bool),
    /// `null`.
    Null,
    /// `exists: true`: any value, including `null`.
    Any,
    Prefix(String),
    Suffix(String),
    Wildcard(Wildcard),
    /// `equals-ignore-case`
    Folded(Folded),
    /// `prefix` of `equals-ignore-case`
    FoldedPrefix(Folded),
    /// `suffix` of `equals-ignore-case`
    FoldedSuffix(Folded),
    /// `cidr`, or a string that is an address.
    Addresses(Addresses),
    /// `numeric`
    Numeric {
        lower: Option<Bound>,
        upper: Option<Bound>,
    },
    /// `anything-but`: a value of any type that matches none of these.
    AnythingBut(Vec<Self>),
}

/// An end of a `numeric` range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::select) struct Bound {
    pub(in crate::select) value: f64,
    pub(in crate::select) inclusive: bool,
}

impl Alternative {
    /// Whether a value matches.
    pub(in crate::select) fn holds<'e>(&self, event: &Event<'e>, value: Value<'e>, scalar: Scalar<'e>) -> bool {
        match (self, scalar) {
            (Self::Any, _) | (Self::Null, Scalar::Null) => true,
            (Self::AnythingBut(these), _) => !these.iter().any(|this| this.holds(event, value, scalar)),
            (Self::Bool(this), Scalar::Bool(bool)) => *this == bool,
            (_, Scalar::String(text)) => self.is_text(text),
            (_, Scalar::Number(number)) => self.is_number(event, value, number),
            _ => false,
        }
    }

    #[inline]
    fn is_text(&self, text: &str) -> bool {
        match self {
            Self::Text(this) => this == text,
            Self::Prefix(prefix) => text.starts_with(&**prefix),
            Self::Suffix(suffix) => text.ends_with(&**suffix),
            Self::Wildcard(wildcard) => wildcard.matches(text),
            Self::Folded(folded) => folded.equals(text),
            Self::FoldedPrefix(folded) => folded.begins(text).is_some(),
            Self::FoldedSuffix(folded) => folded.ends(text),
            Self::Addresses(addresses) => addresses.contain(text),
            _ => false,
        }
    }

    #[inline]
    fn is_number<'e>(&self, event: &Event<'e>, value: Value<'e>, number: Number) -> bool {
        match self {
            Self::Addresses(addresses) => event.bytes_of(value).is_some_and(|digits| addresses.contain_digits(digits)),
            Self::Number(this) => Comparable::parse(this) == Comparable::of(event, value, number),
            Self::Numeric { lower, upper } => {
                let double = number.as_f64();
                let above = |bound: &Bound| if bound.inclusive { double >= bound.value } else { double > bound.value };
                let below = |bound: &Bound| if bound.inclusive { double <= bound.value } else { double < bound.value };
                lower.as_ref().is_none_or(above)
                    && upper.as_ref().is_none_or(below)
                    && matches!(Comparable::of(event, value, number), Comparable::Double(_))
            }
            _ => false,
        }
    }
}
