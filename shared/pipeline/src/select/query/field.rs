//! The field that a query names.

use crate::decode::{Path, PathError};

/// A field, and the one to take in its stead where an event has no such subfield.
#[derive(Debug, Clone)]
pub(super) struct FieldName {
    pub(super) path: Path,
    /// `title` of `title.keyword`: dynamic mappings give every string such a subfield, which no event carries itself.
    pub(super) without_keyword: Option<Path>,
}

impl FieldName {
    pub(super) fn parse(text: &str) -> Result<Self, PathError> {
        let without_keyword = text.strip_suffix(".keyword").map(Path::parse).transpose()?;
        Ok(Self { path: Path::parse(text)?, without_keyword })
    }
}
