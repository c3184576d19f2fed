//! Another form of a document that the domain refuses: fields that its mapping does not take become one string that is
//! not indexed.
//!
//! In: the document, the domain's error, and the fields that can have its time. Out: a document with all other fields, and every
//! value in its source. The error's text is only a hint: a field that it does not name, or names wrongly, costs another
//! attempt and no value. Deliberately absent: sending, and the decision that the document is at fault.

mod members;

use super::response::ItemError;
use crate::json::push_string;
use members::{Members, only, without};

/// The field with the values that are not indexed: one string of JSON.
pub const UNMAPPED: &str = "_unmapped";
/// The field with the domain's error.
pub const REASON: &str = "_ignored_reason";
/// So many fields move one by one, each after another refusal. Then all fields move at once.
const MOST_FIELDS: usize = 3;
/// So many texts in brackets of an error are read. It can quote a value that is full of them.
const MOST_READ: usize = 1_000;
/// So many of them that could be fields are tried.
const MOST_TRIED: usize = 16;
/// A longer text in brackets is no name. The engine accepts 512 bytes.
const MOST_NAME_BYTES: usize = 512;
/// A longer error is cut. It can quote a whole value.
const MOST_REASON_BYTES: usize = 1_000;

/// What moves out of a document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repair {
    /// The paths of single fields, in the order in which they were refused.
    fields: Vec<String>,
    /// Whether all other fields move too.
    moves_all: bool,
}

impl Repair {
    /// The next repair of a document whose form by this one is refused with `error`: `None` if its words may be those
    /// about another document. The fields at `times` stay. `None` if nothing is left to move.
    #[must_use]
    pub fn after(&self, document: &str, error: Option<&ItemError>, times: &[String]) -> Option<Self> {
        if self.moves_all {
            return None;
        }
        let by_field = error.filter(|_| self.fields.len() < MOST_FIELDS);
        by_field.and_then(|error| self.with_named_field(document, error, times)).or_else(|| {
            let all = Self { fields: self.fields.clone(), moves_all: true };
            all.apply(document, "", times).map(|_| all)
        })
    }

    /// The same with the first field that the error names, if the document has one.
    fn with_named_field(&self, document: &str, error: &ItemError, times: &[String]) -> Option<Self> {
        let names = Members::read(document)?.all_names();
        let is_possible = |field: &&str| {
            let mut ends = field.match_indices('.').map(|(at, _)| at).chain([field.len()]);
            ends.any(|end| names.contains(&field[..end]))
                && !times.iter().chain(&self.fields).any(|other| overlaps(field, other))
        };
        named(error).take(MOST_READ).filter(is_possible).take(MOST_TRIED).find_map(|field| {
            let next = Self { fields: [self.fields.as_slice(), &[field.to_owned()]].concat(), moves_all: false };
            next.apply(document, "", times).map(|_| next)
        })
    }

    /// The repairs that came before this one, the first one first.
    pub fn earlier(&self) -> impl Iterator<Item = Self> + '_ {
        let count = if self.moves_all { self.fields.len() } else { self.fields.len().saturating_sub(1) };
        (1..=count).map(|count| Self { fields: self.fields[..count].to_vec(), moves_all: false })
    }

    /// The document in its new form. `None` if a field is missing, the time would move, or the document has one of the new
    /// fields already.
    pub fn apply(&self, document: &str, reason: &str, times: &[String]) -> Option<Vec<u8>> {
        let members = Members::read(document)?;
        if members.has(UNMAPPED) || members.has(REASON) {
            return None;
        }
        let time = times.iter().find_map(|time| only(document, time));
        let (rest, moved) = if self.moves_all {
            // The text as it came: nothing is lost, not even a second member of the same name.
            (time.unwrap_or_else(|| "{}".into()), document.to_owned())
        } else {
            let mut rest = document.to_owned();
            let mut moved: Vec<(String, String)> = Vec::new();
            for field in &self.fields {
                let (changed, (path, value)) = without(&rest, field)?;
                if moved.iter().any(|(other, _)| *other == path) {
                    return None;
                }
                moved.push((path, value));
                rest = changed;
            }
            if time != times.iter().find_map(|time| only(&rest, time)) {
                return None;
            }
            (rest, members::object(&moved))
        };
        let mut form = rest.trim_end().strip_suffix('}')?.trim_end().as_bytes().to_vec();
        for (field, text) in [(UNMAPPED, moved.as_str()), (REASON, cut(reason))] {
            if form.last() != Some(&b'{') {
                form.push(b',');
            }
            push_string(&mut form, field);
            form.push(b':');
            push_string(&mut form, text);
        }
        form.push(b'}');
        Some(form)
    }
}

/// Whether one path is the other, or above it.
fn overlaps(a: &str, b: &str) -> bool {
    let (short, long) = if a.len() < b.len() { (a, b) } else { (b, a) };
    long.strip_prefix(short).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The texts in brackets of an error and its causes, in their order. Engines write the names of fields so.
fn named(error: &ItemError) -> impl Iterator<Item = &str> {
    let errors = std::iter::successors(Some(error), |error| error.caused_by.as_deref());
    let texts = errors.flat_map(|error| error.reason.split('[').skip(1).filter_map(|text| text.split_once(']')));
    texts.map(|(name, _)| name).filter(|name| name.len() <= MOST_NAME_BYTES)
}

fn cut(reason: &str) -> &str {
    &reason[..reason.floor_char_boundary(MOST_REASON_BYTES)]
}

#[cfg(test)]
mod tests;
