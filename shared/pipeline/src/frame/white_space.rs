//! The bytes that may stand between values.

/// The byte order mark of UTF-8.
pub(super) const BOM: &[u8] = b"\xef\xbb\xbf";

/// White space between JSON tokens.
pub(super) const fn is_white_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// The index of the first byte that is not white space.
pub(super) fn significant(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|&byte| !is_white_space(byte))
}

/// Removes white space from the start.
pub(super) fn trim_start(bytes: &[u8]) -> &[u8] {
    &bytes[significant(bytes).unwrap_or(bytes.len())..]
}

/// Removes white space from the end.
pub(super) fn trim_end(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|&byte| !is_white_space(byte)).map_or(0, |last| last + 1);
    &bytes[..end]
}

/// White space or a NUL byte.
pub(super) const fn is_blank(byte: u8) -> bool {
    is_white_space(byte) || byte == 0
}
