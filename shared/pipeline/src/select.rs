//! Is this event wanted? A query as it is typed into Discover, with its meaning in the engine, or an `EventBridge` event
//! pattern, with its meaning there.
//!
//! In: a rule, compiled once; then one event after another. Out: yes or no, without an allocation. Both kinds become
//! conditions on fields, found in one walk over the tape (`fields`), and an expression or pattern over their bits.
//! Deliberately absent: whatever needs analysis or a score (words without a field, fuzziness, boosts), and the clock
//! (`now-1d`); such a query is refused, not approximated.

mod condition;
mod expression;
mod fields;
mod pattern;
mod query;
mod wildcard;

pub use pattern::PatternError;
pub(crate) use wildcard::{Piece, Wildcard};

use std::collections::BTreeSet;

use crate::{decode::Event, yaml::Node};
use expression::Expression;
use fields::{Bit, Fields};
use pattern::Pattern;

/// A compiled rule.
#[derive(Debug, Clone)]
pub struct Select {
    text: String,
    fields: Fields,
    rule: Rule,
    /// The conditions as they were written.
    labels: Vec<(Bit, String)>,
    /// The fields that a query compares.
    compared: BTreeSet<String>,
    doubts: Vec<String>,
}

#[derive(Debug, Clone)]
enum Rule {
    Query(Expression),
    Pattern(Pattern),
}

/// Why a query is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {message}")]
pub struct SelectError {
    /// Where in the query, in characters from 1.
    pub column: usize,
    /// What is wrong, with the accepted form.
    pub message: String,
}

/// It would take too long to find out whether an event is wanted: an event pattern asks for values of one and the same
/// array element, and there are too many ways to choose. Another try meets the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("its arrays give more than {} ways to match the event pattern", pattern::MAX_STEPS)]
pub struct Undecided;

impl Select {
    /// Compiles a query.
    ///
    /// # Errors
    /// A [`SelectError`] where it is malformed or asks for what is not supported: the configuration is refused.
    pub fn query(text: &str) -> Result<Self, SelectError> {
        let query::Query { fields, expression, labels, compared, doubts } = query::compile(text)?;
        Ok(Self { text: text.into(), fields, rule: Rule::Query(expression), labels, compared, doubts })
    }

    /// Compiles an event pattern from its JSON text, or the YAML that means the same.
    ///
    /// # Errors
    /// Every [`PatternError`]: the configuration is refused.
    pub fn pattern(text: &str) -> Result<Self, Vec<PatternError>> {
        let node = crate::yaml::parse(text).map_err(|complaint| vec![complaint.into()])?;
        Self::pattern_of(&node.unwrap_or_else(Node::nothing))
    }

    /// The same from a part of a YAML file.
    pub(crate) fn pattern_of(node: &Node) -> Result<Self, Vec<PatternError>> {
        let pattern::Compiled { text, fields, pattern, labels } = pattern::compile(node)?;
        let (compared, doubts) = (BTreeSet::new(), Vec::new());
        Ok(Self { text, fields, rule: Rule::Pattern(pattern), labels, compared, doubts })
    }

    /// The rule as it was written; of a pattern, its JSON.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is a query, whose values are compared as on fields of the type keyword. An event pattern knows no fields of a domain.
    pub fn is_query(&self) -> bool {
        matches!(self.rule, Rule::Query(_))
    }

    /// The fields whose values a query compares, in the order of their names: only of these the mapping of the domain matters.
    pub fn compared_fields(&self) -> impl Iterator<Item = &str> {
        self.compared.iter().map(String::as_str)
    }

    /// What a query may say without being meant so, for a person.
    pub fn doubts(&self) -> &[String] {
        &self.doubts
    }

    /// Whether the event is wanted.
    ///
    /// # Errors
    /// [`Undecided`], of event patterns only: the caller rejects the event, which is neither wanted nor not.
    #[inline]
    pub fn matches(&self, event: &Event<'_>) -> Result<bool, Undecided> {
        let found = self.fields.find(event);
        match &self.rule {
            Rule::Query(expression) => Ok(expression.holds(&found)),
            Rule::Pattern(pattern) => pattern.holds(&self.fields, event, &found),
        }
    }

    /// Each condition as it was written, and as a rule of its own.
    pub fn conditions(&self) -> Vec<(&str, Self)> {
        let alone = |(bit, label): &'_ (Bit, String)| Self {
            text: label.clone(),
            fields: self.fields.only(*bit),
            rule: Rule::Query(Expression::Holds(*bit)),
            labels: Vec::new(),
            compared: BTreeSet::new(),
            doubts: Vec::new(),
        };
        self.labels.iter().map(|labelled| (labelled.1.as_str(), alone(labelled))).collect()
    }
}
