//! Walks values, and the members and elements in them.
//!
//! Every `?` handles a tape that does not fit its structurals. simd-json does not produce one. In that case nothing is changed.

use std::ops::Range;

use simd_json::{Node, StaticNode};

use super::{
    action::{MemberAction, sibling},
    cursor::Walk,
    state::{Form, Scope, Scratch},
};
use crate::{
    decode::{Names, span, structurals},
    json,
    shape::tree::{NodeId, Sibling},
};

impl<'w> Walk<'w, '_> {
    /// Walks the value that `nodes` begins with, which is at `places`. Returns its number of nodes.
    pub(super) fn value(&mut self, nodes: &[Node<'_>], places: Range<usize>, mut scope: Scope) -> Option<usize> {
        match (scope.form, nodes.first()?) {
            (Form::Json, _) | (Form::Attributes, Node::Object { .. }) => {}
            (Form::Attribute, _) => return self.attribute(nodes, places, scope),
            (Form::Attributes, node) => {
                self.scratch.left_as_it_came += u64::from(!matches!(node, Node::Static(StaticNode::Null)));
                scope.form = Form::Json;
            }
        }
        match *nodes.first()? {
            Node::Object { len, count } => {
                self.object(nodes.get(..=count)?, len, places, scope)?;
                Some(count + 1)
            }
            Node::Array { len, count } => {
                self.array(nodes.get(1..=count)?, len, &places, Scope { in_array: true, ..scope })?;
                Some(count + 1)
            }
            Node::String(_) | Node::Static(_) => {
                if scope.hashing {
                    self.hash(nodes)?;
                }
                self.at += 1;
                Some(1)
            }
        }
    }

    fn object(&mut self, object: &[Node<'_>], len: usize, places: Range<usize>, scope: Scope) -> Option<()> {
        self.at += 1;
        let mut nodes = object.get(1..)?;
        let mut any_kept = false;
        let is_plain = !scope.keeping && !scope.hashing && scope.form == Form::Json;
        let known = if is_plain { self.known(&places) } else { None };
        let mut member = 0;
        while member < len {
            if let Some(known) = known {
                let (passed, rest) = self.pass(known, nodes, len - member, member == 0);
                (member, nodes) = (member + passed, rest);
                any_kept |= passed > 0;
                if member == len {
                    break;
                }
            }
            // The comma before it, unless it is the first.
            let comma = if member > 0 { Some(self.next()?) } else { None };
            let start = self.next()?;
            let (Node::String(key), rest) = nodes.split_first()? else { return None };
            self.at += 1;
            let first = self.scratch.places.len();
            for place in places.clone() {
                let from = self.scratch.places[place];
                self.of.tree.step(from, key, &mut self.scratch.places);
            }
            let found = first..self.scratch.places.len();
            let action =
                if found.is_empty() { MemberAction::untouched(scope) } else { self.action(object, key, &found, scope) };
            if self.made.len() > 0 && !matches!(action, MemberAction::Cut) {
                let Scratch { places, taken, .. } = self.scratch;
                places[found.clone()].iter().for_each(|place| taken[*place as usize] = true);
            }
            let used = match action {
                MemberAction::Skipped => self.skip(rest)?,
                MemberAction::Entered { scope, name } => {
                    if let Some(name) = name {
                        self.rename(start, key, name)?;
                    }
                    let makes_plain = |place: &NodeId| self.of.tree.node(*place).here.plain;
                    let form = scope.form.below("", self.scratch.places[found.clone()].iter().any(makes_plain));
                    self.value(rest, found, Scope { form, ..scope })?
                }
                MemberAction::Replaced(value) => self.replace(rest, value)?,
                MemberAction::Cut => {
                    let used = self.skip(rest)?;
                    self.cut(comma, start, any_kept, member + 1 == len)?;
                    used
                }
            };
            any_kept |= !matches!(action, MemberAction::Cut);
            self.scratch.places.truncate(first);
            nodes = rest.get(used..)?;
            member += 1;
        }
        if !scope.in_array && self.made.len() > 0 {
            self.add(places, any_kept)?;
        }
        self.at += 1;
        Some(())
    }

    /// All names that lead anywhere from the places, if they are a single place without wildcards.
    fn known(&self, places: &Range<usize>) -> Option<&'w Names<NodeId>> {
        match self.scratch.places.get(places.clone())? {
            [place] => self.of.tree.names(*place),
            _ => None,
        }
    }

    /// Skips the members before the first one with a known name. Most members have no rules, so this must be cheap. Returns the number of
    /// skipped members, and the nodes after them.
    #[inline]
    fn pass<'n>(
        &mut self,
        known: &Names<NodeId>,
        mut nodes: &'n [Node<'n>],
        left: usize,
        is_first: bool,
    ) -> (usize, &'n [Node<'n>]) {
        let (mut passed, mut at) = (0, self.at);
        while passed < left
            && let [Node::String(key), value, ..] = nodes
            && known.get(key).is_none()
        {
            // A comma, the key, and its colon.
            let end = 1 + span(value);
            at += 3 + if matches!(value, Node::String(_) | Node::Static(_)) {
                1
            } else {
                structurals(nodes.get(1..end).unwrap_or_default())
            };
            nodes = nodes.get(end..).unwrap_or_default();
            passed += 1;
        }
        self.at = at - usize::from(is_first && passed > 0);
        (passed, nodes)
    }

    pub(super) fn array(
        &mut self,
        mut nodes: &[Node<'_>],
        len: usize,
        places: &Range<usize>,
        scope: Scope,
    ) -> Option<()> {
        self.at += 1;
        let mut any_kept = false;
        for element in 0..len {
            let comma = if element > 0 { Some(self.next()?) } else { None };
            let start = self.offset(self.at)?;
            // Kept fields lie deeper, so an element that is not an object or array cannot be kept.
            let is_cut = scope.keeping && matches!(nodes.first()?, Node::String(_) | Node::Static(_));
            let used = if is_cut {
                let used = self.skip(nodes)?;
                self.cut(comma, start, any_kept, element + 1 == len)?;
                used
            } else {
                self.value(nodes, places.clone(), scope)?
            };
            any_kept |= !is_cut;
            nodes = nodes.get(used..)?;
        }
        self.at += 1;
        Some(())
    }

    /// Replaces a member's name by its new name. `start` is the beginning of its key.
    fn rename(&mut self, start: usize, key: &str, name: &Sibling) -> Option<()> {
        let (prefix, name) = sibling(key, name)?;
        let colon = self.offset(self.at - 1)?;
        let token = self.of.event.source.get(start..colon)?.trim_ascii_end().len();
        self.copy_to(start)?;
        self.out.push(b'"');
        json::push_escaped(self.out, prefix);
        json::push_escaped(self.out, name);
        self.out.push(b'"');
        self.copied = start + token;
        Some(())
    }
}
