//! Cells that are known to fail because the fault is not fixed yet. docs/FAULTS.md shows them.

/// A known failure.
#[derive(Debug, Clone, Copy)]
pub struct Open {
    /// The pattern that matches its cells.
    pub cell: &'static str,
    /// A part of the message of such a failure.
    pub expected: &'static str,
    /// The reason, for the reader of docs/FAULTS.md.
    pub why: &'static str,
    /// Whether the cell fails every time. If so, a cell that holds fails with a message that the line must be deleted.
    pub is_certain: bool,
}

/// All known failures.
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
