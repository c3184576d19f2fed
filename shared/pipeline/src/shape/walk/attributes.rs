//! Turns `DynamoDB`'s typed attributes into plain JSON: `{"total":{"N":"12.50"}}` becomes `{"total":12.50}`.
//!
//! The wrapper of each value is cut out of the bytes, so digits and escapes are unchanged. Rules about fields name them with
//! their types, as in the received event: `Item.address.M.city`. Deliberately absent: any change of a value that is not a typed
//! attribute. Such a value is counted, and it stays unchanged.
//!
//! The format: <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html>.

use std::ops::Range;

use simd_json::{Node, StaticNode};

use super::{
    cursor::Walk,
    state::{Form, Scope},
};
use crate::{
    decode::{Value, span},
    json,
    shape::tree::Actions,
};

/// The content of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// JSON with the same meaning: strings, base64, booleans, and sets of strings.
    Json,
    Number,
    Numbers,
    Null,
    Map,
    List,
}

impl Kind {
    /// The type of an attribute, and its content. `None` if it is not an attribute.
    fn of<'n>(nodes: &'n [Node<'n>]) -> Option<(&'n str, Self, &'n [Node<'n>])> {
        let [Node::Object { len: 1, .. }, Node::String(name), held @ ..] = nodes else { return None };
        let value = Value::new(held);
        let all = |fits: fn(&str) -> bool| {
            let is_fit =
                |element: Value<'_>| matches!(element.own_nodes().first(), Some(Node::String(text)) if fits(text));
            value.is_array() && value.elements().all(is_fit)
        };
        let kind = match (*name, held.first()?) {
            ("S" | "B", Node::String(_)) | ("BOOL", Node::Static(StaticNode::Bool(_))) => Self::Json,
            ("N", Node::String(text)) if json::is_number(text) => Self::Number,
            ("NULL", Node::Static(StaticNode::Bool(true))) => Self::Null,
            ("M", Node::Object { .. }) => Self::Map,
            ("L", Node::Array { .. }) => Self::List,
            ("SS" | "BS", _) if all(|_| true) => Self::Json,
            ("NS", _) if all(json::is_number) => Self::Numbers,
            _ => return None,
        };
        Some((name, kind, held))
    }
}

impl Walk<'_, '_> {
    /// Walks a typed attribute and keeps only its value. Returns its number of nodes.
    pub(super) fn attribute(&mut self, nodes: &[Node<'_>], places: Range<usize>, scope: Scope) -> Option<usize> {
        let used = span(nodes.first()?);
        let as_it_came = Scope { form: Form::Json, ..scope };
        let Some((name, kind, held)) = Kind::of(nodes.get(..used)?) else {
            self.scratch.left_as_it_came += 1;
            return self.value(nodes, places, as_it_came);
        };
        let first = self.scratch.places.len();
        for place in places.clone() {
            let from = self.scratch.places[place];
            if self.of.tree.node(from).in_document {
                self.scratch.places.push(from);
            } else {
                self.of.tree.step(from, name, &mut self.scratch.places);
            }
        }
        let found = first..self.scratch.places.len();
        let here = |walk: &Self, is: fn(&Actions) -> bool| {
            walk.scratch.places[found.clone()].iter().any(|place| is(&walk.of.tree.node(*place).here))
        };
        // A rule about the type itself applies: the content is left out, and an empty object stays, as the rule says.
        let is_ruled = here(self, |here| here.drop || here.moved.is_some())
            || (scope.keeping && !here(self, |here| here.keep || here.keeps_below));
        if is_ruled {
            self.scratch.places.truncate(first);
            return self.value(nodes, places, as_it_came);
        }
        let hashing = scope.hashing || here(self, |here| here.hash);
        let keeping = scope.keeping && !here(self, |here| here.keep);
        let start = self.offset(self.at)?;
        // Skip the bracket, the type and the colon.
        self.at += 3;
        let held_at = self.offset(self.at)?;
        self.copy_to(start)?;
        self.copied = held_at;
        self.held(kind, held, found, Scope { keeping, hashing, ..scope })?;
        let close = self.offset(self.at)?;
        let end = held_at + self.of.event.source.get(held_at..close)?.trim_ascii_end().len();
        self.copy_to(end)?;
        self.copied = close + 1;
        self.at += 1;
        self.scratch.places.truncate(first);
        Some(used)
    }

    /// Walks the content of an attribute.
    fn held(&mut self, kind: Kind, nodes: &[Node<'_>], places: Range<usize>, scope: Scope) -> Option<()> {
        let json = Scope { form: Form::Json, ..scope };
        match (kind, *nodes.first()?) {
            (Kind::Number, _) if !scope.hashing => self.unquote(nodes)?,
            (Kind::Numbers, Node::Array { len, .. }) if !scope.hashing => {
                self.at += 1;
                for element in 0..len {
                    self.at += usize::from(element > 0);
                    self.unquote(nodes.get(1 + element..)?)?;
                }
                self.at += 1;
            }
            (Kind::Null, _) => {
                self.at += 1;
                self.out.extend_from_slice(b"null");
                self.copied = self.end_of_value(self.copied)?;
            }
            (Kind::Map, _) => drop(self.value(nodes, places, Scope { form: Form::Attributes, ..scope })?),
            (Kind::List, Node::Array { len, count }) => {
                let elements = Scope { in_array: true, form: Form::Attribute, ..scope };
                self.array(nodes.get(1..=count)?, len, &places, elements)?;
            }
            _ => drop(self.value(nodes, places, json)?),
        }
        Some(())
    }

    /// Writes the text that `nodes` begins with, without its quotes.
    fn unquote(&mut self, nodes: &[Node<'_>]) -> Option<()> {
        let Node::String(text) = nodes.first()? else { return None };
        let start = self.offset(self.at)?;
        self.at += 1;
        let end = self.end_of_value(start)?;
        self.copy_to(start)?;
        self.out.extend_from_slice(text.as_bytes());
        self.copied = end;
        Some(())
    }
}
