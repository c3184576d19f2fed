//! A field's path with `*` and `?` in its names, for `drop` and `keep`.

use std::fmt;

use crate::{
    decode::{Path, PathError},
    select::{Piece, Wildcard},
};

/// A dotted path such as `params.utm_*`. A wildcard matches within one name. `\` before it makes it literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePattern {
    text: String,
    pub(super) names: Vec<Name>,
}

/// One name of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Name {
    Exactly(String),
    Like(Wildcard),
}

impl NamePattern {
    /// Parses names joined by dots.
    ///
    /// # Errors
    /// [`PathError`] if a name is empty or there are too many. The configuration is wrong.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        Path::parse(text)?;
        Ok(Self { text: text.into(), names: text.split('.').map(name).collect() })
    }

    /// The path as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl From<&Path> for NamePattern {
    fn from(path: &Path) -> Self {
        let names = path.as_str().split('.').map(|name| Name::Exactly(name.into())).collect();
        Self { text: path.as_str().into(), names }
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn name(text: &str) -> Name {
    let mut pieces = Vec::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        pieces.push(match c {
            '*' => Piece::Many,
            '?' => Piece::One,
            '\\' => match rest.clone().next() {
                Some(escaped @ ('*' | '?' | '\\')) => {
                    rest.next();
                    Piece::Exactly(escaped)
                }
                _ => Piece::Exactly(c),
            },
            _ => Piece::Exactly(c),
        });
    }
    let exactly: Option<String> =
        pieces.iter().map(|piece| if let Piece::Exactly(c) = piece { Some(*c) } else { None }).collect();
    exactly.map_or_else(|| Name::Like(Wildcard::new(pieces)), Name::Exactly)
}
