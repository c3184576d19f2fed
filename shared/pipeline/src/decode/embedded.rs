//! JSON inside a string: `{"message":"{\"a\":1}"}` becomes `{"a":1}`.
//!
//! In: an event. Out: the event with such strings unfolded, to be decoded again. The content of a string replaces the field: its
//! members join the event, or it stays one value under a new name. Deliberately absent: any change to an event whose string
//! holds no such JSON. That string is counted, and the event passes on unchanged.

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use super::{
    event::Event,
    location::structurals,
    value::{Scalar, Value},
};
use crate::json;

/// The fields whose strings are unfolded. All of them are at the top level of the event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Embedded {
    /// The field whose members join the event. They replace existing members with the same name.
    pub joining: Option<String>,
    /// Fields whose value stays one value, each with its new name. It replaces an existing member with that name.
    pub renamed: Vec<(String, String)>,
}

/// The action for a member.
enum MemberChange<'e> {
    Stays,
    Joins(&'e str),
    Becomes(&'e str, &'e str),
}

impl Embedded {
    /// Writes the event with its strings unfolded. Returns `false` if there are none. `left_out` counts strings that hold no such JSON.
    pub fn unfold(&self, event: &Event<'_>, out: &mut Vec<u8>, left_out: &mut u64) -> bool {
        let mut taken: Vec<String> = Vec::new();
        let mut any = false;
        let mut changes = Vec::new();
        for (key, value) in event.value().members() {
            let change = self.change(key, value, &mut taken, left_out);
            any |= !matches!(change, MemberChange::Stays);
            changes.push((key, change));
        }
        any && write(event, &changes, &taken, out).is_some()
    }

    fn change<'e>(
        &'e self,
        key: &str,
        value: Value<'e>,
        taken: &mut Vec<String>,
        left_out: &mut u64,
    ) -> MemberChange<'e> {
        let joins = self.joining.as_deref() == Some(key);
        let name = self.renamed.iter().find(|(field, _)| field == key).map(|(_, name)| name.as_str());
        let (Some(Scalar::String(text)), true) = (value.scalar(), joins || name.is_some()) else {
            return MemberChange::Stays;
        };
        let text = text.trim_ascii();
        if let Some(name) = name {
            if serde_json::from_str::<IgnoredAny>(text).is_ok() {
                taken.push(name.to_owned());
                return MemberChange::Becomes(name, text);
            }
        } else if let Some(names) = names_of(text) {
            taken.extend(names);
            return MemberChange::Joins(text);
        }
        *left_out += 1;
        MemberChange::Stays
    }
}

/// Returns `None` if the tape does not fit its structurals. simd-json does not produce such a tape.
fn write(event: &Event<'_>, changes: &[(&str, MemberChange<'_>)], taken: &[String], out: &mut Vec<u8>) -> Option<()> {
    out.clear();
    let mut sign = b'{';
    let mut at = 1;
    for ((key, change), (_, value)) in changes.iter().zip(event.value().members()) {
        let start = *event.structurals.get(at)? as usize;
        // Skip the key, the colon and the value.
        at += 2 + structurals(value.own_nodes());
        let end = *event.structurals.get(at)? as usize;
        at += 1;
        let name = match change {
            MemberChange::Stays if taken.iter().any(|taken| taken == key) => continue,
            MemberChange::Joins(_) => continue,
            MemberChange::Stays => None,
            MemberChange::Becomes(name, text) => Some((name, text)),
        };
        out.push(sign);
        sign = b',';
        match name {
            None => out.extend_from_slice(event.source.get(start..end)?.trim_ascii_end()),
            Some((name, text)) => {
                json::push_string(out, name);
                out.push(b':');
                out.extend_from_slice(text.as_bytes());
            }
        }
    }
    for (_, fate) in changes {
        if let MemberChange::Joins(text) = fate {
            let members = text.get(1..text.len() - 1)?.trim_ascii();
            if !members.is_empty() {
                out.push(sign);
                sign = b',';
                out.extend_from_slice(members.as_bytes());
            }
        }
    }
    if sign == b'{' {
        out.push(sign);
    }
    out.push(b'}');
    Some(())
}

/// The names of an object's members. `None` if the text is not a JSON object.
fn names_of(text: &str) -> Option<Vec<String>> {
    struct Names;

    impl<'de> Visitor<'de> for Names {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
            let mut names = Vec::new();
            while let Some((name, IgnoredAny)) = map.next_entry()? {
                names.push(name);
            }
            Ok(names)
        }
    }

    let mut deserializer = serde_json::Deserializer::from_str(text);
    let names = deserializer.deserialize_map(Names).ok()?;
    deserializer.end().ok().map(|()| names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Decoder;

    fn unfolded(embedded: &Embedded, json: &str) -> (Option<String>, u64) {
        let mut decoder = Decoder::new();
        let parsed = decoder.decode(json.as_bytes()).unwrap_or_else(|error| panic!("{json}: {error}"));
        let (mut out, mut left_out) = (b"left over".to_vec(), 0);
        let any = embedded.unfold(&parsed.event(), &mut out, &mut left_out);
        (any.then(|| String::from_utf8(out).unwrap()), left_out)
    }

    #[test]
    fn members_join_the_event_and_win_over_what_is_there() {
        let embedded = Embedded { joining: Some("message".into()), renamed: Vec::new() };
        for (json, expected) in [
            (r#"{"message":"{\"a\":1.00,\"b\":\"\\u00e9\"}"}"#, r#"{"a":1.00,"b":"\u00e9"}"#),
            (r#"{ "x" : [1, 2] , "message" : " {\"a\":1} " , "y":"\/"}"#, r#"{"x" : [1, 2],"y":"\/","a":1}"#),
            (r#"{"a":1,"message":"{\"a\":2}","b":3}"#, r#"{"b":3,"a":2}"#),
            (r#"{"message":"{\"message\":\"m\"}"}"#, r#"{"message":"m"}"#),
            (r#"{"message":"{}","b":3}"#, r#"{"b":3}"#),
            (r#"{"message":"{}"}"#, "{}"),
        ] {
            assert_eq!(unfolded(&embedded, json), (Some(expected.into()), 0), "{json}");
        }
        for (json, left_out) in [
            (r#"{"message":"GET /index.html","a":1}"#, 1),
            (r#"{"message":"[1]"}"#, 1),
            (r#"{"message":"{\"a\":1"}"#, 1),
            (r#"{"message":"{\"a\":1} {\"b\":2}"}"#, 1),
            (r#"{"message":"{\"a\":1},{\"b\":2}"}"#, 1),
            (r#"{"message":{"a":1}}"#, 0),
            (r#"{"message":null}"#, 0),
            (r#"{"a":{"message":"{}"}}"#, 0),
        ] {
            assert_eq!(unfolded(&embedded, json), (None, left_out), "{json}");
        }
    }

    #[test]
    fn a_value_stays_one_under_its_own_or_another_name() {
        let renamed = vec![("message".to_owned(), "payload".to_owned()), ("raw".to_owned(), "raw".to_owned())];
        let embedded = Embedded { joining: None, renamed };
        for (json, expected, left_out) in [
            (r#"{"message":"{\"a\":1}","b":2}"#, Some(r#"{"payload":{"a":1},"b":2}"#), 0),
            (r#"{"payload":0,"message":"[1,2]"}"#, Some(r#"{"payload":[1,2]}"#), 0),
            (r#"{"raw":"{\"a\":1}","message":"no"}"#, Some(r#"{"raw":{"a":1},"message":"no"}"#), 1),
            (r#"{"raw":"no","message":"no"}"#, None, 2),
        ] {
            assert_eq!(unfolded(&embedded, json), (expected.map(str::to_owned), left_out), "{json}");
        }
    }
}
