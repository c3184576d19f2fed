//! The body of a template, with the mark for its indices.

use serde_json::{Value, json};

use super::{definition::Template, owner::TemplateOwner};
use crate::admin::{
    ownership,
    templates::{Kind, MANAGED_BY},
};

/// Higher than the engine's own templates, which have 100 and 200, and than most users' templates. A longer name is a
/// narrower pattern and gets a higher priority. The value is one lower than before templates named their stack: the
/// engine refuses two templates with the same priority for the same indices, so with a different value the new one can
/// be written before the old one is deleted, even when a deployment is rolled back.
const PRIORITY: usize = 299;
impl Template {
    /// Its priority among the domain's templates.
    pub fn priority(&self) -> i64 {
        let derived = || i64::try_from(PRIORITY + self.pattern.replace('*', "").len()).unwrap_or(i64::MAX);
        self.given_priority.map_or_else(derived, i64::from)
    }

    /// The name from before deployments had names.
    pub fn former_name(&self) -> String {
        TemplateOwner::former_name(&self.pattern)
    }

    /// Its mappings, including the mark that records the owner of the index.
    fn mappings(&self) -> Value {
        let mut mappings = self.mappings.clone();
        if self.owner.is_collection {
            return mappings.into();
        }
        let meta = mappings.entry("_meta").or_insert_with(|| json!({}));
        if !meta.is_object() {
            *meta = json!({});
        }
        meta["millrace"] = ownership::mark(&self.owner.stack)["millrace"].clone();
        mappings.into()
    }

    /// Whether this deployment rolls its indices over, so that no policy of the domain does.
    pub fn has_rollover(&self) -> bool {
        self.has_rollover
    }

    /// Whether its pattern is the name of a data stream.
    pub fn is_for_data_stream(&self) -> bool {
        self.is_for_data_stream
    }

    /// The body for the composable API or for the legacy API.
    pub fn body(&self, kind: Kind) -> Value {
        let (priority, settings, mappings) = (self.priority(), &self.settings, self.mappings());
        match kind {
            Kind::Composable => {
                let mut body = self.of_layout(json!({
                    "index_patterns": [self.pattern],
                    "priority": priority,
                    "template": { "settings": settings, "mappings": mappings },
                    "_meta": {
                        "managed_by": MANAGED_BY,
                        "stack": self.owner.stack.mark(),
                        "description": "from pipeline.yaml; changes are overwritten",
                    },
                }));
                if !self.composed_of.is_empty() {
                    body["composed_of"] = self.composed_of.clone().into();
                }
                body
            }
            Kind::Legacy => {
                let mut mappings = mappings;
                read_dates_as_java(&mut mappings);
                json!({ "index_patterns": [self.pattern], "order": priority, "settings": settings, "mappings": mappings })
            }
        }
    }

    /// A composable body, which makes a data stream if its pattern is the name of one.
    fn of_layout(&self, mut body: Value) -> Value {
        if self.is_for_data_stream {
            body["data_stream"] = json!({});
        }
        body
    }
}

/// Makes Elasticsearch 6 read the formats of dates as other engines do. It reads a format in the letters of Joda, which has no X,
/// unless it begins with 8. Elasticsearch 7 ignores that 8.
fn read_dates_as_java(mapping: &mut Value) {
    match mapping {
        Value::Object(members) => {
            if let Some(Value::String(format)) = members.get_mut("format")
                && format.contains('X')
                && !format.starts_with('8')
            {
                format.insert(0, '8');
            }
            members.values_mut().for_each(read_dates_as_java);
        }
        Value::Array(members) => members.iter_mut().for_each(read_dates_as_java), // such as `dynamic_templates`
        _ => {}
    }
}
