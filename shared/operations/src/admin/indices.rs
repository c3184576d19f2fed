//! The indices of a domain, and what must not happen to them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Admin, AdminResponse, ownership::Marked, segment};
use delivery::lambda::Deadline;
use pipeline::outcome::BatchError;

/// One index.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Index {
    /// Its name.
    pub name: String,
    /// What it takes on disk, replicas and all.
    pub bytes: u64,
    /// Whether a data stream or an alias writes into it: then it is not to be deleted, however old it looks.
    pub is_in_use: bool,
    /// The engine's own id of it: an index that is made again under the same name has another.
    pub uuid: Option<String>,
    /// The stack that its mark names; none where it has no mark, or has that of the index that it was copied from.
    pub stack: Option<String>,
    /// Whether it is a copy of another index, and nobody has adopted it.
    pub is_copy: bool,
}

/// How one index stands.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct IndexState {
    /// The engine's own id of it.
    pub uuid: String,
    /// Whether it refuses writes by a block of its own.
    pub is_write_blocked: bool,
    /// Whether it allows nothing but its deletion: the engine blocks the indices of a full disk like that.
    pub allows_only_deletion: bool,
    /// How often its settings were changed: a block that was lifted and set again has changed it twice.
    pub settings_version: Option<u64>,
    /// `_meta.millrace` of its mapping.
    pub millrace: Value,
}

impl Index {
    /// An index without a mark that nothing writes into.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), bytes: 0, is_in_use: false, uuid: None, stack: None, is_copy: false }
    }
}

impl Admin {
    /// Every index, open or closed, but hidden ones and those whose name begins with a dot: those are the engine's own.
    ///
    /// # Errors
    /// As [`Self::ask`]; permanent where an answer cannot be read, which is never taken for an empty one.
    pub async fn indices(&self, deadline: Deadline) -> Result<Vec<Index>, BatchError> {
        let path = "/_cat/indices?format=json&bytes=b&h=index%2Cstore.size&expand_wildcards=open%2Cclosed";
        let listed = self.send("GET", path, None, deadline).await?;
        let in_use = self.in_use(deadline).await?;
        // After the list: an index that is made between the two has no mark here, and is left alone.
        let marks = self.marks("*", deadline).await?;
        let mut indices = Vec::new();
        for row in listed.rows()? {
            let name = row["index"].as_str().ok_or_else(|| listed.unreadable("a list of indices"))?;
            if name.starts_with('.') {
                continue;
            }
            let marked = marks.get(name);
            indices.push(Index {
                // A closed index has no size to tell.
                bytes: row["store.size"].as_str().and_then(|bytes| bytes.parse().ok()).unwrap_or(0),
                is_in_use: in_use.contains(name),
                uuid: marked.and_then(|marked| marked.uuid.clone()),
                stack: marked.and_then(|marked| marked.stack().map(str::to_owned)),
                is_copy: marked.is_some_and(Marked::is_copy),
                ..Index::new(name)
            });
        }
        Ok(indices)
    }

    /// The indices that data streams consist of, and those that an alias writes into.
    async fn in_use(&self, deadline: Deadline) -> Result<BTreeSet<String>, BatchError> {
        let streams = self.send("GET", "/_data_stream", None, deadline).await?;
        // An engine without data streams has none to be refused for.
        let mut in_use = if streams.is_unknown_api() { BTreeSet::new() } else { backing_indices(&streams)? };
        // Hidden indices too: an alias of two writes into none unless it says so.
        let aliases = self.send("GET", "/_alias?expand_wildcards=all", None, deadline).await?;
        in_use.extend(write_indices(&aliases)?);
        Ok(in_use)
    }

    /// Deletes one index by its exact name; one that is gone already is no error. A 404 counts as that only where the domain then says that
    /// it has no such index: something between may have answered.
    ///
    /// # Errors
    /// As [`Self::ask`]; retryable where the index exists in spite of a 404.
    pub async fn delete_index(&self, name: &str, deadline: Deadline) -> Result<(), BatchError> {
        let response = self.send("DELETE", &format!("/{}", segment(name)), None, deadline).await?;
        if !response.is_missing() {
            return response.accepted();
        }
        if !self.marks(name, deadline).await?.contains_key(name) {
            return Ok(());
        }
        let reason = format!("the index exists, although its deletion met {}", response.status);
        Err(BatchError::Retryable { what: name.to_owned(), reason, retry_after: None })
    }

    /// How one index stands, by its exact name.
    ///
    /// # Errors
    /// As [`Self::ask`]; permanent where it is gone.
    pub async fn index_state(&self, name: &str, deadline: Deadline) -> Result<IndexState, BatchError> {
        let path = format!("/_cluster/state/metadata/{}?filter_path=metadata.indices", segment(name));
        let response = self.send("GET", &path, None, deadline).await?;
        response.accepted()?;
        let about = &response.body["metadata"]["indices"][name];
        let settings = &about["settings"]["index"];
        let uuid = settings["uuid"].as_str().ok_or_else(|| response.unreadable(&format!("about {name}")))?;
        // Mappings stand below the name of their one type here.
        let types = about["mappings"].as_object().into_iter().flatten();
        let millrace = types.map(|(_, mapping)| &mapping["_meta"]["millrace"]).find(|mark| mark.is_object());
        Ok(IndexState {
            uuid: uuid.to_owned(),
            is_write_blocked: settings["blocks"]["write"] == "true",
            allows_only_deletion: allows_only_deletion(settings),
            settings_version: about["settings_version"].as_u64(),
            millrace: millrace.cloned().unwrap_or_default(),
        })
    }

    /// Makes an index refuse writes, after those that are under way; or lets it take them again.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub async fn block_writes(&self, name: &str, block: bool, deadline: Deadline) -> Result<(), BatchError> {
        // Waits for what is under way. Elasticsearch before 7.9 does not know it.
        if block && self.send("PUT", &format!("/{}/_block/write", segment(name)), None, deadline).await?.is_success() {
            return Ok(());
        }
        let setting = json!({ "index.blocks.write": if block { Value::Bool(true) } else { Value::Null } });
        self.ask("PUT", &format!("/{}/_settings", segment(name)), Some(&setting), deadline).await.map(drop)
    }

    /// Makes an index allow nothing but its deletion, or lifts that block.
    ///
    /// Alone in its request: beside another setting the block refuses its own end.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub async fn allow_only_deletion(&self, name: &str, only: bool, deadline: Deadline) -> Result<(), BatchError> {
        let block = if only { Value::Bool(true) } else { Value::Null };
        let setting = json!({ "index.blocks.read_only_allow_delete": block });
        self.ask("PUT", &format!("/{}/_settings", segment(name)), Some(&setting), deadline).await.map(drop)
    }
}

/// Whether the settings of an index allow nothing but its deletion.
pub(super) fn allows_only_deletion(settings: &Value) -> bool {
    settings["blocks"]["read_only_allow_delete"] == "true"
}

/// The indices that data streams consist of.
fn backing_indices(streams: &AdminResponse) -> Result<BTreeSet<String>, BatchError> {
    let mut backing = BTreeSet::new();
    for stream in streams.list("data_streams")? {
        let indices = stream["indices"].as_array().ok_or_else(|| streams.unreadable("a list of data streams"))?;
        for index in indices {
            let name = index["index_name"].as_str().ok_or_else(|| streams.unreadable("a list of data streams"))?;
            backing.insert(name.to_owned());
        }
    }
    Ok(backing)
}

/// The indices that aliases write into: the one that an alias names, or its only one, unless it says that this takes no writes.
fn write_indices(aliases: &AdminResponse) -> Result<BTreeSet<String>, BatchError> {
    let mut members: BTreeMap<&str, Vec<(&str, &Value)>> = BTreeMap::new();
    for (index, about) in aliases.object()? {
        let of_index = about["aliases"].as_object().ok_or_else(|| aliases.unreadable("a list of aliases"))?;
        for (alias, about) in of_index {
            members.entry(alias).or_default().push((index, &about["is_write_index"]));
        }
    }
    let mut written = BTreeSet::new();
    for indices in members.values() {
        let is_only = indices.len() == 1;
        let writes = |is_write_index: &Value| *is_write_index == true || (is_only && is_write_index.is_null());
        written.extend(indices.iter().filter(|(_, says)| writes(says)).map(|(index, _)| (*index).to_owned()));
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(body: Value) -> AdminResponse {
        AdminResponse { status: 200, summary: "GET https://d/_alias: 200".into(), body, date_ms: None }
    }

    #[test]
    fn an_alias_writes_into_its_write_index_or_into_its_only_one() {
        let aliases = response(json!({
            "only": { "aliases": { "current": {} } },
            "old": { "aliases": { "all": {}, "rolled": { "is_write_index": false } } },
            "new": { "aliases": { "all": { "filter": {} }, "rolled": { "is_write_index": true } } },
            "read": { "aliases": { "readers": { "is_write_index": false } } },
            "plain": { "aliases": {} },
        }));
        assert_eq!(write_indices(&aliases).unwrap(), BTreeSet::from(["only".to_owned(), "new".to_owned()]));
    }

    #[test]
    fn what_cannot_be_read_is_not_taken_for_nothing() {
        for body in [Value::Null, json!([]), json!({ "logs": {} }), json!({ "message": "Not Found" })] {
            assert!(write_indices(&response(body.clone())).is_err(), "{body}");
        }
        for body in
            [Value::Null, json!({}), json!({ "data_streams": [{}] }), json!({ "data_streams": [{ "indices": [{}] }] })]
        {
            assert!(backing_indices(&response(body.clone())).is_err(), "{body}");
        }
        assert!(backing_indices(&response(json!({ "data_streams": [] }))).unwrap().is_empty());
    }
}
