//! The conditions of a query during parsing.

use std::collections::BTreeSet;

use super::field::FieldName;
use crate::select::{
    condition::{Condition, Regexp},
    expression::Expression,
    fields::{Bit, Fields, MAX_CONDITIONS},
};

/// The conditions of a query during parsing.
#[derive(Default)]
pub(super) struct Conditions {
    pub(super) fields: Fields,
    pub(super) labels: Vec<(Bit, String)>,
    regexps: usize,
    pub(super) compared: BTreeSet<String>,
}

/// Maximum number of regular expressions in one query. Each may use half a megabyte of memory ([`Regexp`]).
const MAX_REGEXPS: usize = 64;

impl Conditions {
    /// Compiles a regular expression.
    pub(super) fn regexp(&mut self, text: &str) -> Result<Condition, String> {
        self.regexps += 1;
        if self.regexps > MAX_REGEXPS {
            return Err(format!("more than {MAX_REGEXPS} regular expressions in one query; write `(…|…)` in one"));
        }
        Regexp::new(text).map(Condition::Regexp)
    }

    /// Adds a condition on a field. `label` is its text.
    pub(super) fn add(&mut self, field: &FieldName, condition: Condition, label: String) -> Result<Expression, String> {
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
