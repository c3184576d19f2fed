//! How the indices of a template treat the text of a field: as one value or as words.
//!
//! In: a field's path in a document. Out: the type or normalizer that makes a query find other documents than on a
//! keyword field. Deliberately absent: fields that no mapping names. For those the engine creates `text` with a
//! `keyword` subfield.

use serde_json::{Map, Value};

use super::definition::Template;

/// Types whose values are analyzed.
const ANALYSED: [&str; 4] = ["text", "match_only_text", "search_as_you_type", "annotated_text"];
/// The maximum depth of aliases. The engine forbids an alias of an alias, but a mapping file may contain any text.
const MAX_ALIASES: usize = 4;

impl Template {
    /// The reason why a field does not compare like a keyword field, such as its type `text`. `None` if it does, or if
    /// the mapping does not define it.
    pub fn analysis_of(&self, path: &str) -> Option<String> {
        let mut path = path.to_owned();
        for _ in 0..MAX_ALIASES {
            let field = field(&self.mappings, &path).or_else(|| self.dynamic(&path))?;
            match (text(field, "type"), text(field, "path")) {
                (Some("alias"), Some(of)) => of.clone_into(&mut path),
                (kind, _) => return analysis(kind, field),
            }
        }
        None
    }

    /// The field that the mapping's `dynamic_templates` create for a string.
    fn dynamic(&self, path: &str) -> Option<&Map<String, Value>> {
        let templates = self.mappings.get("dynamic_templates").and_then(Value::as_array)?;
        let mut rules =
            templates.iter().filter_map(Value::as_object).flat_map(Map::values).filter_map(Value::as_object);
        let made = rules.find(|rule| makes(rule, path));
        let parent = path.rsplit_once('.');
        match (made, parent) {
            (Some(rule), _) => rule.get("mapping").and_then(Value::as_object),
            // A subfield of a field that is created, such as its `keyword`.
            (None, Some((parent, name))) => {
                let fields = self.dynamic(parent)?.get("fields").and_then(Value::as_object)?;
                fields.get(name).and_then(Value::as_object)
            }
            (None, None) => None,
        }
    }
}

fn analysis(kind: Option<&str>, field: &Map<String, Value>) -> Option<String> {
    match (kind, text(field, "normalizer")) {
        (Some(kind), _) if ANALYSED.contains(&kind) => Some(format!("`{kind}`")),
        (_, Some(normalizer)) => Some(format!("a keyword with the normalizer `{normalizer}`")),
        _ => None,
    }
}

fn text<'f>(field: &'f Map<String, Value>, key: &str) -> Option<&'f str> {
    field.get(key).and_then(Value::as_str)
}

/// A field below an object or another field. A name in a mapping may contain dots.
fn field<'m>(object: &'m Map<String, Value>, path: &str) -> Option<&'m Map<String, Value>> {
    ["properties", "fields"].into_iter().find_map(|below| {
        let below = object.get(below)?.as_object()?;
        let ends = path.match_indices('.').map(|(dot, _)| dot).chain([path.len()]);
        ends.filter_map(|end| Some((below.get(&path[..end])?.as_object()?, path.get(end + 1..)))).find_map(
            |(found, rest)| match rest {
                None => Some(found),
                Some(rest) => field(found, rest),
            },
        )
    })
}

/// Whether a rule of `dynamic_templates` applies to strings at a path. A rule with regular expressions counts as not
/// applying.
fn makes(rule: &Map<String, Value>, path: &str) -> bool {
    let name = path.rsplit('.').next().unwrap_or(path);
    let matches = |key: &str, text: &str| {
        let globs =
            rule.get(key).map(|globs| globs.as_array().map_or_else(|| vec![globs], |globs| globs.iter().collect()));
        globs.map(|globs| globs.into_iter().filter_map(Value::as_str).any(|glob| is_match(glob, text)))
    };
    let is_for_strings = matches("match_mapping_type", "string").unwrap_or(true);
    let is_meant =
        |of: &str, but: &str, text: &str| matches(of, text).unwrap_or(true) && !matches(but, text).unwrap_or(false);
    let is_by_pattern = rule.get("match_pattern").is_some_and(|pattern| pattern == "regex");
    is_for_strings
        && !is_by_pattern
        && is_meant("match", "unmatch", name)
        && is_meant("path_match", "path_unmatch", path)
}

/// Whether a glob matches a text. Its `*` stands for any characters.
fn is_match(glob: &str, text: &str) -> bool {
    let mut parts = glob.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::template::TemplateOwner;

    fn template(mappings: &str) -> Template {
        let Ok(Value::Object(mappings)) = serde_json::from_str(mappings) else { panic!("{mappings}") };
        Template { mappings, ..Template::new("a".into(), &TemplateOwner::default()) }
    }

    #[test]
    fn a_field_is_found_wherever_a_mapping_may_put_it() {
        let template = template(
            r#"{"properties": {
                "title": {"type": "text", "fields": {"keyword": {"type": "keyword"}, "words": {"type": "text"}}},
                "os": {"type": "keyword"}, "n": {"type": "long"}, "city": {"type": "keyword", "normalizer": "lower"},
                "o": {"properties": {"m": {"type": "match_only_text"}}}, "a.b": {"type": "text"},
                "items": {"type": "nested", "properties": {"name": {"type": "search_as_you_type"}}},
                "t": {"type": "alias", "path": "title"}, "loop": {"type": "alias", "path": "loop"}},
              "dynamic_templates": [
                {"ids": {"match": "*_id", "mapping": {"type": "keyword"}}},
                {"deep": {"path_match": ["log.*.text"], "mapping": {"type": "text"}}},
                {"numbers": {"match_mapping_type": "long", "mapping": {"type": "text"}}},
                {"words": {"match": "w*d", "match_mapping_type": "string", "mapping": {"type": "text", "fields": {"keyword": {"type": "keyword"}}}}}]}"#,
        );
        for (path, expected) in [
            ("title", Some("`text`")),
            ("title.keyword", None),
            ("title.words", Some("`text`")),
            ("title.none", None),
            ("os", None),
            ("n", None),
            ("city", Some("a keyword with the normalizer `lower`")),
            ("o.m", Some("`match_only_text`")),
            ("o", None),
            ("a.b", Some("`text`")),
            ("items.name", Some("`search_as_you_type`")),
            ("t", Some("`text`")),
            ("loop", None),
            ("user_id", None),
            ("log.a.text", Some("`text`")),
            ("log.text", None),
            ("word", Some("`text`")),
            ("word.keyword", None),
            ("unknown", None),
        ] {
            assert_eq!(template.analysis_of(path).as_deref(), expected, "{path}");
        }
    }
}
