//! The plan of a `recreate`: the indices to delete with their contents, and the objects that bring the contents again.
//!
//! In: the rules, the indices of the domain, the write times of the objects. Out: a plan for a person to review, and
//! the reasons why a plan is not carried out. Pure.

use serde::{Deserialize, Serialize};

use super::{found::ObjectsFound, places::Place, range::Range, request::Objects};
use crate::{admin::index::Index, error::Refused};
use pipeline::{
    rules::{Dataset, Datasets},
    time,
};

/// A plan is valid for this long. Later, objects may have expired.
const GOOD_FOR_MS: i64 = time::DAY_MS;

/// What a `recreate` would do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Its id. The request that carries it out names it.
    pub id: String,
    /// The request that it was made for.
    pub request: Objects,
    /// The rules that it was made from.
    pub rules: String,
    /// When it was made, in milliseconds since 1970.
    pub made_ms: i64,
    /// The indices to delete and create again.
    pub indices: Vec<PlannedIndex>,
    /// The places of the objects.
    pub places: Vec<Place>,
    /// The number of objects of the dataset to replay.
    pub objects: u64,
    /// Their stored size in bytes.
    pub object_bytes: u64,
    /// The repository for the snapshot before the deletion; none if the domain has no repository of this stack.
    pub repository: Option<String>,
    /// The reasons why it cannot be carried out as it is. Empty if it can.
    pub refusals: Vec<String>,
    /// What the person who reviews it should know besides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// An index of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedIndex {
    /// Its name.
    pub name: String,
    /// The engine's id of it.
    pub uuid: Option<String>,
    /// The number of its documents; none if the engine does not report it, for example for a closed index.
    pub documents: Option<u64>,
    /// Its size on disk, including replicas.
    pub bytes: u64,
    /// The number of objects to replay that were written late enough to contain its events.
    pub objects: u64,
}

/// An index in its current state, with its document count.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Counted {
    /// The index.
    pub index: Index,
    /// The number of its documents.
    pub documents: Option<u64>,
}

/// The indices of a dataset that a request selects.
///
/// # Errors
/// An alias or a data stream writes into one of them, or one of them could contain events of another dataset, which the
/// replay would not bring again.
pub(super) fn meant<'i>(
    datasets: &Datasets,
    dataset: &Dataset,
    range: Range,
    indices: &'i [Counted],
) -> Result<Vec<&'i Counted>, Refused> {
    let pattern = dataset.router.index();
    let is_meant = |counted: &&Counted| {
        let name = &counted.index.name;
        pattern.could_be(name) && range.holds(pattern.period_start_ms(name))
    };
    let mut meant: Vec<_> = indices.iter().filter(is_meant).collect();
    meant.sort_by(|a, b| a.index.name.cmp(&b.index.name));
    for Counted { index, .. } in &meant {
        if index.is_in_use {
            return Err(Refused(format!(
                "{} is the write index of an alias or a data stream: it is not deleted",
                index.name
            )));
        }
        let others = |other: &&std::sync::Arc<Dataset>| other.name != dataset.name && other.could_be_in(&index.name);
        if let Some(other) = datasets.iter().find(others) {
            return Err(Refused(format!(
                "{} may also hold events of the dataset `{}`, which would be lost: give each dataset separate indices",
                index.name, other.name
            )));
        }
    }
    Ok(meant)
}

/// Objects written before this time have no event in this index: an event may be up to a day later than its object.
fn objects_from_ms(dataset: &Dataset, index: &str) -> i64 {
    let pattern = dataset.router.index();
    pattern.period_start_ms(index).map_or(i64::MIN, |start| pattern.begins_ms(start) - time::DAY_MS)
}

/// The same for all indices of a plan. `None` if there are none.
pub(super) fn earliest_ms(dataset: &Dataset, meant: &[&Counted]) -> Option<i64> {
    meant.iter().map(|counted| objects_from_ms(dataset, &counted.index.name)).min()
}

/// The indices of a plan, each with the number of objects that can contain its events.
pub(super) fn indices(dataset: &Dataset, meant: &[&Counted], found: &ObjectsFound) -> Vec<PlannedIndex> {
    let planned = |counted: &&Counted| {
        let Index { name, uuid, bytes, .. } = &counted.index;
        PlannedIndex {
            name: name.clone(),
            uuid: uuid.clone(),
            documents: counted.documents,
            bytes: *bytes,
            objects: found.since(objects_from_ms(dataset, name)),
        }
    };
    meant.iter().map(planned).collect()
}

/// The reasons why a plan must not be carried out at `now_ms`, whatever the caller requests. `is_own` returns whether
/// an index has this stack's mark.
pub(super) fn refusals(
    dataset: &Dataset,
    indices: &[PlannedIndex],
    now_ms: i64,
    is_own: impl Fn(&str) -> bool,
) -> Vec<String> {
    let mut refusals = expired(dataset, indices, now_ms);
    for index in indices {
        if !is_own(&index.name) {
            refusals.push(format!(
                "{} does not have the mark of this stack (_meta.millrace.stack): others may have made it. If its documents came from this pipeline, `millrace adopt` marks it",
                index.name
            ));
        }
        if index.objects == 0 && index.documents != Some(0) {
            refusals.push(format!("{} has documents that no object of the dataset can bring back", index.name));
        }
    }
    refusals
}

/// The indices whose events would be dropped as expired if they were replayed now.
fn expired(dataset: &Dataset, indices: &[PlannedIndex], now_ms: i64) -> Vec<String> {
    let Some(keep_from_ms) = dataset.keep_from_ms(now_ms) else { return Vec::new() };
    let is_expired = |index: &&PlannedIndex| {
        let start_ms = dataset.router.index().period_start_ms(&index.name);
        index.documents != Some(0) && start_ms.is_some_and(|start_ms| start_ms < keep_from_ms)
    };
    let why = |index: &PlannedIndex| {
        format!(
            "{} is older than `retention` of the dataset: its events would be dropped as expired. Choose later indices by `since`, or let `retention` delete it",
            index.name
        )
    };
    indices.iter().filter(is_expired).map(why).collect()
}

impl Plan {
    /// Whether its indices are still within `retention`. A day may pass between a plan and its deletions.
    ///
    /// # Errors
    /// The first index that has expired.
    pub(super) fn check_kept(&self, dataset: &Dataset, now_ms: i64) -> Result<(), Refused> {
        match expired(dataset, &self.indices, now_ms).first() {
            Some(why) => Err(Refused(format!("the plan `{}` is not carried out: {why}", self.id))),
            None => Ok(()),
        }
    }

    /// Whether it may be carried out for a request, by the current rules.
    ///
    /// # Errors
    /// The reason why not.
    pub(super) fn check(&self, request: &Objects, rules: &str, now_ms: i64) -> Result<(), Refused> {
        let again = "ask for another with `dry_run: true`";
        let id = &self.id;
        if self.request != request.planned() {
            return Err(Refused(format!(
                "the plan `{id}` was made for another request, {}: {again}",
                self.request.text()
            )));
        }
        if self.rules != rules {
            return Err(Refused(format!("pipeline.yaml has changed since the plan `{id}` was made: {again}")));
        }
        if now_ms - self.made_ms > GOOD_FOR_MS {
            return Err(Refused(format!(
                "the plan `{id}` is older than a day, and objects may have expired since: {again}"
            )));
        }
        if let Some(refusal) = self.refusals.first() {
            return Err(Refused(format!(
                "the plan `{id}` is not carried out: {refusal} ({} reasons in all)",
                self.refusals.len()
            )));
        }
        if self.repository.is_none() && !request.without_snapshot {
            return Err("there is no snapshot repository: set MILLRACE_SNAPSHOTS and run setup, or add \
                        `without_snapshot: true`. Without a snapshot, documents whose objects have expired are \
                        lost"
                .into());
        }
        Ok(())
    }

    /// Whether the indices are still the planned ones. Additional documents are allowed: the sources wrote them, and
    /// they are in S3.
    ///
    /// # Errors
    /// The change.
    pub(super) fn compare(&self, now: &[&Counted]) -> Result<(), Refused> {
        let again = format!("after the plan `{}` was made: ask for another with `dry_run: true`", self.id);
        for counted in now {
            let name = &counted.index.name;
            let Some(planned) = self.indices.iter().find(|planned| planned.name == *name) else {
                return Err(Refused(format!("the index {name} was created {again}")));
            };
            if planned.uuid != counted.index.uuid {
                return Err(Refused(format!("the index {name} was deleted and recreated {again}")));
            }
            if counted.documents < planned.documents {
                return Err(Refused(format!("the index {name} lost documents {again}")));
            }
        }
        match self.indices.iter().find(|planned| !now.iter().any(|counted| counted.index.name == planned.name)) {
            Some(gone) => Err(Refused(format!("the index {} was deleted {again}", gone.name))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
