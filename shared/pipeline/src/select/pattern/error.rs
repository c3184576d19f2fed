//! Why an event pattern is refused.

use crate::yaml::Complaint;

/// Why an event pattern is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct PatternError {
    /// The line in the file or text, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
    /// A description of the fault, with the accepted form.
    pub message: String,
}

impl From<Complaint> for PatternError {
    fn from((place, message): Complaint) -> Self {
        Self { line: place.line, column: place.column, message }
    }
}
