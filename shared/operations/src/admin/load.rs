//! Whether a domain takes writes: its blocks, and the writes it refused because of load.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::client::Admin;
use delivery::cluster::http::segment;
use delivery::lambda::Deadline;
use pipeline::outcome::BatchError;

/// Cluster settings that block the events of every dataset, or the first events of a day.
pub const CLUSTER_BLOCKS: [&str; 3] =
    ["cluster.blocks.read_only", "cluster.blocks.read_only_allow_delete", "cluster.blocks.create_index"];

/// The data that decide whether an index can be written to at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexState {
    /// Its name.
    pub name: String,
    /// Whether it is closed.
    pub is_closed: bool,
    /// Its shards including replicas, as the limit counts them.
    pub shards: u64,
    /// Documents written to its primary shards since these were started.
    pub written: u64,
}

impl Admin {
    /// The blocks that keep the domain from taking events: of the cluster, or of indices with these patterns that take
    /// events. Empty if there are none.
    ///
    /// # Errors
    /// As [`Self::ask`]. Permanent if a response cannot be read.
    pub async fn write_blocks(
        &self,
        patterns: &BTreeSet<String>,
        takes_events: impl Fn(&str) -> bool,
        deadline: Deadline,
    ) -> Result<Vec<String>, BatchError> {
        let mut reasons = Vec::new();
        let path = "/_cluster/settings?flat_settings=true";
        let settings = self.ask("GET", path, None, deadline).await?;
        for name in CLUSTER_BLOCKS {
            if ["persistent", "transient"].iter().any(|kind| settings[*kind][name] == "true") {
                reasons.push(format!("{name} is set"));
            }
        }
        for pattern in patterns {
            let path =
                format!("/{}/_settings/index.blocks.%2A?flat_settings=true&allow_no_indices=true", segment(pattern));
            let response = self.send("GET", &path, None, deadline).await?;
            // The flood stage sets this block on every index of a full node. A write block by an operator is not a
            // reason.
            let is_full = |about: &Value| about["settings"]["index.blocks.read_only_allow_delete"] == "true";
            if response.is_missing() {
                continue;
            }
            let count = response.object()?.iter().filter(|(name, about)| is_full(about) && takes_events(name)).count();
            if count > 0 {
                reasons.push(format!("{count} indices of {pattern} are read-only because a disk was full"));
            }
        }
        Ok(reasons)
    }

    /// Writes refused because of load since each node started, by node.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub async fn rejected_writes(&self, deadline: Deadline) -> Result<BTreeMap<String, u64>, BatchError> {
        let pools =
            self.ask("GET", "/_cat/thread_pool/write?format=json&h=node_name%2Crejected", None, deadline).await?;
        let nodes = pools.as_array().into_iter().flatten();
        Ok(nodes
            .filter_map(|node| Some((node["node_name"].as_str()?.to_owned(), node["rejected"].as_str()?.parse().ok()?)))
            .collect())
    }

    /// Every index, open or closed.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub async fn index_states(&self, deadline: Deadline) -> Result<Vec<IndexState>, BatchError> {
        let path = "/_cat/indices?format=json&h=index%2Cstatus%2Cpri%2Crep%2Cpri.indexing.index_total";
        let mut listed = self.send("GET", &format!("{path}&expand_wildcards=all"), None, deadline).await?;
        if listed.status == 400 {
            // Elasticsearch before 7.7 refuses the parameter. It has no hidden indices, and lists all others without it.
            listed = self.send("GET", path, None, deadline).await?;
        }
        Ok(listed.rows()?.iter().filter_map(index_state).collect())
    }

    /// The number of shards that the domain would still accept in addition to those of these indices; none if it does
    /// not report its limit.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub async fn shard_room(&self, indices: &[IndexState], deadline: Deadline) -> Result<Option<u64>, BatchError> {
        let path = "/_cluster/settings?flat_settings=true&include_defaults=true";
        let settings = self.ask("GET", path, None, deadline).await?;
        let health = self.ask("GET", "/_cluster/health", None, deadline).await?;
        Ok(shard_limit(&settings, &health).map(|limit| {
            // A closed index does not count towards the limit.
            let open: u64 = indices.iter().filter(|index| !index.is_closed).map(|index| index.shards).sum();
            limit.saturating_sub(open)
        }))
    }
}

/// These indices, and each alias and data stream in the state of the index that it writes into. An event may go to
/// either name.
pub fn with_targets(mut indices: Vec<IndexState>, targets: &BTreeMap<String, String>) -> Vec<IndexState> {
    for (name, index) in targets {
        let written = indices.iter().find(|state| state.name == *index).cloned();
        indices.extend(written.map(|written| IndexState { name: name.clone(), ..written }));
    }
    indices
}

fn index_state(row: &Value) -> Option<IndexState> {
    let count = |name: &str| row[name].as_str().and_then(|count| count.parse::<u64>().ok());
    Some(IndexState {
        name: row["index"].as_str()?.into(),
        is_closed: row["status"] == "close",
        shards: count("pri").unwrap_or(0) * (1 + count("rep").unwrap_or(0)),
        written: count("pri.indexing.index_total").unwrap_or(0),
    })
}

fn shard_limit(settings: &Value, health: &Value) -> Option<u64> {
    const LIMIT: &str = "cluster.max_shards_per_node";
    let limit = ["transient", "persistent", "defaults"].iter().find_map(|kind| settings[*kind][LIMIT].as_str());
    limit?.parse::<u64>().ok()?.checked_mul(health["number_of_data_nodes"].as_u64()?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_shard_limit_is_of_all_data_nodes_and_copies_count() {
        let health = json!({ "number_of_data_nodes": 2 });
        let limit = |kind: &str| json!({ kind: { "cluster.max_shards_per_node": "10" } });
        for kind in ["defaults", "persistent", "transient"] {
            assert_eq!(shard_limit(&limit(kind), &health), Some(20));
        }
        assert_eq!(shard_limit(&json!({}), &health), None);
        assert_eq!(shard_limit(&limit("defaults"), &json!({})), None);
        let row = |status: &str| json!({ "index": "a", "status": status, "pri": "3", "rep": "1", "pri.indexing.index_total": "7" });
        let expected = |is_closed| Some(IndexState { name: "a".into(), is_closed, shards: 6, written: 7 });
        assert_eq!((index_state(&row("open")), index_state(&row("close"))), (expected(false), expected(true)));
    }
}
