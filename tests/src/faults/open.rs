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
pub const OPEN: &[Open] = &[
    Open {
        cell: "s3-get-range/garbage/*",
        expected: "are lost",
        why: "S3 sends no checksum with a range of an object. So other bytes of the same length, under the same ETag and range, are taken for the object's: they become \
              dead letters that hold those bytes. TLS and S3 guard against that, and the proxy of this matrix does not.",
        is_certain: true,
    },
    Open {
        cell: "s3-get/garbage/continued",
        expected: "are lost",
        why: "The checksum of an object comes after its end. What was read before that, and rejected, is a dead letter by then, and the message that comes again goes on after it. \
              As above, the dead letter holds those bytes.",
        is_certain: false,
    },
    Open {
        cell: "s3-get/garbage/letters",
        expected: "are lost",
        why: "The source of a dead letter is read as far as the letter's event, and the checksum of an object comes after its end. As above, the dead letter then holds those bytes.",
        is_certain: true,
    },
];

/// The known failure that a cell is.
pub fn why(cell: &Cell) -> Option<&'static Open> {
    OPEN.iter().find(|open| cell.is_meant_by(open.cell))
}
