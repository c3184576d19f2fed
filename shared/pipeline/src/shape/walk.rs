//! One walk over tape and structurals, which copies the source with the changes spliced in.
//!
//! The tape gives the position in the tree, and the structurals give the position in the bytes. Both are walked in lockstep. A
//! removed member takes one comma with it, and an added member brings one.

mod attributes;
mod start;

use std::ops::Range;

use simd_json::{Node, StaticNode};

use super::{
    making::{Made, Of},
    tree::{Here, Place, ROOT, Sibling},
};
use crate::{
    decode::{Names, Path, Value, span, structurals},
    json,
};
use attributes::Form;
pub(super) use start::Along;
use start::Start;

/// Buffers that a walk reuses for each event.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// The places of the objects around the current position, innermost last.
    places: Vec<Place>,
    /// By place: whether the document already contains a value there. Fields made below it were added with that value, or cannot be placed.
    taken: Vec<bool>,
    /// By made value: whether it is in the document.
    placed: Vec<bool>,
    /// Number of values that are not typed attributes although a rule makes them plain, and of values that could not be lifted.
    pub(super) left_as_it_came: u64,
}

/// The state that applies to a value and everything in it.
#[derive(Clone, Copy)]
struct Scope {
    /// Fields that are not kept are left out.
    keeping: bool,
    /// Every value is replaced by its hash.
    hashing: bool,
    /// The value lies in an array, where nothing is made or replaced.
    in_array: bool,
    /// The notation of the value.
    form: Form,
}

/// The action for a member.
#[derive(Clone, Copy)]
enum Fate<'w> {
    /// No rule applies below it.
    Skipped,
    Entered {
        scope: Scope,
        /// Its new name.
        name: Option<&'w Sibling>,
    },
    /// By a made value.
    Replaced(usize),
    Cut,
}

impl Fate<'_> {
    /// For a member without rules.
    fn untouched(scope: Scope) -> Self {
        match scope {
            Scope { keeping: true, .. } => Self::Cut,
            Scope { hashing: true, .. } | Scope { form: Form::Attributes, .. } => Self::Entered { scope, name: None },
            _ => Self::Skipped,
        }
    }
}

struct Walk<'w, 'o> {
    of: Of<'w>,
    made: &'w Made,
    scratch: &'w mut Scratch,
    /// The next structural.
    at: usize,
    /// The offset up to which the source is copied or left out.
    copied: usize,
    out: &'o mut Vec<u8>,
}

/// The result of a walk.
pub(super) struct Spliced {
    /// Whether anything is changed.
    pub(super) is_changed: bool,
    /// Number of made values that could not be placed.
    pub(super) unplaced: u64,
}

/// Writes the event with its changes, if there are any.
pub(super) fn splice(of: Of<'_>, made: &Made, scratch: &mut Scratch, out: &mut Vec<u8>) -> Option<Spliced> {
    let start = Start::of(of, scratch);
    scratch.placed.clear();
    scratch.placed.resize(made.len(), false);
    scratch.taken.clear();
    if made.len() > 0 {
        scratch.taken.resize(of.tree.len(), false);
    }
    let Start { nodes, at, from, to, scope, is_lifted } = start?;
    let places = scratch.places.len();
    let mut walk = Walk { of, made, scratch, at, copied: from, out };
    walk.value(nodes, 0..places, scope)?;
    let Walk { copied, .. } = walk;
    let is_changed = is_lifted || copied > 0;
    if is_changed {
        out.extend_from_slice(of.event.source.get(copied..to)?);
    }
    let is_homeless = |value: &usize| made.get(*value).is_some() && !scratch.placed[*value];
    Some(Spliced { is_changed, unplaced: (0..made.len()).filter(is_homeless).count() as u64 })
}

/// Writes the value of a field that moves to another object, with the changes within it.
pub(super) fn moved(of: Of<'_>, path: &Path, scratch: &mut Scratch, out: &mut Vec<u8>) -> Option<()> {
    let Start { nodes, at, from, to, scope, .. } = Start::at(of, path, scratch)?;
    scratch.taken.clear();
    let made = Made::default();
    let places = scratch.places.len();
    let mut walk = Walk { of, made: &made, scratch, at, copied: from, out };
    // A moved field is always kept.
    walk.value(nodes, 0..places, Scope { keeping: false, ..scope })?;
    walk.copy_to(to)
}

// Every `?` below handles a tape that does not fit its structurals. simd-json does not produce one. In that case nothing is changed.
impl<'w> Walk<'w, '_> {
    /// Walks the value that `nodes` begins with, which is at `places`. Returns its number of nodes.
    fn value(&mut self, nodes: &[Node<'_>], places: Range<usize>, mut scope: Scope) -> Option<usize> {
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
            let fate = if found.is_empty() { Fate::untouched(scope) } else { self.fate(object, key, &found, scope) };
            if self.made.len() > 0 && !matches!(fate, Fate::Cut) {
                let Scratch { places, taken, .. } = self.scratch;
                places[found.clone()].iter().for_each(|place| taken[*place as usize] = true);
            }
            let used = match fate {
                Fate::Skipped => self.skip(rest)?,
                Fate::Entered { scope, name } => {
                    if let Some(name) = name {
                        self.rename(start, key, name)?;
                    }
                    let makes_plain = |place: &Place| self.of.tree.node(*place).here.plain;
                    let form = scope.form.below("", self.scratch.places[found.clone()].iter().any(makes_plain));
                    self.value(rest, found, Scope { form, ..scope })?
                }
                Fate::Replaced(value) => self.replace(rest, value)?,
                Fate::Cut => {
                    let used = self.skip(rest)?;
                    self.cut(comma, start, any_kept, member + 1 == len)?;
                    used
                }
            };
            any_kept |= !matches!(fate, Fate::Cut);
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
    fn known(&self, places: &Range<usize>) -> Option<&'w Names<Place>> {
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
        known: &Names<Place>,
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

    fn array(&mut self, mut nodes: &[Node<'_>], len: usize, places: &Range<usize>, scope: Scope) -> Option<()> {
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

    /// The action for a member that has rules.
    fn fate(&self, object: &[Node<'_>], key: &str, found: &Range<usize>, scope: Scope) -> Fate<'w> {
        let tree = self.of.tree;
        // It is nearly always a single place, for which the loops below disappear.
        match &self.scratch.places[found.clone()] {
            [place] => self.fate_at(&std::iter::once(&tree.node(*place).here), object, key, scope),
            places => self.fate_at(&places.iter().map(|place| &tree.node(*place).here), object, key, scope),
        }
    }

    #[inline]
    fn fate_at(
        &self,
        places: &(impl Iterator<Item = &'w Here> + Clone),
        object: &[Node<'_>],
        key: &str,
        scope: Scope,
    ) -> Fate<'w> {
        let here = || places.clone();
        let value = here().find_map(|here| here.made.filter(|value| self.made.get(*value).is_some()));
        if let Some(value) = value.filter(|_| !scope.in_array) {
            return if self.scratch.placed[value] { Fate::Cut } else { Fate::Replaced(value) };
        }
        // A member that is renamed or moved itself does not conflict.
        let stays = here().all(|here| here.rename.is_none() && (scope.in_array || here.moved.is_none()));
        let yields = |to: &Sibling| sibling(key, to).is_some_and(|(prefix, name)| has_member(object, prefix, name));
        if stays && here().any(|here| here.yields_to.as_ref().is_some_and(yields)) {
            return Fate::Cut;
        }
        let is_moved = |value: usize| self.made.get(value).is_some();
        if !scope.in_array && here().any(|here| here.moved.is_some_and(is_moved)) {
            return Fate::Cut;
        }
        let hashing = scope.hashing || here().any(|here| here.hash);
        if let Some(name) = here().find_map(|here| here.rename.as_ref()) {
            return Fate::Entered { scope: Scope { keeping: false, hashing, ..scope }, name: Some(name) };
        }
        if here().any(|here| here.drop) {
            return Fate::Cut;
        }
        let keeping = scope.keeping && !here().any(|here| here.keep);
        if keeping && !here().any(|here| here.keeps_below) {
            return Fate::Cut;
        }
        Fate::Entered { scope: Scope { keeping, hashing, ..scope }, name: None }
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

    /// Replaces the value that `nodes` begins with by a made value. Returns the number of nodes of the old value.
    fn replace(&mut self, nodes: &[Node<'_>], value: usize) -> Option<usize> {
        let start = self.offset(self.at)?;
        let used = self.skip(nodes)?;
        let end = self.end_of_value(start)?;
        self.copy_to(start)?;
        self.out.extend_from_slice(self.made.get(value)?);
        self.copied = end;
        self.scratch.placed[value] = true;
        Some(used)
    }

    /// Replaces the scalar that `nodes` begins with by its hash.
    fn hash(&mut self, nodes: &[Node<'_>]) -> Option<()> {
        let start = self.offset(self.at)?;
        let end = match self.of.event.structurals.get(self.at + 1) {
            Some(next) => start + self.of.event.source.get(start..*next as usize)?.trim_ascii_end().len(),
            None => self.of.event.source.trim_ascii_end().len(),
        };
        let written = self.of.event.source.get(start..end)?;
        let value = match nodes.first()? {
            Node::String(text) => text.as_bytes(),
            _ if written == b"null" => return Some(()),
            _ => written,
        };
        self.copy_to(start)?;
        self.out.push(b'"');
        self.of.key?.write(value, self.out);
        self.out.push(b'"');
        self.copied = end;
        Some(())
    }

    /// Leaves out the bytes from `start` to the next structural, with one comma before or after them.
    fn cut(&mut self, comma: Option<usize>, start: usize, any_kept: bool, is_last: bool) -> Option<()> {
        let end = self.offset(self.at)?;
        let (from, to) = match comma {
            // With the comma before it. The comma after it separates the next member.
            Some(comma) if any_kept => (comma, end),
            // No member is left before it: with the comma after it, if there is one.
            _ => (start, end + usize::from(!is_last)),
        };
        self.copy_to(from)?;
        self.copied = to;
        Some(())
    }

    /// Adds the made fields that belong to the object that ends here, and that it does not contain yet.
    fn add(&mut self, places: Range<usize>, mut any_kept: bool) -> Option<()> {
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
    fn is_wanting(&self, place: Place) -> bool {
        let node = self.of.tree.node(place);
        let is_made = |value| self.made.get(value).is_some() && !self.scratch.placed[value];
        node.here.made.is_some_and(is_made)
            || (!self.scratch.taken[place as usize] && node.makes.iter().any(|(_, below)| self.is_wanting(*below)))
    }

    /// Writes a made member, or an object of made members.
    fn member(&mut self, name: &str, place: Place, with_comma: bool) -> Option<()> {
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

    /// Skips the value that `nodes` begins with. Returns its number of nodes.
    fn skip(&mut self, nodes: &[Node<'_>]) -> Option<usize> {
        let span = span(nodes.first()?);
        self.at += structurals(nodes.get(..span)?);
        Some(span)
    }

    /// The end of the value that begins at `start`. The walk is just after it.
    fn end_of_value(&self, start: usize) -> Option<usize> {
        let next = self.offset(self.at)?;
        Some(start + self.of.event.source.get(start..next)?.trim_ascii_end().len())
    }

    /// Copies the bytes before `end`.
    fn copy_to(&mut self, end: usize) -> Option<()> {
        self.out.extend_from_slice(self.of.event.source.get(self.copied..end)?);
        self.copied = end;
        Some(())
    }

    fn next(&mut self) -> Option<usize> {
        self.at += 1;
        self.offset(self.at - 1)
    }

    fn offset(&self, structural: usize) -> Option<usize> {
        Some(*self.of.event.structurals.get(structural)? as usize)
    }
}

/// The part of a key before its last name, and the sibling's name. A key may contain several names, `a.b`.
fn sibling<'k>(key: &'k str, names: &'k Sibling) -> Option<(&'k str, &'k str)> {
    key.strip_suffix(names.own.as_str()).map(|prefix| (prefix, names.other.as_str()))
}

fn has_member(object: &[Node<'_>], prefix: &str, name: &str) -> bool {
    Value::new(object).members().any(|(key, _)| key.strip_prefix(prefix) == Some(name))
}
