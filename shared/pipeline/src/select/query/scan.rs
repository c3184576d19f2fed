//! The words of a query: names, values, phrases and ranges, with their escapes.
//!
//! In: the query's text and a position in it. Out: the token there, with escapes resolved. Deliberately absent: the
//! combination of the words, which is the task of the parser.

use super::{characters::in_word, error::SelectError, slash::Slashes};
use crate::select::{
    condition::{Bound, Range, Term},
    wildcard::Piece,
};

/// The query's text, and the position of the reader.
pub(super) struct Scanner<'q> {
    pub(super) text: &'q str,
    /// The byte offset of the next character.
    pub(super) at: usize,
    pub(super) slashes: Slashes,
}

/// A word with its escapes, and its meaning.
pub(super) struct Word {
    pub(super) start: usize,
    /// With escapes resolved.
    pub(super) text: String,
    pub(super) pieces: Vec<Piece>,
}

impl Word {
    pub(super) fn has_wildcard(&self) -> bool {
        self.pieces.iter().any(|piece| !matches!(piece, Piece::Exactly(_)))
    }

    pub(super) fn is_star(&self) -> bool {
        self.pieces.iter().all(|piece| *piece == Piece::Many)
    }
}

impl<'q> Scanner<'q> {
    pub(super) fn new(text: &'q str) -> Self {
        Self { text, at: 0, slashes: Slashes::default() }
    }

    pub(super) fn rest(&self) -> &'q str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn skip_space(&mut self) {
        let trimmed = self.rest().trim_start_matches([' ', '\t', '\n', '\r', '\u{3000}']);
        self.at = self.text.len() - trimmed.len();
    }

    pub(super) fn fail<T>(&self, at: usize, message: impl Into<String>) -> Result<T, SelectError> {
        Err(self.error(at, message))
    }

    pub(super) fn error(&self, at: usize, message: impl Into<String>) -> SelectError {
        let before = self.text.get(..at).unwrap_or(self.text);
        SelectError { column: before.chars().count() + 1, message: message.into() }
    }

    pub(super) fn skip_word(&mut self, word: &str) -> bool {
        let Some(after) = self.rest().strip_prefix(word) else { return false };
        if after.chars().next().is_some_and(|c| in_word(c) || c == '\\' || c == ':') {
            return false;
        }
        self.at += word.len();
        true
    }

    pub(super) fn word(&mut self) -> Result<Word, SelectError> {
        let start = self.at;
        let mut word = Word { start, text: String::new(), pieces: Vec::new() };
        while let Some(c) = self.peek() {
            let piece = match c {
                '\\' => Piece::Exactly(self.escape()?),
                '*' => {
                    self.at += 1;
                    Piece::Many
                }
                '?' => {
                    self.at += 1;
                    Piece::One
                }
                _ if in_word(c) => {
                    self.at += c.len_utf8();
                    Piece::Exactly(c)
                }
                _ => break,
            };
            word.text.push(match piece {
                Piece::Exactly(c) => c,
                Piece::One => '?',
                Piece::Many => '*',
            });
            word.pieces.push(piece);
        }
        Ok(word)
    }

    /// `\c` or `\uXXXX`
    pub(super) fn escape(&mut self) -> Result<char, SelectError> {
        let start = self.at;
        self.at += 1;
        let Some(c) = self.peek() else {
            return self.fail(start, "a `\\` at the end; a literal one is written `\\\\`");
        };
        self.at += c.len_utf8();
        if c != 'u' {
            return Ok(c);
        }
        match self.escaped_units() {
            Some((c, bytes)) => {
                self.at += bytes;
                Ok(c)
            }
            None => self.fail(
                start,
                "`\\u` is followed by four hexadecimal digits of a character; one beyond U+FFFF is written as a pair, `\\uD83D\\uDE00`",
            ),
        }
    }

    /// The character after a `\u`, and the number of bytes of its digits. As in Java and JSON it may need two units.
    fn escaped_units(&self) -> Option<(char, usize)> {
        let unit = |at: usize| {
            let digits =
                self.rest().get(at..at + 4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
            u16::from_str_radix(digits, 16).ok()
        };
        let first = unit(0)?;
        let second = self.rest().get(4..6).filter(|escape| *escape == "\\u").and_then(|_| unit(6));
        let mut chars = char::decode_utf16(std::iter::once(first).chain(second));
        let c = chars.next()?.ok()?;
        Some((c, if c.len_utf16() == 2 { 10 } else { 4 }))
    }

    pub(super) fn quoted(&mut self) -> Result<String, SelectError> {
        let start = self.at;
        self.at += 1;
        let mut text = String::new();
        while let Some(c) = self.peek() {
            match c {
                '"' => {
                    self.at += 1;
                    return Ok(text);
                }
                '\\' => text.push(self.escape()?),
                _ => {
                    self.at += c.len_utf8();
                    text.push(c);
                }
            }
        }
        self.fail(start, "a `\"` without a closing one; a literal one is written `\\\"`")
    }

    /// `/…/`. Only an escaped `/` is resolved here. Other escapes belong to the regular expression.
    pub(super) fn regexp(&mut self) -> Result<String, SelectError> {
        let start = self.at;
        self.at += 1;
        let mut text = String::new();
        let mut escaped = false;
        while let Some(c) = self.peek() {
            self.at += c.len_utf8();
            if c == '/' && !escaped {
                self.slashes.add(start..self.at);
                return Ok(text);
            }
            escaped = c == '\\' && !escaped;
            text.push(c);
        }
        self.fail(
            start,
            "a `/` without a closing one: it begins a regular expression; a literal one is written `\\/` or in quotes",
        )
    }

    /// `[a TO b]`, `{a TO b}`, or mixed.
    pub(super) fn range(&mut self) -> Result<Range, SelectError> {
        const FORM: &str = "a range is written `[a TO b]`, `{a TO b}`, or with `*` for an open end";
        let start = self.at;
        let lower_inclusive = self.peek() == Some('[');
        self.at += 1;
        let lower = self.range_bound(start, FORM)?;
        self.skip_space();
        let to = self.at;
        if !self.rest().strip_prefix("TO").is_some_and(|after| after.starts_with([' ', '\t', '\n', '\r', '"'])) {
            return self.fail(to, format!("`TO` is expected here; {FORM}"));
        }
        self.at += 2;
        let upper = self.range_bound(start, FORM)?;
        self.skip_space();
        let upper_inclusive = match self.peek() {
            Some(']') => true,
            Some('}') => false,
            _ => return self.fail(self.at, format!("`]` or `}}` is expected here; {FORM}")),
        };
        self.at += 1;
        let bound = |term: Option<Term>, inclusive| term.map(|term| Bound { term, inclusive });
        Ok(Range::new(bound(lower, lower_inclusive), bound(upper, upper_inclusive)))
    }

    /// One bound; `None` for an open end.
    pub(super) fn range_bound(&mut self, open: usize, form: &str) -> Result<Option<Term>, SelectError> {
        self.skip_space();
        let start = self.at;
        if self.peek() == Some('"') {
            let text = self.quoted()?;
            return self.bound(&text, start).map(Some);
        }
        let mut text = String::new();
        while let Some(c) = self.peek() {
            match c {
                ' ' | '\t' | '\n' | '\r' | ']' | '}' => break,
                '\\' => text.push(self.escape()?),
                _ => {
                    self.at += c.len_utf8();
                    text.push(c);
                }
            }
        }
        if start == self.at {
            return self.fail(open, format!("a range without its bounds; {form}"));
        }
        if self.text.get(start..self.at) == Some("*") {
            return Ok(None);
        }
        self.bound(&text, start).map(Some)
    }

    pub(super) fn bound(&self, text: &str, start: usize) -> Result<Term, SelectError> {
        if text.starts_with("now") || text.contains("||") {
            return self.fail(
                start,
                format!(
                    "`{text}` is relative to the current time, which a selection does not know; write a date such as \
                     2026-11-22"
                ),
            );
        }
        Ok(Term::new(text.into()))
    }
}
