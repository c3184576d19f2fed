//! The choice of the indices to delete, with reasons. It sends no request and deletes nothing.
//!
//! In: the rules, the indices and the storage of a domain, and the time. Out: deletions in the order to make them, and
//! the indices that the rules would delete but that stay. An index is deleted only if it has the mark of this stack and
//! every dataset that could have created its name would delete it. An index that no dataset names, or that an alias or
//! data stream writes into, is never touched. An index of a data stream or an alias counts from the end of the writes to it.

use std::{collections::BTreeSet, time::Duration};

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
    owners: Vec<(&'i Dataset, Held)>,
    /// An instant before which it held no event.
    start_ms: i64,
}

/// What a dataset knows about the time of the events in an index.
#[derive(Debug, Clone, Copy)]
enum Held {
    /// The start of the period that the index covers, in the timezone of its name.
    PeriodFrom(i64),
    /// The end of the writes to it, as an instant.
    WrittenUntil(i64),
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
    let is_named = |index: &Index| datasets.iter().any(|dataset| dataset.could_be_in(&index.name));
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
    // The name of an index of a day can look like one of an alias, which has its indices listed.
    let is_owner = |dataset: &&Dataset| dataset.could_be_in(&index.name) && (index.is_rolled || !dataset.rolls_over());
    let owners = datasets.iter().map(AsRef::as_ref).filter(is_owner);
    // A dataset that knows no time of it never deletes it: its name has no date, or it still takes events.
    let with_time = |owner: &'i Dataset| {
        let (held, start_ms) = held_by(owner, index)?;
        Some(((owner, held), start_ms))
    };
    let (owners, starts): (Vec<_>, Vec<i64>) = owners.map(with_time).collect::<Option<Vec<_>>>()?.into_iter().unzip();
    let start_ms = starts.into_iter().min()?;
    Some(Candidate { index, owners, start_ms })
}

/// What a dataset knows about the events in an index, and an instant before which it holds none.
fn held_by(dataset: &Dataset, index: &Index) -> Option<(Held, i64)> {
    if dataset.rolls_over() {
        let (created_ms, ended_ms) = (index.created_ms?, index.ended_ms?);
        return Some((Held::WrittenUntil(ended_ms.max(created_ms)), created_ms));
    }
    let start_ms = dataset.router.index().period_start_ms(&index.name)?;
    Some((Held::PeriodFrom(start_ms), dataset.router.index().begins_ms(start_ms)))
}

impl Held {
    /// Whether every event in it is older than `keep`.
    fn is_older_than(self, dataset: &Dataset, keep: Duration, now_ms: i64) -> bool {
        match self {
            Self::PeriodFrom(start_ms) => {
                dataset.period_from_ms(keep, now_ms).is_some_and(|from_ms| start_ms < from_ms)
            }
            Self::WrittenUntil(ended_ms) => {
                let keep_ms = i64::try_from(keep.as_millis()).unwrap_or(i64::MAX);
                ended_ms < now_ms.saturating_sub(keep_ms)
            }
        }
    }
}

impl Candidate<'_> {
    /// Whether it is older than `keep` in all of its datasets.
    fn is_older_than(&self, now_ms: i64, keep: impl Fn(&Dataset) -> Option<Duration>) -> bool {
        let is_older =
            |(owner, held): &(&Dataset, Held)| keep(owner).is_some_and(|keep| held.is_older_than(owner, keep, now_ms));
        self.owners.iter().all(is_older)
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
