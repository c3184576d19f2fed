//! Who made an index: the mark `_meta.millrace.stack` in its mapping.
//!
//! The template of a stack sets it, so it means "made under this stack's template". A name proves nothing: others make
//! indices of the same names. In: indices. Out: their marks. Deliberately absent: what follows from a mark (`operate`).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Admin, indices::Index, segment};
use crate::{config::stack::Stack, lambda::Deadline, outcome::BatchError};

/// What a mapping says in `_meta.millrace`, and which index it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Marked {
    /// The engine's own id of the index: another index of the same name has another.
    pub uuid: Option<String>,
    /// `_meta.millrace`; null where there is none.
    pub millrace: Value,
}

impl Marked {
    /// The stack that the mark names.
    pub fn stack(&self) -> Option<&str> {
        self.millrace["stack"].as_str()
    }
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
    /// The marks of indices, by name. `pattern` is one name or a pattern; closed indices are among them.
    ///
    /// # Errors
    /// As [`Self::ask`]; permanent where the answer cannot be read.
    pub async fn marks(&self, pattern: &str, deadline: Deadline) -> Result<BTreeMap<String, Marked>, BatchError> {
        // Every index has settings, so every one is in the answer.
        let path = format!(
            "/{}?expand_wildcards=open%2Cclosed&allow_no_indices=true&filter_path=%2A.mappings._meta.millrace%2C%2A.settings.index.uuid",
            segment(pattern)
        );
        let said = self.send("GET", &path, None, deadline).await?;
        let marked = |about: &Value| Marked {
            uuid: about["settings"]["index"]["uuid"].as_str().map(str::to_owned),
            millrace: about["mappings"]["_meta"]["millrace"].clone(),
        };
        Ok(said.object()?.iter().map(|(name, about)| (name.clone(), marked(about))).collect())
    }

    /// Writes into `_meta.millrace` of an index; what `_meta` says besides stays. Null takes a member away.
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
        let path = format!("/{}?filter_path=%2A.mappings._meta%2C%2A.settings.index.uuid", segment(index));
        let said = self.send("GET", &path, None, deadline).await?;
        let about = said.object()?.get(index).ok_or_else(|| said.unreadable(&format!("about {index}")))?;
        if about["settings"]["index"]["uuid"] != uuid {
            let reason = "is another index than the one that was listed: it was made anew meanwhile".to_owned();
            return Err(BatchError::Permanent { what: index.to_owned(), reason });
        }
        // The engine replaces the whole of `_meta`.
        let meta = with_members(about["mappings"]["_meta"].clone(), members);
        let path = format!("/{}/_mapping", segment(index));
        self.ask("PUT", &path, Some(&json!({ "_meta": meta })), deadline).await.map(drop)
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
    fn a_mark_leaves_what_the_mapping_says_of_itself() {
        let meta = json!({ "team": "a", "millrace": { "snapshot": { "name": "s" }, "stack": "old" } });
        let written = with_members(meta, &json!({ "stack": "web", "snapshot": null }));
        assert_eq!(written, json!({ "team": "a", "millrace": { "stack": "web" } }));
        assert_eq!(with_members(Value::Null, &json!({ "stack": "web" })), mark(&Stack::named("web")));
        let text = json!({ "millrace": "by hand" });
        assert_eq!(with_members(text, &json!({ "stack": "web" })), mark(&Stack::named("web")));
    }
}
