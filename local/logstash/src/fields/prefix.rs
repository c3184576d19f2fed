//! The object that holds the original fields in Logstash, after a codec with a `target` or a `split`. Here these fields
//! are at the top of the event.

use std::{cell::RefCell, collections::BTreeSet};

use crate::names::top;

/// The path of that object, and the fields beside it.
#[derive(Debug, Clone)]
pub(crate) struct Prefix {
    path: String,
    /// The object around the array, if the event is an element of an array.
    pub(super) around: Option<Around>,
}

/// The object around an array.
#[derive(Debug, Clone)]
pub(super) struct Around {
    /// The path of the array.
    array: String,
    /// The members of that object that are used.
    pub(super) envelope: RefCell<BTreeSet<String>>,
    /// The members of an element that are used.
    pub(super) inside: RefCell<BTreeSet<String>>,
}

impl Prefix {
    /// There are no fields beside the object.
    pub(crate) fn alone(path: String) -> Self {
        Self { path, around: None }
    }

    /// The object is an element of an array. The members of the object around the array are beside it.
    pub(crate) fn in_array(path: String, array: String) -> Self {
        Self { path, around: Some(Around { array, envelope: RefCell::default(), inside: RefCell::default() }) }
    }

    /// Whether a path that is outside the elements leads to the array or to an object around it.
    pub(super) fn is_around(&self, path: &str) -> bool {
        let is_known = |around: &Around| [top(&self.path), top(&around.array)].contains(&top(path));
        self.around.as_ref().is_some_and(is_known)
    }

    /// Whether the event may have original fields beside the object.
    pub(super) fn has_envelope(&self) -> bool {
        self.around.is_some()
    }

    /// The rest of a path inside the object.
    pub(super) fn strip<'p>(&self, path: &'p str) -> Option<&'p str> {
        let rest = path.strip_prefix(self.path.as_str())?;
        if rest.is_empty() { Some("") } else { rest.strip_prefix('.') }
    }
}
