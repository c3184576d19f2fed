//! The index templates of a domain and their owners.
//!
//! In: names and bodies. Out: the installed templates, of both kinds: composable ones, and the legacy ones from before
//! Elasticsearch 7.8. Deliberately absent: the content of a template, and how to treat one of another owner (`setup`).

use std::collections::BTreeMap;

use serde_json::Value;

use super::{client::Admin, response::AdminResponse};
use delivery::cluster::http::segment;
use delivery::lambda::Deadline;
use pipeline::outcome::BatchError;

/// The value that Millrace writes into `_meta.managed_by` of a composable template.
pub const MANAGED_BY: &str = "millrace";

/// The parameter with which Elasticsearch 6.7 to 7.17 take and report a mapping without the name of its type.
pub(super) const NO_TYPES: &str = "include_type_name=false";

/// The kind of a template. Each kind has its own API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only one of them applies to an index.
    Composable,
    /// All matching ones are merged. None applies if a composable one matches.
    Legacy,
}

impl Kind {
    fn api(self) -> &'static str {
        match self {
            Self::Composable => "_index_template",
            Self::Legacy => "_template",
        }
    }

    /// The path of a template of this kind on an engine whose newest kind it is.
    pub fn path(self, name: &str) -> String {
        let path = format!("/{}/{}", self.api(), segment(name));
        // Elasticsearch before 7.8.
        if self == Self::Legacy { format!("{path}?{NO_TYPES}") } else { path }
    }
}

/// The owner of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// The stack with this mark.
    Stack(String),
    /// Millrace, before deployments had names.
    Unnamed,
    /// Another owner; or unknown, for a legacy template without a mark.
    Unknown,
}

/// One template of the domain.
#[derive(Debug, Clone, PartialEq)]
pub struct Installed {
    /// Its name.
    pub name: String,
    /// The patterns of its indices.
    pub patterns: Vec<String>,
    /// `priority`, or `order` for a legacy one.
    pub priority: i64,
    /// Its owner.
    pub owner: Owner,
    /// Its full body. The mapping of a legacy one is without the name of its type.
    pub body: Value,
}

impl Installed {
    fn new(kind: Kind, name: &str, body: &Value) -> Option<Self> {
        let patterns = body["index_patterns"].as_array()?;
        let patterns = patterns.iter().map(|pattern| pattern.as_str().map(str::to_owned)).collect::<Option<_>>()?;
        let priority = if kind == Kind::Composable { &body["priority"] } else { &body["order"] };
        let priority = priority.as_i64().unwrap_or(0);
        let body = if kind == Kind::Legacy { without_type(body.clone()) } else { body.clone() };
        Some(Self { name: name.to_owned(), patterns, priority, owner: owner(kind, &body), body })
    }
}

/// A legacy template as newer engines report it. Elasticsearch 6 reports the mapping below the name of its type.
fn without_type(mut body: Value) -> Value {
    if let Some(typed) = body.pointer_mut("/mappings/_doc").filter(|typed| typed.is_object()) {
        body["mappings"] = typed.take();
    }
    body
}

fn owner(kind: Kind, body: &Value) -> Owner {
    let stack = match kind {
        Kind::Composable if body["_meta"]["managed_by"] != MANAGED_BY => return Owner::Unknown,
        Kind::Composable => &body["_meta"]["stack"],
        Kind::Legacy => &body["mappings"]["_meta"]["millrace"]["stack"],
    };
    match (stack.as_str(), kind) {
        (Some(stack), _) => Owner::Stack(stack.to_owned()),
        (None, Kind::Composable) => Owner::Unnamed,
        (None, Kind::Legacy) => Owner::Unknown,
    }
}

impl Admin {
    /// Every template of a kind, or the one with a given name. Empty if the engine has none.
    ///
    /// # Errors
    /// As [`Self::ask`]. Permanent if the response cannot be read.
    pub async fn templates(
        &self,
        kind: Kind,
        name: Option<&str>,
        deadline: Deadline,
    ) -> Result<Vec<Installed>, BatchError> {
        let name = name.map(|name| format!("/{}", segment(name))).unwrap_or_default();
        let response = self.send("GET", &format!("/{}{name}", kind.api()), None, deadline).await?;
        if response.is_missing() {
            return Ok(Vec::new());
        }
        let read = |name: &str, body: &Value| {
            Installed::new(kind, name, body).ok_or_else(|| response.unreadable("a list of index templates"))
        };
        match kind {
            Kind::Composable => response
                .list("index_templates")?
                .iter()
                .map(|one| read(one["name"].as_str().unwrap_or_default(), &one["index_template"]))
                .collect(),
            Kind::Legacy => response.object()?.iter().map(|(name, body)| read(name, body)).collect(),
        }
    }

    /// The content (`template`) of every component template, by name. Empty if the engine has none.
    ///
    /// # Errors
    /// As [`Self::ask`]. Permanent if the response cannot be read.
    pub async fn component_templates(&self, deadline: Deadline) -> Result<BTreeMap<String, Value>, BatchError> {
        let response = self.send("GET", "/_component_template", None, deadline).await?;
        if response.is_missing() {
            return Ok(BTreeMap::new());
        }
        let content = |one: &Value| {
            let name = one["name"].as_str().ok_or_else(|| response.unreadable("a list of component templates"))?;
            Ok((name.to_owned(), one["component_template"]["template"].clone()))
        };
        response.list("component_templates")?.iter().map(content).collect()
    }

    /// Writes a template. It replaces an existing one with the same name.
    ///
    /// # Errors
    /// As [`Self::ask`]. The engine validates it, and refuses a second template with the same priority for the same
    /// indices.
    pub async fn put_template(
        &self,
        kind: Kind,
        name: &str,
        body: &Value,
        deadline: Deadline,
    ) -> Result<(), BatchError> {
        self.offer_template(kind, name, body, deadline).await?.accepted()
    }

    /// As [`Self::put_template`]. A refusal is a result: another body may be accepted.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn offer_template(
        &self,
        kind: Kind,
        name: &str,
        body: &Value,
        deadline: Deadline,
    ) -> Result<AdminResponse, BatchError> {
        self.send("PUT", &kind.path(name), Some(body), deadline).await
    }

    /// Deletes a template that was listed. A template that is already deleted is not an error.
    ///
    /// # Errors
    /// As [`Self::ask`]. Permanent if the template was changed after it was listed: it may be another owner's by now.
    pub async fn delete_template(&self, kind: Kind, listed: &Installed, deadline: Deadline) -> Result<(), BatchError> {
        let name = &listed.name;
        match self.templates(kind, Some(name), deadline).await?.first() {
            None => return Ok(()),
            Some(now) if now == listed => {}
            Some(_) => {
                let reason = "was changed by others meanwhile, and stays: run `setup` again".to_owned();
                return Err(BatchError::permanent(format!("the index template {name}"), reason));
            }
        }
        let response = self.send("DELETE", &format!("/{}/{}", kind.api(), segment(name)), None, deadline).await?;
        if response.is_missing() { Ok(()) } else { response.accepted() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_template_tells_who_made_it() {
        let patterns = json!(["logs-*"]);
        let of = |meta: Value| json!({ "index_patterns": patterns, "priority": 305, "_meta": meta });
        for (body, expected) in [
            (of(json!({ "managed_by": "millrace", "stack": "web" })), Owner::Stack("web".into())),
            (of(json!({ "managed_by": "millrace" })), Owner::Unnamed),
            (of(json!({ "stack": "web" })), Owner::Unknown),
            (of(Value::Null), Owner::Unknown),
        ] {
            let installed = Installed::new(Kind::Composable, "a", &body).unwrap();
            assert_eq!((installed.owner, installed.priority), (expected, 305), "{body}");
        }
        let legacy = |mappings: Value| json!({ "index_patterns": patterns, "order": 3, "mappings": mappings });
        let marked = legacy(json!({ "_meta": { "millrace": { "stack": "web" } } }));
        assert_eq!(Installed::new(Kind::Legacy, "a", &marked).unwrap().owner, Owner::Stack("web".into()));
        let typed = legacy(json!({ "_doc": { "_meta": { "millrace": { "stack": "web" } } } }));
        assert_eq!(Installed::new(Kind::Legacy, "a", &typed), Installed::new(Kind::Legacy, "a", &marked));
        let installed = Installed::new(Kind::Legacy, "a", &legacy(json!({}))).unwrap();
        assert_eq!((installed.owner, installed.priority), (Owner::Unknown, 3));
        assert!(Installed::new(Kind::Composable, "a", &json!({ "message": "?" })).is_none());
    }
}
