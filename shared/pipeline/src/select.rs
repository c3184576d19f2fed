//! Decides whether an event is wanted. The rule is a query as typed into Discover, with its meaning in the engine, or an
//! `EventBridge` event pattern, with its meaning there.
//!
//! In: a rule, compiled once; then one event after another. Out: yes or no, without an allocation. Both kinds become
//! conditions on fields, found in one walk over the tape (`fields`), and an expression or pattern over the bits of the conditions.
//! Deliberately absent: anything that needs analysis or a score (words without a field, fuzziness, boosts), and the clock
//! (`now-1d`). Such a query is refused, not approximated.

mod condition;
mod expression;
mod fields;
mod pattern;
mod query;
mod wildcard;

pub use pattern::{PatternError, Undecided};
pub use query::SelectError;
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
    /// The text of each condition.
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

impl Select {
    /// Compiles a query.
    ///
    /// # Errors
    /// A [`SelectError`] if the query is malformed or asks for something unsupported. The configuration is refused.
    pub fn query(text: &str) -> Result<Self, SelectError> {
        let query::Query { fields, expression, labels, compared, doubts } = query::compile(text)?;
        Ok(Self { text: text.into(), fields, rule: Rule::Query(expression), labels, compared, doubts })
    }

    /// Compiles an event pattern from its JSON text, or the YAML that means the same.
    ///
    /// # Errors
    /// Every [`PatternError`]. The configuration is refused.
    pub fn pattern(text: &str) -> Result<Self, Vec<PatternError>> {
        let node = crate::yaml::parse(text).map_err(|complaint| vec![complaint.into()])?;
        Self::pattern_of(&node.unwrap_or_else(Node::nothing))
    }

    /// Compiles an event pattern from a part of a YAML file.
    pub(crate) fn pattern_of(node: &Node) -> Result<Self, Vec<PatternError>> {
        let pattern::Compiled { text, fields, branches, labels } = pattern::compile(node)?;
        let (compared, doubts) = (BTreeSet::new(), Vec::new());
        Ok(Self { text, fields, rule: Rule::Pattern(Pattern::new(branches)), labels, compared, doubts })
    }

    /// The text of the rule. For a pattern, its JSON.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is a query. A query compares values like fields of the type keyword. An event pattern does not use fields of a domain.
    pub fn is_query(&self) -> bool {
        matches!(self.rule, Rule::Query(_))
    }

    /// The fields whose values a query compares, sorted by name. Only for these fields the mapping of the domain matters.
    pub fn compared_fields(&self) -> impl Iterator<Item = &str> {
        self.compared.iter().map(String::as_str)
    }

    /// Parts of a query that are valid but probably not intended, as texts for a person.
    pub fn doubts(&self) -> &[String] {
        &self.doubts
    }

    /// Whether the event is wanted.
    ///
    /// # Errors
    /// [`Undecided`], for event patterns only. The caller rejects the event, because it is neither wanted nor unwanted.
    #[inline]
    pub fn matches(&self, event: &Event<'_>) -> Result<bool, Undecided> {
        let found = self.fields.find(event);
        match &self.rule {
            Rule::Query(expression) => Ok(expression.holds(&found)),
            Rule::Pattern(pattern) => pattern.holds(&self.fields, event, &found),
        }
    }

    /// Each condition, with its text and as a separate rule.
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
