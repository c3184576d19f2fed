//! The text of pipeline.yaml with one dataset.

use std::fmt::Write as _;

use logstash::yaml::{block, flow};
use pipeline::route::IndexPattern;

/// The rules of the dataset.
#[derive(Debug, Clone, Default)]
pub(super) struct Dataset {
    pub(super) name: String,
    pub(super) bucket: String,
    /// What the keys of its objects begin with.
    pub(super) prefix: String,
    /// The format in the notation of pipeline.yaml, if it has to be said.
    pub(super) format: Option<String>,
    pub(super) timestamp: Option<TimestampField>,
    /// The fields with latitude and longitude.
    pub(super) point: Option<(String, String)>,
    pub(super) index: String,
    /// The mapping file, beside pipeline.yaml.
    pub(super) mapping: Option<String>,
}

/// The field with the time of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TimestampField {
    pub(super) field: String,
    pub(super) format: String,
}

/// The field that the rules make of latitude and longitude.
pub(super) const POINT: &str = "location";

impl Dataset {
    /// The whole file.
    pub(super) fn file(&self, head: &str, tests: &[String]) -> String {
        self.text(head, self.format.as_deref(), tests)
    }

    /// The same rules for events that are cut out already.
    pub(super) fn rules_for_events(&self) -> String {
        self.text("", Some("ndjson"), &[])
    }

    fn text(&self, head: &str, format: Option<&str>, tests: &[String]) -> String {
        let Self { name, bucket, index, .. } = self;
        let mut text = String::from(head);
        let _ = writeln!(text, "datasets:\n  - name: {}", block(name));
        let _ = writeln!(text, "    from: {{ bucket: {}, key: {} }}", flow(bucket), flow(&self.key()));
        if let Some(format) = format {
            let _ = writeln!(text, "    format: {format}");
        }
        if let Some((lat, lon)) = &self.point {
            let _ = writeln!(
                text,
                "    fields:\n      geo_point: {{ {POINT}: {{ lat: {}, lon: {} }} }}",
                flow(lat),
                flow(lon)
            );
        }
        if let Some(TimestampField { field, format }) = &self.timestamp {
            if format == "auto" {
                let _ = writeln!(text, "    timestamp: {}", block(field));
            } else {
                let _ = writeln!(text, "    timestamp: {{ field: {}, format: {} }}", flow(field), flow(format));
            }
        }
        let _ = writeln!(text, "    index: {}", block(index));
        text.push_str("    on_conflict: keep   # an event that does not fit the mapping is stored without the fields that do not fit\n");
        if let Some(mapping) = &self.mapping {
            let _ = writeln!(text, "    mapping: {mapping}");
        }
        if index.contains("%{+") && !head.is_empty() {
            text.push_str(
                "    # retention: 14d    # the maximum age of an index. Without it, indices are kept for ever\n",
            );
        }
        if !tests.is_empty() {
            text.push_str("    tests:\n");
            text.extend(tests.iter().map(String::as_str));
        }
        text
    }

    /// The fields whose values decide the index.
    pub(super) fn deciding_fields(&self) -> Vec<String> {
        let of_index = IndexPattern::parse(&self.index).ok();
        let of_index = of_index.iter().flat_map(IndexPattern::fields).map(ToString::to_string);
        self.timestamp.iter().map(|timestamp| timestamp.field.clone()).chain(of_index).collect()
    }

    /// The key of an object that the dataset takes.
    pub(super) fn example_key(&self) -> String {
        format!("{}example.json", self.prefix)
    }

    /// The glob of the keys that begin with the prefix.
    fn key(&self) -> String {
        let mut literal = String::new();
        for c in self.prefix.chars() {
            if matches!(c, '*' | '?' | '[' | ']' | '{' | '}' | '\\' | '!' | ',') {
                literal.push('\\');
            }
            literal.push(c);
        }
        match literal.as_str() {
            "" => "**".to_owned(),
            folder if folder.ends_with('/') => format!("{folder}**"),
            part => format!("{{{part}*,{part}*/**}}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use pipeline::rules::Datasets;

    use super::*;

    #[test]
    fn the_keys_of_a_prefix_are_taken_and_no_others() {
        for (prefix, key, other) in [
            ("", "a/b.json", None),
            ("app/", "app/b/c.json", Some("apps/b.json")),
            ("app/dt=", "app/dt=1/c.json", Some("app/c.json")),
            ("app/dt=", "app/dt=1.json", Some("app/dt/1.json")),
            ("a*[x]{b,c}/!d/", "a*[x]{b,c}/!d/e", Some("ax/e")),
            ("a?,", "a?,b/c", Some("ab,b/c")),
        ] {
            let dataset = Dataset {
                name: "a".into(),
                bucket: "123".into(),
                prefix: prefix.into(),
                index: "a".into(),
                ..Dataset::default()
            };
            let datasets = Datasets::parse("f", &dataset.file("", &[]), None).unwrap();
            for key in [key.to_owned(), dataset.example_key()] {
                assert!(datasets.find_s3("123", &key).is_some(), "{prefix} {key}");
            }
            assert!(other.is_none_or(|other| datasets.find_s3("123", other).is_none()), "{prefix} {other:?}");
        }
    }
}
