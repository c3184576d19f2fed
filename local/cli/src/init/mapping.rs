//! The mapping file: a type for each field whose values have one.
//!
//! In: the fields of a sample. Out: what the engine's API calls `mappings`, and the fields that got no type. A field that the rules of
//! pipeline.yaml map, such as that of `timestamp`, is left to them.

use serde_json::{Map, Value, json};

use super::{
    masked::is_data,
    profile::{Field, MAX_NAMES, Profile},
};

/// The largest number of fields in the file, with the subfields. An index takes 1,000 by default, and later events bring more.
const MAX_MAPPED: usize = 800;
/// The largest number of characters of a string that a keyword field indexes. Lucene takes 32,766 bytes.
const KEYWORD_CHARS: u32 = 8_191;

/// The mapping of a sample.
#[derive(Debug, Default)]
pub(super) struct Mapping {
    pub(super) properties: Map<String, Value>,
    /// The number of fields with a type.
    pub(super) fields: usize,
    /// Fields with values of several types, each with these.
    pub(super) conflicts: Vec<(String, String)>,
    /// The number of fields that are left out for their names or their number.
    pub(super) left_out: usize,
}

/// What the values of a field are.
#[derive(Debug, PartialEq)]
enum Kind {
    /// No values but `null`, or a number that no type takes.
    Unknown,
    Object,
    Type(&'static str),
    Conflict(String),
}

impl Mapping {
    /// The types of all fields except those of `elsewhere`.
    pub(super) fn of(profile: &Profile, elsewhere: &[&str]) -> Self {
        let mut mapping = Self::default();
        for (path, field) in &profile.fields {
            if elsewhere.contains(&path.as_str()) || is_below_a_value(path, profile) {
                continue;
            }
            match kind(path, field) {
                Kind::Unknown | Kind::Object => {}
                Kind::Conflict(kinds) => mapping.conflicts.push((path.clone(), kinds)),
                Kind::Type(_) if !has_good_name(path) => mapping.left_out += 1,
                Kind::Type(name) => mapping.add(path, name),
            }
        }
        mapping
    }

    /// The text of the file.
    pub(super) fn text(&self) -> String {
        let text = serde_json::to_string_pretty(&json!({ "properties": self.properties })).unwrap_or_default();
        text + "\n"
    }

    fn add(&mut self, path: &str, kind: &str) {
        let mut properties = &mut self.properties;
        let mut rest = path;
        let count = path.split('.').count() + usize::from(kind == "text");
        if self.fields + count > MAX_MAPPED {
            self.left_out += 1;
            return;
        }
        while let Some((parent, below)) = rest.split_once('.') {
            let object = properties.entry(parent).or_insert_with(|| json!({ "properties": {} }));
            let Some(inner) = object.get_mut("properties").and_then(Value::as_object_mut) else { return };
            (properties, rest) = (inner, below);
        }
        properties.insert(rest.to_owned(), definition(kind));
        self.fields += count;
    }
}

/// Whether the field is below one that is not an object, or not always.
fn is_below_a_value(path: &str, profile: &Profile) -> bool {
    let mut parents = path.match_indices('.').map(|(at, _)| &path[..at]);
    parents.any(|parent| {
        profile.fields.get(parent).is_some_and(|field| !matches!(kind(parent, field), Kind::Object | Kind::Unknown))
    })
}

fn definition(kind: &str) -> Value {
    match kind {
        "keyword" => json!({ "type": "keyword", "ignore_above": KEYWORD_CHARS }),
        // As the engine maps a string by default, so that Discover finds words in it.
        "text" => json!({ "type": "text", "fields": { "keyword": { "type": "keyword", "ignore_above": 256 } } }),
        // Otherwise the engine would index 21.5 as 21. A refused value is kept (`on_conflict: keep`).
        "long" => json!({ "type": "long", "coerce": false }),
        _ => json!({ "type": kind }),
    }
}

fn kind(path: &str, field: &Field) -> Kind {
    let numbers = field.integers + field.floats;
    let present =
        [("objects", field.objects), ("strings", field.strings), ("numbers", numbers), ("booleans", field.booleans)];
    let mut kinds = present.into_iter().filter(|(_, count)| *count > 0).map(|(name, _)| name);
    match (kinds.next(), kinds.next()) {
        (None, _) => Kind::Unknown,
        (Some(first), Some(second)) => {
            Kind::Conflict(kinds.fold(format!("{first} and {second}"), |all, kind| format!("{all} and {kind}")))
        }
        (Some("objects"), None) if field.points == field.objects => Kind::Type("geo_point"),
        (Some("objects"), None) => Kind::Object,
        (Some("booleans"), None) => Kind::Type("boolean"),
        (Some("numbers"), None) if field.floats == 0 && !field.is_beyond_long => Kind::Type("long"),
        (Some("numbers"), None) => Kind::Type("double"),
        (Some(_), None) => Kind::Type(of_strings(path, field)),
    }
}

fn of_strings(path: &str, field: &Field) -> &'static str {
    if field.dates == field.strings {
        return "date";
    }
    // A version number such as 1.2.3.4 is an address too, so the name has to agree.
    let name = path.rsplit('.').next().unwrap_or(path).to_ascii_lowercase();
    let is_address_name = ["ip", "addr", "host", "client", "peer"].iter().any(|word| name.contains(word));
    if field.addresses == field.strings && is_address_name {
        return "ip";
    }
    if field.sentences * 2 > field.strings { "text" } else { "keyword" }
}

/// Whether the engine takes the name, and it is not data such as an e-mail address. Names that begin with `_` are the engine's.
fn has_good_name(path: &str) -> bool {
    let is_good =
        |name: &str| name.trim() == name && !name.is_empty() && name.len() <= 255 && !name.contains(char::is_control);
    path.split('.').count() <= MAX_NAMES && path.split('.').all(is_good) && !path.starts_with('_') && !is_data(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(events: &[&str]) -> Mapping {
        let events: Vec<Vec<u8>> = events.iter().map(|event| event.as_bytes().to_vec()).collect();
        Mapping::of(&Profile::of(&events), &["time"])
    }

    #[test]
    fn a_type_is_the_one_of_all_values() {
        for (value, other, expected) in [
            ("true", "false", "boolean"),
            ("1", "-9223372036854775808", "long"),
            ("1", "9223372036854775808", "double"),
            ("1", "1.5", "double"),
            ("1", "null", "long"),
            ("[1, [2]]", "[]", "long"),
            ("\"a\"", "\"2026-11-22\"", "keyword"),
            ("\"2026-11-22\"", "\"2026-11-22T10:00:00Z\"", "date"),
            ("\"10.0.0.1\"", "\"::1\"", "ip"),
            ("\"10.0.0.1\"", "\"host-1\"", "keyword"),
            ("\"one two three four five six seven\"", "\"one two three four five six\"", "text"),
            ("{\"lat\":1,\"lon\":2.5}", "{\"lon\":-180,\"lat\":90}", "geo_point"),
        ] {
            let made = mapping(&[&format!("{{\"ip\":{value}}}"), &format!("{{\"ip\":{other}}}")]);
            assert_eq!(made.properties["ip"]["type"], expected, "{value} {other}");
            assert!(made.conflicts.is_empty() && made.properties.len() == 1, "{made:?}");
        }
        assert_eq!(mapping(&["{\"version\":\"1.2.3.4\"}"]).properties["version"]["type"], "keyword");
        assert_eq!(mapping(&["{\"a\":null,\"b\":[],\"c\":{},\"time\":1}"]).properties.len(), 0);
    }

    #[test]
    fn a_field_with_several_types_is_left_out_and_named() {
        for (value, other, expected) in [
            ("1", "\"1\"", "strings and numbers"),
            ("true", "1", "numbers and booleans"),
            ("{\"a\":1}", "1", "objects and numbers"),
            ("{\"lat\":1,\"lon\":2}", "\"1,2\"", "objects and strings"),
        ] {
            let made = mapping(&[&format!("{{\"x\":{value}}}"), &format!("{{\"x\":{other},\"y\":1}}")]);
            assert_eq!(made.conflicts, [("x".to_owned(), expected.to_owned())], "{value} {other}");
            assert_eq!(made.properties.keys().collect::<Vec<_>>(), ["y"]);
        }
        let dotted = mapping(&["{\"a.b\":1}", "{\"a\":\"x\"}"]);
        assert_eq!(dotted.conflicts, [("a".to_owned(), "objects and strings".to_owned())]);
        assert!(dotted.properties.is_empty());
    }

    #[test]
    fn names_that_the_engine_refuses_or_that_are_data_are_left_out() {
        let long = "x".repeat(256);
        for name in ["", " ", "a ", ".a", "a.", "a..b", "_id", "_source", "a\\u0000", "a\\n", "kim@example.com", &long]
        {
            let made = mapping(&[&format!("{{\"{name}\":1,\"b\":1}}")]);
            assert_eq!(made.properties.keys().collect::<Vec<_>>(), ["b"], "{name}");
        }
        let deep = "{\"a\":".repeat(30) + "1" + &"}".repeat(30);
        assert!(mapping(&[&deep]).properties.is_empty());
        let many = (0..3_000).map(|at| format!("\"k{at}\":{at}")).collect::<Vec<_>>().join(",");
        let made = mapping(&[&format!("{{{many}}}")]);
        assert_eq!((made.fields, made.left_out), (MAX_MAPPED, 3_000 - MAX_MAPPED));
    }
}
