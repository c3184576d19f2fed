//! The state of the parser, for blocks, plugins and values, and for conditions.

use crate::{
    ast::Place,
    scan::{Scanner, SyntaxError},
};

/// The largest depth of nested branches, values and parentheses. Real configurations have a depth below ten.
pub(super) const MAX_DEPTH: usize = 48;

pub(super) struct Parser<'t> {
    pub(super) scan: Scanner<'t>,
    depth: usize,
    pub(super) dotted: Vec<(Place, String)>,
}

impl<'t> Parser<'t> {
    pub(super) fn new(text: &'t str, file: usize) -> Self {
        Self { scan: Scanner::new(text, file), depth: 0, dotted: Vec::new() }
    }

    /// Runs `read` one level deeper.
    pub(super) fn deeper<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, SyntaxError>,
    ) -> Result<T, SyntaxError> {
        if self.depth == MAX_DEPTH {
            let message = format!("more than {MAX_DEPTH} nested blocks, values or parentheses");
            return Err(SyntaxError { at: self.scan.place(), message });
        }
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }
}
