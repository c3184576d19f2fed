//! The text of a file.

use std::{io, path::Path};

/// Why a file has no text.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It is not UTF-8, from this byte on.
    #[error("is not UTF-8 from byte {0} on; save it as UTF-8")]
    NotText(usize),
}

/// Reads a file.
pub(super) fn read(path: &Path) -> Result<String, Unreadable> {
    let bytes = std::fs::read(path)?;
    String::from_utf8(bytes).map_err(|error| Unreadable::NotText(error.utf8_error().valid_up_to()))
}
