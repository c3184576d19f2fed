//! A field's dotted path, as Discover shows it, and the values it leads to in an event.

use std::fmt;

use super::Value;

/// A dotted path such as `device.model`: parsed once, followed in every event.
///
/// Like the engine it makes no difference between the nested `{"a":{"b":1}}` and the literal `{"a.b":1}`, and goes
/// through arrays of objects.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(String);

/// Why a text is no [`Path`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a field is a name or names joined by dots, such as `device.model`, with no empty name")]
pub struct PathError;

impl Path {
    /// Parses names joined by dots.
    ///
    /// # Errors
    /// [`PathError`] where a name is empty (`a..b`, `.a`, the empty text): the configuration is wrong.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        if text.split('.').any(str::is_empty) { Err(PathError) } else { Ok(Self(text.into())) }
    }

    /// The path as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `wanted` says yes to a value at this path, asked in the order of the bytes. An array at the very end
    /// is one value; arrays on the way are gone through.
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

/// Through arrays into objects.
fn descend<'e>(value: Value<'e>, rest: &str, wanted: &mut impl FnMut(Value<'e>) -> bool) -> bool {
    if value.is_array() {
        value.elements().any(|element| descend(element, rest, wanted))
    } else {
        follow(value, rest, wanted)
    }
}

/// What is left of the path `rest` under the member `key`.
pub(crate) fn below<'p>(rest: &'p str, key: &str) -> Option<&'p str> {
    if rest.as_bytes().get(key.len()) == Some(&b'.') && rest.as_bytes().starts_with(key.as_bytes()) {
        rest.get(key.len() + 1..)
    } else {
        None
    }
}
