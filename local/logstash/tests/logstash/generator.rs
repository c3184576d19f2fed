//! Random configurations and events with few names and values, so that rules and conditions affect the same fields.

#[path = "generator/condition.rs"]
mod condition;
#[path = "generator/event.rs"]
mod event;
#[path = "generator/filter.rs"]
mod filter;
#[path = "generator/write.rs"]
mod write;

use fastrand::Rng;

use super::evaluator::{Field, Filter, Statement};

pub(super) use event::event;
pub(super) use write::{Writer, asked};

/// Fields that most events have.
pub(super) const FIELDS: [Field; 6] = [&["a"], &["b"], &["c"], &["d"], &["o", "x"], &["o", "y"]];
/// The same fields in the object where a codec or `split` puts them.
const INSIDE: [Field; 6] =
    [&["doc", "a"], &["doc", "b"], &["doc", "c"], &["doc", "d"], &["doc", "o", "x"], &["doc", "o", "y"]];
/// Fields that filters make. Some events have them too.
const MADE: [Field; 10] = [
    &["e"],
    &["f"],
    &["g"],
    &["h"],
    &["n"],
    &["p", "q"],
    &["p", "r"],
    &["@metadata", "x"],
    &["when"],
    &["location", "lat"],
];

fn one<T: Clone>(random: &mut Rng, all: &[T]) -> T {
    all[random.usize(..all.len())].clone()
}

/// The generator of configurations.
pub(super) struct Generator<'r> {
    pub(super) random: &'r mut Rng,
    /// Whether the original fields of events are in the object `doc`.
    pub(super) is_inside: bool,
    /// The fields of events beside that object.
    pub(super) beside: &'static [Field],
    /// The field with JSON in it.
    pub(super) json: Field,
}

impl Generator<'_> {
    fn one<T: Clone>(&mut self, all: &[T]) -> T {
        one(self.random, all)
    }

    /// Returns true once in `times` calls on average.
    fn once_in(&mut self, times: u8) -> bool {
        self.random.u8(..times) == 0
    }

    fn own_field(&mut self) -> Field {
        let is_inside = self.is_inside && !self.once_in(4);
        if is_inside { self.one(&INSIDE) } else { self.one(self.beside) }
    }

    /// A field to use in a condition or to remove.
    fn field(&mut self) -> Field {
        if self.once_in(6) { self.one(&MADE) } else { self.own_field() }
    }

    /// A field to make. Events may have it already.
    fn target(&mut self) -> Field {
        if self.once_in(4) { self.own_field() } else { self.one(&MADE) }
    }

    pub(super) fn statements(&mut self, depth: usize) -> Vec<Statement> {
        (0..self.random.usize(1..4)).map(|_| self.statement(depth)).collect()
    }

    fn statement(&mut self, depth: usize) -> Statement {
        if depth == 0 || self.random.u8(..5) > 1 {
            let (filter, after) = self.filter();
            return Statement::Filter(filter, after);
        }
        let mut branches = vec![(Some(self.condition(2)), self.body(depth - 1))];
        while self.once_in(3) && branches.len() < 4 {
            branches.push((Some(self.condition(1)), self.body(depth - 1)));
        }
        if self.once_in(3) {
            branches.push((None, self.body(depth - 1)));
        }
        Statement::If(branches)
    }

    fn body(&mut self, depth: usize) -> Vec<Statement> {
        match self.random.u8(..10) {
            0 => Vec::new(),
            1..=6 => vec![Statement::Filter(Filter::Drop, super::evaluator::After::default())],
            _ => self.statements(depth),
        }
    }
}
