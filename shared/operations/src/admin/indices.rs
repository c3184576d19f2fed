//! The indices of a domain, with the properties that forbid their deletion.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{
    client::Admin,
    index::{Index, IndexState, allows_only_deletion},
    ownership::Marked,
    response::AdminResponse,
};
use delivery::cluster::http::segment;
use delivery::lambda::Deadline;
use pipeline::outcome::BatchError;

/// The beginning of the names that the engine gives to the indices of data streams.
const OF_DATA_STREAMS: &str = ".ds-";

impl Admin {
    /// Every index, open or closed. Hidden indices and those whose name begins with a dot are left out, because they belong to
    /// the engine, except for those of data streams.
    ///
    /// # Errors
    /// As [`Self::ask`]. Permanent if a response cannot be read: it is never treated as empty.
    pub async fn indices(&self, deadline: Deadline) -> Result<Vec<Index>, BatchError> {
        // Without `expand_wildcards`, which Elasticsearch before 7.7 refuses, every engine lists open and closed indices.
        let path = "/_cat/indices?format=json&bytes=b&h=index%2Cstore.size%2Cdocs.count%2Cpri.indexing.index_total";
        let listed = self.send("GET", path, None, deadline).await?;
        let in_use = self.in_use(deadline).await?;
        // Read the marks after the list: an index created in between has no mark here, and is not touched.
        let marks = self.marks("*", deadline).await?;
        let mut indices = Vec::new();
        for row in listed.rows()? {
            let name = row["index"].as_str().ok_or_else(|| listed.unreadable("a list of indices"))?;
            if name.starts_with('.') && !name.starts_with(OF_DATA_STREAMS) {
                continue;
            }
            // The engine reports no size for a closed index.
            let bytes = row["store.size"].as_str().and_then(|bytes| bytes.parse().ok()).unwrap_or(0);
            // Documents that are not searchable yet are in the second count alone, and those from before a restart in the first alone.
            let is_empty = ["docs.count", "pri.indexing.index_total"].iter().all(|count| row[count] == "0");
            indices.push(Index { bytes, is_empty, ..read(name, marks.get(name), &in_use) });
        }
        Ok(indices)
    }

    /// The index that has this name now, without its size; `None` if there is none.
    ///
    /// # Errors
    /// As [`Self::indices`].
    pub async fn index_now(&self, name: &str, deadline: Deadline) -> Result<Option<Index>, BatchError> {
        let in_use = self.in_use(deadline).await?;
        let marks = self.marks(name, deadline).await?;
        Ok(marks.get(name).map(|marked| read(name, Some(marked), &in_use)))
    }

    /// The indices that a data stream or an alias writes into, and those that a data stream took over under a name of their own.
    async fn in_use(&self, deadline: Deadline) -> Result<BTreeSet<String>, BatchError> {
        let streams = self.backing_indices(deadline).await?;
        let mut in_use: BTreeSet<String> = streams.into_values().flat_map(in_use_of_stream).collect();
        in_use.extend(self.write_indices(deadline).await?.into_values());
        Ok(in_use)
    }

    /// The index that each alias and each data stream writes into now.
    ///
    /// # Errors
    /// As [`Self::indices`].
    pub async fn write_targets(&self, deadline: Deadline) -> Result<BTreeMap<String, String>, BatchError> {
        let streams = self.backing_indices(deadline).await?.into_iter();
        // The last backing index is the one that is written.
        let mut targets: BTreeMap<String, String> =
            streams.filter_map(|(stream, mut indices)| Some((stream, indices.pop()?))).collect();
        targets.extend(self.write_indices(deadline).await?);
        Ok(targets)
    }

    async fn backing_indices(&self, deadline: Deadline) -> Result<BTreeMap<String, Vec<String>>, BatchError> {
        let streams = self.send("GET", "/_data_stream", None, deadline).await?;
        // An engine without the data stream API has no data streams.
        if streams.is_unknown_api() { Ok(BTreeMap::new()) } else { backing_indices(&streams) }
    }

    async fn write_indices(&self, deadline: Deadline) -> Result<BTreeMap<String, String>, BatchError> {
        // Include hidden indices: they count as indices of an alias. An alias of two indices writes into neither,
        // unless one is marked as its write index.
        write_indices(&self.send("GET", "/_alias?expand_wildcards=all", None, deadline).await?)
    }

    /// Deletes one index by its exact name. An index that is already deleted is not an error. A 404 counts as deleted
    /// only if the domain then confirms that it has no such index: a proxy may have sent the 404.
    ///
    /// # Errors
    /// As [`Self::ask`]. Retryable if the index exists in spite of a 404.
    pub async fn delete_index(&self, name: &str, deadline: Deadline) -> Result<(), BatchError> {
        let response = self.send("DELETE", &format!("/{}", segment(name)), None, deadline).await?;
        if !response.is_missing() {
            return response.accepted();
        }
        if !self.marks(name, deadline).await?.contains_key(name) {
            return Ok(());
        }
        let reason = format!("the index exists, although its deletion met {}", response.status);
        Err(BatchError::retryable(name, reason))
    }

    /// The state of one index, by its exact name.
    ///
    /// # Errors
    /// As [`Self::ask`]. Permanent if it does not exist.
    pub async fn index_state(&self, name: &str, deadline: Deadline) -> Result<IndexState, BatchError> {
        let path = format!("/_cluster/state/metadata/{}?filter_path=metadata.indices", segment(name));
        let response = self.send("GET", &path, None, deadline).await?;
        response.accepted()?;
        let about = &response.body["metadata"]["indices"][name];
        let settings = &about["settings"]["index"];
        let uuid = settings["uuid"].as_str().ok_or_else(|| response.unreadable(&format!("about {name}")))?;
        // In this response the mapping is below the name of its single type.
        let types = about["mappings"].as_object().into_iter().flatten();
        let millrace = types.map(|(_, mapping)| &mapping["_meta"]["millrace"]).find(|mark| mark.is_object());
        let terms = about["primary_terms"].as_object().into_iter();
        Ok(IndexState {
            uuid: uuid.to_owned(),
            is_write_blocked: settings["blocks"]["write"] == "true",
            allows_only_deletion: allows_only_deletion(settings),
            is_closed: about["state"] == "close",
            settings_version: about["settings_version"].as_u64(),
            primary_terms: terms.flatten().filter_map(|(shard, term)| Some((shard.clone(), term.as_u64()?))).collect(),
            millrace: millrace.cloned().unwrap_or_default(),
        })
    }

    /// Makes an index refuse writes after the writes in flight, or lifts that block.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub async fn block_writes(&self, name: &str, block: bool, deadline: Deadline) -> Result<(), BatchError> {
        // This API waits for writes in flight. Elasticsearch before 7.9 does not have it.
        if block && self.send("PUT", &format!("/{}/_block/write", segment(name)), None, deadline).await?.is_success() {
            return Ok(());
        }
        let setting = json!({ "index.blocks.write": if block { Value::Bool(true) } else { Value::Null } });
        self.ask("PUT", &format!("/{}/_settings", segment(name)), Some(&setting), deadline).await.map(drop)
    }

    /// Makes an index allow only its deletion, or lifts that block.
    ///
    /// The request has only this setting: with another setting in the request, the block refuses its own removal.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub async fn allow_only_deletion(&self, name: &str, only: bool, deadline: Deadline) -> Result<(), BatchError> {
        let block = if only { Value::Bool(true) } else { Value::Null };
        let setting = json!({ "index.blocks.read_only_allow_delete": block });
        self.ask("PUT", &format!("/{}/_settings", segment(name)), Some(&setting), deadline).await.map(drop)
    }
}

/// Of the indices of a data stream, in their order, those that are in use.
fn in_use_of_stream(indices: Vec<String>) -> impl Iterator<Item = String> {
    let last = indices.len();
    let is_in_use = move |(number, name): &(usize, String)| number + 1 == last || !name.starts_with(OF_DATA_STREAMS);
    indices.into_iter().enumerate().filter(is_in_use).map(|(_, name)| name)
}

fn read(name: &str, marked: Option<&Marked>, in_use: &BTreeSet<String>) -> Index {
    Index {
        is_in_use: in_use.contains(name),
        uuid: marked.and_then(|marked| marked.uuid.clone()),
        stack: marked.and_then(|marked| marked.stack().map(str::to_owned)),
        is_copy: marked.is_some_and(Marked::is_copy),
        created_ms: marked.and_then(|marked| marked.created_ms),
        may_be_held: marked.is_some_and(Marked::may_be_held),
        ..Index::new(name)
    }
}

/// The backing indices of each data stream.
fn backing_indices(streams: &AdminResponse) -> Result<BTreeMap<String, Vec<String>>, BatchError> {
    let unreadable = || streams.unreadable("a list of data streams");
    let mut backing = BTreeMap::new();
    for stream in streams.list("data_streams")? {
        let indices = stream["indices"].as_array().ok_or_else(unreadable)?.iter();
        let names = indices.map(|index| index["index_name"].as_str().map(str::to_owned));
        let names = names.collect::<Option<Vec<_>>>().ok_or_else(unreadable)?;
        backing.insert(stream["name"].as_str().ok_or_else(unreadable)?.to_owned(), names);
    }
    Ok(backing)
}

/// The index that each alias writes into: the write index that the alias names, or its only index, unless that one is
/// marked as not writable.
fn write_indices(aliases: &AdminResponse) -> Result<BTreeMap<String, String>, BatchError> {
    let mut members: BTreeMap<&str, Vec<(&str, &Value)>> = BTreeMap::new();
    for (index, about) in aliases.object()? {
        let of_index = about["aliases"].as_object().ok_or_else(|| aliases.unreadable("a list of aliases"))?;
        for (alias, about) in of_index {
            members.entry(alias).or_default().push((index, &about["is_write_index"]));
        }
    }
    let mut written = BTreeMap::new();
    for (alias, indices) in members {
        let is_only = indices.len() == 1;
        let writes = |is_write_index: &Value| *is_write_index == true || (is_only && is_write_index.is_null());
        // The engine allows one write index for each alias.
        let index = indices.iter().find(|(_, says)| writes(says));
        written.extend(index.map(|(index, _)| (alias.to_owned(), (*index).to_owned())));
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
        let expected = [("current", "only"), ("rolled", "new")].map(|(alias, index)| (alias.into(), index.into()));
        assert_eq!(write_indices(&aliases).unwrap(), BTreeMap::from(expected));
    }

    #[test]
    fn an_unreadable_answer_is_not_taken_for_an_empty_one() {
        for body in [Value::Null, json!([]), json!({ "logs": {} }), json!({ "message": "Not Found" })] {
            assert!(write_indices(&response(body.clone())).is_err(), "{body}");
        }
        for body in [
            Value::Null,
            json!({}),
            json!({ "data_streams": [{}] }),
            json!({ "data_streams": [{ "name": "a", "indices": [{}] }] }),
        ] {
            assert!(backing_indices(&response(body.clone())).is_err(), "{body}");
        }
        assert!(backing_indices(&response(json!({ "data_streams": [] }))).unwrap().is_empty());
    }
}
