//! Who made an index: the mark `_meta.millrace.stack` in its mapping.
//!
//! The template of a stack sets it, so it means "made under this stack's template". A name proves nothing: others make
//! indices of the same names. A copy of an index has the mark of the original, so for a copy the mark means nothing until
//! somebody adopts it. In: indices. Out: their marks. Deliberately absent: what follows from a mark (the operations).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    Admin,
    indices::{Index, allows_only_deletion},
    segment,
};
use crate::stack::Stack;
use delivery::lambda::Deadline;
use pipeline::outcome::BatchError;

/// What a mapping says in `_meta.millrace`, and which index it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Marked {
    /// The engine's own id of the index: another index of the same name has another.
    pub uuid: Option<String>,
    /// Whether its settings say that the engine made it out of another index.
    pub is_derived: bool,
    /// `_meta.millrace`; null where there is none.
    pub millrace: Value,
}

impl Marked {
    /// What the engine says of an index of this name.
    fn read(name: &str, about: &Value) -> Self {
        let settings = &about["settings"]["index"];
        Self {
            uuid: settings["uuid"].as_str().map(str::to_owned),
            is_derived: is_derived(name, settings),
            millrace: about["mappings"]["_meta"]["millrace"].clone(),
        }
    }

    /// The stack that the mark names, where the mark is of this index.
    pub fn stack(&self) -> Option<&str> {
        if self.is_copy() { None } else { self.millrace["stack"].as_str() }
    }

    /// Whether the index is a copy of another one that nobody has adopted, so that its mark is the original's.
    pub fn is_copy(&self) -> bool {
        let uuid = self.uuid.as_deref();
        let is_adopted = uuid.is_some() && self.millrace["adopted"].as_str() == uuid;
        // `retention` writes there which index it began a snapshot of.
        let snapshot_of = self.millrace["snapshot"]["index_uuid"].as_str();
        !is_adopted && (self.is_derived || (snapshot_of.is_some() && snapshot_of != uuid))
    }
}

/// Whether the engine made an index out of another: `_clone`, `_shrink`, `_split`, or `_restore` under another name. A
/// restored index keeps the name that the original was made by; date math stands there unresolved, and proves nothing.
fn is_derived(name: &str, settings: &Value) -> bool {
    let made_by_another_name = |made_by: &str| made_by != name && !made_by.starts_with('<');
    settings["resize"].is_object() || settings["provided_name"].as_str().is_some_and(made_by_another_name)
}

/// What makes an index this stack's that the template has not marked, or that is a copy. It names the index, so that a
/// copy of it is not adopted with it.
pub fn adoption(stack: &Stack, uuid: &str) -> Value {
    json!({ "stack": stack.mark(), "adopted": uuid })
}

impl Stack {
    /// Whether an index carries this stack's mark, so that it was made under this stack's template or adopted since.
    pub fn owns(&self, index: &Index) -> bool {
        index.stack.as_deref() == Some(self.mark())
    }
}

/// The mark as a part of a mapping.
pub fn mark(stack: &Stack) -> Value {
    json!({ "millrace": { "stack": stack.mark() } })
}

impl Admin {
    /// The marks of indices, by name. `pattern` is one name or a pattern; closed indices are among them, and an index that does not exist
    /// is not. A 404 is an error: it may come from something between.
    ///
    /// # Errors
    /// As [`Self::ask`]; permanent where the answer cannot be read.
    pub async fn marks(&self, pattern: &str, deadline: Deadline) -> Result<BTreeMap<String, Marked>, BatchError> {
        // Every index has settings, so every one is in the answer.
        const MEMBERS: &str = "%2A.mappings._meta.millrace%2C%2A.settings.index.uuid%2C%2A.settings.index.provided_name%2C%2A.settings.index.resize";
        let any = "expand_wildcards=open%2Cclosed&allow_no_indices=true&ignore_unavailable=true";
        let path = format!("/{}?{any}&filter_path={MEMBERS}", segment(pattern));
        let response = self.send("GET", &path, None, deadline).await?;
        Ok(response.object()?.iter().map(|(name, about)| (name.clone(), Marked::read(name, about))).collect())
    }

    /// Writes into `_meta.millrace` of an index; what `_meta` says besides stays. Null takes a member away. The block of a
    /// full disk, which refuses this too, is lifted for it and set again.
    ///
    /// # Errors
    /// As [`Self::ask`]; permanent where the index is gone, or is another one than that of the `uuid`.
    pub async fn write_mark(
        &self,
        index: &str,
        uuid: &str,
        members: &Value,
        deadline: Deadline,
    ) -> Result<(), BatchError> {
        let path = format!(
            "/{}?filter_path=%2A.mappings._meta%2C%2A.settings.index.uuid%2C%2A.settings.index.blocks",
            segment(index)
        );
        let response = self.send("GET", &path, None, deadline).await?;
        let about = response.object()?.get(index).ok_or_else(|| response.unreadable(&format!("about {index}")))?;
        if about["settings"]["index"]["uuid"] != uuid {
            let reason = "is another index than the one that was listed: it was made anew meanwhile".to_owned();
            return Err(BatchError::Permanent { what: index.to_owned(), reason });
        }
        // The engine replaces the whole of `_meta`.
        let meta = with_members(about["mappings"]["_meta"].clone(), members);
        let path = format!("/{}/_mapping", segment(index));
        let body = json!({ "_meta": meta });
        let write = async || self.ask("PUT", &path, Some(&body), deadline).await.map(drop);
        if !allows_only_deletion(&about["settings"]["index"]) {
            return write().await;
        }
        self.allow_only_deletion(index, false, deadline).await?;
        let written = write().await;
        self.allow_only_deletion(index, true, deadline).await?;
        written
    }
}

/// `_meta` with these members of `millrace`.
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
    fn the_mark_of_a_copy_is_that_of_the_original_until_somebody_adopts_the_copy() {
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
