//! The names in the rules, as a tree with the actions for each place.
//!
//! In: the rules. Out: for each key of an event, the places to which it leads from the places of its object. There are
//! several if a wildcard and a name both match. A key with a dot in it leads to the same place as its names one by one.

use super::{
    maker::Maker,
    name::{Name, NamePattern},
    rule::FieldRule,
};
use crate::{
    decode::{Names, Path},
    select::Wildcard,
};

/// A place in the tree.
pub(super) type NodeId = u32;

/// The whole event.
pub(super) const ROOT: NodeId = 0;

#[derive(Debug, Clone)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    /// Whether there is a `keep` rule, so that all other fields are left out.
    pub(super) keeps: bool,
    /// The object that replaces the event.
    pub(super) lifts: Option<Path>,
    /// The root for paths in the document. This is the root of the event if both have the same paths.
    document: NodeId,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Node {
    pub(super) here: Actions,
    /// The place for each name. Also contains `a.b`, because an event may write it as one key.
    below: Names<NodeId>,
    like: Vec<(Wildcard, NodeId)>,
    /// Whether there are wildcards below, so that a key with dots must be split.
    has_like: bool,
    /// The names of fields that are made here or further below.
    pub(super) makes: Vec<(String, NodeId)>,
    /// Whether this place exists only in the document, and not in the event.
    pub(super) in_document: bool,
}

/// The actions at a place.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "rules of their own, any of which may hold")]
pub(super) struct Actions {
    pub(super) drop: bool,
    pub(super) keep: bool,
    /// A field below is kept.
    pub(super) keeps_below: bool,
    pub(super) hash: bool,
    /// Its typed attributes become plain JSON.
    pub(super) plain: bool,
    /// The new name within its object.
    pub(super) rename: Option<Sibling>,
    /// Another field of its object is renamed to this name. If that field exists, this one is left out.
    pub(super) yields_to: Option<Sibling>,
    /// The field is made. This is the index of its value among the made values.
    pub(super) made: Option<usize>,
    /// The field moves to another object. This is the index of its value among the made values.
    pub(super) moved: Option<usize>,
}

/// The last name of a path, and the last name of another field in the same object.
#[derive(Debug, Clone)]
pub(super) struct Sibling {
    pub(super) own: String,
    pub(super) other: String,
}

impl Default for Tree {
    fn default() -> Self {
        Self { nodes: vec![Node::default()], keeps: false, lifts: None, document: ROOT }
    }
}

impl Tree {
    pub(super) fn new(rules: &[FieldRule], makers: &mut Vec<Maker>) -> Self {
        let mut tree = Self::default();
        let hashed = Hashed::of(rules);
        if rules.iter().any(|rule| matches!(rule, FieldRule::Lift(_) | FieldRule::DynamoDb(_))) {
            // The paths of the document differ from those of the event.
            tree.document = 1;
            tree.nodes.push(Node { in_document: true, ..Node::default() });
        }
        for rule in rules {
            match rule {
                FieldRule::Lift(path) => tree.lifts = Some(path.clone()),
                FieldRule::DynamoDb(path) => tree.at(&path.into()).plain = true,
                FieldRule::Drop(pattern) => tree.at(pattern).drop = true,
                FieldRule::Keep(pattern) => tree.keep(pattern),
                FieldRule::Hash(path) => tree.at(&path.into()).hash = true,
                FieldRule::Rename { from, to } => {
                    // A field that is made in its place must not take its value along.
                    let is_replaced = rules.iter().any(|rule| rule.makes(from));
                    tree.rename(from, to, is_replaced, makers);
                }
                FieldRule::Make { to, from } => {
                    tree.make(to, makers.len());
                    makers.push(Maker::new(from, |path| hashed.holds(path)));
                }
            }
        }
        for path in &hashed.renamed {
            tree.at(&(*path).into()).hash = true;
        }
        tree
    }

    fn keep(&mut self, pattern: &NamePattern) {
        self.keeps = true;
        let places = self.way(ROOT, &pattern.names);
        for place in &places[..places.len() - 1] {
            self.nodes[*place as usize].here.keeps_below = true;
        }
        self.at(pattern).keep = true;
    }

    fn rename(&mut self, from: &Path, to: &Path, is_replaced: bool, makers: &mut Vec<Maker>) {
        let ((from_parent, from_name), (to_parent, to_name)) = (split(from), split(to));
        if from_parent == to_parent && !is_replaced && self.document == ROOT {
            self.at(&from.into()).rename = Some(Sibling { own: from_name.into(), other: to_name.into() });
            self.at(&to.into()).yields_to = Some(Sibling { own: to_name.into(), other: from_name.into() });
            return;
        }
        self.at(&from.into()).moved = Some(makers.len());
        self.make(to, makers.len());
        makers.push(Maker::Moved(from.clone()));
    }

    /// Adds a made value at a path.
    fn make(&mut self, to: &Path, value: usize) {
        let pattern = NamePattern::from(to);
        let places = self.way(self.document, &pattern.names);
        for (pair, name) in places.windows(2).zip(to.as_str().split('.')) {
            let makes = &mut self.nodes[pair[0] as usize].makes;
            if makes.iter().all(|(_, place)| *place != pair[1]) {
                makes.push((name.into(), pair[1]));
            }
        }
        self.nodes[places[places.len() - 1] as usize].here.made = Some(value);
    }

    fn at(&mut self, pattern: &NamePattern) -> &mut Actions {
        let places = self.way(ROOT, &pattern.names);
        &mut self.nodes[places[places.len() - 1] as usize].here
    }

    /// The places along a path, from a root. Missing places are added.
    fn way(&mut self, root: NodeId, names: &[Name]) -> Vec<NodeId> {
        let mut places = vec![root];
        // The places where a sequence of names without a wildcard began, each with the joined names from that place on.
        let mut joined: Vec<(NodeId, String)> = Vec::new();
        for name in names {
            let here = places[places.len() - 1];
            let next = NodeId::try_from(self.nodes.len()).unwrap_or(NodeId::MAX);
            let node = &self.nodes[here as usize];
            let known = match name {
                Name::Exactly(name) => node.below.get(name).copied(),
                Name::Like(wildcard) => node.like.iter().find(|(known, _)| known == wildcard).map(|(_, place)| *place),
            };
            match name {
                Name::Exactly(name) => {
                    for (_, names) in &mut joined {
                        *names = format!("{names}.{name}");
                    }
                    joined.push((here, name.clone()));
                }
                Name::Like(_) => joined.clear(),
            }
            if known.is_none() {
                let in_document = self.nodes[root as usize].in_document;
                self.nodes.push(Node { in_document, ..Node::default() });
                if let Name::Like(wildcard) = name {
                    self.nodes[here as usize].like.push((wildcard.clone(), next));
                    for place in &places {
                        self.nodes[*place as usize].has_like = true;
                    }
                }
                for (place, names) in &joined {
                    self.nodes[*place as usize].below.insert(names, next);
                }
            }
            places.push(known.unwrap_or(next));
        }
        places
    }

    pub(super) fn node(&self, place: NodeId) -> &Node {
        &self.nodes[place as usize]
    }

    /// The root for paths in the document, if they differ from those of the event.
    pub(super) fn document_root(&self) -> Option<NodeId> {
        (self.document != ROOT).then_some(self.document)
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// All names that lead anywhere from a place, if it has no wildcards.
    pub(super) fn names(&self, from: NodeId) -> Option<&Names<NodeId>> {
        let node = self.node(from);
        if node.has_like { None } else { Some(&node.below) }
    }

    /// Adds the places to which a key leads from one place, without duplicates.
    #[inline]
    pub(super) fn step(&self, from: NodeId, key: &str, found: &mut Vec<NodeId>) {
        let node = self.node(from);
        if let Some(place) = node.below.get(key) {
            found.push(*place);
        }
        if node.has_like {
            self.step_like(node, key, found);
        }
    }

    fn step_like(&self, node: &Node, key: &str, found: &mut Vec<NodeId>) {
        let add = |place: NodeId, found: &mut Vec<NodeId>| {
            if !found.contains(&place) {
                found.push(place);
            }
        };
        let (head, tail) = key.split_once('.').map_or((key, None), |(head, tail)| (head, Some(tail)));
        let like = node.like.iter().filter(|(like, _)| like.matches(head)).map(|(_, place)| *place);
        let Some(tail) = tail else { return like.for_each(|place| add(place, found)) };
        for place in node.below.get(head).copied().into_iter().chain(like) {
            let mut further = Vec::new();
            self.step(place, tail, &mut further);
            for place in further {
                add(place, found);
            }
        }
    }
}

impl FieldRule {
    /// Whether the rule makes the field at this path. A rename within the same object does not count.
    fn makes(&self, path: &Path) -> bool {
        match self {
            Self::Make { to, .. } => to == path,
            Self::Rename { from, to } => to == path && split(from).0 != split(to).0,
            Self::Drop(_) | Self::Keep(_) | Self::Hash(_) | Self::Lift(_) | Self::DynamoDb(_) => false,
        }
    }
}

fn split(path: &Path) -> (&str, &str) {
    path.as_str().rsplit_once('.').unwrap_or(("", path.as_str()))
}

/// The paths whose values are revealed only as hashes.
pub(super) struct Hashed<'r> {
    paths: Vec<&'r Path>,
    /// Paths that are renamed to a hashed path.
    renamed: Vec<&'r Path>,
}

impl<'r> Hashed<'r> {
    pub(super) fn of(rules: &'r [FieldRule]) -> Self {
        let hashed = |path: &Path| rules.iter().any(|rule| matches!(rule, FieldRule::Hash(hashed) if hashed == path));
        let renamed: Vec<&Path> = rules
            .iter()
            .filter_map(|rule| match rule {
                FieldRule::Rename { from, to } if hashed(to) => Some(from),
                _ => None,
            })
            .collect();
        let named = rules.iter().filter_map(|rule| if let FieldRule::Hash(path) = rule { Some(path) } else { None });
        Self { paths: named.chain(renamed.iter().copied()).collect(), renamed }
    }

    /// Whether a path is hashed, or lies within a hashed value.
    pub(super) fn holds(&self, path: &Path) -> bool {
        self.paths.iter().any(|hashed| path.is_within(hashed))
    }
}
