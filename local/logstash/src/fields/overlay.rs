//! New names from `rename` that an event may also have as original fields.
//!
//! `rename => { "user" => "adid" }` keeps the original `adid` if there is no `user`. A condition is translated for both
//! fields. A rule can use one field only, so a rule about such a name is listed.

use super::{
    made::{Made, Seen, Target},
    state::Fields,
    uses::Use,
};
use crate::{
    names::outwards,
    note::{Effect, Notes},
};

impl Target {
    /// The field that was moved here, if an original field with this name may exist too.
    fn covering(&self) -> Option<&str> {
        match &self.made {
            Made::Moved(from) if self.may_be_own => Some(from),
            _ => None,
        }
    }
}

impl Fields {
    /// The value that a rule finds under a name; see [`Self::look`].
    pub(crate) fn see(&self, path: &str) -> Result<Seen<'_>, String> {
        let (name, _) = self.name(path)?;
        self.note_rule(&name);
        self.look(path)
    }

    /// Records that a rule uses a name in Millrace.
    pub(super) fn note_rule(&self, path: &str) {
        let covering = |(outer, _)| Some((outer, self.targets.get(outer)?));
        for (outer, target) in outwards(path).filter_map(covering) {
            if let Some(from) = target.covering() {
                self.uses.add(target.at, from, outer, Use::Ruled);
            }
        }
    }

    /// For a condition: the renamed field under a name, and the original field of that name, which is there if the
    /// renamed one is missing.
    pub(crate) fn covered(&self, path: &str) -> Option<(String, String)> {
        let (path, _) = self.name(path).ok()?;
        let (outer, target) = outwards(&path).find_map(|(outer, _)| Some((outer, self.targets.get(outer)?)))?;
        let from = target.covering()?;
        self.uses.add(target.at, from, outer, Use::Asked);
        let is_own_gone = outwards(&path).any(|(outer, _)| self.gone.contains_key(outer));
        (!is_own_gone).then(|| (from.to_owned(), path.clone()))
    }

    /// Lists the names that events may have had themselves and that a condition or rule uses.
    pub(crate) fn list_overlays(&self, notes: &mut Notes) {
        for ((at, from, to), how) in self.uses.0.borrow().iter() {
            match how {
                Use::Asked => {
                    let text = format!(
                        "rename `{from}`: `{from}` is taken to be neither `null` nor empty, for which conditions on `{to}` would go by an event's own `{to}`"
                    );
                    notes.add(*at, Effect::Assumed, text);
                }
                Use::Ruled => {
                    let text = format!(
                        "rename `{from}`: of an event that came with `{to}` and without `{from}` the rules below take `{to}` in Logstash, and nothing here"
                    );
                    notes.differs(*at, text);
                }
            }
        }
    }
}
