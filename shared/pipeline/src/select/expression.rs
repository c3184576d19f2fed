//! The combination of conditions in a query: Lucene's boolean query, over bits.

use super::fields::{Bit, Found};

/// A query over conditions.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expression {
    /// Every event.
    All,
    /// One condition.
    Holds(Bit),
    /// Clauses. `should` matters only if there is no `must`.
    Bool { must: Vec<Self>, should: Vec<Self>, must_not: Vec<Self> },
}

impl Expression {
    /// Whether it holds if these conditions do.
    pub(super) fn holds(&self, found: &Found) -> bool {
        match self {
            Self::All => true,
            Self::Holds(bit) => found.holds(*bit),
            Self::Bool { must, should, must_not } => {
                must.iter().all(|clause| clause.holds(found))
                    && !must_not.iter().any(|clause| clause.holds(found))
                    && (!must.is_empty() || should.is_empty() || should.iter().any(|clause| clause.holds(found)))
            }
        }
    }
}
