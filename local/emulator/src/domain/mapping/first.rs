//! The kind of the first value of each field, which decides its type in the engine's dynamic mapping.

use std::collections::HashMap;

use pipeline::decode::{Event, Number, Scalar, Value};

use super::dates::DateFormat;

/// `index.mapping.total_fields.limit`. The engine refuses a document that brings more; here they are not mapped.
pub(super) const MAX_FIELDS: usize = 1_000;
/// `index.mapping.depth.limit`.
const MAX_DEPTH: usize = 20;

/// The kind of a field's first value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::domain) enum FirstKind {
    Object,
    Boolean,
    Integer,
    Float,
    Date(DateFormat),
    Text,
}

/// The fields of some documents.
#[derive(Debug, Default)]
pub(in crate::domain) struct FirstKinds {
    fields: HashMap<String, FirstKind>,
}

impl FirstKinds {
    /// The fields, an object before the fields in it.
    pub(super) fn sorted(&self) -> Vec<(&String, &FirstKind)> {
        let mut fields: Vec<_> = self.fields.iter().collect();
        fields.sort_unstable_by_key(|(path, _)| *path);
        fields
    }

    /// Adds the fields of a document that are new.
    pub(in crate::domain) fn add(&mut self, event: &Event<'_>) {
        self.object(event.value(), &mut String::new(), 0);
    }

    fn object(&mut self, object: Value<'_>, path: &mut String, depth: usize) {
        let length = path.len();
        for (name, value) in object.members() {
            if length > 0 {
                path.push('.');
            }
            path.push_str(name);
            // Nearly every field of a document is known from the documents before it.
            let is_known = value.scalar().is_some() && self.fields.contains_key(path.as_str());
            if !is_known && depth < MAX_DEPTH && has_good_name(name) {
                for (at, _) in name.match_indices('.') {
                    self.insert(&path[..path.len() - name.len() + at], || FirstKind::Object);
                }
                self.value(value, path, depth);
            }
            path.truncate(length);
        }
    }

    fn value(&mut self, value: Value<'_>, path: &mut String, depth: usize) {
        if value.is_array() {
            value.elements().for_each(|element| self.value(element, path, depth));
        } else if value.is_object() {
            self.insert(path, || FirstKind::Object);
            if self.fields.get(path.as_str()) == Some(&FirstKind::Object) {
                self.object(value, path, depth + 1);
            }
        } else if let Some(scalar) = value.scalar().filter(|scalar| *scalar != Scalar::Null) {
            self.insert(path, || kind_of(scalar));
        }
    }

    fn insert(&mut self, path: &str, kind: impl FnOnce() -> FirstKind) {
        if !self.fields.contains_key(path) && self.fields.len() < MAX_FIELDS {
            self.fields.insert(path.to_owned(), kind());
        }
    }
}

/// The engine refuses a document with any other name.
fn has_good_name(name: &str) -> bool {
    !name.split('.').any(|part| part.trim().is_empty())
}

fn kind_of(scalar: Scalar<'_>) -> FirstKind {
    match scalar {
        Scalar::Bool(_) => FirstKind::Boolean,
        Scalar::Number(Number::Integer(_)) => FirstKind::Integer,
        Scalar::Number(Number::Float(_)) => FirstKind::Float,
        // The engine takes no number for a date, although it could be a year.
        Scalar::String(text) if text.parse::<f64>().is_err() => {
            DateFormat::detected(text).map_or(FirstKind::Text, FirstKind::Date)
        }
        Scalar::String(_) | Scalar::Null => FirstKind::Text,
    }
}
