//! The fields in a rule, each with its conditions.
//!
//! In: paths and conditions at init, then one event after another. Out: which conditions hold, one bit each. One walk over the tape
//! finds all fields, for any number of conditions, without an allocation. Deliberately absent: the combination of the bits.

use super::condition::Condition;
use crate::decode::{Event, Names, Path, Value};

/// Maximum number of conditions in one rule: the engine's limit of clauses in one query (`indices.query.bool.max_clause_count`).
pub(super) const MAX_CONDITIONS: usize = 1024;

/// There is no room for another condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooMany;

/// The number of a condition.
pub(super) type Bit = u16;

/// Conditions by their fields.
#[derive(Debug, Clone)]
pub(super) struct Fields {
    /// The first is the whole event.
    nodes: Vec<Field>,
    conditions: usize,
}

/// One field, or a field on the way to others.
#[derive(Debug, Clone, Default)]
pub(super) struct Field {
    conditions: Vec<(Bit, Condition)>,
    /// The field for each name. Also contains `a.b`, because an event may write it as one key.
    below: Names<u16>,
}

/// Which conditions hold.
#[derive(Debug, Clone)]
pub(super) struct Found {
    bits: [u64; MAX_CONDITIONS / 64],
    /// Whether a field was found in an object or array within an array. Then event patterns must know in which one.
    pub(super) through_array: bool,
}

impl Default for Fields {
    fn default() -> Self {
        Self { nodes: vec![Field::default()], conditions: 0 }
    }
}

impl Fields {
    /// Adds a condition on a field. An equal condition gets the same bit.
    pub(super) fn add(&mut self, path: &Path, condition: Condition) -> Result<Bit, TooMany> {
        let field = self.field(path.as_str());
        let known = self.nodes[field].conditions.iter().find(|(_, known)| *known == condition);
        if let Some((bit, _)) = known {
            return Ok(*bit);
        }
        if self.conditions >= MAX_CONDITIONS {
            return Err(TooMany);
        }
        let bit = Bit::try_from(self.conditions).map_err(|_| TooMany)?;
        self.conditions += 1;
        self.nodes[field].conditions.push((bit, condition));
        Ok(bit)
    }

    /// The index of a field. It is added if it does not exist.
    fn field(&mut self, path: &str) -> usize {
        let (mut at, mut ways) = (0, vec![(0, 0)]);
        let ends = path.match_indices('.').map(|(dot, _)| dot).chain([path.len()]);
        for end in ends {
            let (_, start) = ways[ways.len() - 1];
            at = match self.nodes[at].below.get(&path[start..end]) {
                Some(next) => usize::from(*next),
                None => self.nodes.len(),
            };
            if at == self.nodes.len() {
                self.nodes.push(Field::default());
                // Cannot overflow: 1,024 conditions on paths of 32 names are 32,768 fields.
                let place = u16::try_from(at).unwrap_or(u16::MAX);
                for (from, start) in &ways {
                    self.nodes[*from].below.insert(&path[*start..end], place);
                }
            }
            ways.push((at, end + 1));
        }
        at
    }

    /// The same fields with only one condition.
    pub(super) fn only(&self, bit: Bit) -> Self {
        let mut only = self.clone();
        only.nodes.iter_mut().for_each(|field| field.conditions.retain(|(other, _)| *other == bit));
        only
    }

    /// Which conditions hold for an event.
    #[inline]
    pub(super) fn find(&self, event: &Event<'_>) -> Found {
        let mut found = Found { bits: [0; MAX_CONDITIONS / 64], through_array: false };
        self.members(event, event.value(), self.root(), &mut found);
        found
    }

    /// How many conditions there are.
    pub(super) fn conditions(&self) -> usize {
        self.conditions
    }

    /// The whole event.
    pub(super) fn root(&self) -> &Field {
        &self.nodes[0]
    }

    /// The field to which a key leads.
    #[inline]
    pub(super) fn below(&self, field: &Field, key: &str) -> Option<&Field> {
        field.below.get(key).map(|place| &self.nodes[usize::from(*place)])
    }

    #[inline]
    fn members<'e>(&self, event: &Event<'e>, object: Value<'e>, field: &Field, found: &mut Found) {
        object.each_member_in(&field.below, |place, member| {
            self.field_value(event, member, &self.nodes[usize::from(*place)], found);
        });
    }

    fn field_value<'e>(&self, event: &Event<'e>, value: Value<'e>, field: &Field, found: &mut Found) {
        for (bit, condition) in field.conditions() {
            if condition.holds(event, value) {
                found.set(*bit);
            }
        }
        self.deeper(event, value, field, found);
    }

    fn deeper<'e>(&self, event: &Event<'e>, value: Value<'e>, field: &Field, found: &mut Found) {
        if field.is_leaf() {
            return;
        }
        if value.is_object() {
            return self.members(event, value, field, found);
        }
        for element in value.elements().filter(|element| element.scalar().is_none()) {
            found.through_array = true;
            self.deeper(event, element, field, found);
        }
    }
}

impl Field {
    /// The conditions on this field itself.
    #[inline]
    pub(super) fn conditions(&self) -> &[(Bit, Condition)] {
        &self.conditions
    }

    /// Whether no field lies below it.
    #[inline]
    pub(super) fn is_leaf(&self) -> bool {
        self.below.is_empty()
    }
}

impl Found {
    #[inline]
    fn set(&mut self, bit: Bit) {
        self.bits[usize::from(bit) / 64] |= 1 << (bit % 64);
    }

    /// Whether a condition holds.
    #[inline]
    pub(super) fn holds(&self, bit: Bit) -> bool {
        self.bits[usize::from(bit) / 64] >> (bit % 64) & 1 == 1
    }
}
