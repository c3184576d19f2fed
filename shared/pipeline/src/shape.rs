//! The changes to an event: fields are left out, renamed, added, or made from others. Unchanged parts keep their bytes.
//!
//! In: an event and its position. Out: the document, or `None` if the source stays unchanged. All rules read the
//! event as received, so their order does not matter. First the new values are made (`make`). Then one walk over tape
//! and structurals copies the source with the changes spliced in (`walk`). Deliberately absent: writing unchanged JSON
//! again, which would lose digits, escapes and the order of keys; and conditions.

mod facts;
mod hash;
mod input;
mod kept_time;
mod made;
mod make;
mod maker;
mod making;
mod name;
mod rule;
mod stored;
mod stored_time;
mod template;
mod tree;
mod walk;

pub use hash::{HashKey, WeakKey};
pub use making::{Making, Metadata};
pub use name::NamePattern;
pub use rule::FieldRule;
pub(crate) use stored_time::TIME_FIELD;
pub use template::Template;

use crate::{
    decode::{Event, Path},
    record::Position,
};
use input::Input;
use kept_time::kept_time;
use made::Made;
use maker::Maker;
use tree::{Hashed, Tree};
use walk::Spliced;

/// The changes to the events of a dataset.
#[derive(Debug, Clone, Default)]
pub struct Shape {
    rules: Vec<FieldRule>,
    tree: Tree,
    /// How the values are made, in the order of the rules.
    makers: Vec<Maker>,
    key: Option<HashKey>,
}

/// Buffers that a [`Shape`] reuses for each event. Several shapes can share them.
#[derive(Debug, Default)]
pub struct ShapeScratch {
    out: Vec<u8>,
    made: Made,
    walk: walk::Scratch,
    left_out: u64,
    /// The time by which the next event is routed, in milliseconds since 1970.
    pub(crate) time_ms: i64,
}

impl ShapeScratch {
    /// The number of values that could not be made since the last call. Causes: an invalid pair of coordinates, a text that is not a
    /// date, a field below a value that is not an object, a lifted value that is not an object, or an invalid attribute of `DynamoDB`.
    pub fn take_left_out(&mut self) -> u64 {
        std::mem::take(&mut self.left_out)
    }
}

impl Shape {
    /// Compiles rules. If two rules make the same field, the later one wins.
    ///
    /// # Errors
    /// A rule asks for a hash without a `key`. The configuration is refused.
    pub fn new(rules: Vec<FieldRule>, key: Option<&HashKey>) -> Result<Self, NoKey> {
        if key.is_none() && rules.iter().any(|rule| matches!(rule, FieldRule::Hash(_))) {
            return Err(NoKey);
        }
        let mut makers = Vec::new();
        let tree = Tree::new(&rules, &mut makers);
        for maker in &mut makers {
            if let Maker::EventTime(stored) = maker {
                *stored = kept_time(&tree);
            }
        }
        Ok(Self { rules, tree, makers, key: key.cloned() })
    }

    /// Checks that `lift` can have an effect with these rules.
    ///
    /// # Errors
    /// The reason why the rules would lift nothing, for every event. The configuration is refused.
    pub fn check_lift(&self) -> Result<(), String> {
        let Some(path) = &self.tree.lifts else { return Ok(()) };
        let along = walk::Along::of(&self.tree, path);
        let keeps_below = along.places.iter().any(|place| self.tree.node(*place).here.keeps_below);
        if along.is_dropped {
            return Err(format!("`lift: {path}` beside a `drop` that leaves it out"));
        }
        if self.tree.keeps && !along.is_kept && !keeps_below {
            return Err(format!(
                "`lift: {path}` beside a `keep` that names nothing in it: use the names of the original event, such \
                 as `{path}.id`"
            ));
        }
        if along.is_attribute() {
            return Err(format!("`lift: {path}` is one attribute of `dynamodb`: the object in it is `{path}.M`"));
        }
        Ok(())
    }

    /// The rules that hide a field outside the lifted object. They affect only events without that object.
    pub fn hides_beside_lift(&self) -> impl Iterator<Item = &FieldRule> {
        let is_brought = |path: &Path| {
            self.rules.iter().any(|rule| {
                matches!(rule, FieldRule::Rename { from, to } if path.is_within(from) || from.is_within(path) || to == path)
            })
        };
        self.rules.iter().filter(move |rule| {
            let path = match rule {
                FieldRule::Hash(path) => Some(path.clone()),
                // A wildcard may be intended for both kinds of events.
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

    /// The path of a field in the document. `None` if the document does not contain it.
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

    /// Whether only the hash of a field's value is revealed.
    pub fn hashes(&self, path: &Path) -> bool {
        Hashed::of(&self.rules).holds(path)
    }

    /// This shape, with `@timestamp` in every document. A rule that makes or moves a field there already stays as it is.
    #[must_use]
    pub fn with_event_time(self) -> Self {
        let Ok(to) = Path::parse(TIME_FIELD) else { return self };
        let is_made = self.rules.iter().any(|rule| match rule {
            FieldRule::Make { to: made, .. } | FieldRule::Rename { to: made, .. } => made.is_within(&to),
            _ => false,
        });
        if is_made {
            return self;
        }
        let rules = self.rules.iter().cloned().chain([FieldRule::Make { to, from: Making::EventTime }]).collect();
        self.only(rules)
    }

    /// A shape with only some of its rules.
    #[must_use]
    pub fn only(&self, rules: Vec<FieldRule>) -> Self {
        Self::new(rules, self.key.as_ref()).unwrap_or_default()
    }

    /// The event in the form to be stored. `None` if the source stays unchanged.
    pub fn apply<'o>(
        &self,
        event: &Event<'_>,
        position: Position<'_>,
        scratch: &'o mut ShapeScratch,
    ) -> Option<&'o [u8]> {
        if self.is_identity() {
            return None;
        }
        let ShapeScratch { out, made, walk, left_out, time_ms } = scratch;
        out.clear();
        walk.left_as_it_came = 0;
        let of = Input { event, position, tree: &self.tree, key: self.key.as_ref(), time_ms: *time_ms };
        *left_out += made.make(&self.makers, of, walk);
        let Spliced { is_changed, unplaced } = walk::splice(of, made, walk, out)?;
        *left_out += unplaced + walk.left_as_it_came;
        is_changed.then_some(out)
    }
}

/// A field is to be hashed, but there is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`hash` needs a key: name the secret with it in MILLRACE_HASH_KEY")]
pub struct NoKey;

#[cfg(test)]
mod tests;
