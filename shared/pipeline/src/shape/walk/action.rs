//! Decides what happens to a member of an object.

use std::ops::Range;

use simd_json::Node;

use super::{
    cursor::Walk,
    state::{Form, Scope},
};
use crate::{
    decode::Value,
    shape::tree::{Actions, Sibling},
};

/// The action for a member.
#[derive(Clone, Copy)]
pub(super) enum MemberAction<'w> {
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

impl MemberAction<'_> {
    /// For a member without rules.
    pub(super) fn untouched(scope: Scope) -> Self {
        match scope {
            Scope { keeping: true, .. } => Self::Cut,
            Scope { hashing: true, .. } | Scope { form: Form::Attributes, .. } => Self::Entered { scope, name: None },
            _ => Self::Skipped,
        }
    }
}

impl<'w> Walk<'w, '_> {
    /// The action for a member that has rules.
    pub(super) fn action(
        &self,
        object: &[Node<'_>],
        key: &str,
        found: &Range<usize>,
        scope: Scope,
    ) -> MemberAction<'w> {
        let tree = self.of.tree;
        // It is nearly always a single place, for which the loops below disappear.
        match &self.scratch.places[found.clone()] {
            [place] => self.action_at(&std::iter::once(&tree.node(*place).here), object, key, scope),
            places => self.action_at(&places.iter().map(|place| &tree.node(*place).here), object, key, scope),
        }
    }

    #[inline]
    fn action_at(
        &self,
        places: &(impl Iterator<Item = &'w Actions> + Clone),
        object: &[Node<'_>],
        key: &str,
        scope: Scope,
    ) -> MemberAction<'w> {
        let here = || places.clone();
        let value = here().find_map(|here| here.made.filter(|value| self.made.get(*value).is_some()));
        if let Some(value) = value.filter(|_| !scope.in_array) {
            return if self.scratch.placed[value] { MemberAction::Cut } else { MemberAction::Replaced(value) };
        }
        // A member that is renamed or moved itself does not conflict.
        let stays = here().all(|here| here.rename.is_none() && (scope.in_array || here.moved.is_none()));
        let yields = |to: &Sibling| sibling(key, to).is_some_and(|(prefix, name)| has_member(object, prefix, name));
        if stays && here().any(|here| here.yields_to.as_ref().is_some_and(yields)) {
            return MemberAction::Cut;
        }
        let is_moved = |value: usize| self.made.get(value).is_some();
        if !scope.in_array && here().any(|here| here.moved.is_some_and(is_moved)) {
            return MemberAction::Cut;
        }
        let hashing = scope.hashing || here().any(|here| here.hash);
        if let Some(name) = here().find_map(|here| here.rename.as_ref()) {
            return MemberAction::Entered { scope: Scope { keeping: false, hashing, ..scope }, name: Some(name) };
        }
        if here().any(|here| here.drop) {
            return MemberAction::Cut;
        }
        let keeping = scope.keeping && !here().any(|here| here.keep);
        if keeping && !here().any(|here| here.keeps_below) {
            return MemberAction::Cut;
        }
        MemberAction::Entered { scope: Scope { keeping, hashing, ..scope }, name: None }
    }
}

/// The part of a key before its last name, and the sibling's name. A key may contain several names, `a.b`.
pub(super) fn sibling<'k>(key: &'k str, names: &'k Sibling) -> Option<(&'k str, &'k str)> {
    key.strip_suffix(names.own.as_str()).map(|prefix| (prefix, names.other.as_str()))
}

fn has_member(object: &[Node<'_>], prefix: &str, name: &str) -> bool {
    Value::new(object).members().any(|(key, _)| key.strip_prefix(prefix) == Some(name))
}
