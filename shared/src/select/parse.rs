//! The text of a query becomes a [`Query`], by the rules of Lucene's classic parser with OR as the default operator.

use super::{
    Bool, Query, SelectError,
    field::Field,
    term::{Bound, Range, Term},
    wildcard::{Piece, Wildcard},
};

/// Parentheses within parentheses; the parser and the matcher go down once for each.
const MAX_DEPTH: usize = 64;

pub(super) fn parse(text: &str) -> Result<Query, SelectError> {
    let mut parser = Parser { text, at: 0, depth: 0 };
    parser.skip_space();
    if parser.rest().is_empty() {
        return parser.fail(0, "the query is empty; write `*` for every event, or leave `select` out");
    }
    let query = parser.query(None)?;
    if parser.rest().starts_with(')') {
        return parser.fail(parser.at, "a `)` without its `(`; a literal one is written `\\)` or in quotes");
    }
    Ok(query)
}

struct Parser<'q> {
    text: &'q str,
    /// The byte offset of what comes next.
    at: usize,
    depth: usize,
}

/// A clause's role, from the word or sign before it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Modifier {
    None,
    Required,
    Prohibited,
}

/// What joins a clause to the one before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Conjunction {
    None,
    And,
    Or,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Occur {
    Must,
    Should,
    MustNot,
}

/// A word as it stands, with its escapes, and what it means.
struct Word {
    start: usize,
    /// With escapes resolved.
    text: String,
    pieces: Vec<Piece>,
}

impl Word {
    fn has_wildcard(&self) -> bool {
        self.pieces.iter().any(|piece| !matches!(piece, Piece::Exactly(_)))
    }

    fn is_star(&self) -> bool {
        self.pieces.iter().all(|piece| *piece == Piece::Many)
    }
}

impl<'q> Parser<'q> {
    fn rest(&self) -> &'q str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip_space(&mut self) {
        let trimmed = self.rest().trim_start_matches([' ', '\t', '\n', '\r', '\u{3000}']);
        self.at = self.text.len() - trimmed.len();
    }

    fn fail<T>(&self, at: usize, message: impl Into<String>) -> Result<T, SelectError> {
        Err(self.error(at, message))
    }

    fn error(&self, at: usize, message: impl Into<String>) -> SelectError {
        let before = self.text.get(..at).unwrap_or(self.text);
        SelectError { column: before.chars().count() + 1, message: message.into() }
    }

    /// Clauses up to the end or a `)`.
    fn query(&mut self, field: Option<&Field>) -> Result<Query, SelectError> {
        let start = self.at;
        let mut clauses: Vec<(Occur, Query)> = Vec::new();
        let mut plain = false;
        loop {
            self.skip_space();
            let at = self.at;
            let conjunction = self.conjunction();
            if conjunction != Conjunction::None {
                if clauses.is_empty() {
                    return self.fail(at, "AND and OR join two clauses; there is none before this one");
                }
                self.skip_space();
                let second = self.at;
                if self.conjunction() != Conjunction::None {
                    return self
                        .fail(second, "an operator behind AND or OR; a clause such as `field:value` is expected");
                }
            }
            match self.peek() {
                None | Some(')') if conjunction != Conjunction::None => {
                    return self.fail(at, "AND and OR join two clauses; there is none after this one");
                }
                None | Some(')') => break,
                Some(_) => {}
            }
            let modifier = self.modifier()?;
            let clause = self.clause(field)?;
            plain = clauses.is_empty() && modifier == Modifier::None;
            add_clause(&mut clauses, conjunction, modifier, clause);
        }
        if clauses.is_empty() {
            return self.fail(start, "empty parentheses; write a clause such as `field:value` between them");
        }
        if plain && clauses.len() == 1 {
            // A clause alone is itself.
            if let Some((_, query)) = clauses.pop() {
                return Ok(query);
            }
        }
        let mut bool = Bool::default();
        for (occur, query) in clauses {
            match occur {
                Occur::Must => bool.must.push(query),
                Occur::Should => bool.should.push(query),
                Occur::MustNot => bool.must_not.push(query),
            }
        }
        Ok(Query::Bool(bool))
    }

    /// `AND`, `OR`, `&&`, `||`, which are operators only where they are a whole word.
    fn conjunction(&mut self) -> Conjunction {
        for (word, conjunction) in
            [("AND", Conjunction::And), ("&&", Conjunction::And), ("OR", Conjunction::Or), ("||", Conjunction::Or)]
        {
            if self.skip_word(word) {
                return conjunction;
            }
        }
        Conjunction::None
    }

    fn skip_word(&mut self, word: &str) -> bool {
        let Some(after) = self.rest().strip_prefix(word) else { return false };
        if after.chars().next().is_some_and(|c| in_word(c) || c == '\\' || c == ':') {
            return false;
        }
        self.at += word.len();
        true
    }

    fn modifier(&mut self) -> Result<Modifier, SelectError> {
        let at = self.at;
        let modifier = if self.skip_word("NOT") {
            Modifier::Prohibited
        } else {
            let modifier = match self.peek() {
                Some('+') => Modifier::Required,
                Some('-' | '!') => Modifier::Prohibited,
                _ => return Ok(Modifier::None),
            };
            self.at += 1;
            if self.peek().is_some_and(char::is_whitespace) {
                return self.fail(at, "a `+`, `-` or `!` stands right before its clause, without a space");
            }
            modifier
        };
        self.skip_space();
        let at = self.at;
        match self.peek() {
            None | Some(')') => self.fail(at, "NOT, `!`, `+` and `-` need a clause behind them"),
            Some('+' | '-' | '!') => self.fail(at, "one of NOT, `!`, `+` and `-` a clause; use parentheses for more"),
            _ if self.skip_word("NOT") || self.conjunction() != Conjunction::None => {
                self.fail(at, "an operator behind NOT, `!`, `+` or `-`; a clause such as `field:value` is expected")
            }
            _ => Ok(modifier),
        }
    }

    /// `field:term`, `field:(…)`, `(…)`, or a term where a field is given around it.
    fn clause(&mut self, field: Option<&Field>) -> Result<Query, SelectError> {
        if self.peek() == Some('(') {
            return self.group(field);
        }
        let start = self.at;
        if self.peek().is_some_and(|c| begins_word(c) || c == '*' || c == '?') {
            let word = self.word()?;
            let after_word = self.at;
            self.skip_space();
            if self.peek() == Some(':') {
                self.at += 1;
                self.skip_space();
                return self.field_clause(&word);
            }
            self.at = after_word;
            return self.word_term(field, &word);
        }
        self.term(field, start)
    }

    fn group(&mut self, field: Option<&Field>) -> Result<Query, SelectError> {
        let open = self.at;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.fail(open, format!("more than {MAX_DEPTH} parentheses within one another"));
        }
        self.at += 1;
        let query = self.query(field)?;
        if self.peek() != Some(')') {
            return self.fail(open, "a `(` without its `)`");
        }
        self.at += 1;
        self.depth -= 1;
        self.no_suffix()?;
        Ok(query)
    }

    /// What follows `name:`.
    fn field_clause(&mut self, name: &Word) -> Result<Query, SelectError> {
        let start = self.at;
        if name.is_star() {
            let word = if self.peek() == Some('*') { Some(self.word()?) } else { None };
            return match word {
                Some(word) if word.is_star() => Ok(Query::All),
                _ => self.fail(name.start, "`*:` with a value means any field, which is not supported; name the field"),
            };
        }
        if name.has_wildcard() {
            return self
                .fail(name.start, "a field name with a wildcard is not supported; name the fields, joined by OR");
        }
        if name.text == "_exists_" {
            return self.exists();
        }
        let field =
            Field::parse(&name.text).map_err(|error| self.error(name.start, format!("`{}`: {error}", name.text)))?;
        match self.peek() {
            Some('(') => self.group(Some(&field)),
            Some(c) if begins_word(c) || c == '*' || c == '?' => {
                let word = self.word()?;
                self.word_term(Some(&field), &word)
            }
            Some('-' | '+' | '!') => self.fail(
                start,
                "a value that begins with `-`, `+` or `!` is escaped or quoted: `field:\\-33` or `field:\"-33\"`",
            ),
            None | Some(')') => self.fail(
                start,
                format!("`{0}:` without a value; write `{0}:value`, or `{0}:*` where any will do", name.text),
            ),
            Some(_) => self.term(Some(&field), start),
        }
    }

    /// `_exists_:field`
    fn exists(&mut self) -> Result<Query, SelectError> {
        let start = self.at;
        let name = match self.peek() {
            Some('"') => self.quoted()?,
            Some(c) if begins_word(c) || c == '*' || c == '?' => {
                let word = self.word()?;
                if word.has_wildcard() {
                    return self.fail(start, "`_exists_:` with a wildcard is not supported; name the field");
                }
                word.text
            }
            _ => return self.fail(start, "`_exists_:` is followed by a field, such as `_exists_:adid`"),
        };
        let field = Field::parse(&name).map_err(|error| self.error(start, format!("`{name}`: {error}")))?;
        self.no_suffix()?;
        Ok(Query::Exists(field))
    }

    /// A word as a term: `value`, `val*`, `*`, `>=10`.
    fn word_term(&mut self, field: Option<&Field>, word: &Word) -> Result<Query, SelectError> {
        let raw = self.text.get(word.start..self.at).unwrap_or_default();
        let Some(field) = field else {
            if word.is_star() {
                self.no_suffix()?;
                return Ok(Query::All);
            }
            let hint = match raw {
                "and" | "or" | "not" => format!("operators are written in capitals: {}", raw.to_uppercase()),
                _ => format!("write `field:{raw}`"),
            };
            return self.fail(
                word.start,
                format!("`{raw}` without a field needs full-text search, which is not supported; {hint}"),
            );
        };
        if matches!(raw, "AND" | "OR" | "NOT" | "&&" | "||") {
            return self.fail(word.start, format!("`{raw}` is an operator; as a value it is quoted: `\"{raw}\"`"));
        }
        self.no_suffix()?;
        if word.is_star() {
            return Ok(Query::Exists(field.clone()));
        }
        if word.has_wildcard() {
            return Ok(Query::Wildcard(field.clone(), Wildcard::new(word.pieces.clone())));
        }
        for (sign, is_lower, inclusive) in
            [(">=", true, true), ("<=", false, true), (">", true, false), ("<", false, false)]
        {
            if let Some(bound) = word.text.strip_prefix(sign) {
                if bound.is_empty() {
                    return self.fail(
                        word.start,
                        format!("`{sign}` is followed by a value without a space or quotes: `field:{sign}10`"),
                    );
                }
                let bound = Some(Bound { term: self.bound(bound, word.start)?, inclusive });
                let range =
                    if is_lower { Range { lower: bound, upper: None } } else { Range { lower: None, upper: bound } };
                return Ok(Query::Range(field.clone(), range));
            }
        }
        Ok(Query::Equal(field.clone(), Term::new(word.text.clone())))
    }

    /// A quoted phrase, a range, or something that cannot begin a term.
    fn term(&mut self, field: Option<&Field>, start: usize) -> Result<Query, SelectError> {
        let needs_field = "without a field needs full-text search, which is not supported; write `field:…`";
        match self.peek() {
            Some('"') => {
                let text = self.quoted()?;
                let Some(field) = field else { return self.fail(start, format!("a phrase {needs_field}")) };
                self.no_suffix()?;
                Ok(Query::Equal(field.clone(), Term::new(text)))
            }
            Some('[' | '{') => {
                let range = self.range()?;
                let Some(field) = field else { return self.fail(start, format!("a range {needs_field}")) };
                self.no_suffix()?;
                if range.lower.is_none() && range.upper.is_none() {
                    return Ok(Query::Exists(field.clone()));
                }
                Ok(Query::Range(field.clone(), range))
            }
            Some('/') => self.fail(start, "`/` begins a regular expression, which is not supported; use `*` and `?`, or write a literal one as `\\/` or in quotes"),
            Some('^') => self.fail(start, "a boost (`^`) is not supported: a selection has no score; a literal one is written `\\^`"),
            Some('~') => self.fail(start, "`~` (fuzzy, proximity) is not supported; a literal one is written `\\~`"),
            Some(c) => self.fail(start, format!("`{c}` where a clause such as `field:value` is expected; a literal one is written `\\{c}` or in quotes")),
            None => self.fail(start, "a clause such as `field:value` is expected"),
        }
    }

    /// Refuses what may follow a term in Lucene and needs a score.
    fn no_suffix(&self) -> Result<(), SelectError> {
        match self.peek() {
            Some('~') => self.fail(
                self.at,
                "`~` (fuzzy, proximity) is not supported; use `*` and `?`, or write a literal one as `\\~`",
            ),
            Some('^') => self.fail(self.at, "a boost (`^`) is not supported: a selection has no score; leave it out"),
            Some(':') => self.fail(self.at, "a `:` inside a value is written `\\:`, or the value in quotes"),
            _ => Ok(()),
        }
    }

    fn word(&mut self) -> Result<Word, SelectError> {
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
    fn escape(&mut self) -> Result<char, SelectError> {
        let start = self.at;
        self.at += 1;
        let Some(c) = self.peek() else {
            return self.fail(start, "a `\\` at the end; a literal one is written `\\\\`");
        };
        self.at += c.len_utf8();
        if c != 'u' {
            return Ok(c);
        }
        let unit =
            self.rest().get(..4).and_then(|digits| u32::from_str_radix(digits, 16).ok()).and_then(char::from_u32);
        match unit {
            Some(c) => {
                self.at += 4;
                Ok(c)
            }
            None => self.fail(start, "`\\u` is followed by four hexadecimal digits of a character"),
        }
    }

    fn quoted(&mut self) -> Result<String, SelectError> {
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
        self.fail(start, "a `\"` without its other; a literal one is written `\\\"`")
    }

    /// `[a TO b]`, `{a TO b}`, or mixed.
    fn range(&mut self) -> Result<Range, SelectError> {
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
        Ok(Range { lower: bound(lower, lower_inclusive), upper: bound(upper, upper_inclusive) })
    }

    /// One bound; `None` for an open end.
    fn range_bound(&mut self, open: usize, form: &str) -> Result<Option<Term>, SelectError> {
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

    fn bound(&self, text: &str, start: usize) -> Result<Term, SelectError> {
        if text.starts_with("now") || text.contains("||") {
            return self.fail(
                start,
                format!(
                    "`{text}` is relative to a clock, which a selection does not have; write a date such as 2026-11-22"
                ),
            );
        }
        Ok(Term::new(text.into()))
    }
}

/// Characters that a word may begin with; a `\` escapes any other.
fn begins_word(c: char) -> bool {
    !matches!(
        c,
        ' ' | '\t'
            | '\n'
            | '\r'
            | '\u{3000}'
            | '+'
            | '-'
            | '!'
            | '('
            | ')'
            | ':'
            | '^'
            | '['
            | ']'
            | '"'
            | '{'
            | '}'
            | '~'
            | '*'
            | '?'
            | '/'
    )
}

/// Characters that may follow in a word.
fn in_word(c: char) -> bool {
    c != '\\' && (begins_word(c) || matches!(c, '-' | '+' | '*' | '?'))
}

/// Lucene's own rule (`QueryParserBase.addClause`): AND makes its left side required too, OR does nothing to it, so
/// `a OR b AND c` is `a +b +c`.
fn add_clause(clauses: &mut Vec<(Occur, Query)>, conjunction: Conjunction, modifier: Modifier, query: Query) {
    if conjunction == Conjunction::And {
        if let Some((occur, _)) = clauses.last_mut() {
            if *occur != Occur::MustNot {
                *occur = Occur::Must;
            }
        }
    }
    let occur = match modifier {
        Modifier::Prohibited => Occur::MustNot,
        Modifier::Required => Occur::Must,
        Modifier::None if conjunction == Conjunction::And => Occur::Must,
        Modifier::None => Occur::Should,
    };
    clauses.push((occur, query));
}
