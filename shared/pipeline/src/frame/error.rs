//! Why there is no frame.

/// Why there is no frame.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The reader failed. This says nothing about the content: read again, from here or from a checkpoint.
    #[error("cannot read: {0}")]
    Read(#[source] std::io::Error),
    /// The rest of the object can never be read. The caller writes one dead letter for it. Everything before it has
    /// been returned.
    #[error("{error_type} at offset {offset}: {reason}")]
    Broken {
        /// Where the unreadable rest begins.
        offset: u64,
        /// `truncated`, `corrupt`, `record_too_large`, `zstd_window`, `not_utf8`, `nul_bytes`, `unsupported_format` or `framing_lost`.
        error_type: &'static str,
        /// The fault, in words for a person.
        reason: String,
    },
}

pub(super) fn broken(offset: u64, error_type: &'static str, reason: String) -> FrameError {
    FrameError::Broken { offset, error_type, reason }
}

pub(super) fn unclosed(offset: u64) -> FrameError {
    broken(offset, "truncated", "the object ends inside a value".into())
}

/// The result of a look ahead. Input that cannot be decompressed counts as `otherwise`: the next read reports it again,
/// after all that comes before it.
pub(super) fn seen_or<T>(seen: Result<T, FrameError>, otherwise: T) -> Result<T, FrameError> {
    match seen {
        Err(FrameError::Broken { .. }) => Ok(otherwise),
        seen => seen,
    }
}
