//! The condition of an `if`.
//!
//! `and` binds tighter than `or`, as in Logstash. `nand` and `xor` need parentheses beside another operator, as in
//! Logstash.

use super::parser::Parser;
use crate::{
    ast::{Condition, Operand, Operator},
    scan::SyntaxError,
    variable,
};

const WHAT: &str = "a condition, such as `[field]`, `[field] == \"value\"`, `\"value\" in [field]` or `!([field])`,";

impl Parser<'_> {
    pub(super) fn condition(&mut self) -> Result<Condition, SyntaxError> {
        self.deeper(|parser| {
            let first = parser.single()?;
            let is_nand = parser.scan.take_word("nand");
            if is_nand || parser.scan.take_word("xor") {
                let second = parser.single()?;
                let at = parser.scan.place();
                if ["and", "or", "xor", "nand"].iter().any(|word| parser.scan.take_word(word)) {
                    let message = "`xor` and `nand` need parentheses beside another operator".into();
                    return Err(SyntaxError { at, message });
                }
                return Ok(if is_nand {
                    not(Condition::All(vec![first, second]))
                } else {
                    Condition::Either(Box::new([first, second]))
                });
            }
            let mut alternatives = Vec::new();
            let mut all = vec![first];
            loop {
                if parser.scan.take_word("and") {
                    all.push(parser.single()?);
                } else if parser.scan.take_word("or") {
                    alternatives.push(one_or(all, Condition::All));
                    all = vec![parser.single()?];
                } else {
                    let at = parser.scan.place();
                    if parser.scan.take_word("nand") || parser.scan.take_word("xor") {
                        let message = "`xor` and `nand` need parentheses beside another operator".into();
                        return Err(SyntaxError { at, message });
                    }
                    alternatives.push(one_or(all, Condition::All));
                    return Ok(one_or(alternatives, Condition::Any));
                }
            }
        })
    }

    fn single(&mut self) -> Result<Condition, SyntaxError> {
        if self.scan.take("!") {
            return Ok(not(self.deeper(Self::single)?));
        }
        if self.scan.take("(") {
            let inner = self.condition()?;
            self.scan.expect(")", "at the end of the condition in parentheses, or an operator")?;
            return Ok(inner);
        }
        let at = self.scan.place();
        let Some(left) = self.operand()? else { return Err(self.scan.expected(WHAT)) };
        for (token, negated) in [("=~", false), ("!~", true)] {
            if self.scan.take(token) {
                let Operand::Field(field) = left else {
                    let message = format!("a field reference is expected before `{token}`");
                    return Err(SyntaxError { at, message });
                };
                let regexp = match self.scan.string()? {
                    Some(text) => text,
                    None if self.scan.peek() == Some('/') => self.scan.regexp()?,
                    None => return Err(self.scan.expected("a regular expression, such as `/^2b_/`,")),
                };
                let matches = Condition::Matches { field, regexp: regexp.into() };
                return Ok(if negated { not(matches) } else { matches });
            }
        }
        for (token, operator) in [
            ("==", Operator::Equal),
            ("!=", Operator::NotEqual),
            ("<=", Operator::LessOrEqual),
            (">=", Operator::GreaterOrEqual),
            ("<", Operator::Less),
            (">", Operator::Greater),
        ] {
            if self.scan.take(token) {
                let right = self.right()?;
                return Ok(Condition::Compare { left, operator, right });
            }
        }
        if self.scan.take_word("not") {
            if !self.scan.take_word("in") {
                return Err(self.scan.expected("`in` after `not`"));
            }
            let list = self.right()?;
            return Ok(not(Condition::In { item: left, list }));
        }
        if self.scan.take_word("in") {
            let list = self.right()?;
            return Ok(Condition::In { item: left, list });
        }
        match left {
            Operand::Field(path) => Ok(Condition::Holds(path)),
            _ => Err(self.scan.expected("`==`, `!=`, `<`, `>`, `<=`, `>=`, `in` or `not in`")),
        }
    }

    fn right(&mut self) -> Result<Operand, SyntaxError> {
        const RIGHT: &str = "a string, a number, a field reference or a list";
        let Some(operand) = self.operand()? else { return Err(self.scan.expected(RIGHT)) };
        Ok(operand)
    }

    /// `None` if no operand begins here. `["a"]` is a list, `[a]` a field.
    fn operand(&mut self) -> Result<Option<Operand>, SyntaxError> {
        if let Some(text) = self.scan.string()? {
            let is_variable = variable::is_in(text);
            return Ok(Some(if is_variable { Operand::Variable(text.into()) } else { Operand::Text(text.into()) }));
        }
        if let Some(number) = self.scan.number() {
            return Ok(Some(Operand::Number(number.into())));
        }
        if !self.scan.is_list() {
            let at = self.scan.place();
            let field = self.scan.field()?;
            if let Some((path, true)) = &field {
                self.dotted.push((at, path.clone()));
            }
            return Ok(field.map(|(path, _)| Operand::Field(path)));
        }
        self.scan.expect("[", "before a list")?;
        let mut elements = Vec::new();
        while !self.scan.take("]") {
            if !elements.is_empty() {
                self.scan.expect(",", "or `]` after an element")?;
            }
            elements.push(match self.deeper(Self::operand)? {
                Some(element) => element,
                None => match self.scan.name() {
                    Some(bareword) => Operand::Text(bareword.into()),
                    None => return Err(self.scan.expected("a string, a number or a field reference")),
                },
            });
        }
        Ok(Some(Operand::List(elements)))
    }
}

fn one_or(mut conditions: Vec<Condition>, many: fn(Vec<Condition>) -> Condition) -> Condition {
    match (conditions.pop(), conditions.is_empty()) {
        (Some(only), true) => only,
        (last, _) => {
            conditions.extend(last);
            many(conditions)
        }
    }
}

fn not(condition: Condition) -> Condition {
    Condition::Not(Box::new(condition))
}
