//! Is this event wanted? A query as it is typed into Discover, with its meaning in the engine.
//!
//! In: the text of a `query_string` query, compiled once; then one event after another. Out: yes or no, without an
//! allocation. The fields are taken as keyword, number, date or boolean, whichever the value is. Deliberately absent:
//! whatever needs analysis or a score (words without a field, fuzziness, boosts, regular expressions), and the clock
//! (`now-1d`); such a query is refused, not approximated.

mod field;
mod parse;
mod scan;
mod term;
mod wildcard;

use crate::decode::{Event, Value};
use field::Field;
use term::{Range, Term};
use wildcard::Wildcard;

/// A compiled query.
#[derive(Debug, Clone)]
pub struct Select {
    text: String,
    query: Query,
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

#[derive(Debug, Clone)]
enum Query {
    All,
    Exists(Field),
    Equal(Field, Term),
    Wildcard(Field, Wildcard),
    Range(Field, Range),
    Bool(Bool),
}

/// Lucene's boolean query: `should` matters only where nothing is a `must`.
#[derive(Debug, Clone, Default)]
struct Bool {
    must: Vec<Query>,
    should: Vec<Query>,
    must_not: Vec<Query>,
}

impl Select {
    /// Compiles a query.
    ///
    /// # Errors
    /// A [`SelectError`] where it is malformed or asks for what is not supported: the configuration is refused.
    pub fn parse(query: &str) -> Result<Self, SelectError> {
        Ok(Self { text: query.into(), query: parse::parse(query)? })
    }

    /// The query as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the event matches.
    pub fn matches(&self, event: &Event<'_>) -> bool {
        self.query.matches(event.value())
    }
}

impl Query {
    fn matches(&self, event: Value<'_>) -> bool {
        match self {
            Self::All => true,
            Self::Exists(field) => field.any(event, &mut has_value),
            Self::Equal(field, term) => field.any(event, &mut |value| value.scalar().is_some_and(|v| term.equals(v))),
            Self::Wildcard(field, pattern) => field.any(event, &mut |value| pattern.matches_value(value)),
            Self::Range(field, range) => {
                field.any(event, &mut |value| value.scalar().is_some_and(|v| range.contains(v)))
            }
            Self::Bool(bool) => {
                bool.must.iter().all(|query| query.matches(event))
                    && !bool.must_not.iter().any(|query| query.matches(event))
                    && (!bool.must.is_empty()
                        || bool.should.is_empty()
                        || bool.should.iter().any(|query| query.matches(event)))
            }
        }
    }
}

/// Whether the engine would have something to index: `null`, `[]` and `{}` are nothing.
fn has_value(value: Value<'_>) -> bool {
    if value.is_object() {
        value.members().any(|(_, member)| member.any_element(&mut has_value))
    } else {
        !value.is_null()
    }
}

#[cfg(test)]
mod tests;
