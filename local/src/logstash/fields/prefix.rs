//! The object in which Logstash has an event's own fields, where they are at the top here: of a codec with a `target`, of `split`.
//!
//! Fields beside that object have the same names here as members of it. What is made under one of two such names is not asked for
//! under the other.

use std::{cell::RefCell, collections::BTreeSet};

use super::{Fields, Made, Target};
use crate::logstash::names::{outwards, top};

/// Where the event's own fields are, and what stands beside.
#[derive(Debug, Clone)]
pub(in crate::logstash) struct Prefix {
    path: String,
    /// Where the event is an element of an array.
    around: Option<Around>,
}

/// The object around an array.
#[derive(Debug, Clone)]
struct Around {
    /// Where the array is.
    array: String,
    /// The members that something looked at.
    envelope: RefCell<BTreeSet<String>>,
    /// The members of an element that something looked at.
    inside: RefCell<BTreeSet<String>>,
}

impl Prefix {
    /// Nothing stands beside the object.
    pub(in crate::logstash) fn alone(path: String) -> Self {
        Self { path, around: None }
    }

    /// The object is an element of an array, and members of another stand beside.
    pub(in crate::logstash) fn in_array(path: String, array: String) -> Self {
        Self { path, around: Some(Around { array, envelope: RefCell::default(), inside: RefCell::default() }) }
    }

    /// Whether a path leads to the array or to a part of what it lies in, and no further.
    fn is_around(&self, path: &str) -> bool {
        let is_known = |around: &Around| [top(&self.path), top(&around.array)].contains(&top(path));
        self.around.as_ref().is_some_and(is_known)
    }

    /// Whether the event may have fields of its own beside the object.
    pub(super) fn has_envelope(&self) -> bool {
        self.around.is_some()
    }

    /// What is left of a path within the object.
    fn strip<'p>(&self, path: &'p str) -> Option<&'p str> {
        let rest = path.strip_prefix(self.path.as_str())?;
        if rest.is_empty() { Some("") } else { rest.strip_prefix('.') }
    }
}

impl Fields {
    /// A name as it is here, and whether it may be one of the event's own.
    pub(in crate::logstash) fn name(&self, path: &str) -> Result<(String, bool), String> {
        if !crate::logstash::names::is_path(path) {
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

    /// Whether a name is none of those in the object.
    pub(super) fn is_beside(&self, path: &str) -> bool {
        self.prefix.as_ref().is_some_and(|prefix| prefix.strip(path).is_none())
    }

    /// An error where a name has a namesake on the other side of the prefix, which was made or moved there.
    pub(super) fn distinct(&self, path: &str, name: &str) -> Result<(), String> {
        let made = outwards(name).find_map(|(outer, _)| self.targets.get(outer));
        match made {
            Some(target) if target.is_beside != self.is_beside(path) => {
                Err(format!("`{path}` has the same name here as the field that is made in line {}", target.at.line))
            }
            _ => Ok(()),
        }
    }

    /// Remembers that something looks at a member of an element, or of what stands around the array. An error: of both under one name.
    pub(super) fn note_beside(&self, path: &str, name: &str) -> Result<(), String> {
        let Some(around) = self.prefix.as_ref().and_then(|prefix| prefix.around.as_ref()) else { return Ok(()) };
        // What the input sets gives way to an event's own, or stands beside it.
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

    /// Whether a path leads to the array, or to what it lies in: no part of an event here.
    pub(super) fn is_around(&self, path: &str) -> bool {
        self.prefix.as_ref().is_some_and(|prefix| prefix.strip(path).is_none() && prefix.is_around(path))
    }

    /// The members of what stands around the events that something looked at.
    pub(in crate::logstash) fn envelope(&self) -> Vec<String> {
        let around = self.prefix.as_ref().and_then(|prefix| prefix.around.as_ref());
        around.map(|around| around.envelope.borrow().iter().cloned().collect()).unwrap_or_default()
    }
}
