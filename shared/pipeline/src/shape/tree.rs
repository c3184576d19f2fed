//! The names that rules are about, as a tree: what is to be done where.
//!
//! In: the rules. Out: for each key of an event, the places it leads to from those that its object stands at. There are
//! several where a wildcard matches beside a name. A key with a dot in it leads as far as its names would one by one.

use super::{FieldRule, NamePattern, making::Maker, name::Name};
use crate::{
    decode::{Names, Path},
    select::Wildcard,
};

/// A place in the tree.
pub(super) type Place = u32;

/// The whole event.
pub(super) const ROOT: Place = 0;

#[derive(Debug, Clone)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    /// Whether what is not kept is left out.
    pub(super) keeps: bool,
    /// The object that takes the event's place.
    pub(super) lifts: Option<Path>,
    /// Where the names begin that the document has; at the root, where these are those of the event.
    document: Place,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Node {
    pub(super) here: Here,
    /// Where each name leads; `a.b` too, since an event may write it as one key.
    below: Names<Place>,
    like: Vec<(Wildcard, Place)>,
    /// Whether there are wildcards below, so that a key with dots has to be taken apart.
    has_like: bool,
    /// The names that are made here, or lead to what is made.
    pub(super) makes: Vec<(String, Place)>,
    /// Whether it is a place of the document alone, and not of the event.
    pub(super) in_document: bool,
}

/// What is to be done at a place.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "rules of their own, any of which may hold")]
pub(super) struct Here {
    pub(super) drop: bool,
    pub(super) keep: bool,
    /// Something below is kept.
    pub(super) keeps_below: bool,
    pub(super) hash: bool,
    /// Its typed attributes become plain JSON.
    pub(super) plain: bool,
    /// Gets another name within its object.
    pub(super) rename: Option<Sibling>,
    /// Another field of its object gets this name; where there is such a one, this goes.
    pub(super) yields_to: Option<Sibling>,
    /// Is made: its value among those that are.
    pub(super) made: Option<usize>,
    /// Is moved to another object: its value there.
    pub(super) moved: Option<usize>,
}

/// The last name of a path, and that of another field of the same object.
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
            // The paths of the document are others than those of the event.
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
                    // What is made in its place must not take its value along.
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

    /// Lets a value be made at a path.
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

    fn at(&mut self, pattern: &NamePattern) -> &mut Here {
        let places = self.way(ROOT, &pattern.names);
        &mut self.nodes[places[places.len() - 1] as usize].here
    }

    /// The places along a path, from a root; those that are missing are made.
    fn way(&mut self, root: Place, names: &[Name]) -> Vec<Place> {
        let mut places = vec![root];
        // Where the names without a wildcard in a row began, and what they are from each of these places on.
        let mut joined: Vec<(Place, String)> = Vec::new();
        for name in names {
            let here = places[places.len() - 1];
            let next = Place::try_from(self.nodes.len()).unwrap_or(Place::MAX);
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

    pub(super) fn node(&self, place: Place) -> &Node {
        &self.nodes[place as usize]
    }

    /// Where the names begin that the document has, where they are others than those of the event.
    pub(super) fn document_root(&self) -> Option<Place> {
        (self.document != ROOT).then_some(self.document)
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The names that lead anywhere from a place, where no wildcard does.
    pub(super) fn names(&self, from: Place) -> Option<&Names<Place>> {
        let node = self.node(from);
        if node.has_like { None } else { Some(&node.below) }
    }

    /// Adds the places that a key leads to from one place, each once.
    #[inline]
    pub(super) fn step(&self, from: Place, key: &str, found: &mut Vec<Place>) {
        let node = self.node(from);
        if let Some(place) = node.below.get(key) {
            found.push(*place);
        }
        if node.has_like {
            self.step_like(node, key, found);
        }
    }

    fn step_like(&self, node: &Node, key: &str, found: &mut Vec<Place>) {
        let add = |place: Place, found: &mut Vec<Place>| {
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
    /// Whether it makes a field, other than by another name in its object.
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

/// The paths whose values are told by their hashes alone.
pub(super) struct Hashed<'r> {
    paths: Vec<&'r Path>,
    /// Those that are renamed to what is to be hashed.
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

    /// Whether a path leads to what is hashed, or into it.
    pub(super) fn holds(&self, path: &Path) -> bool {
        self.paths.iter().any(|hashed| path.is_within(hashed))
    }
}
