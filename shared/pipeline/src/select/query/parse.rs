//! Parses the text of a query to a [`Query`], by the rules of Lucene's classic parser with OR as the default operator.

use std::collections::BTreeSet;

use super::{
    characters::{begins_word, in_word},
    conditions::Conditions,
    error::SelectError,
    field::FieldName,
    scan::{Scanner, Word},
};
use crate::select::{
    condition::{Bound, Condition, Range, Term},
    expression::Expression,
    fields::{Bit, Fields},
    wildcard::Wildcard,
};

/// Maximum depth of nested parentheses. The parser and the matcher recurse once for each level.
const MAX_DEPTH: usize = 64;

/// Compiles a query.
pub(in crate::select) fn compile(text: &str) -> Result<Query, SelectError> {
    let mut parser = Parser { scan: Scanner::new(text), conditions: Conditions::default(), depth: 0 };
    let expression = match parser.whole() {
        Ok(expression) => expression,
        Err(error) => return Err(parser.scan.slashes.explain(text, error)),
    };
    let doubts = parser.scan.slashes.doubts(text);
    let Conditions { fields, labels, compared, .. } = parser.conditions;
    Ok(Query { fields, expression, labels, compared, doubts })
}

/// A compiled query.
pub(in crate::select) struct Query {
    pub(in crate::select) fields: Fields,
    pub(in crate::select) expression: Expression,
    pub(in crate::select) labels: Vec<(Bit, String)>,
    /// The fields whose values are compared, sorted by name.
    pub(in crate::select) compared: BTreeSet<String>,
    /// Parts that are valid but probably not intended.
    pub(in crate::select) doubts: Vec<String>,
}

struct Parser<'q> {
    scan: Scanner<'q>,
    conditions: Conditions,
    depth: usize,
}

/// A clause's role, from the word or sign before it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Modifier {
    None,
    Required,
    Prohibited,
}

/// The conjunction between a clause and the one before.
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

impl Parser<'_> {
    /// The whole query.
    fn whole(&mut self) -> Result<Expression, SelectError> {
        self.scan.skip_space();
        if self.scan.rest().is_empty() {
            return self.scan.fail(0, "the query is empty; write `*` for every event, or leave `select` out");
        }
        let expression = self.query(None)?;
        if self.scan.rest().starts_with(')') {
            return self.scan.fail(self.scan.at, "a `)` without its `(`; a literal one is written `\\)` or in quotes");
        }
        Ok(expression)
    }

    /// Clauses up to the end or a `)`.
    fn query(&mut self, field: Option<&FieldName>) -> Result<Expression, SelectError> {
        let start = self.scan.at;
        let mut clauses: Vec<(Occur, Expression)> = Vec::new();
        let mut plain = false;
        let mut after_word = false;
        loop {
            self.scan.skip_space();
            let at = self.scan.at;
            let conjunction = self.conjunction();
            if conjunction != Conjunction::None {
                if clauses.is_empty() {
                    return self.scan.fail(at, "AND and OR join two clauses; there is none before this one");
                }
                self.scan.skip_space();
                let second = self.scan.at;
                if self.conjunction() != Conjunction::None {
                    return self
                        .scan
                        .fail(second, "an operator after AND or OR; a clause such as `field:value` is expected");
                }
            }
            match self.scan.peek() {
                None | Some(')') if conjunction != Conjunction::None => {
                    return self.scan.fail(at, "AND and OR join two clauses; there is none after this one");
                }
                None | Some(')') => break,
                Some(_) => {}
            }
            let modifier = self.modifier()?;
            let start = self.scan.at;
            let clause = self.clause(field)?;
            let is_word = self.is_plain_word(start);
            if is_word && after_word && conjunction == Conjunction::None && modifier == Modifier::None {
                // This is one value with a space on a keyword field, but two words on a text field. There is no mapping to ask.
                let message = "words with spaces between them may mean any or all of the words; write an operator \
                               such as OR between them, or put them in quotes";
                return self.scan.fail(start, message);
            }
            after_word = is_word;
            plain = clauses.is_empty() && modifier == Modifier::None;
            add_clause(&mut clauses, conjunction, modifier, clause);
        }
        if clauses.is_empty() {
            return self.scan.fail(start, "empty parentheses; write a clause such as `field:value` between them");
        }
        if plain && clauses.len() == 1 {
            // A single clause needs no `Bool`.
            if let Some((_, clause)) = clauses.pop() {
                return Ok(clause);
            }
        }
        let (mut must, mut should, mut must_not) = (Vec::new(), Vec::new(), Vec::new());
        for (occur, clause) in clauses {
            match occur {
                Occur::Must => must.push(clause),
                Occur::Should => should.push(clause),
                Occur::MustNot => must_not.push(clause),
            }
        }
        Ok(Expression::Bool { must, should, must_not })
    }

    /// Whether the clause from `start` to here is a single word, without a field, quotes or wildcards.
    fn is_plain_word(&self, start: usize) -> bool {
        let clause = self.scan.text.get(start..self.scan.at).unwrap_or_default();
        let mut escaped = false;
        clause.chars().all(|c| {
            let is_plain = escaped || c == '\\' || (in_word(c) && !matches!(c, '*' | '?'));
            escaped = !escaped && c == '\\';
            is_plain
        })
    }

    /// `AND`, `OR`, `&&`, `||`. They are operators only as whole words.
    fn conjunction(&mut self) -> Conjunction {
        for (word, conjunction) in
            [("AND", Conjunction::And), ("&&", Conjunction::And), ("OR", Conjunction::Or), ("||", Conjunction::Or)]
        {
            if self.scan.skip_word(word) {
                return conjunction;
            }
        }
        Conjunction::None
    }

    fn modifier(&mut self) -> Result<Modifier, SelectError> {
        let at = self.scan.at;
        let modifier = if self.scan.skip_word("NOT") {
            Modifier::Prohibited
        } else {
            let modifier = match self.scan.peek() {
                Some('+') => Modifier::Required,
                Some('-' | '!') => Modifier::Prohibited,
                _ => return Ok(Modifier::None),
            };
            self.scan.at += 1;
            if self.scan.peek().is_some_and(char::is_whitespace) {
                return self.scan.fail(at, "a `+`, `-` or `!` stands right before its clause, without a space");
            }
            modifier
        };
        self.scan.skip_space();
        let at = self.scan.at;
        match self.scan.peek() {
            None | Some(')') => self.scan.fail(at, "NOT, `!`, `+` and `-` need a clause after them"),
            Some('+' | '-' | '!') => {
                self.scan.fail(at, "a clause takes only one of NOT, `!`, `+` and `-`; use parentheses for more")
            }
            _ if self.scan.skip_word("NOT") || self.conjunction() != Conjunction::None => {
                self.scan.fail(at, "an operator after NOT, `!`, `+` or `-`; a clause such as `field:value` is expected")
            }
            _ => Ok(modifier),
        }
    }

    /// `field:term`, `field:(…)`, `(…)`, or a term if an outer group gives the field.
    fn clause(&mut self, field: Option<&FieldName>) -> Result<Expression, SelectError> {
        if self.scan.peek() == Some('(') {
            return self.group(field);
        }
        let start = self.scan.at;
        if self.scan.peek().is_some_and(|c| begins_word(c) || c == '*' || c == '?') {
            let word = self.scan.word()?;
            let after_word = self.scan.at;
            self.scan.skip_space();
            if self.scan.peek() == Some(':') {
                self.scan.at += 1;
                self.scan.skip_space();
                return self.field_clause(&word);
            }
            self.scan.at = after_word;
            return self.word_term(field, &word);
        }
        self.term(field, start)
    }

    fn group(&mut self, field: Option<&FieldName>) -> Result<Expression, SelectError> {
        let open = self.scan.at;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.scan.fail(open, format!("more than {MAX_DEPTH} nested parentheses"));
        }
        self.scan.at += 1;
        let query = self.query(field)?;
        if self.scan.peek() != Some(')') {
            return self.scan.fail(open, "a `(` without its `)`");
        }
        self.scan.at += 1;
        self.depth -= 1;
        self.no_suffix()?;
        Ok(query)
    }

    /// Parses the part after `name:`.
    fn field_clause(&mut self, name: &Word) -> Result<Expression, SelectError> {
        let start = self.scan.at;
        if name.is_star() {
            let word = if self.scan.peek() == Some('*') { Some(self.scan.word()?) } else { None };
            return match word {
                Some(word) if word.is_star() => Ok(Expression::All),
                _ => self
                    .scan
                    .fail(name.start, "`*:` with a value means any field, which is not supported; name the field"),
            };
        }
        if name.has_wildcard() {
            return self
                .scan
                .fail(name.start, "a field name with a wildcard is not supported; name the fields, joined by OR");
        }
        if name.text == "_exists_" {
            return self.exists();
        }
        let field = FieldName::parse(&name.text)
            .map_err(|error| self.scan.error(name.start, format!("`{}`: {error}", name.text)))?;
        match self.scan.peek() {
            Some('(') => self.group(Some(&field)),
            Some(c) if begins_word(c) || c == '*' || c == '?' => {
                let word = self.scan.word()?;
                self.word_term(Some(&field), &word)
            }
            Some('-' | '+' | '!') => self.scan.fail(
                start,
                "a value that begins with `-`, `+` or `!` is escaped or quoted: `field:\\-33` or `field:\"-33\"`",
            ),
            None | Some(')') => self
                .scan
                .fail(start, format!("`{0}:` without a value; write `{0}:value`, or `{0}:*` for any value", name.text)),
            Some(_) => self.term(Some(&field), start),
        }
    }

    /// `_exists_:field`
    fn exists(&mut self) -> Result<Expression, SelectError> {
        let start = self.scan.at;
        let name = match self.scan.peek() {
            Some('"') => self.scan.quoted()?,
            Some(c) if begins_word(c) || c == '*' || c == '?' => {
                let word = self.scan.word()?;
                if word.has_wildcard() {
                    return self.scan.fail(start, "`_exists_:` with a wildcard is not supported; name the field");
                }
                word.text
            }
            _ => return self.scan.fail(start, "`_exists_:` is followed by a field, such as `_exists_:adid`"),
        };
        let field = FieldName::parse(&name).map_err(|error| self.scan.error(start, format!("`{name}`: {error}")))?;
        self.no_suffix()?;
        self.labelled(&field, Condition::HasValue, start, format!("_exists_:{name}"))
    }

    /// A word as a term: `value`, `val*`, `*`, `>=10`.
    fn word_term(&mut self, field: Option<&FieldName>, word: &Word) -> Result<Expression, SelectError> {
        let raw = self.scan.text.get(word.start..self.scan.at).unwrap_or_default();
        let Some(field) = field else {
            if word.is_star() {
                self.no_suffix()?;
                return Ok(Expression::All);
            }
            let hint = match raw {
                "and" | "or" | "not" => format!("operators are written in capitals: {}", raw.to_uppercase()),
                _ => format!("write `field:{raw}`"),
            };
            return self.scan.fail(
                word.start,
                format!("`{raw}` without a field needs full-text search, which is not supported; {hint}"),
            );
        };
        if matches!(raw, "AND" | "OR" | "NOT" | "&&" | "||") {
            return self.scan.fail(word.start, format!("`{raw}` is an operator; as a value it is quoted: `\"{raw}\"`"));
        }
        self.no_suffix()?;
        if word.is_star() {
            return self.condition(field, Condition::HasValue, word.start);
        }
        if word.has_wildcard() {
            return self.condition(field, Condition::Wildcard(Wildcard::new(word.pieces.clone())), word.start);
        }
        for (sign, is_lower, inclusive) in
            [(">=", true, true), ("<=", false, true), (">", true, false), ("<", false, false)]
        {
            if let Some(bound) = word.text.strip_prefix(sign) {
                if bound.is_empty() {
                    return self.scan.fail(
                        word.start,
                        format!("`{sign}` is followed by a value without a space or quotes: `field:{sign}10`"),
                    );
                }
                let bound = Some(Bound { term: self.scan.bound(bound, word.start)?, inclusive });
                let range =
                    if is_lower { Range { lower: bound, upper: None } } else { Range { lower: None, upper: bound } };
                return self.condition(field, Condition::Range(range), word.start);
            }
        }
        self.condition(field, Condition::Equal(Term::new(word.text.clone())), word.start)
    }

    /// A quoted phrase, a range, or something that cannot begin a term.
    fn term(&mut self, field: Option<&FieldName>, start: usize) -> Result<Expression, SelectError> {
        let needs_field = "without a field needs full-text search, which is not supported; write `field:…`";
        match self.scan.peek() {
            Some('"') => {
                let text = self.scan.quoted()?;
                let Some(field) = field else { return self.scan.fail(start, format!("a phrase {needs_field}")) };
                self.no_suffix()?;
                self.condition(field, Condition::Equal(Term::new(text)), start)
            }
            Some('[' | '{') => {
                let range = self.scan.range()?;
                let Some(field) = field else { return self.scan.fail(start, format!("a range {needs_field}")) };
                self.no_suffix()?;
                if range.lower.is_none() && range.upper.is_none() {
                    return self.condition(field, Condition::HasValue, start);
                }
                self.condition(field, Condition::Range(range), start)
            }
            Some('/') => {
                let text = self.scan.regexp()?;
                let Some(field) = field else { return self.scan.fail(start, format!("a regular expression {needs_field}")) };
                self.no_suffix()?;
                let regexp = self.conditions.regexp(&text).map_err(|message| self.scan.error(start, message))?;
                self.condition(field, regexp, start)
            }
            Some('^') => self.scan.fail(start, "a boost (`^`) is not supported: a selection has no score; a literal one is written `\\^`"),
            Some('~') => self.scan.fail(start, "`~` (fuzzy, proximity) is not supported; a literal one is written `\\~`"),
            Some(c) => self.scan.fail(start, format!("`{c}` where a clause such as `field:value` is expected; a literal one is written `\\{c}` or in quotes")),
            None => self.scan.fail(start, "a clause such as `field:value` is expected"),
        }
    }

    /// A condition on a field. Its text is from `start` to here.
    fn condition(&mut self, field: &FieldName, condition: Condition, start: usize) -> Result<Expression, SelectError> {
        let written = self.scan.text.get(start..self.scan.at).unwrap_or_default();
        self.labelled(field, condition, start, format!("{}:{written}", field.path))
    }

    fn labelled(
        &mut self,
        field: &FieldName,
        condition: Condition,
        start: usize,
        label: String,
    ) -> Result<Expression, SelectError> {
        self.conditions.add(field, condition, label).map_err(|message| self.scan.error(start, message))
    }

    /// Refuses suffixes of a term that are valid in Lucene but need a score.
    fn no_suffix(&self) -> Result<(), SelectError> {
        match self.scan.peek() {
            Some('~') => self.scan.fail(
                self.scan.at,
                "`~` (fuzzy, proximity) is not supported; use `*` and `?`, or write a literal one as `\\~`",
            ),
            Some('^') => {
                self.scan.fail(self.scan.at, "a boost (`^`) is not supported: a selection has no score; leave it out")
            }
            Some(':') => self.scan.fail(self.scan.at, "a `:` inside a value is written `\\:`, or the value in quotes"),
            _ => Ok(()),
        }
    }
}

/// Lucene's rule (`QueryParserBase.addClause`): AND makes its left side required too, and OR does not change it. So
/// `a OR b AND c` is `a +b +c`.
fn add_clause(
    clauses: &mut Vec<(Occur, Expression)>,
    conjunction: Conjunction,
    modifier: Modifier,
    clause: Expression,
) {
    if conjunction == Conjunction::And
        && let Some((occur, _)) = clauses.last_mut()
        && *occur != Occur::MustNot
    {
        *occur = Occur::Must;
    }
    let occur = match modifier {
        Modifier::Prohibited => Occur::MustNot,
        Modifier::Required => Occur::Must,
        Modifier::None if conjunction == Conjunction::And => Occur::Must,
        Modifier::None => Occur::Should,
    };
    clauses.push((occur, clause));
}
