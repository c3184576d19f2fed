//! What [`Frames`](super::Frames) keeps between two pieces of the input, so that nothing is lost if the reader fails.

use super::{
    records::Records,
    scan::Scanner,
    seam::Seam,
    seek::{Seek, Sought},
};

/// The state of a line that is read value by value.
#[derive(Default)]
pub(super) struct Line {
    /// Whether a line is being read value by value.
    pub(super) singles: bool,
    /// Whether the line has no newline: the record of a stream that is not JSON.
    pub(super) endless: bool,
    /// No newline precedes this offset.
    pub(super) searched: u64,
    /// The offset of the newline.
    pub(super) newline: Option<u64>,
}

impl Line {
    /// The start of a line that is read value by value.
    pub(super) fn singly() -> Self {
        Self { singles: true, ..Self::default() }
    }

    /// The whole input as one line.
    pub(super) fn endless() -> Self {
        Self { endless: true, ..Self::default() }
    }
}

/// A value over the limit, while it is skipped. It is kept in [`Frames`](crate::frame::Frames), so that nothing is lost if the
/// reader fails.
pub(super) struct Skip {
    /// The offset of its first byte.
    pub(super) offset: u64,
    /// Where the value ends.
    pub(super) until: Until,
    /// The offset after the last byte that is not white space.
    pub(super) significant: u64,
    /// Whether a newline was read.
    pub(super) has_lines: bool,
}

/// Where a value over the limit ends.
pub(super) enum Until {
    /// Where its brackets close, or before a line that cannot be part of it.
    Closed(Scanner, Seam),
    /// Before a line at which a value may begin. The value is broken.
    Line,
    /// Where its brackets close, or at the newline.
    ClosedInLine(Scanner),
    /// Like `ClosedInLine`, for an element of an array.
    ElementInLine(Scanner),
    /// Its brackets are closed: the value ends here, unless text follows in the line.
    Followed,
    /// At the newline.
    Newline,
    /// Here: the value was cut.
    Cut,
}

/// What was read since the last element, or since the bracket that opens the array.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Gap {
    /// The offset of its first byte.
    pub(super) offset: u64,
    /// Whether an element may follow: a comma was read, or the array has just begun.
    pub(super) is_separated: bool,
    /// Whether the next byte begins a line.
    pub(super) begins_line: bool,
}

impl Gap {
    /// The gap after the bracket that opens an array.
    pub(super) fn opening(offset: u64) -> Self {
        Self { offset, is_separated: true, begins_line: false }
    }
}

/// A value that was never closed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Torn {
    /// Within the limit: its indices in the buffer.
    Held(usize, usize),
    /// Over the limit: its length. Only its head is kept.
    Long(u64),
}

/// Which side of the array is skipped, and how far it was read.
pub(super) struct Around {
    /// The offset of the first byte: the brace of the object, or the bracket that closes the array.
    pub(super) begin: u64,
    pub(super) side: Side,
    pub(super) seam: Seam,
    /// How many of the unread bytes were examined. They stay in the buffer, because they may become one rejection.
    pub(super) seen: usize,
    /// The index of the first line that begins with `{`, while the bytes are still in the buffer.
    pub(super) first_line: Option<usize>,
    /// The bytes exceed the limit, so only their head is kept.
    pub(super) is_long: bool,
}

/// A side of the array.
pub(super) enum Side {
    Before(Seek),
    /// After the array: the scanner that finds the end of the object, and the search for members that would have been
    /// copied.
    After(Scanner, Option<Seek>),
}

impl Side {
    pub(super) fn take(&mut self, piece: &[u8], records: &Records) -> Sought {
        match self {
            Self::Before(seek) => seek.take(piece, records),
            Self::After(scanner, later) => {
                let end = scanner.scan(piece);
                if let Some(later) = later {
                    later.take(&piece[..end.unwrap_or(piece.len())], records);
                }
                end.map_or(Sought::More, Sought::End)
            }
        }
    }
}
