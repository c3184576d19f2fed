//! One difference between what a test expects and what the rules did.

use std::fmt;

use serde::Serialize;

/// The largest number of characters shown of a value.
const SHOWN_CHARS: usize = 200;
/// Stands for a value that is not there.
pub(super) const NOTHING: &str = "nothing";

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What differs: `result`, `index`, or a field, such as `document.device.model`.
    pub field: String,
    /// What the test has there.
    pub expected: String,
    /// What the rules have there.
    pub actual: String,
}

impl Difference {
    pub(super) fn new(field: &str, expected: &str, actual: &str) -> Self {
        Self { field: field.to_owned(), expected: expected.to_owned(), actual: actual.to_owned() }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, expected, actual } = self;
        write!(f, "{field}: expected {}, actual {}", shown(expected), shown(actual))
    }
}

/// A text for one line, cut if it is long.
fn shown(text: &str) -> String {
    let line = |c: char| if c.is_control() { ' ' } else { c };
    let mut shown: String = text.chars().map(line).take(SHOWN_CHARS).collect();
    if text.chars().nth(SHOWN_CHARS).is_some() {
        shown.push('…');
    }
    shown
}
