//! Adds the made fields that an object does not contain yet.

use std::ops::Range;

use super::cursor::Walk;
use crate::{json, shape::tree::NodeId};

impl Walk<'_, '_> {
    /// Adds the made fields that belong to the object that ends here, and that it does not contain yet.
    pub(super) fn add(&mut self, places: Range<usize>, mut any_kept: bool) -> Option<()> {
        let end = self.offset(self.at)?;
        for place in places {
            let place = self.scratch.places[place];
            for (name, below) in &self.of.tree.node(place).makes {
                if self.is_wanting(*below) {
                    self.copy_to(end)?;
                    self.member(name, *below, any_kept)?;
                    any_kept = true;
                }
            }
        }
        Some(())
    }

    /// Whether a value was made for a place or below it that is not in the document yet and can be added.
    fn is_wanting(&self, place: NodeId) -> bool {
        let node = self.of.tree.node(place);
        let is_made = |value| self.made.get(value).is_some() && !self.scratch.placed[value];
        node.here.made.is_some_and(is_made)
            || (!self.scratch.taken[place as usize] && node.makes.iter().any(|(_, below)| self.is_wanting(*below)))
    }

    /// Writes a made member, or an object of made members.
    fn member(&mut self, name: &str, place: NodeId, with_comma: bool) -> Option<()> {
        if with_comma {
            self.out.push(b',');
        }
        json::push_string(self.out, name);
        self.out.push(b':');
        let node = self.of.tree.node(place);
        if let Some(value) = node.here.made.filter(|value| self.made.get(*value).is_some()) {
            self.out.extend_from_slice(self.made.get(value)?);
            self.scratch.placed[value] = true;
            return Some(());
        }
        self.out.push(b'{');
        let mut any = false;
        for (name, below) in &node.makes {
            if self.is_wanting(*below) {
                self.member(name, *below, any)?;
                any = true;
            }
        }
        self.out.push(b'}');
        Some(())
    }
}
