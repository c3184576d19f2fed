//! The location of a value in the bytes of its event.
//!
//! The tape has no offsets, and the structurals have no tree, so both are walked in lockstep. A string is one structural, its
//! opening quote. A number, `true`, `false` or `null` is one structural, its first character. Brackets, commas and colons are one each.

use simd_json::Node;

use super::{
    event::Event,
    surrogates,
    value::{Value, span},
};

/// The number of structurals of the values in `nodes`, keys included. Commas and colons are counted only inside containers.
#[inline]
pub(crate) fn structurals(nodes: &[Node<'_>]) -> usize {
    nodes.iter().map(own).sum()
}

/// Both brackets, the commas in between, and a colon for each key.
#[inline]
fn own(node: &Node<'_>) -> usize {
    match node {
        Node::Object { len, .. } => 2 + len.saturating_sub(1) + len,
        Node::Array { len, .. } => 2 + len.saturating_sub(1),
        Node::String(_) | Node::Static(_) => 1,
    }
}

impl<'e> Event<'e> {
    /// The bytes of a value of this event, without white space around them. `None` if the value is not part of this event.
    pub fn bytes_of(&self, value: Value<'e>) -> Option<&'e [u8]> {
        let at = self.structural_of(value)?;
        let start = *self.structurals.get(at)? as usize;
        let end = at + structurals(value.own_nodes());
        let bytes = match self.structurals.get(end) {
            Some(next) => self.source.get(start..*next as usize)?,
            None => self.source.get(start..)?,
        };
        Some(bytes.trim_ascii_end())
    }

    /// Whether a text of this event holds half of a surrogate pair. `text` has U+FFFD in its place, so different texts look
    /// the same.
    pub fn is_repaired(&self, value: Value<'e>, text: &str) -> bool {
        text.contains(char::REPLACEMENT_CHARACTER)
            && self.bytes_of(value).is_none_or(|bytes| surrogates::find_lone(bytes, 0).is_some())
    }

    /// The first structural of a value.
    pub(crate) fn structural_of(&self, value: Value<'e>) -> Option<usize> {
        let target = self.index_of(value)?;
        let (mut node, mut at) = (0, 0);
        // Descend to the target, and skip the values before it.
        'down: while node != target {
            let (len, is_object) = match self.tape.get(node)? {
                Node::Object { len, .. } => (*len, true),
                Node::Array { len, .. } => (*len, false),
                Node::String(_) | Node::Static(_) => return None,
            };
            // The key and the colon, and the comma after the value.
            let (names, signs) = if is_object { (1, 2) } else { (0, 0) };
            node += 1;
            at += 1;
            for _ in 0..len {
                node += names;
                at += signs;
                let value = self.tape.get(node)?;
                if let Node::String(_) | Node::Static(_) = value {
                    if node == target {
                        return Some(at);
                    }
                    node += 1;
                    at += 2;
                    continue;
                }
                let end = node + span(value);
                if target < end {
                    continue 'down;
                }
                at += 1 + structurals(self.tape.get(node..end)?);
                node = end;
            }
            return None;
        }
        Some(at)
    }

    /// The index on the tape at which a value begins.
    fn index_of(&self, value: Value<'e>) -> Option<usize> {
        self.tape.element_offset(value.first()?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value as Json;

    use super::*;
    use crate::decode::Decoder;

    fn each<'e>(event: &Event<'e>, value: Value<'e>, seen: &mut Vec<Json>) {
        let bytes = event.bytes_of(value).unwrap();
        assert_eq!(bytes.trim_ascii(), bytes);
        seen.push(serde_json::from_slice(bytes).unwrap_or_else(|error| panic!("{error}: {bytes:?}")));
        value.members().for_each(|(_, member)| each(event, member, seen));
        value.elements().for_each(|element| each(event, element, seen));
    }

    fn each_json(value: &Json, seen: &mut Vec<Json>) {
        seen.push(value.clone());
        match value {
            Json::Object(members) => members.values().for_each(|member| each_json(member, seen)),
            Json::Array(elements) => elements.iter().for_each(|element| each_json(element, seen)),
            _ => {}
        }
    }

    #[test]
    fn the_bytes_of_a_value_are_those_it_came_in() {
        let json =
            "  {\"a\" : 1.00 ,\"b\":[ -0 , \"\\u00e9\\\"]\" ,[],{ } ],\"c\":{\"d\":[{\"e\":\ttrue }]}, \"f\":null}\n";
        let mut decoder = Decoder::new();
        let parsed = decoder.decode(json.as_bytes()).unwrap();
        let event = parsed.event();
        let mut seen = Vec::new();
        each(&event, event.value(), &mut seen);
        let mut expected = Vec::new();
        each_json(&serde_json::from_str(json).unwrap(), &mut expected);
        assert_eq!(seen, expected);
        let member = |name: &str| event.value().members().find(|(key, _)| *key == name).unwrap().1;
        assert_eq!(event.bytes_of(member("a")).unwrap(), b"1.00");
        assert_eq!(event.bytes_of(member("b")).unwrap(), b"[ -0 , \"\\u00e9\\\"]\" ,[],{ } ]");
        let mut other = Decoder::new();
        let foreign = other.decode(b"[1]").unwrap();
        assert_eq!(event.bytes_of(foreign.event().value()), None);
    }

    proptest! {
        #[test]
        fn every_value_of_any_event_is_found(value in crate::decode::tests::json(), space in "[ \t\n]{0,2}") {
            let text = crate::decode::tests::spaced(&value, &space);
            let mut decoder = Decoder::new();
            let parsed = decoder.decode(text.as_bytes()).unwrap();
            let (mut seen, mut expected) = (Vec::new(), Vec::new());
            each(&parsed.event(), parsed.event().value(), &mut seen);
            each_json(&value, &mut expected);
            prop_assert_eq!(seen, expected);
        }
    }
}
