//! The free storage of a domain's nodes, and the storage that each index takes on each node.

use std::collections::BTreeMap;

use serde_json::Value;

use super::client::Admin;
use delivery::lambda::Deadline;
use pipeline::outcome::BatchError;

/// One data node.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Disk {
    /// Free bytes.
    pub free: u64,
    /// Total bytes.
    pub total: u64,
}

/// The storage of a domain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Storage {
    /// The data nodes, by name.
    pub nodes: BTreeMap<String, Disk>,
    /// The bytes that an index takes on each node: by index, then by node.
    pub indices: BTreeMap<String, BTreeMap<String, u64>>,
}

impl Storage {
    /// The free bytes of the fullest node, which limits the domain; none if no node reported them.
    pub fn least_free(&self) -> Option<u64> {
        self.nodes.values().map(|disk| disk.free).min()
    }

    /// Updates the numbers as if an index was deleted.
    pub fn delete(&mut self, index: &str) {
        for (node, bytes) in self.indices.remove(index).unwrap_or_default() {
            if let Some(disk) = self.nodes.get_mut(&node) {
                disk.free = disk.free.saturating_add(bytes).min(disk.total);
            }
        }
    }
}

impl Admin {
    /// The storage of the domain's nodes.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub async fn storage(&self, deadline: Deadline) -> Result<Storage, BatchError> {
        let nodes = "/_cat/allocation?format=json&bytes=b&h=node%2Cdisk.avail%2Cdisk.total";
        let shards = "/_cat/shards?format=json&bytes=b&h=index%2Cnode%2Cstore";
        let (nodes, shards) =
            (self.ask("GET", nodes, None, deadline).await?, self.ask("GET", shards, None, deadline).await?);
        let mut storage = Storage::default();
        for node in nodes.as_array().into_iter().flatten() {
            // The row of unassigned shards has no disk.
            if let (Some(name), Some(free), Some(total)) =
                (node["node"].as_str(), number(&node["disk.avail"]), number(&node["disk.total"]))
            {
                storage.nodes.insert(name.to_owned(), Disk { free, total });
            }
        }
        for shard in shards.as_array().into_iter().flatten() {
            if let (Some(index), Some(node), Some(bytes)) =
                (shard["index"].as_str(), shard["node"].as_str(), number(&shard["store"]))
            {
                // A relocating shard has the form `from -> address id to`.
                let node = node.split(" -> ").next().unwrap_or(node);
                *storage.indices.entry(index.to_owned()).or_default().entry(node.to_owned()).or_default() += bytes;
            }
        }
        Ok(storage)
    }
}

fn number(value: &Value) -> Option<u64> {
    value.as_str()?.parse().ok()
}
