//! The tokens of a Logstash configuration.
//!
//! In: the text. Out: names, strings, numbers, field references and regular expressions, one at a time, each with its
//! place. White space and comments are skipped. As in Logstash a backslash in a string stays a backslash
//! (`config.support_escapes` is off by default). Its only effect is that a quote after it does not end the string.

use super::ast::Place;

/// The first syntax error of a configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {message}")]
pub struct SyntaxError {
    /// The place of the error.
    pub at: Place,
    /// The expected syntax.
    pub message: String,
}

/// The rest of the text, and its place.
pub(super) struct Scanner<'t> {
    rest: &'t str,
    place: Place,
}

impl<'t> Scanner<'t> {
    pub(super) fn new(text: &'t str, file: usize) -> Self {
        Self { rest: text.strip_prefix('\u{feff}').unwrap_or(text), place: Place { file, line: 1, column: 1 } }
    }

    /// The place of the next token, after white space and comments.
    pub(super) fn place(&mut self) -> Place {
        self.skip_space();
        self.place
    }

    /// The first character of the next token, after white space and comments.
    pub(super) fn peek(&mut self) -> Option<char> {
        self.skip_space();
        self.rest.chars().next()
    }

    /// Takes `token` if the text continues with it.
    pub(super) fn take(&mut self, token: &str) -> bool {
        self.skip_space();
        let found = self.rest.starts_with(token);
        if found {
            self.advance(token.len());
        }
        found
    }

    /// Takes `word` if the text continues with it as a whole word.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        self.skip_space();
        let found = self.rest.strip_prefix(word).is_some_and(|after| !after.starts_with(is_of_name));
        if found {
            self.advance(word.len());
        }
        found
    }

    pub(super) fn expect(&mut self, token: &str, for_what: &str) -> Result<(), SyntaxError> {
        if self.take(token) { Ok(()) } else { Err(self.expected(&format!("`{token}` {for_what}"))) }
    }

    /// The error for an unexpected token.
    pub(super) fn expected(&mut self, what: &str) -> SyntaxError {
        let found = if let Some(first) = self.peek() {
            let word: String = self.rest.chars().take_while(|c| is_of_name(*c)).take(30).collect();
            format!("`{}`", if word.is_empty() { first.into() } else { word })
        } else {
            "the end of the file".into()
        };
        SyntaxError { at: self.place, message: format!("{what} is expected, found {found}") }
    }

    /// A name of a plugin or setting, or a bareword; `None` if none begins here.
    pub(super) fn name(&mut self) -> Option<&'t str> {
        self.skip_space();
        let length = self.rest.find(|c| !is_of_name(c)).unwrap_or(self.rest.len());
        (length > 0).then(|| self.advance(length))
    }

    /// A string in double or single quotes; `None` if none begins here.
    pub(super) fn string(&mut self) -> Result<Option<&'t str>, SyntaxError> {
        match self.peek() {
            Some(quote @ ('"' | '\'')) => self.delimited(quote, "a string").map(Some),
            _ => Ok(None),
        }
    }

    /// A regular expression between two slashes.
    pub(super) fn regexp(&mut self) -> Result<&'t str, SyntaxError> {
        self.delimited('/', "a regular expression")
    }

    /// The text between two delimiters.
    fn delimited(&mut self, delimiter: char, what: &str) -> Result<&'t str, SyntaxError> {
        let mut escaped = false;
        let ends = |c: char| {
            let ends = c == delimiter && !escaped;
            // Every backslash escapes the delimiter, even an escaped backslash. Logstash's grammar does the same.
            escaped = c == '\\';
            ends
        };
        let length = self.rest.get(1..).and_then(|after| after.find(ends));
        let Some(length) = length else {
            let message = format!("{what} without its closing `{delimiter}`");
            return Err(SyntaxError { at: self.place, message });
        };
        let whole = self.advance(length + 2);
        Ok(whole.get(1..=length).unwrap_or_default())
    }

    /// A number, such as `-12.5`; `None` if none begins here.
    pub(super) fn number(&mut self) -> Option<&'t str> {
        self.skip_space();
        let digits = |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let sign = usize::from(self.rest.starts_with('-'));
        let whole = digits(self.rest.get(sign..)?);
        if whole == 0 {
            return None;
        }
        let after = self.rest.get(sign + whole..)?;
        let fraction = after.strip_prefix('.').map_or(0, |after| match digits(after) {
            0 => 0,
            count => count + 1,
        });
        Some(self.advance(sign + whole + fraction))
    }

    /// A field reference, `[a][b]`, as a path with dots, and whether one of its names contains a dot; `None` if none
    /// begins here.
    pub(super) fn field(&mut self) -> Result<Option<(String, bool)>, SyntaxError> {
        const FORM: &str = "a field reference, such as `[field]` or `[outer][inner]`,";
        if self.peek() != Some('[') {
            return Ok(None);
        }
        let at = self.place;
        let (mut path, mut is_dotted) = (String::new(), false);
        while let Some(inner) = self.rest.strip_prefix('[') {
            let length = inner.find([']', ',', '[', '\n']).filter(|end| inner[*end..].starts_with(']'));
            let name = length.map(|length| inner[..length].trim()).unwrap_or_default();
            let (Some(length), false) = (length, name.is_empty()) else {
                return Err(SyntaxError { at, message: format!("{FORM} is expected") });
            };
            path.push_str(if path.is_empty() { "" } else { "." });
            path.push_str(name);
            is_dotted |= name.contains('.');
            self.advance(length + 2);
        }
        Ok(Some((path, is_dotted)))
    }

    /// Whether the next `[` begins a list of values, not a field reference. Logstash itself reads `["a"]` as a field
    /// named `"a"`, which is never intended.
    pub(super) fn is_list(&mut self) -> bool {
        if self.peek() != Some('[') {
            return false;
        }
        let inner = self.rest.get(1..).unwrap_or_default().trim_start();
        inner.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '"' | '\'' | '-' | '[' | ']'))
            || inner.find([',', ']']).is_some_and(|at| inner[at..].starts_with(','))
    }

    fn skip_space(&mut self) {
        loop {
            let space = self.rest.len() - self.rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
            self.advance(space);
            if !self.rest.starts_with('#') {
                return;
            }
            self.advance(self.rest.find('\n').unwrap_or(self.rest.len()));
        }
    }

    fn advance(&mut self, length: usize) -> &'t str {
        let (passed, rest) = self.rest.split_at(length);
        match passed.rfind('\n') {
            Some(last) => {
                self.place.line += passed.matches('\n').count();
                self.place.column = passed[last..].chars().count();
            }
            None => self.place.column += passed.chars().count(),
        }
        self.rest = rest;
        passed
    }
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}
