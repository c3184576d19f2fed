//! Whether a domain takes writes: its blocks, and what it refused for load.

use std::collections::{BTreeMap, BTreeSet};

use super::{Admin, segment};
use crate::{lambda::Deadline, outcome::BatchError};

/// Settings of the cluster that keep every dataset's events, or the first of a day, from being taken.
pub const CLUSTER_BLOCKS: [&str; 3] =
    ["cluster.blocks.read_only", "cluster.blocks.read_only_allow_delete", "cluster.blocks.create_index"];

impl Admin {
    /// What keeps the domain from taking events: a block of the cluster, or of indices of these patterns. Empty where nothing does.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub async fn write_blocks(
        &self,
        patterns: &BTreeSet<String>,
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
            let said = self.send("GET", &path, None, deadline).await?;
            // The flood stage sets it on every index of a full node; one that an operator closed for writing is no reason.
            let full = said
                .body
                .as_object()
                .into_iter()
                .flatten()
                .filter(|(_, about)| about["settings"]["index.blocks.read_only_allow_delete"] == "true");
            let count = full.count();
            if count > 0 {
                reasons.push(format!("{count} indices of {pattern} are read-only since a disk was full"));
            }
        }
        Ok(reasons)
    }

    /// Writes refused for load since each node started, by node.
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
}
