//! `template`: what goes to the index template as the user gives it.

use std::collections::BTreeMap;

use schemars::JsonSchema;

/// More for the index template of the dataset's indices.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("minProperties" = 1))]
pub(super) struct IndexTemplate {
    /// Index settings by name, with or without `index.`, nested or with dots, such as `refresh_interval: 30s`. The engine checks them.
    #[schemars(extend("minProperties" = 1))]
    settings: Option<BTreeMap<String, Setting>>,
    /// Component templates of the domain, applied in this order below the dataset's own rules.
    #[schemars(length(min = 1))]
    composed_of: Option<Vec<ComponentName>>,
    /// The priority of the template. Without it, 299 and the length of the index name's fixed part.
    #[schemars(range(min = 0, max = 1_000_000_000))]
    priority: Option<u32>,
}

#[derive(JsonSchema)]
#[schemars(inline)]
struct ComponentName(#[schemars(length(min = 1))] String);

/// The value of a setting, or settings below a name.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Setting {
    Bool(bool),
    Number(f64),
    Text(String),
    List(#[schemars(length(min = 1))] Vec<Element>),
    Nested(#[schemars(extend("minProperties" = 1))] BTreeMap<String, Setting>),
}

#[derive(JsonSchema)]
#[schemars(untagged, inline)]
enum Element {
    Bool(bool),
    Number(f64),
    Text(String),
}
