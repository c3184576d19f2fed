//! The indices of a domain, and what must not happen to them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Admin, segment};
use crate::{lambda::Deadline, outcome::BatchError};

/// One index.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Index {
    /// Its name.
    pub name: String,
    /// What it takes on disk, replicas and all.
    pub bytes: u64,
    /// Whether a data stream or an alias writes into it: then it is not to be deleted, however old it looks.
    pub is_in_use: bool,
}

impl Admin {
    /// Every index, open or closed, but hidden ones and those whose name begins with a dot: those are the engine's own.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub async fn indices(&self, deadline: Deadline) -> Result<Vec<Index>, BatchError> {
        let path = "/_cat/indices?format=json&bytes=b&h=index%2Cstore.size&expand_wildcards=open%2Cclosed";
        let listed = self.ask("GET", path, None, deadline).await?;
        let in_use = self.in_use(deadline).await?;
        let indices = listed.as_array().into_iter().flatten().filter_map(|index| {
            let name = index["index"].as_str()?.to_owned();
            // A closed index has no size to tell.
            let bytes = index["store.size"].as_str().and_then(|bytes| bytes.parse().ok()).unwrap_or(0);
            let is_in_use = in_use.contains(&name);
            (!name.starts_with('.')).then_some(Index { name, bytes, is_in_use })
        });
        Ok(indices.collect())
    }

    /// The indices that data streams consist of, and those that an alias writes into.
    async fn in_use(&self, deadline: Deadline) -> Result<BTreeSet<String>, BatchError> {
        let mut in_use = BTreeSet::new();
        // An engine without data streams has none to be refused for.
        let streams = self.send("GET", "/_data_stream", None, deadline).await?;
        for stream in streams.body["data_streams"].as_array().into_iter().flatten() {
            let indices = stream["indices"].as_array().into_iter().flatten();
            in_use.extend(indices.filter_map(|index| index["index_name"].as_str()).map(str::to_owned));
        }
        let aliases = self.ask("GET", "/_alias", None, deadline).await?;
        for (index, about) in aliases.as_object().into_iter().flatten() {
            let aliases = about["aliases"].as_object();
            if aliases.into_iter().flatten().any(|(_, alias)| alias["is_write_index"] == true) {
                in_use.insert(index.clone());
            }
        }
        Ok(in_use)
    }

    /// Deletes one index by its exact name; one that is gone already is no error.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub async fn delete_index(&self, name: &str, deadline: Deadline) -> Result<(), BatchError> {
        let said = self.send("DELETE", &format!("/{}", segment(name)), None, deadline).await?;
        if said.status == 404 { Ok(()) } else { said.accepted() }
    }

    /// Whether an index refuses writes by a block of its own.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub async fn is_write_blocked(&self, name: &str, deadline: Deadline) -> Result<bool, BatchError> {
        let path = format!("/{}/_settings/index.blocks.write?flat_settings=true", segment(name));
        let settings = self.ask("GET", &path, None, deadline).await?;
        Ok(settings[name]["settings"]["index.blocks.write"] == "true")
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
}
