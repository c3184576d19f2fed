//! Translates a Ruby regular expression into one of Lucene. An expression of Lucene has to match the whole value, so
//! `.*` is added on both sides, except where `^` and `$` anchor the expression.
//!
//! Deliberately absent: syntax that Lucene does not have (look-around, back-references, `\b`, options such as `(?i)`).
//! Ruby's `^` and `$` match at every line, here only at the ends of the value.

/// The expression without slashes, or the reason why there is none.
pub(super) fn to_lucene(ruby: &str) -> Result<String, String> {
    let mut reader = Reader { rest: ruby.chars().peekable(), out: String::new(), depth: 0 };
    let mut alternatives = Vec::new();
    loop {
        let starts = reader.start();
        let (ends, is_last) = reader.alternative()?;
        let body = std::mem::take(&mut reader.out);
        let before = if starts { "" } else { ".*" };
        let after = if ends { "" } else { ".*" };
        alternatives.push(format!("{before}{body}{after}"));
        if is_last {
            return Ok(alternatives.join("|"));
        }
    }
}

struct Reader<'r> {
    rest: std::iter::Peekable<std::str::Chars<'r>>,
    out: String,
    /// The number of open parentheses.
    depth: usize,
}

impl Reader<'_> {
    /// Whether an alternative is anchored at the beginning of the value.
    fn start(&mut self) -> bool {
        if self.rest.next_if_eq(&'^').is_some() {
            return true;
        }
        let mut ahead = self.rest.clone();
        let found = ahead.next() == Some('\\') && ahead.next() == Some('A');
        if found {
            self.rest = ahead;
        }
        found
    }

    /// Reads up to a `|` outside parentheses or to the end. Returns whether the alternative is anchored at the end of
    /// the value, and whether it was the last one.
    fn alternative(&mut self) -> Result<(bool, bool), String> {
        while let Some(c) = self.rest.next() {
            match c {
                '|' if self.depth == 0 => return Ok((false, false)),
                '$' => return self.end("$"),
                '^' => return Err("`^` within the expression".into()),
                '\\' => {
                    if let Some(end) = self.rest.next_if(|c| matches!(c, 'z' | 'Z')) {
                        return self.end(&format!("\\{end}"));
                    }
                    self.escape(false)?;
                }
                '(' => {
                    self.depth += 1;
                    self.out.push('(');
                    self.group()?;
                }
                ')' => {
                    self.depth = self.depth.checked_sub(1).ok_or("a `)` without its `(`")?;
                    self.out.push(')');
                }
                '[' => self.class()?,
                '*' | '+' | '?' => self.repeat(c),
                '{' => self.braces()?,
                _ => self.literal(c),
            }
        }
        if self.depth > 0 { Err("a `(` without its `)`".into()) } else { Ok((false, true)) }
    }

    fn end(&mut self, anchor: &str) -> Result<(bool, bool), String> {
        match self.rest.next() {
            _ if self.depth > 0 => {}
            None => return Ok((true, true)),
            Some('|') => return Ok((true, false)),
            Some(_) => {}
        }
        Err(format!("`{anchor}` within the expression"))
    }

    /// Reads the syntax after a `(`: `?:` and names are ignored, all else is an error.
    fn group(&mut self) -> Result<(), String> {
        if self.rest.next_if_eq(&'?').is_none() {
            return Ok(());
        }
        match self.rest.next() {
            Some(':') => Ok(()),
            Some('<') if self.rest.peek().is_some_and(|c| c.is_alphabetic()) => {
                if self.rest.any(|c| c == '>') {
                    Ok(())
                } else {
                    Err("a name without its `>`".into())
                }
            }
            Some('i') => Err("`(?i)`: Lucene tells upper and lower case apart; write `[Aa]`".into()),
            _ => Err("`(?…)`: Lucene has no look-around and no options".into()),
        }
    }

    fn repeat(&mut self, c: char) {
        self.out.push(c);
        // Lazy or greedy: both match the same values.
        self.rest.next_if_eq(&'?');
    }

    /// Reads `{2,3}` or a literal brace.
    fn braces(&mut self) -> Result<(), String> {
        let mut ahead = self.rest.clone();
        let inner: String = ahead.by_ref().take(12).take_while(|c| *c != '}').collect();
        let is_bounds = !inner.is_empty()
            && inner != ","
            && inner.chars().all(|c| c.is_ascii_digit() || c == ',')
            && inner.matches(',').count() <= 1;
        if !is_bounds {
            self.out.push_str("\\{");
            return Ok(());
        }
        for _ in 0..=inner.len() {
            if self.rest.next().is_none() {
                return Err("a `{` without its `}`".into());
            }
        }
        let zero = if inner.starts_with(',') { "0" } else { "" };
        self.out.extend(["{", zero, &inner, "}"]);
        self.rest.next_if_eq(&'?');
        Ok(())
    }

    fn escape(&mut self, in_class: bool) -> Result<(), String> {
        let Some(c) = self.rest.next() else { return Err("a `\\` at the end".into()) };
        match c {
            'd' | 'D' | 'w' | 'W' | 's' | 'S' => self.out.extend(['\\', c]),
            'h' if in_class => self.out.push_str("0-9a-fA-F"),
            'h' => self.out.push_str("[0-9a-fA-F]"),
            'n' => self.out.push('\n'),
            't' => self.out.push('\t'),
            'r' => self.out.push('\r'),
            _ if c.is_alphanumeric() => return Err(format!("`\\{c}` has no counterpart in Lucene")),
            _ => self.out.extend(['\\', c]),
        }
        Ok(())
    }

    /// Reads a character class after its `[`.
    fn class(&mut self) -> Result<(), String> {
        self.out.push('[');
        if self.rest.next_if_eq(&'^').is_some() {
            self.out.push('^');
        }
        let mut is_first = true;
        while let Some(c) = self.rest.next() {
            match c {
                ']' if !is_first => {
                    self.out.push(']');
                    return Ok(());
                }
                '\\' => self.escape(true)?,
                '[' => return Err("`[` within `[…]`".into()),
                '&' if self.rest.peek() == Some(&'&') => return Err("`&&` within `[…]`".into()),
                '/' | '"' | ']' | '^' => self.out.extend(['\\', c]),
                _ => self.out.push(c),
            }
            is_first = false;
        }
        Err("a `[` without its `]`".into())
    }

    /// Escapes a character that is literal in Ruby and special in Lucene.
    fn literal(&mut self, c: char) {
        if matches!(c, '@' | '#' | '&' | '<' | '>' | '~' | '"' | '/' | '}' | ']') {
            self.out.push('\\');
        }
        self.out.push(c);
    }
}
