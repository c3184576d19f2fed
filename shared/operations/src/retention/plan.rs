//! The choice of the indices to delete, with reasons. It sends no request and deletes nothing.
//!
//! In: the rules, the indices and the storage of a domain, and the time. Out: deletions in the order to make them, and
//! the indices that the rules would delete but that stay. An index is deleted only if it has the mark of this stack and
//! every dataset that could have created its name would delete it. An index that no dataset names, or that an alias or
//! data stream writes into, is never touched.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::{
    admin::{index::Index, storage::Storage},
    settings::FreeStorage,
    stack::Stack,
};
use pipeline::rules::{Dataset, Datasets};

/// Why an index is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Because {
    /// It is older than `retention`.
    Retention,
    /// A node has less free storage than the watermark, and it is older than `keep_at_least`.
    FreeStorage,
}

/// One index to delete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Deletion {
    /// Its name.
    pub index: String,
    /// The first dataset that could have created it.
    pub dataset: String,
    /// The reason.
    pub because: Because,
    /// Its size on disk, including replicas.
    pub bytes: u64,
    /// Whether a snapshot has to succeed first.
    pub snapshot: bool,
    /// The engine's id of the index; empty if the engine does not report it.
    #[serde(skip)]
    pub uuid: String,
}

/// The work of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// The indices to delete, oldest first.
    pub deletions: Vec<Deletion>,
    /// Indices without a mark, which the rules would delete.
    pub unowned: Vec<String>,
    /// Indices with another stack's mark, which the rules would delete.
    pub of_other_stacks: Vec<String>,
    /// Indices that an alias or a data stream writes into, which the rules would delete.
    pub in_use: Vec<String>,
}

/// An index with the datasets that could have created it.
struct Candidate<'i> {
    index: &'i Index,
    /// Each dataset with the start of the period that the index covers by its rules, in the timezone of its index.
    owners: Vec<(&'i Dataset, i64)>,
    /// The earliest of these, as an instant.
    start_ms: i64,
}

/// The deletions at `now_ms`, oldest first.
pub fn plan(
    datasets: &Datasets,
    stack: &Stack,
    indices: &[Index],
    storage: &Storage,
    watermark: Option<FreeStorage>,
    now_ms: i64,
) -> Plan {
    let mut candidates: Vec<_> = indices.iter().filter_map(|index| candidate(datasets, index)).collect();
    candidates.sort_by(|a, b| (a.start_ms, &a.index.name).cmp(&(b.start_ms, &b.index.name)));
    let mut storage = storage.clone();
    let mut plan = Plan::default();
    candidates.retain(|candidate| {
        let is_expired = candidate.is_older_than(now_ms, |dataset| dataset.keep.retention);
        if is_expired {
            plan.add(candidate, stack, Because::Retention, &mut storage);
        }
        !is_expired
    });
    let Some(watermark) = watermark else { return plan };
    for candidate in candidates {
        let short = nodes_below(&storage, watermark);
        if short.is_empty() {
            break;
        }
        let may_go = candidate.is_older_than(now_ms, |dataset| dataset.keep.keep_at_least.or(dataset.keep.retention));
        // Deleting an index on other nodes would free no storage on the full node.
        let would_help =
            storage.indices.get(&candidate.index.name).is_some_and(|on| on.keys().any(|node| short.contains(node)));
        if may_go && would_help {
            plan.add(&candidate, stack, Because::FreeStorage, &mut storage);
        }
    }
    plan
}

impl Plan {
    /// Adds an index that the rules would delete to its list. Only a deletion frees storage.
    fn add(&mut self, candidate: &Candidate<'_>, stack: &Stack, because: Because, storage: &mut Storage) {
        let index = candidate.index;
        let kept = if index.is_in_use {
            &mut self.in_use
        } else if index.stack.is_none() {
            &mut self.unowned
        } else if stack.owns(index) {
            storage.delete(&index.name);
            return self.deletions.push(candidate.deletion(because));
        } else {
            &mut self.of_other_stacks
        };
        kept.push(index.name.clone());
    }
}

/// The indices of this stack that an earlier run may have blocked, and that are not to be deleted now: by name and id.
/// Of an index that no dataset names nothing is decided.
pub(super) fn held<'i>(
    datasets: &Datasets,
    stack: &Stack,
    indices: &'i [Index],
    planned: &[Deletion],
) -> Vec<(&'i str, &'i str)> {
    let is_named = |index: &Index| datasets.iter().any(|dataset| dataset.router.index().could_be(&index.name));
    let is_planned = |index: &Index| planned.iter().any(|deletion| deletion.index == index.name);
    let is_held = |index: &&Index| index.may_be_held && stack.owns(index) && is_named(index) && !is_planned(index);
    let held = indices.iter().filter(is_held);
    let mut held: Vec<_> = held.filter_map(|index| Some((index.name.as_str(), index.uuid.as_deref()?))).collect();
    held.sort_unstable();
    held
}

/// The nodes with less free storage than the watermark.
pub fn nodes_below(storage: &Storage, watermark: FreeStorage) -> BTreeSet<String> {
    let below = storage.nodes.iter().filter(|(_, disk)| disk.free < watermark.of(disk.total));
    below.map(|(name, _)| name.clone()).collect()
}

fn candidate<'i>(datasets: &'i Datasets, index: &'i Index) -> Option<Candidate<'i>> {
    let could_make = |dataset: &&Dataset| dataset.router.index().could_be(&index.name);
    let owners = datasets.iter().map(AsRef::as_ref).filter(could_make);
    // A dataset whose index name has no date never deletes it.
    let started = |owner: &'i Dataset| Some((owner, owner.router.index().period_start_ms(&index.name)?));
    let owners: Vec<_> = owners.map(started).collect::<Option<_>>()?;
    let start_ms = owners.iter().map(|(owner, start_ms)| owner.router.index().begins_ms(*start_ms)).min()?;
    Some(Candidate { index, owners, start_ms })
}

impl Candidate<'_> {
    /// Whether it is older than `keep` in all of its datasets.
    fn is_older_than(&self, now_ms: i64, keep: impl Fn(&Dataset) -> Option<std::time::Duration>) -> bool {
        self.owners.iter().all(|(owner, start_ms)| {
            let keep_from_ms = keep(owner).and_then(|keep| owner.period_from_ms(keep, now_ms));
            keep_from_ms.is_some_and(|keep_from_ms| *start_ms < keep_from_ms)
        })
    }

    fn deletion(&self, because: Because) -> Deletion {
        Deletion {
            index: self.index.name.clone(),
            dataset: self.owners.first().map_or_else(String::new, |(owner, _)| owner.name.clone()),
            because,
            bytes: self.index.bytes,
            snapshot: self.owners.iter().any(|(owner, _)| owner.keep.snapshot),
            uuid: self.index.uuid.clone().unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests;
