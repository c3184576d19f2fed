//! A regular expression between slashes, in Lucene's syntax
//! (<https://www.elastic.co/guide/en/elasticsearch/reference/7.10/regexp-syntax.html>). It must match the whole value.
//!
//! It is parsed here and matched by `regex-automata`, in time proportional to the value. Deliberately absent: `~`, `&` and
//! `<1-10>`, which are Lucene's complement, intersection and numeric interval. Such a matcher does not support them, so they are refused.

use regex_automata::{
    Anchored, Input,
    meta::{Config, Regex},
};
use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, Hir, Look, Repetition};

/// Maximum depth of nested parentheses.
const MAX_DEPTH: usize = 64;
/// Maximum number of repetitions. Lucene and this parser write them out: `{1,1000}` is a thousand copies.
const MAX_REPEATS: u32 = 1000;
/// Maximum size of one compiled expression in bytes.
const MAX_BYTES: usize = 256 << 10;
/// Size of the matching cache of one expression in bytes.
const CACHE_BYTES: usize = 256 << 10;

/// A compiled regular expression.
#[derive(Debug, Clone)]
pub(in crate::select) struct Regexp {
    text: String,
    regex: Regex,
}

impl PartialEq for Regexp {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Regexp {
    /// Compiles an expression without its slashes.
    pub(in crate::select) fn new(text: &str) -> Result<Self, String> {
        let refuse = |message: &str| format!("`/{text}/`: {message}");
        let mut parser = Parser { rest: text.chars(), depth: 0, parts: 0 };
        let body = parser.union().map_err(|message| refuse(&message))?;
        if parser.peek().is_some() {
            return Err(refuse("a `)` without its `(`; a literal one is written `\\)`"));
        }
        let whole = Hir::concat(vec![Hir::look(Look::Start), body, Hir::look(Look::End)]);
        let config = Config::new().nfa_size_limit(Some(MAX_BYTES)).hybrid_cache_capacity(CACHE_BYTES);
        let regex = Regex::builder().configure(config).build_from_hir(&whole);
        let regex = regex.map_err(|_| refuse("it is too large when its repetitions are written out"))?;
        Ok(Self { text: text.into(), regex })
    }

    /// Whether it matches a whole value.
    pub(in crate::select) fn matches(&self, value: &str) -> bool {
        self.regex.is_match(Input::new(value).anchored(Anchored::Yes))
    }
}

struct Parser<'r> {
    rest: std::str::Chars<'r>,
    depth: usize,
    /// Number of parts of the last concatenation.
    parts: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.clone().next()
    }

    fn skip(&mut self, c: char) -> bool {
        let found = self.peek() == Some(c);
        if found {
            self.rest.next();
        }
        found
    }

    /// Alternatives up to the end or a `)`.
    fn union(&mut self) -> Result<Hir, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("more than {MAX_DEPTH} nested parentheses"));
        }
        let mut alternatives = vec![self.concatenation()?];
        let mut any_empty = self.parts == 0;
        while self.skip('|') {
            alternatives.push(self.concatenation()?);
            any_empty |= self.parts == 0;
        }
        // Lucene reads a `|` at the beginning as a literal, and refuses one at the end.
        if any_empty && alternatives.len() > 1 {
            return Err("an empty alternative beside a `|`; write `(a)?`, or `\\|` for a literal one".into());
        }
        self.depth -= 1;
        Ok(Hir::alternation(alternatives))
    }

    fn concatenation(&mut self) -> Result<Hir, String> {
        let mut parts = Vec::new();
        while self.peek().is_some_and(|c| c != '|' && c != ')') {
            parts.push(self.repeated()?);
        }
        self.parts = parts.len();
        Ok(Hir::concat(parts))
    }

    fn repeated(&mut self) -> Result<Hir, String> {
        let mut part = self.single()?;
        let mut times = 0;
        loop {
            times += 1;
            if times > MAX_DEPTH {
                return Err(format!("more than {MAX_DEPTH} nested repetitions"));
            }
            let (min, max) = match self.peek() {
                Some('?') => (0, Some(1)),
                Some('*') => (0, None),
                Some('+') => (1, None),
                Some('{') => {
                    self.rest.next();
                    let (min, max) = self.bounds()?;
                    part = repetition(part, min, max);
                    continue;
                }
                _ => return Ok(part),
            };
            self.rest.next();
            part = repetition(part, min, max);
        }
    }

    /// Parses the part after a `{`.
    fn bounds(&mut self) -> Result<(u32, Option<u32>), String> {
        const FORM: &str = "a repetition is written `{3}`, `{3,}` or `{3,5}`; a literal `{` is written `\\{`";
        let min = self.number().ok_or(FORM)?;
        let max = if self.skip(',') { self.number() } else { Some(min) };
        if !self.skip('}') {
            return Err(FORM.into());
        }
        if min > MAX_REPEATS || max.is_some_and(|max| max > MAX_REPEATS) {
            return Err(format!("a repetition of more than {MAX_REPEATS}"));
        }
        if max.is_some_and(|max| max < min) {
            return Err("a repetition whose maximum is below its minimum".into());
        }
        Ok((min, max))
    }

    fn number(&mut self) -> Option<u32> {
        let mut number: Option<u32> = None;
        while let Some(digit) = self.peek().and_then(|c| c.to_digit(10)) {
            self.rest.next();
            number = Some(number.unwrap_or(0).saturating_mul(10).saturating_add(digit));
        }
        number
    }

    fn single(&mut self) -> Result<Hir, String> {
        let Some(c) = self.rest.next() else { return Ok(Hir::empty()) };
        match c {
            '.' => Ok(any()),
            '@' => Ok(repetition(any(), 0, None)),
            '#' if self.peek() == Some('*') => Err("`#*` (nothing, repeated) matches nothing".into()),
            '#' => Ok(Hir::fail()),
            '"' => {
                let mut literal = String::new();
                loop {
                    match self.rest.next() {
                        Some('"') => return Ok(text(&literal)),
                        Some(c) => literal.push(c),
                        None => return Err("a `\"` without a closing one; a literal one is written `\\\"`".into()),
                    }
                }
            }
            '(' => {
                let inner = self.union()?;
                if self.skip(')') { Ok(inner) } else { Err("a `(` without its `)`".into()) }
            }
            '[' => self.class(),
            '\\' => match self.rest.next() {
                None => Err("a `\\` at the end; a literal one is written `\\\\`".into()),
                Some(c) => match predefined(c) {
                    Some(class) => Ok(Hir::class(Class::Unicode(class))),
                    None => escaped(c).map(|c| text(&c.to_string())),
                },
            },
            '?' | '*' | '+' | '{' => Err(format!("`{c}` with nothing before it; a literal one is written `\\{c}`")),
            '~' => Err("`~` (complement) is not supported; write `NOT` before the field; a literal one is written `\\~`".into()),
            '&' => Err("`&` (intersection) is not supported; write `AND` between two conditions; a literal one is written `\\&`".into()),
            '<' => Err("`<` (numeric interval) is not supported; a literal one is written `\\<`".into()),
            _ => Ok(text(&c.to_string())),
        }
    }

    /// Parses the part after a `[`.
    fn class(&mut self) -> Result<Hir, String> {
        const OPEN: &str = "a `[` without its `]`; a literal one is written `\\[`";
        let is_negated = self.skip('^');
        let mut class = ClassUnicode::empty();
        loop {
            let first = match self.rest.next() {
                None => return Err(OPEN.into()),
                Some(']') if !class.ranges().is_empty() => break,
                Some('\\') => {
                    let c = self.rest.next().ok_or(OPEN)?;
                    if let Some(predefined) = predefined(c) {
                        class.union(&predefined);
                        continue;
                    }
                    escaped(c)?
                }
                Some(c) => c,
            };
            let last = if self.skip('-') {
                match self.rest.next() {
                    None => return Err(OPEN.into()),
                    Some('\\') => self.rest.next().ok_or(OPEN)?,
                    Some(c) => c,
                }
            } else {
                first
            };
            if last < first {
                return Err(format!("`{first}-{last}` is not a range of characters: its end is before its beginning"));
            }
            class.push(ClassUnicodeRange::new(first, last));
        }
        if is_negated {
            class.negate();
        }
        Ok(Hir::class(Class::Unicode(class)))
    }
}

/// `.`: any character, including a line break.
fn any() -> Hir {
    Hir::class(Class::Unicode(ClassUnicode::new([ClassUnicodeRange::new('\0', char::MAX)])))
}

fn text(literal: &str) -> Hir {
    Hir::literal(literal.as_bytes())
}

fn repetition(part: Hir, min: u32, max: Option<u32>) -> Hir {
    Hir::repetition(Repetition { min, max, greedy: true, sub: Box::new(part) })
}

/// The character that a `\` makes literal. Letters are refused: they have a meaning in other dialects (`\b`, `\n`), but not in Lucene.
fn escaped(c: char) -> Result<char, String> {
    if c.is_ascii_alphabetic() {
        return Err(format!("`\\{c}` has no meaning; there are `\\d`, `\\w`, `\\s` and their capitals"));
    }
    Ok(c)
}

/// `\d`, `\w`, `\s` and their opposites. As in Lucene, they cover only ASCII.
fn predefined(c: char) -> Option<ClassUnicode> {
    let ranges: &[(char, char)] = match c {
        'd' | 'D' => &[('0', '9')],
        'w' | 'W' => &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')],
        's' | 'S' => &[('\t', '\n'), ('\r', '\r'), (' ', ' ')],
        _ => return None,
    };
    let mut class = ClassUnicode::new(ranges.iter().map(|(first, last)| ClassUnicodeRange::new(*first, *last)));
    if c.is_ascii_uppercase() {
        class.negate();
    }
    Some(class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_matches_whole_values_in_lucenes_syntax() {
        for (regexp, matching, other) in [
            ("2b_.*", &["2b_", "2b_screen_view", "2b_\n"][..], &["x2b_", "2b"][..]),
            ("a|bc", &["a", "bc"], &["ac", "abc"]),
            ("a(b|c)+d", &["abd", "acbd"], &["ad", "abd "]),
            ("ab?c*", &["a", "abcc"], &["abb"]),
            ("a{2}", &["aa"], &["a", "aaa"]),
            ("a{2,}", &["aa", "aaaa"], &["a"]),
            ("a{1,2}b", &["ab", "aab"], &["b", "aaab"]),
            ("[a-c]x", &["ax", "cx"], &["dx", "x"]),
            ("[^a-c]", &["d", "é", "😀", "\n"], &["a", ""]),
            ("\\d\\w\\s", &["1_ ", "9z\t"], &["٣a ", "1é "]),
            ("\"a.*\"", &["a.*"], &["ab"]),
            ("a\\.b", &["a.b"], &["axb"]),
            ("@", &["", "anything"], &[]),
            ("a@b", &["ab", "a b"], &["a"]),
            ("#", &[], &["", "#"]),
            (".", &["a", "😀"], &["", "ab"]),
            ("", &[""], &["a"]),
            ("a/b", &["a/b"], &["a"]),
            ("^a$", &["^a$"], &["a"]),
        ] {
            let compiled = Regexp::new(regexp).unwrap_or_else(|error| panic!("{error}"));
            for text in matching {
                assert!(compiled.matches(text), "/{regexp}/ {text:?}");
            }
            for text in other {
                assert!(!compiled.matches(text), "/{regexp}/ {text:?}");
            }
        }
    }

    #[test]
    fn what_is_malformed_or_not_supported_is_refused() {
        for (regexp, says) in [
            ("(a", "without its `)`"),
            ("a)", "without its `(`"),
            ("[a", "without its `]`"),
            ("[c-a]", "not a range"),
            // A range up to `]`, as in Lucene.
            ("[ab+-]", "without its `]`"),
            ("\"a", "without a closing one"),
            ("a\\", "at the end"),
            (r"\bx\b", "no meaning"),
            (r"[\n]", "no meaning"),
            ("|a", "empty alternative"),
            ("a|", "empty alternative"),
            ("a||b", "empty alternative"),
            ("(a|)b", "empty alternative"),
            ("#*", "matches nothing"),
            ("*a", "nothing before it"),
            ("a{x}", "`{3}`"),
            ("a{3,2}", "below its minimum"),
            ("a{1001}", "more than 1000"),
            ("~a", "complement"),
            ("a&b", "intersection"),
            ("<1-5>", "interval"),
            ("((a{1000}){1000}){1000}", "too large"),
            (&"(".repeat(100), "64 nested parentheses"),
            (&format!("a{}", "*".repeat(100_000)), "64 nested repetitions"),
        ] {
            let error = Regexp::new(regexp).map(|_| ()).unwrap_err();
            assert!(error.contains(says), "/{regexp}/: {error}");
        }
    }

    #[test]
    fn a_hostile_expression_takes_no_exponential_time() {
        let regexp = Regexp::new("(a|aa|a?)*(a|aa)*b").unwrap();
        assert!(!regexp.matches(&"a".repeat(20_000)));
    }
}
