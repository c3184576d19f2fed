//! The members of a JSON object as they are written, found by a dotted path.
//!
//! As for the engine, `a.b` is `{"a":{"b":…}}` and `{"a.b":…}`. A path ends at an array on its way, since it may lead to
//! several of its elements.

use std::{borrow::Cow, collections::HashSet, fmt};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::json::push_string;

/// More names than the engine accepts in a path (20). It bounds the recursion.
const MOST_NAMES: usize = 32;

/// The members of an object, in their order. Names and values are as they are written.
pub(super) struct Members<'j>(Vec<(&'j RawValue, &'j RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

impl<'j> Members<'j> {
    /// The members of an object; `None` if the text is none.
    pub(super) fn read(json: &'j str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }

    /// The name of a member. `None` if it is not Unicode: half of a surrogate pair.
    fn name(&self, at: usize) -> Option<Cow<'j, str>> {
        #[derive(serde::Deserialize)]
        struct Name<'n>(#[serde(borrow)] Cow<'n, str>);
        serde_json::from_str(self.0[at].0.get()).ok().map(|Name(name)| name)
    }

    fn names(&self) -> impl Iterator<Item = Option<Cow<'j, str>>> + '_ {
        (0..self.0.len()).map(|at| self.name(at))
    }

    /// Whether a member has this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.names().flatten().any(|other| other == name)
    }

    /// The names of all members.
    pub(super) fn all_names(&self) -> HashSet<Cow<'j, str>> {
        self.names().flatten().collect()
    }
}

/// The members on the way to a value, from the outermost object on, and the place of the way in each.
struct Way<'j>(Vec<(Members<'j>, usize)>);

impl<'j> Way<'j> {
    fn find(json: &'j str, path: &str) -> Option<Self> {
        let mut way = Vec::new();
        (path.split('.').count() <= MOST_NAMES && walk(json, path, &mut way))
            .then(|| Self(way.into_iter().rev().collect()))
    }

    /// The outermost object, after the value at the end of the way became another one, or nothing.
    fn replaced(&self, mut value: Option<String>, leaves_others: bool) -> String {
        for (Members(members), at) in self.0.iter().rev() {
            let mut out = String::from("{");
            for (place, (name, other)) in members.iter().enumerate() {
                let written = if place == *at { value.as_deref() } else { leaves_others.then(|| other.get()) };
                let Some(written) = written else { continue };
                if out.len() > 1 {
                    out.push(',');
                }
                out.extend([name.get(), ":", written]);
            }
            out.push('}');
            value = Some(out);
        }
        value.unwrap_or_default()
    }

    fn value(&self) -> &'j str {
        self.0.last().map_or("", |(Members(members), at)| members[*at].1.get())
    }

    /// The whole path. `None` if a name occurs twice in its object: which of the two is meant is not known.
    fn path(&self) -> Option<String> {
        let names = self.0.iter().map(|(members, at)| {
            let name = members.name(*at)?;
            (members.names().flatten().filter(|other| *other == name).count() == 1).then_some(name)
        });
        Some(names.collect::<Option<Vec<_>>>()?.join("."))
    }
}

/// Fills the way from its end on. The first member that leads to the value is taken, as for the rules.
fn walk<'j>(json: &'j str, path: &str, way: &mut Vec<(Members<'j>, usize)>) -> bool {
    let Some(members) = Members::read(json) else { return false };
    for at in 0..members.0.len() {
        let Some(name) = members.name(at) else { continue };
        let Some(rest) = path.strip_prefix(name.as_ref()) else { continue };
        let value = members.0[at].1.get();
        let leads = match (rest.strip_prefix('.'), value.as_bytes().first()) {
            (None, _) => rest.is_empty(),
            (Some(_), Some(b'[')) => true,
            (Some(rest), Some(b'{')) => walk(value, rest, way),
            (Some(_), _) => false,
        };
        if leads {
            way.push((members, at));
            return true;
        }
    }
    false
}

/// The object with only the value at a path. `None` if it has none.
pub(super) fn only(json: &str, path: &str) -> Option<String> {
    Way::find(json, path).map(|way| way.replaced(Some(way.value().to_owned()), false))
}

/// The object without the value at a path, and that value with its whole path. `None` if it has none, or a name on the
/// way occurs twice.
pub(super) fn without(json: &str, path: &str) -> Option<(String, (String, String))> {
    let way = Way::find(json, path)?;
    let whole = way.path()?;
    Some((way.replaced(None, true), (whole, way.value().to_owned())))
}

/// Writes an object.
pub(super) fn object(members: &[(String, String)]) -> String {
    let mut out = b"{".to_vec();
    for (name, value) in members {
        if out.len() > 1 {
            out.push(b',');
        }
        push_string(&mut out, name);
        out.push(b':');
        out.extend_from_slice(value.as_bytes());
    }
    out.push(b'}');
    // It was made of strings.
    String::from_utf8(out).unwrap_or_default()
}
