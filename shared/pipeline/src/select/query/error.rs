//! Why a query is refused.

/// Why a query is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {message}")]
pub struct SelectError {
    /// The position in the query, in characters from 1.
    pub column: usize,
    /// A description of the fault, with the accepted form.
    pub message: String,
}
