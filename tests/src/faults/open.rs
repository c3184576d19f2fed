//! Cells that are known to fail: what they find is not repaired yet. docs/FAULTS.md shows them.

use super::cell::Cell;

/// A known failure.
#[derive(Debug, Clone, Copy)]
pub struct Open {
    /// The pattern of its cells.
    pub cell: &'static str,
    /// A part of what a cell says when it fails so.
    pub expected: &'static str,
    /// Why it is so, for the reader.
    pub why: &'static str,
    /// Whether it fails every time. Then one that holds says that the line is to be deleted.
    pub is_certain: bool,
}

/// Every one of them.
pub const OPEN: &[Open] = &[];

/// The known failure that a cell is.
pub fn why(cell: &Cell) -> Option<&'static Open> {
    OPEN.iter().find(|open| cell.is_meant_by(open.cell))
}
