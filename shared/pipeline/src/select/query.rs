//! A query string as typed into Discover, by the rules of Lucene's classic parser.
//!
//! In: the text. Out: conditions on fields and the expression over them. There is no mapping to ask, so the event's value determines
//! the type of a field: keyword, number, date, boolean or IP address.

mod address;
mod field;
mod parse;
mod regexp;
mod scan;
mod slash;
mod term;

pub(super) use regexp::Regexp;
pub(super) use term::{Range, Term};

use std::collections::BTreeSet;

use super::{
    SelectError,
    condition::Condition,
    expression::Expression,
    fields::{Bit, Fields, MAX_CONDITIONS},
};
use field::FieldName;

/// A compiled query.
pub(super) struct Query {
    pub(super) fields: Fields,
    pub(super) expression: Expression,
    pub(super) labels: Vec<(Bit, String)>,
    /// The fields whose values are compared, sorted by name.
    pub(super) compared: BTreeSet<String>,
    /// Parts that are valid but probably not intended.
    pub(super) doubts: Vec<String>,
}

/// Compiles a query.
pub(super) fn compile(text: &str) -> Result<Query, SelectError> {
    parse::parse(text)
}

/// The conditions of a query during parsing.
#[derive(Default)]
struct Conditions {
    fields: Fields,
    labels: Vec<(Bit, String)>,
    regexps: usize,
    compared: BTreeSet<String>,
}

/// Maximum number of regular expressions in one query. Each may use half a megabyte of memory ([`regexp`]).
const MAX_REGEXPS: usize = 64;

impl Conditions {
    /// Compiles a regular expression.
    fn regexp(&mut self, text: &str) -> Result<Condition, String> {
        self.regexps += 1;
        if self.regexps > MAX_REGEXPS {
            return Err(format!("more than {MAX_REGEXPS} regular expressions in one query; write `(…|…)` in one"));
        }
        Regexp::new(text).map(Condition::Regexp)
    }

    /// Adds a condition on a field. `label` is its text.
    fn add(&mut self, field: &FieldName, condition: Condition, label: String) -> Result<Expression, String> {
        let too_many = |_| format!("more than {MAX_CONDITIONS} conditions; the engine takes no more in one query");
        // `_exists_` has the same result for every field type.
        if condition != Condition::HasValue {
            self.compared.insert(field.path.as_str().to_owned());
        }
        let mut bit = |path, condition| self.fields.add(path, condition).map_err(too_many);
        let itself = bit(&field.path, condition.clone())?;
        let mut expression = Expression::Holds(itself);
        let mut labelled = itself;
        if let Some(without_keyword) = &field.without_keyword {
            let (present, other) = (bit(&field.path, Condition::Present)?, bit(without_keyword, condition)?);
            let instead = Expression::Bool {
                must: vec![Expression::Holds(other)],
                should: Vec::new(),
                must_not: vec![Expression::Holds(present)],
            };
            expression = Expression::Bool { must: Vec::new(), should: vec![expression, instead], must_not: Vec::new() };
            labelled = other;
        }
        if self.labels.iter().all(|(known, _)| *known != labelled) {
            self.labels.push((labelled, label));
        }
        Ok(expression)
    }
}

#[cfg(test)]
mod tests;
