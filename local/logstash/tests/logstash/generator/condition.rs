//! Random conditions.

use super::{
    super::evaluator::{Condition, Field, Literal, Order, Pattern},
    Generator,
};

const TEXTS: [&str; 11] = ["x", "y z", "5", "false", "true", "2026-11-22", "k", "own", "X", "", "10.1.2.3"];

fn patterns() -> [Pattern; 11] {
    let pattern = |text, matches| Pattern { text, matches };
    let is_number = |line: &str| !line.is_empty() && line.chars().all(|c| c.is_ascii_digit());
    [
        pattern("x", |line| line.contains('x')),
        pattern("^x", |line| line.starts_with('x')),
        pattern("y z$", |line| line.ends_with("y z")),
        pattern("^x$", |line| line == "x"),
        pattern("^(x|y z)$", |line| line == "x" || line == "y z"),
        pattern("^\\d+$", is_number),
        pattern("[xy]", |line| line.contains(['x', 'y'])),
        pattern(".", |line| !line.is_empty()),
        pattern("^a.b$", |line| line.len() == 3 && line.starts_with('a') && line.ends_with('b')),
        pattern("^[A-Z]", |line| line.starts_with(|c: char| c.is_ascii_uppercase())),
        pattern("\\bx\\b", |line| line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "x")),
    ]
}

impl Generator<'_> {
    pub(in super::super) fn condition(&mut self, depth: usize) -> Condition {
        if depth == 0 || self.random.u8(..3) > 0 {
            return self.simple();
        }
        match self.random.u8(..4) {
            0 => Condition::All(vec![self.condition(depth - 1), self.condition(depth - 1)]),
            1 => Condition::Any((0..self.random.usize(2..4)).map(|_| self.condition(depth - 1)).collect()),
            2 if self.once_in(3) => Condition::Xor(Box::new([self.condition(depth - 1), self.condition(depth - 1)])),
            _ => Condition::Not(Box::new(self.condition(depth - 1))),
        }
    }

    fn simple(&mut self) -> Condition {
        let field: Field = if self.once_in(8) { &["type"] } else { self.field() };
        match self.random.u8(..11) {
            0 | 1 => Condition::Holds(if self.once_in(8) && !self.is_inside { &["o"] } else { field }),
            2 => Condition::Equals(field, self.literal()),
            3 => Condition::Differs(field, self.literal()),
            4 | 5 => self.compare(field),
            6 => {
                let list = (0..self.random.usize(1..4)).map(|_| self.literal()).collect();
                let is_one = Condition::OneOf(field, list);
                if self.random.bool() { is_one } else { Condition::Not(Box::new(is_one)) }
            }
            7 => {
                let text = self.one(&["x", "in", "p", "_dateparsefailure", "_jsonparsefailure"]);
                let field = if self.random.bool() { &["tags"] } else { field };
                let contains = Condition::Contains(text, field);
                if self.random.bool() { contains } else { Condition::Not(Box::new(contains)) }
            }
            8 if self.once_in(4) => Condition::Alike(field, self.field()),
            _ => {
                let matches = Condition::Matches(field, self.one(&patterns()));
                if self.random.bool() { matches } else { Condition::Not(Box::new(matches)) }
            }
        }
    }

    fn compare(&mut self, field: Field) -> Condition {
        let order = self.one(&[Order::Less, Order::AtMost, Order::More, Order::AtLeast]);
        let literal = if self.once_in(4) { Literal::Text(self.one(&["x", "m"])) } else { self.number() };
        Condition::Compare(field, order, literal)
    }

    fn number(&mut self) -> Literal {
        Literal::Number(self.one(&[5, 7, 0, -5, 10]))
    }

    fn literal(&mut self) -> Literal {
        if self.once_in(3) { self.number() } else { Literal::Text(self.one(&TEXTS)) }
    }
}
