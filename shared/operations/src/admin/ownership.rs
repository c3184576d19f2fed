//! The owner of an index: the mark `_meta.millrace.stack` in its mapping.
//!
//! The template of a stack sets it, so it means "created under this stack's template". A name proves nothing: others
//! create indices with the same names. A copy of an index has the mark of the original, so the mark of a copy means
//! nothing until the copy is adopted. In: indices. Out: their marks. Deliberately absent: the consequences of a mark
//! (the operations).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    client::Admin,
    deletion::Stays,
    index::{Index, allows_only_deletion},
    templates::NO_TYPES,
};
use crate::stack::Stack;
use delivery::cluster::http::segment;
use delivery::lambda::Deadline;
use pipeline::outcome::BatchError;

/// The content of `_meta.millrace` in a mapping, with the id of the index.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Marked {
    /// The engine's id of the index. Another index with the same name has another id.
    pub uuid: Option<String>,
    /// When it was created, in milliseconds since 1970.
    pub created_ms: Option<i64>,
    /// Whether its settings show that the engine created it from another index.
    pub is_derived: bool,
    /// Whether it has its own block on writes.
    pub is_write_blocked: bool,
    /// `_meta.millrace`; null if there is none.
    pub millrace: Value,
}

impl Marked {
    /// Reads the engine's response about an index with this name.
    fn read(name: &str, about: &Value) -> Self {
        let settings = &about["settings"]["index"];
        Self {
            uuid: settings["uuid"].as_str().map(str::to_owned),
            created_ms: created_ms(settings),
            is_derived: is_derived(name, settings),
            is_write_blocked: settings["blocks"]["write"] == "true",
            millrace: meta(about)["millrace"].clone(),
        }
    }

    /// The stack that the mark names, if the mark belongs to this index.
    pub fn stack(&self) -> Option<&str> {
        if self.is_copy() { None } else { self.millrace["stack"].as_str() }
    }

    /// Whether the index is a copy of another one and has not been adopted. Then its mark is the original's.
    pub fn is_copy(&self) -> bool {
        let uuid = self.uuid.as_deref();
        let is_adopted = uuid.is_some() && self.millrace["adopted"].as_str() == uuid;
        // `retention` records here the index of the snapshot that it began.
        let snapshot_of = self.snapshot_of();
        !is_adopted && (self.is_derived || (snapshot_of.is_some() && snapshot_of != uuid))
    }

    /// Whether a run of `retention` may have blocked its writes.
    pub fn may_be_held(&self) -> bool {
        self.is_write_blocked || self.snapshot_of().is_some()
    }

    fn snapshot_of(&self) -> Option<&str> {
        self.millrace["snapshot"]["index_uuid"].as_str()
    }
}

/// `_meta` of a mapping. Elasticsearch 6 has it below the name of the mapping's single type.
fn meta(about: &Value) -> &Value {
    let mappings = &about["mappings"];
    // Only `_doc` begins with an underscore. `properties` holds the fields of a mapping without a type.
    let is_type = |(name, _): &(&String, &Value)| *name == "_doc" || !(name.starts_with('_') || *name == "properties");
    let types = mappings.as_object().into_iter().flatten().filter(is_type);
    let of_type = || types.map(|(_, mapping)| &mapping["_meta"]).find(|meta| meta.is_object());
    if mappings["_meta"].is_null() { of_type().unwrap_or(&Value::Null) } else { &mappings["_meta"] }
}

/// When an index was created, by its settings.
pub(super) fn created_ms(settings: &Value) -> Option<i64> {
    settings["creation_date"].as_str()?.parse().ok()
}

/// Whether the engine created an index from another: by `_clone`, `_shrink`, `_split`, or `_restore` under another
/// name. A restored index keeps the name under which the original was created. With date math that name is unresolved
/// and proves nothing.
fn is_derived(name: &str, settings: &Value) -> bool {
    let made_by_another_name = |made_by: &str| made_by != name && !made_by.starts_with('<');
    settings["resize"].is_object() || settings["provided_name"].as_str().is_some_and(made_by_another_name)
}

/// The members that make an index this stack's if the template has not marked it, or if it is a copy. They name the
/// index, so that a copy of it is not adopted with it.
pub fn adoption(stack: &Stack, uuid: &str) -> Value {
    json!({ "stack": stack.mark(), "adopted": uuid })
}

impl Stack {
    /// Whether an index has this stack's mark: it was created under this stack's template or adopted later.
    pub fn owns(&self, index: &Index) -> bool {
        index.stack.as_deref() == Some(self.mark())
    }
}

/// The mark as part of a mapping.
pub fn mark(stack: &Stack) -> Value {
    json!({ "millrace": { "stack": stack.mark() } })
}

impl Admin {
    /// The marks of indices, by name. `pattern` is one name or a pattern. Closed indices are included; an index that
    /// does not exist is not. A 404 is an error, because a proxy may have sent it.
    ///
    /// # Errors
    /// As [`Self::ask`]. Permanent if the response cannot be read.
    pub async fn marks(&self, pattern: &str, deadline: Deadline) -> Result<BTreeMap<String, Marked>, BatchError> {
        // Every index has settings, so every index is in the response.
        const MEMBERS: &str = "%2A.mappings._meta.millrace%2C%2A.mappings.%2A._meta.millrace%2C%2A.settings.index.uuid%2C%2A.settings.index.creation_date%2C%2A.settings.index.provided_name%2C%2A.settings.index.resize%2C%2A.settings.index.blocks.write";
        let any = "expand_wildcards=open%2Cclosed&allow_no_indices=true&ignore_unavailable=true";
        let path = format!("/{}?{any}&filter_path={MEMBERS}", segment(pattern));
        let response = self.send("GET", &path, None, deadline).await?;
        Ok(response.object()?.iter().map(|(name, about)| (name.clone(), Marked::read(name, about))).collect())
    }

    /// Writes members into `_meta.millrace` of an index. The rest of `_meta` stays. Null removes a member. The block of
    /// a full disk would refuse this write too, so it is lifted for the write and set again.
    ///
    /// # Errors
    /// As [`Self::ask`]. Permanent if the index does not exist, or its id is not `uuid`.
    pub async fn write_mark(
        &self,
        index: &str,
        uuid: &str,
        members: &Value,
        deadline: Deadline,
    ) -> Result<(), BatchError> {
        let path = format!(
            "/{}?filter_path=%2A.mappings._meta%2C%2A.mappings.%2A._meta%2C%2A.settings.index.uuid%2C%2A.settings.index.blocks",
            segment(index)
        );
        let response = self.send("GET", &path, None, deadline).await?;
        let about = response.object()?.get(index).ok_or_else(|| response.unreadable(&format!("about {index}")))?;
        if about["settings"]["index"]["uuid"] != uuid {
            return Err(Stays::IsAnother.error(index));
        }
        // The engine replaces all of `_meta`.
        let body = json!({ "_meta": with_members(meta(about).clone(), members) });
        let write = || self.put_mapping(index, &body, deadline);
        if !allows_only_deletion(&about["settings"]["index"]) {
            return write().await;
        }
        self.allow_only_deletion(index, false, deadline).await?;
        let written = write().await;
        self.allow_only_deletion(index, true, deadline).await?;
        written
    }

    async fn put_mapping(&self, index: &str, mapping: &Value, deadline: Deadline) -> Result<(), BatchError> {
        let path = format!("/{}/_mapping", segment(index));
        let response = self.send("PUT", &path, Some(mapping), deadline).await?;
        // Elasticsearch 6 wants a type, or this parameter, which newer engines refuse.
        if response.status == 400 && response.summary.contains("mapping type is missing") {
            return self.ask("PUT", &format!("{path}?{NO_TYPES}"), Some(mapping), deadline).await.map(drop);
        }
        response.accepted()
    }
}

/// `_meta` with these members merged into `millrace`.
fn with_members(meta: Value, members: &Value) -> Value {
    let mut meta = if let Value::Object(meta) = meta { meta } else { serde_json::Map::new() };
    let mut millrace = meta.get("millrace").and_then(Value::as_object).cloned().unwrap_or_default();
    for (name, value) in members.as_object().into_iter().flatten() {
        if value.is_null() {
            millrace.remove(name);
        } else {
            millrace.insert(name.clone(), value.clone());
        }
    }
    meta.insert("millrace".into(), millrace.into());
    meta.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_found_with_and_without_a_type() {
        let meta = json!({ "millrace": { "stack": "web" } });
        let field = json!({ "_meta": { "millrace": { "stack": "other" } } });
        for (mappings, expected) in [
            (json!({ "_meta": meta }), &meta),
            (json!({ "_doc": { "_meta": meta } }), &meta),
            (json!({ "doc": { "_meta": meta } }), &meta),
            (json!({ "_meta": meta, "properties": field }), &meta),
            (json!({ "_meta": { "team": "a" }, "properties": field }), &json!({ "team": "a" })),
            (json!({ "_source": { "_meta": meta } }), &Value::Null),
            (json!({ "properties": field }), &Value::Null),
            (json!({}), &Value::Null),
            (Value::Null, &Value::Null),
        ] {
            let about = json!({ "mappings": mappings });
            assert_eq!(super::meta(&about), expected, "{about}");
        }
    }

    #[test]
    fn only_the_exact_mark_owns_an_index() {
        let index = |stack: Option<&str>| Index { stack: stack.map(str::to_owned), ..Index::new("logs-2026.11.22") };
        let web = Stack::named("web");
        assert!(web.owns(&index(Some("web"))));
        for other in [None, Some(""), Some("Web"), Some("web-2"), Some(Stack::default().mark())] {
            assert!(!web.owns(&index(other)), "{other:?}");
        }
        assert!(Stack::default().owns(&index(Some(Stack::default().mark()))) && !Stack::default().owns(&index(None)));
    }

    #[test]
    fn the_mark_of_a_copy_is_that_of_the_original_until_the_copy_is_adopted() {
        let web = json!({ "stack": "web" });
        let begun = |uuid: &str| json!({ "stack": "web", "snapshot": { "name": "s", "index_uuid": uuid } });
        let adopted = |uuid: &str| adoption(&Stack::named("web"), uuid);
        let resize = json!({ "source": { "name": "logs-1", "uuid": "o" } });
        for (millrace, settings, stack, why) in [
            (web.clone(), json!({}), Some("web"), "made under the template"),
            (web.clone(), json!({ "provided_name": "logs-2" }), Some("web"), "made by its own name"),
            (web.clone(), json!({ "provided_name": "<logs-{now/d}>" }), Some("web"), "made by date math"),
            (begun("u"), json!({}), Some("web"), "its own snapshot has begun"),
            (web.clone(), json!({ "resize": resize }), None, "cloned, shrunk or split"),
            (web.clone(), json!({ "provided_name": "logs-1" }), None, "restored under another name"),
            (begun("o"), json!({}), None, "restored from the snapshot of `retention`, or its mapping copied by hand"),
            (
                adopted("u"),
                json!({ "resize": resize, "provided_name": "logs-1" }),
                Some("web"),
                "a copy that is adopted",
            ),
            (adopted("o"), json!({ "resize": resize }), None, "a clone of an adopted index"),
            (adopted("o"), json!({ "provided_name": "logs-2" }), Some("web"), "adopted, and restored with its domain"),
            (Value::Null, json!({}), None, "no mark"),
        ] {
            let mut about =
                json!({ "settings": { "index": settings }, "mappings": { "_meta": { "millrace": millrace } } });
            about["settings"]["index"]["uuid"] = json!("u");
            let marked = Marked::read("logs-2", &about);
            assert_eq!(marked.stack(), stack, "{why}");
            assert_eq!(marked.is_copy(), stack.is_none() && !millrace.is_null(), "{why}");
        }
    }

    #[test]
    fn a_mark_leaves_what_the_mapping_says_of_itself() {
        let meta = json!({ "team": "a", "millrace": { "snapshot": { "name": "s" }, "stack": "old" } });
        let written = with_members(meta, &json!({ "stack": "web", "snapshot": null }));
        assert_eq!(written, json!({ "team": "a", "millrace": { "stack": "web" } }));
        assert_eq!(with_members(Value::Null, &json!({ "stack": "web" })), mark(&Stack::named("web")));
        let text = json!({ "millrace": "by hand" });
        assert_eq!(with_members(text, &json!({ "stack": "web" })), mark(&Stack::named("web")));
    }
}
