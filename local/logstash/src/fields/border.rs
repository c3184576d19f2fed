//! Names inside and beside the object that holds the original fields in Logstash.
//!
//! Here a field beside that object may have the same name as a member of it. If a filter makes one of the two, the use
//! of the other is an error.

use super::{
    made::{Made, Target},
    state::Fields,
};
use crate::names::{is_path, outwards, top};

impl Fields {
    /// The name in Millrace for a name in Logstash, and whether it may be an original field.
    pub(crate) fn name(&self, path: &str) -> Result<(String, bool), String> {
        if !is_path(path) {
            return Err(format!("`{path}` is no name of a field here"));
        }
        let Some(prefix) = &self.prefix else {
            return Ok((self.codec.map_or_else(|| path.to_owned(), |codec| codec.here(path)), true));
        };
        match prefix.strip(path) {
            Some("") => Err(format!("`{path}` is the whole event here")),
            Some(rest) => Ok((rest.to_owned(), true)),
            None if prefix.is_around(path) => Err(format!("`{path}` belongs to the object around the events")),
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
