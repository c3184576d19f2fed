//! The start of a walk: the event, the lifted object, or a moved value.

use simd_json::Node;

use super::state::{Form, Scope, Scratch};
use crate::{
    decode::{Path, Value},
    shape::{
        input::Input,
        tree::{Actions, NodeId, ROOT, Tree},
    },
};

/// The value to walk, and the state that applies there.
pub(super) struct Start<'w> {
    pub(super) nodes: &'w [Node<'w>],
    /// Its first structural.
    pub(super) at: usize,
    /// Its bytes in the source.
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) scope: Scope,
    /// Whether it replaces the event.
    pub(super) is_lifted: bool,
}

/// The rules that apply to a path.
pub(in crate::shape) struct Along {
    /// The places at the end of the path.
    pub(in crate::shape) places: Vec<NodeId>,
    pub(in crate::shape) is_hashed: bool,
    pub(in crate::shape) is_kept: bool,
    pub(in crate::shape) is_dropped: bool,
    pub(super) form: Form,
}

impl Along {
    /// Follows a path from the root of the event.
    pub(in crate::shape) fn of(tree: &Tree, path: &Path) -> Self {
        let (is_hashed, is_kept, is_dropped) = (false, false, false);
        let mut along = Self { places: vec![ROOT], is_hashed, is_kept, is_dropped, form: Form::Json };
        for name in path.as_str().split('.') {
            let mut found = Vec::new();
            for place in &along.places {
                tree.step(*place, name, &mut found);
            }
            let here = |is: fn(&Actions) -> bool| found.iter().any(|place| is(&tree.node(*place).here));
            along.is_hashed |= here(|here| here.hash);
            along.is_kept |= here(|here| here.keep);
            along.is_dropped |= here(|here| here.drop);
            along.form = along.form.below(name, here(|here| here.plain));
            along.places = found;
        }
        along
    }

    /// Whether the value there is one typed attribute and not an object.
    pub(in crate::shape) fn is_attribute(&self) -> bool {
        self.form == Form::Attribute
    }
}

impl<'w> Start<'w> {
    /// Starts at the object that replaces the event, or at the event if there is none.
    pub(super) fn of(of: Input<'w>, scratch: &mut Scratch) -> Option<Self> {
        let lifted = of.tree.lifts.as_ref();
        if let Some(path) = lifted
            && path.through_objects(of.event.value()).is_some_and(Value::is_object)
        {
            let start = Self::at(of, path, scratch)?;
            scratch.places.extend(of.tree.document_root());
            return Some(Self { is_lifted: true, ..start });
        }
        scratch.left_as_it_came += u64::from(lifted.is_some());
        scratch.places.clear();
        scratch.places.push(ROOT);
        scratch.places.extend(of.tree.document_root());
        let scope = Scope { keeping: of.tree.keeps, hashing: false, in_array: false, form: Form::Json };
        Some(Self { nodes: of.event.tape, at: 0, from: 0, to: of.event.source.len(), scope, is_lifted: false })
    }

    /// Starts at the value of a path.
    pub(super) fn at(of: Input<'w>, path: &Path, scratch: &mut Scratch) -> Option<Self> {
        let value = path.through_objects(of.event.value())?;
        let Along { places, is_hashed, is_kept, form, .. } = Along::of(of.tree, path);
        scratch.places.clear();
        scratch.places.extend(&places);
        let at = of.event.structural_of(value)?;
        let from = *of.event.structurals.get(at)? as usize;
        let to = from + of.event.bytes_of(value)?.len();
        let scope = Scope { keeping: of.tree.keeps && !is_kept, hashing: is_hashed, in_array: false, form };
        Some(Self { nodes: value.own_nodes(), at, from, to, scope, is_lifted: false })
    }
}
