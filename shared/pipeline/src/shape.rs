//! What is changed about an event: fields are left out, renamed, added, made of others; what is not changed keeps its very
//! bytes.
//!
//! In: an event and where it lies. Out: the document, or `None` where the source stays as it is. All rules look at the
//! event as it came; so their order says nothing. First the new values are made (`making`), then one walk over tape
//! and structurals copies the source with the changes spliced in (`walk`). Deliberately absent: any writing of JSON
//! anew of what is not changed, which would lose digits, escapes and the order of keys; and conditions.

mod facts;
mod hash;
mod making;
mod name;
mod stored;
mod template;
mod tree;
mod walk;

pub use hash::{HashKey, WeakKey};
pub use making::{Making, Metadata};
pub use name::NamePattern;
pub use template::Template;

use std::fmt;

use crate::{
    decode::{Event, Path},
    record::Position,
};
use making::{Made, Maker, Of};
use tree::{Hashed, Tree};
use walk::Spliced;

/// One rule about fields.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldRule {
    /// What a name matches is left out.
    Drop(NamePattern),
    /// What no such name matches is left out.
    Keep(NamePattern),
    /// A field gets another name, or another place.
    Rename {
        /// Its path in the event.
        from: Path,
        /// Its path in the document.
        to: Path,
    },
    /// A field's value becomes its keyed hash.
    Hash(Path),
    /// The members of an object take the event's place; where there is no such object, the event stays.
    Lift(Path),
    /// The typed attributes of an object, as `DynamoDB` writes them, become plain JSON.
    DynamoDb(Path),
    /// A field is made.
    Make {
        /// Its path in the document. What the event has there is replaced.
        to: Path,
        /// What it is made of.
        from: Making,
    },
}

impl fmt::Display for FieldRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Drop(pattern) => write!(f, "drop: {pattern}"),
            Self::Keep(pattern) => write!(f, "keep: {pattern}"),
            Self::Rename { from, to } => write!(f, "rename: {{ {from}: {to} }}"),
            Self::Hash(path) => write!(f, "hash: {path}"),
            Self::Lift(path) => write!(f, "lift: {path}"),
            Self::DynamoDb(path) => write!(f, "dynamodb: {path}"),
            Self::Make { to, from } => write!(f, "{}: {to}", from.key()),
        }
    }
}

/// What is changed about the events of a dataset.
#[derive(Debug, Clone, Default)]
pub struct Shape {
    rules: Vec<FieldRule>,
    tree: Tree,
    /// How the values are made, in the order of the rules.
    makers: Vec<Maker>,
    key: Option<HashKey>,
}

/// What a [`Shape`] keeps from one event to the next; may serve several shapes.
#[derive(Debug, Default)]
pub struct ShapeScratch {
    out: Vec<u8>,
    made: Made,
    walk: walk::Scratch,
    left_out: u64,
}

impl ShapeScratch {
    /// How many values could not be made since this was asked last: of an invalid pair of coordinates, of a text that is no
    /// date, below a field that is no object,
    /// of what is no object to be lifted, or no attribute of `DynamoDB`.
    pub fn take_left_out(&mut self) -> u64 {
        std::mem::take(&mut self.left_out)
    }
}

impl Shape {
    /// Compiles rules. Of two rules that make one field the later wins.
    ///
    /// # Errors
    /// What asks for a hash without a `key`: the configuration is refused.
    pub fn new(rules: Vec<FieldRule>, key: Option<&HashKey>) -> Result<Self, NoKey> {
        if key.is_none() && rules.iter().any(|rule| matches!(rule, FieldRule::Hash(_))) {
            return Err(NoKey);
        }
        let mut makers = Vec::new();
        let tree = Tree::new(&rules, &mut makers);
        Ok(Self { rules, tree, makers, key: key.cloned() })
    }

    /// Why its rules would lift nothing, whatever an event holds.
    ///
    /// # Errors
    /// What is wrong: the configuration is refused.
    pub fn check_lift(&self) -> Result<(), String> {
        let Some(path) = &self.tree.lifts else { return Ok(()) };
        let along = walk::Along::of(&self.tree, path);
        let keeps_below = along.places.iter().any(|place| self.tree.node(*place).here.keeps_below);
        if along.is_dropped {
            return Err(format!("`lift: {path}` beside a `drop` that leaves it out"));
        }
        if self.tree.keeps && !along.is_kept && !keeps_below {
            return Err(format!(
                "`lift: {path}` beside a `keep` that names nothing in it: names are those of the event as it came, such as `{path}.id`"
            ));
        }
        if along.is_attribute() {
            return Err(format!("`lift: {path}` is one attribute of `dynamodb`: the object in it is `{path}.M`"));
        }
        Ok(())
    }

    /// The rules that hide a field beside the object that is lifted: they say something about events without such an object alone.
    pub fn hides_beside_lift(&self) -> impl Iterator<Item = &FieldRule> {
        let is_brought = |path: &Path| {
            self.rules.iter().any(|rule| {
                matches!(rule, FieldRule::Rename { from, to } if path.is_within(from) || from.is_within(path) || to == path)
            })
        };
        self.rules.iter().filter(move |rule| {
            let path = match rule {
                FieldRule::Hash(path) => Some(path.clone()),
                // A wildcard may be meant for both.
                FieldRule::Drop(pattern) => {
                    Path::parse(pattern.as_str()).ok().filter(|path| !path.as_str().contains(['*', '?']))
                }
                _ => None,
            };
            let lifts = self.tree.lifts.as_ref();
            lifts
                .zip(path)
                .is_some_and(|(lifted, path)| !path.is_within(lifted) && !lifted.is_within(&path) && !is_brought(&path))
        })
    }

    /// The path of a field in the document; `None` where it is not there.
    pub fn stored_as(&self, path: &Path) -> Option<String> {
        stored::stored_as(path, &self.rules)
    }

    /// Whether no event is ever changed.
    pub fn is_identity(&self) -> bool {
        self.rules.is_empty()
    }

    /// The rules.
    pub fn rules(&self) -> &[FieldRule] {
        &self.rules
    }

    /// Whether the value of a field is told by its hash alone.
    pub fn hashes(&self, path: &Path) -> bool {
        Hashed::of(&self.rules).holds(path)
    }

    /// A shape of some of its rules alone.
    #[must_use]
    pub fn only(&self, rules: Vec<FieldRule>) -> Self {
        Self::new(rules, self.key.as_ref()).unwrap_or_default()
    }

    /// The event as it is to be stored; `None` where the source stays as it is.
    pub fn apply<'o>(
        &self,
        event: &Event<'_>,
        position: Position<'_>,
        scratch: &'o mut ShapeScratch,
    ) -> Option<&'o [u8]> {
        if self.is_identity() {
            return None;
        }
        let ShapeScratch { out, made, walk, left_out } = scratch;
        out.clear();
        walk.left_as_it_came = 0;
        let of = Of { event, position, tree: &self.tree, key: self.key.as_ref() };
        *left_out += made.make(&self.makers, of, walk);
        let Spliced { is_changed, unplaced } = walk::splice(of, made, walk, out)?;
        *left_out += unplaced + walk.left_as_it_came;
        is_changed.then_some(out)
    }
}

/// A field is to be hashed, and there is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`hash` needs a key: name the secret with it in MILLRACE_HASH_KEY")]
pub struct NoKey;

#[cfg(test)]
mod tests;
