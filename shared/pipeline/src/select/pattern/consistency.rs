//! Fields in arrays of objects: all of them must be in the same element.
//!
//! In `{"d":[{"a":1},{"b":2}]}` there is an `a` of 1 and a `b` of 2, but no element with both, so the pattern
//! `{"d":{"a":[1],"b":[2]}}` does not match. The library goes through the fields of a pattern in the order of their
//! names. For each field it chooses a value that lies in the elements chosen so far. This code does the same. It also has the same
//! effect on `exists: false`: this checks for a value only within the elements chosen before it.

use super::branch::{Branch, Key};
use crate::{
    decode::{Event, Value},
    select::fields::{Bit, Field, Fields},
};

/// Maximum number of values to try for one event. The library has no such limit, and may run without end.
const MAX_STEPS: usize = 1_000_000;

/// The decision would take too long: an event pattern asks for values in the same array element, and there are too many
/// combinations. A retry would fail the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("its arrays give more than {} ways to match the event pattern", MAX_STEPS)]
pub struct Undecided;

/// The elements around a value, from the outermost array: which array of the event, and which element of it.
type Place = Vec<(u32, u32)>;

/// Where each condition holds.
struct Places {
    of: Vec<Vec<Place>>,
    here: Place,
    arrays: u32,
}

/// Whether a branch matches.
#[cold]
pub(super) fn holds(branches: &[Branch], fields: &Fields, event: &Event<'_>) -> Result<bool, Undecided> {
    let mut places = Places { of: vec![Vec::new(); fields.conditions()], here: Vec::new(), arrays: 0 };
    places.members(fields, event, event.value(), fields.root());
    let mut steps = MAX_STEPS;
    for branch in branches {
        let is_possible = |key: &Key| key.absent.is_some() || key.one_of.is_some_and(|bit| !places.at(bit).is_empty());
        if branch.iter().all(is_possible) && choose(branch, &mut Vec::new(), &places, &mut steps)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn choose<'p>(
    branch: &[Key],
    chosen: &mut Vec<&'p Place>,
    places: &'p Places,
    steps: &mut usize,
) -> Result<bool, Undecided> {
    let Some((key, rest)) = branch.split_first() else { return Ok(true) };
    for place in key.one_of.map(|bit| places.at(bit)).unwrap_or_default() {
        *steps = steps.checked_sub(1).ok_or(Undecided)?;
        if fits(chosen, place) {
            chosen.push(place);
            if choose(rest, chosen, places, steps)? {
                return Ok(true);
            }
            chosen.pop();
        }
    }
    let Some(absent) = key.absent else { return Ok(false) };
    *steps = steps.checked_sub(places.at(absent).len()).ok_or(Undecided)?;
    if places.at(absent).iter().any(|place| fits(chosen, place)) {
        return Ok(false);
    }
    choose(rest, chosen, places, steps)
}

/// Whether no array is used with two different elements.
fn fits(chosen: &[&Place], place: &Place) -> bool {
    chosen.iter().all(|chosen| {
        let apart = chosen.iter().zip(place).find(|(one, other)| one != other);
        // Different arrays within one element are independent.
        apart.is_none_or(|((one, _), (other, _))| one != other)
    })
}

impl Places {
    fn at(&self, bit: Bit) -> &[Place] {
        &self.of[usize::from(bit)]
    }

    fn members<'e>(&mut self, fields: &Fields, event: &Event<'e>, object: Value<'e>, field: &Field) {
        for (key, member) in object.members() {
            if let Some(field) = fields.below(field, key) {
                self.value(fields, event, member, field);
            }
        }
    }

    fn value<'e>(&mut self, fields: &Fields, event: &Event<'e>, value: Value<'e>, field: &Field) {
        if let Some(scalar) = value.scalar() {
            for (bit, condition) in field.conditions() {
                let places = &mut self.of[usize::from(*bit)];
                // A second value in the same elements would not be a different choice.
                if condition.holds_for(event, value, scalar) && places.last() != Some(&self.here) {
                    places.push(self.here.clone());
                }
            }
        } else if value.is_object() {
            self.members(fields, event, value, field);
        } else {
            let array = self.arrays;
            self.arrays += 1;
            for (ordinal, element) in (0..).zip(value.elements()) {
                // The library distinguishes elements that contain fields, but not elements that are plain values.
                let is_container = element.scalar().is_none();
                if is_container {
                    self.here.push((array, ordinal));
                }
                self.value(fields, event, element, field);
                if is_container {
                    self.here.pop();
                }
            }
        }
    }
}
