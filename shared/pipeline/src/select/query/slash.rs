//! A `/` that begins a regular expression but was probably meant as part of a value, such as `path:/api/v1` or `agent:Mozilla/5.0`.
//!
//! In: the positions of regular expressions. Out: a message about one that touches other text. Lucene's parser accepts such a
//! query, so it is a fault only if the query has another error. Otherwise it is a doubt.

use std::ops::Range;

use super::{characters::in_word, error::SelectError};

/// How to write a `/` that does not begin a regular expression.
const LITERAL: &str = "a `/` in a value is written `\\/`, or the value in quotes";

/// The regular expressions of a query, each from its first `/` to after its last.
#[derive(Debug, Default)]
pub(super) struct Slashes(Vec<Range<usize>>);

impl Slashes {
    pub(super) fn add(&mut self, regexp: Range<usize>) {
        self.0.push(regexp);
    }

    /// An error. Adds the regular expression that may be its cause.
    pub(super) fn explain(&self, text: &str, error: SelectError) -> SelectError {
        let column = |at: usize| text.get(..at).map_or(0, |before| before.chars().count()) + 1;
        let is_suspect = |regexp: &&Range<usize>| touches(text, regexp) || column(regexp.start) == error.column;
        let Some(suspect) = self.0.iter().rev().find(is_suspect) else { return error };
        let message = format!("{}; {}", error.message, words(text, suspect));
        SelectError { message, ..error }
    }

    /// The regular expressions that touch other text in a valid query.
    pub(super) fn doubts(&self, text: &str) -> Vec<String> {
        self.0.iter().filter(|regexp| touches(text, regexp)).map(|regexp| words(text, regexp)).collect()
    }
}

fn words(text: &str, regexp: &Range<usize>) -> String {
    let regexp = text.get(regexp.clone()).unwrap_or_default();
    format!("`{regexp}` was read as a regular expression: {LITERAL}")
}

/// Whether a value continues before or after it without a space.
fn touches(text: &str, regexp: &Range<usize>) -> bool {
    let goes_on = |c: char| in_word(c) || matches!(c, '/' | '\\' | '"');
    let before = text.get(..regexp.start).and_then(|before| before.chars().next_back());
    let after = text.get(regexp.end..).and_then(|after| after.chars().next());
    before.is_some_and(goes_on) || after.is_some_and(goes_on)
}
