//! The field in a query.

use crate::decode::{Path, PathError};

/// A field, and the field to use instead if an event has no such subfield.
#[derive(Debug, Clone)]
pub(super) struct FieldName {
    pub(super) path: Path,
    /// `title` for `title.keyword`. Dynamic mappings give every string this subfield, but an event never contains it.
    pub(super) without_keyword: Option<Path>,
}

impl FieldName {
    pub(super) fn parse(text: &str) -> Result<Self, PathError> {
        let without_keyword = text.strip_suffix(".keyword").map(Path::parse).transpose()?;
        Ok(Self { path: Path::parse(text)?, without_keyword })
    }
}
