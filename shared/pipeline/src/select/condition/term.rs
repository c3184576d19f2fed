//! Compares one term or range with one value.
//!
//! There is no mapping to ask, so the value's type determines the comparison. Numbers compare as numbers. Dates and IP addresses
//! compare as such if both sides are. All other values compare byte by byte.

use std::cmp::Ordering;

use super::network::{Network, address_of};
use crate::decode::{Number, Scalar};
use crate::time::{self, IsoDate, Precision};

/// A term, with each of its possible meanings.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::select) struct Term {
    text: String,
    number: Option<Number>,
    date: Option<IsoDate>,
    network: Option<Network>,
    address: Option<u128>,
}

impl Term {
    pub(in crate::select) fn new(text: String) -> Self {
        let number = Number::parse(&text);
        let date = time::parse(&text);
        let (network, address) = (Network::parse(&text), address_of(&text));
        Self { text, number, date, network, address }
    }

    /// Whether a value equals the term. As in the engine, a shortened date equals all times in it, and a network equals all its addresses.
    pub(in crate::select) fn equals(&self, value: Scalar<'_>) -> bool {
        match value {
            Scalar::String(text) if text == self.text => true,
            Scalar::String(text) => {
                let in_date =
                    |date: IsoDate| value_date(text).is_some_and(|at| (date.start_ms..=date.end_ms).contains(&at));
                self.date.is_some_and(in_date) || self.network.is_some_and(|network| network.contains(text))
            }
            Scalar::Number(number) => match (self.number, self.date) {
                (Some(term), _) => number == term,
                (None, Some(date)) => epoch_ms(number).is_some_and(|at| (date.start_ms..=date.end_ms).contains(&at)),
                (None, None) => false,
            },
            Scalar::Bool(value) => self.text == if value { "true" } else { "false" },
            Scalar::Null => false,
        }
    }

    /// Compares `value` with the term. If the term is a date, compares with its `edge`.
    fn compare(&self, value: Scalar<'_>, edge: impl Fn(IsoDate) -> i64) -> Option<Ordering> {
        match value {
            Scalar::String(text) => {
                if let Some(date) = self.date
                    && let Some(at) = value_date(text)
                {
                    return Some(at.cmp(&edge(date)));
                }
                if let Some(address) = self.address
                    && let Some(of_value) = address_of(text)
                {
                    return Some(of_value.cmp(&address));
                }
                Some(text.as_bytes().cmp(self.text.as_bytes()))
            }
            Scalar::Number(number) => match (self.number, self.date) {
                (Some(term), _) => number.partial_cmp(&term),
                (None, Some(date)) => Some(epoch_ms(number)?.cmp(&edge(date))),
                (None, None) => None,
            },
            Scalar::Bool(value) => Some(if value { "true" } else { "false" }.cmp(self.text.as_str())),
            Scalar::Null => None,
        }
    }
}

/// A range. It is open at a side without a bound.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::select) struct Range {
    pub(in crate::select) lower: Option<Bound>,
    pub(in crate::select) upper: Option<Bound>,
}

/// An end of a range.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::select) struct Bound {
    pub(in crate::select) term: Term,
    pub(in crate::select) inclusive: bool,
}

impl Range {
    /// Addresses are compared as addresses only if each bound is one. Otherwise an address would be compared with a text.
    pub(in crate::select) fn new(mut lower: Option<Bound>, mut upper: Option<Bound>) -> Self {
        if [&lower, &upper].into_iter().flatten().any(|bound| bound.term.address.is_none()) {
            for bound in [&mut lower, &mut upper].into_iter().flatten() {
                bound.term.address = None;
            }
        }
        Self { lower, upper }
    }

    /// Whether a value lies within. For a shortened date, `>=` and `<` use the beginning, and `>` and `<=` use the end, as the
    /// engine rounds.
    pub(in crate::select) fn contains(&self, value: Scalar<'_>) -> bool {
        let above = |bound: &Bound| {
            let edge = |date: IsoDate| if bound.inclusive { date.start_ms } else { date.end_ms };
            match bound.term.compare(value, edge) {
                Some(Ordering::Greater) => true,
                Some(Ordering::Equal) => bound.inclusive,
                Some(Ordering::Less) | None => false,
            }
        };
        let below = |bound: &Bound| {
            let edge = |date: IsoDate| if bound.inclusive { date.end_ms } else { date.start_ms };
            match bound.term.compare(value, edge) {
                Some(Ordering::Less) => true,
                Some(Ordering::Equal) => bound.inclusive,
                Some(Ordering::Greater) | None => false,
            }
        };
        self.lower.as_ref().is_none_or(above) && self.upper.as_ref().is_none_or(below)
    }
}

/// The instant of a value that is a date with at least a day.
fn value_date(text: &str) -> Option<i64> {
    time::parse_utc_instant(text.as_bytes())
        .or_else(|| time::parse(text).filter(|date| date.precision >= Precision::Day).map(|date| date.start_ms))
}

/// In a date field a number is milliseconds since 1970.
fn epoch_ms(number: Number) -> Option<i64> {
    match number {
        Number::Integer(integer) => i64::try_from(integer).ok(),
        #[expect(clippy::cast_possible_truncation, reason = "checked to be far within an i64")]
        Number::Float(float) => (float.abs() < 1e18).then_some(float as i64),
    }
}
