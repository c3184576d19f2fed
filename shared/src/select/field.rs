//! The field that a query names.

use crate::decode::{Path, PathError, Value};

/// A field, and the one to take in its stead where an event has no such subfield.
#[derive(Debug, Clone)]
pub(super) struct Field {
    path: Path,
    /// `title` of `title.keyword`: dynamic mappings give every string such a subfield, which no event carries itself.
    without_keyword: Option<Path>,
}

impl Field {
    pub(super) fn parse(text: &str) -> Result<Self, PathError> {
        let without_keyword = text.strip_suffix(".keyword").map(Path::parse).transpose()?;
        Ok(Self { path: Path::parse(text)?, without_keyword })
    }

    /// Whether `wanted` says yes to a value of the field or to an element of an array there.
    #[inline]
    pub(super) fn any<'e>(&self, event: Value<'e>, wanted: &mut impl FnMut(Value<'e>) -> bool) -> bool {
        let mut present = false;
        let found = self.path.any(event, |value| {
            present = true;
            value.any_element(wanted)
        });
        if found || present {
            return found;
        }
        match &self.without_keyword {
            Some(path) => path.any(event, |value| value.any_element(wanted)),
            None => false,
        }
    }
}
