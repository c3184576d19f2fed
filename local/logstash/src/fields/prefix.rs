//! The object that holds the original fields in Logstash, after a codec with a `target` or a `split`. Here these fields
//! are at the top of the event.
//!
//! Here a field beside that object may have the same name as a member of it. If a filter makes one of the two, the use
//! of the other is an error.

use std::{cell::RefCell, collections::BTreeSet};

use super::{Fields, Made, Target};
use crate::names::{outwards, top};

/// The path of that object, and the fields beside it.
#[derive(Debug, Clone)]
pub(crate) struct Prefix {
    path: String,
    /// The object around the array, if the event is an element of an array.
    around: Option<Around>,
}

/// The object around an array.
#[derive(Debug, Clone)]
struct Around {
    /// The path of the array.
    array: String,
    /// The members of that object that are used.
    envelope: RefCell<BTreeSet<String>>,
    /// The members of an element that are used.
    inside: RefCell<BTreeSet<String>>,
}

impl Prefix {
    /// There are no fields beside the object.
    pub(crate) fn alone(path: String) -> Self {
        Self { path, around: None }
    }

    /// The object is an element of an array. The members of the object around the array are beside it.
    pub(crate) fn in_array(path: String, array: String) -> Self {
        Self { path, around: Some(Around { array, envelope: RefCell::default(), inside: RefCell::default() }) }
    }

    /// Whether a path that is outside the elements leads to the array or to an object around it.
    fn is_around(&self, path: &str) -> bool {
        let is_known = |around: &Around| [top(&self.path), top(&around.array)].contains(&top(path));
        self.around.as_ref().is_some_and(is_known)
    }

    /// Whether the event may have original fields beside the object.
    pub(super) fn has_envelope(&self) -> bool {
        self.around.is_some()
    }

    /// The rest of a path inside the object.
    fn strip<'p>(&self, path: &'p str) -> Option<&'p str> {
        let rest = path.strip_prefix(self.path.as_str())?;
        if rest.is_empty() { Some("") } else { rest.strip_prefix('.') }
    }
}

impl Fields {
    /// The name in Millrace for a name in Logstash, and whether it may be an original field.
    pub(crate) fn name(&self, path: &str) -> Result<(String, bool), String> {
        if !crate::names::is_path(path) {
            return Err(format!("`{path}` is no name of a field here"));
        }
        let Some(prefix) = &self.prefix else { return Ok((path.to_owned(), true)) };
        match prefix.strip(path) {
            Some("") => Err(format!("`{path}` is the whole event here")),
            Some(rest) => Ok((rest.to_owned(), true)),
            None if prefix.is_around(path) => Err(format!("`{path}` is a part of what stands around the events")),
            None => Ok((path.to_owned(), prefix.around.is_some() || top(path) == "@metadata")),
        }
    }

    /// Whether a name is outside the object.
    pub(super) fn is_beside(&self, path: &str) -> bool {
        self.prefix.as_ref().is_some_and(|prefix| prefix.strip(path).is_none())
    }

    /// An error if a field with the same name was made or moved on the other side of the object's border.
    pub(super) fn distinct(&self, path: &str, name: &str) -> Result<(), String> {
        let made = outwards(name).find_map(|(outer, _)| self.targets.get(outer));
        match made {
            Some(target) if target.is_beside != self.is_beside(path) => {
                Err(format!("`{path}` has the same name here as the field that is made in line {}", target.at.line))
            }
            _ => Ok(()),
        }
    }

    /// Records the use of a member of an element, or of a member around the array. An error if both are used with the
    /// same name.
    pub(super) fn note_beside(&self, path: &str, name: &str) -> Result<(), String> {
        let Some(around) = self.prefix.as_ref().and_then(|prefix| prefix.around.as_ref()) else { return Ok(()) };
        // An original field replaces a field that the input sets, or stays beside it.
        let is_made = |target: &Target| !matches!(target.made, Made::Default(_) | Made::List(_));
        let is_changed = |name: &str| self.targets.get(name).is_some_and(is_made) || self.gone.contains_key(name);
        if top(name) == "@metadata" || outwards(name).any(|(outer, _)| is_changed(outer)) {
            return Ok(());
        }
        let (here, there) =
            if self.is_beside(path) { (&around.envelope, &around.inside) } else { (&around.inside, &around.envelope) };
        if there.borrow().contains(top(name)) {
            return Err(format!("`{path}` has the same name here as a field on the other side of the array"));
        }
        here.borrow_mut().insert(top(name).to_owned());
        Ok(())
    }

    /// Whether a path leads to the array, or to an object around it. These are not part of an event here.
    pub(super) fn is_around(&self, path: &str) -> bool {
        self.prefix.as_ref().is_some_and(|prefix| prefix.strip(path).is_none() && prefix.is_around(path))
    }

    /// The used members of the object around the events.
    pub(crate) fn envelope(&self) -> Vec<String> {
        let around = self.prefix.as_ref().and_then(|prefix| prefix.around.as_ref());
        around.map(|around| around.envelope.borrow().iter().cloned().collect()).unwrap_or_default()
    }
}
