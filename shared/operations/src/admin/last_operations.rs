//! The last operation of each shard of an index: the proof that an index was not written, for engines that do not report how often
//! its settings changed.
//!
//! Elasticsearch up to 7.7 reports no version of the settings in the state of the cluster, so a block on writes may have been
//! lifted and set again without a trace. But a primary gives every operation (index, delete, no-op) the next sequence number, and
//! another primary begins another term. So two equal pairs of term and sequence number mean that the shard had no operation in
//! between. Deliberately absent: counts of documents and Lucene commits. They can be equal after a deletion and an addition.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{client::Admin, index::IndexState};
use delivery::cluster::http::segment;
use delivery::lambda::Deadline;
use pipeline::outcome::BatchError;

/// The term of the primary and the highest sequence number, by shard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastOperations(BTreeMap<String, (u64, i64)>);

impl LastOperations {
    /// Reads `_stats?level=shards` of an index whose primaries had these terms before and after. `None` if one shard
    /// leaves a doubt: it has no started primary, or an operation on it is not finished.
    fn read(shards: &Value, terms: &BTreeMap<String, u64>) -> Option<Self> {
        let shards = shards.as_object().filter(|shards| shards.len() == terms.len())?;
        let last = terms.iter().map(|(shard, term)| Some((shard.clone(), (*term, last(shards.get(shard)?)?))));
        last.collect::<Option<_>>().filter(|last: &BTreeMap<_, _>| !last.is_empty()).map(Self)
    }
}

/// The highest sequence number of a shard, if all operations up to it are finished.
fn last(copies: &Value) -> Option<i64> {
    let is_primary = |copy: &&Value| copy["routing"]["primary"] == true && copy["routing"]["state"] == "STARTED";
    let mut primaries = copies.as_array()?.iter().filter(is_primary);
    let (Some(primary), None) = (primaries.next(), primaries.next()) else { return None };
    let number = |name: &str| primary["seq_no"][name].as_i64();
    let last = number("max_seq_no")?;
    (number("local_checkpoint")? == last).then_some(last)
}

impl Admin {
    /// The last operation of each shard of an index that is in this state. `None` if it is not known for sure, also
    /// because the engine does not report it.
    ///
    /// # Errors
    /// As [`Self::ask`], if the state of the index cannot be read a second time.
    pub async fn last_operations(
        &self,
        name: &str,
        before: &IndexState,
        deadline: Deadline,
    ) -> Result<Option<LastOperations>, BatchError> {
        // Elasticsearch 6.8 and 7.1 do not know this parameter, and report nothing about a closed index.
        let closed = if before.is_closed { "&forbid_closed_indices=false" } else { "" };
        let path = format!(
            "/{}/_stats/docs?level=shards&filter_path=indices.%2A.shards.%2A.seq_no%2Cindices.%2A.shards.%2A.routing{closed}",
            segment(name)
        );
        let response = self.send("GET", &path, None, deadline).await?;
        if !response.is_success() {
            return Ok(None);
        }
        // A primary that changed between two requests would have another term in one of them.
        let after = self.index_state(name, deadline).await?;
        let is_same = after.uuid == before.uuid
            && after.is_write_blocked == before.is_write_blocked
            && after.primary_terms == before.primary_terms;
        let shards = &response.body["indices"][name]["shards"];
        Ok(if is_same { LastOperations::read(shards, &before.primary_terms) } else { None })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn copy(is_primary: bool, state: &str, max_seq_no: i64, local_checkpoint: i64) -> Value {
        json!({
            "routing": { "primary": is_primary, "state": state },
            "seq_no": { "max_seq_no": max_seq_no, "local_checkpoint": local_checkpoint, "global_checkpoint": 0 },
        })
    }

    #[test]
    fn the_last_operation_is_known_only_if_every_shard_has_one_primary_and_nothing_in_progress() {
        let terms = |terms: &[u64]| (0..).zip(terms).map(|(n, term): (u32, _)| (n.to_string(), *term)).collect();
        let primary = || copy(true, "STARTED", 7, 7);
        let empty = || copy(true, "STARTED", -1, -1);
        let of = |shards: Value, expected: &[u64]| LastOperations::read(&shards, &terms(expected));
        let known = of(json!({ "0": [copy(false, "STARTED", 7, 6), primary()], "1": [empty()] }), &[1, 4]);
        assert_eq!(known, Some(LastOperations([("0".into(), (1, 7)), ("1".into(), (4, -1))].into())));
        for (shards, terms, why) in [
            (json!({ "0": [primary()] }), &[1, 1][..], "a shard is missing"),
            (json!({ "0": [primary()], "2": [primary()] }), &[1, 1], "another shard"),
            (json!({ "0": [primary()], "1": [primary()] }), &[1], "more shards"),
            (json!({ "0": [copy(false, "STARTED", 7, 7)] }), &[1], "only a replica"),
            (json!({ "0": [primary(), primary()] }), &[1], "two primaries"),
            (json!({ "0": [copy(true, "RELOCATING", 7, 7)] }), &[1], "it moves"),
            (json!({ "0": [copy(true, "STARTED", 7, 6)] }), &[1], "an operation in progress"),
            (json!({ "0": [{ "routing": { "primary": true, "state": "STARTED" } }] }), &[1], "no numbers"),
            (json!({ "0": [] }), &[1], "no copy"),
            (json!({}), &[], "no shard"),
            (Value::Null, &[1], "no statistics"),
        ] {
            assert_eq!(of(shards, terms), None, "{why}");
        }
    }

    #[test]
    fn a_write_or_another_primary_makes_a_difference() {
        let read = |term, seq_no| {
            let terms = BTreeMap::from([("0".to_owned(), term)]);
            LastOperations::read(&json!({ "0": [copy(true, "STARTED", seq_no, seq_no)] }), &terms).unwrap()
        };
        assert_eq!(read(1, 7), read(1, 7));
        assert_ne!(read(1, 7), read(1, 8));
        assert_ne!(read(1, 7), read(2, 7), "a new primary may have another operation of this number");
        let stored = serde_json::to_value(read(1, 7)).unwrap();
        assert_eq!(stored, json!({ "0": [1, 7] }));
        assert_eq!(serde_json::from_value::<LastOperations>(stored).unwrap(), read(1, 7));
    }
}
