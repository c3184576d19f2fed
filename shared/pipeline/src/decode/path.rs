//! A field's dotted path, as Discover shows it, and the values at this path in an event.

use std::fmt;

use super::value::Value;

/// A dotted path such as `device.model`. It is parsed once and looked up in every event.
///
/// Like the engine, it treats the nested `{"a":{"b":1}}` and the literal `{"a.b":1}` as equal, and looks into arrays of objects.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(String);

/// Why a text is not a [`Path`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a field is a name or names joined by dots, such as `device.model`, with no empty name and at most {MAX_NAMES} names"
)]
pub struct PathError;

/// Maximum number of names in one path. The engine accepts 20 (`index.mapping.depth.limit`).
const MAX_NAMES: usize = 32;

impl Path {
    /// Parses names joined by dots.
    ///
    /// # Errors
    /// [`PathError`] if a name is empty (`a..b`, `.a`, the empty text) or there are more than 32. The configuration is wrong.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let is_path = !text.split('.').any(str::is_empty) && text.split('.').count() <= MAX_NAMES;
        if is_path { Ok(Self(text.into())) } else { Err(PathError) }
    }

    /// The path as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the path equals `other`, or lies below it.
    pub(crate) fn is_within(&self, other: &Path) -> bool {
        self.0.strip_prefix(other.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }

    /// Parses a reference to a field in a text: `a.b`, or Logstash's `[a][b]`.
    ///
    /// # Errors
    /// [`PathError`], as for [`Self::parse`], and if there is an extra bracket.
    pub fn of_reference(text: &str) -> Result<Self, PathError> {
        let dotted = match text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
            Some(names) => names.replace("][", "."),
            None => text.into(),
        };
        if dotted.contains(['[', ']', '{', '%']) { Err(PathError) } else { Self::parse(&dotted) }
    }

    /// The value at this path that is not in an array.
    pub(crate) fn through_objects<'e>(&self, event: Value<'e>) -> Option<Value<'e>> {
        through_objects(event, &self.0)
    }

    /// Whether `wanted` returns true for a value at this path. Values are visited in the order of the bytes. Arrays on the way are
    /// searched. An array at the very end is one value.
    #[inline]
    pub fn any<'e>(&self, event: Value<'e>, mut wanted: impl FnMut(Value<'e>) -> bool) -> bool {
        follow(event, &self.0, &mut wanted)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn follow<'e>(value: Value<'e>, rest: &str, wanted: &mut impl FnMut(Value<'e>) -> bool) -> bool {
    for (key, member) in value.members() {
        if key == rest {
            if wanted(member) {
                return true;
            }
        } else if let Some(deeper) = below(rest, key)
            && descend(member, deeper, wanted)
        {
            return true;
        }
    }
    false
}

fn through_objects<'e>(value: Value<'e>, rest: &str) -> Option<Value<'e>> {
    value.members().find_map(
        |(key, member)| {
            if key == rest { Some(member) } else { through_objects(member, below(rest, key)?) }
        },
    )
}

/// Descends through arrays into objects.
fn descend<'e>(value: Value<'e>, rest: &str, wanted: &mut impl FnMut(Value<'e>) -> bool) -> bool {
    if value.is_array() {
        value.elements().any(|element| descend(element, rest, wanted))
    } else {
        follow(value, rest, wanted)
    }
}

/// The rest of the path `rest` below the member `key`.
fn below<'p>(rest: &'p str, key: &str) -> Option<&'p str> {
    if rest.as_bytes().get(key.len()) == Some(&b'.') && rest.as_bytes().starts_with(key.as_bytes()) {
        rest.get(key.len() + 1..)
    } else {
        None
    }
}
