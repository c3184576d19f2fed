//! The plan of a `recreate`: which indices go, with what is in them, and which objects bring it again.
//!
//! In: the rules, the indices of the domain, the times at which objects were written. Out: a plan that a person looks at, and the reasons why one is not
//! carried out. Pure.

use serde::{Deserialize, Serialize};

use super::{Objects, places::Place, range::Range};
use crate::admin::indices::Index;
use pipeline::{
    rules::{Dataset, Datasets},
    time,
};

/// A plan is carried out within this time: objects may have expired since.
const GOOD_FOR_MS: i64 = time::DAY_MS;

/// What would be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Its name, to carry it out by.
    pub id: String,
    /// What it was made for.
    pub request: Objects,
    /// The rules that it was made by.
    pub rules: String,
    /// When it was made, in milliseconds since 1970.
    pub made_ms: i64,
    /// The indices that are deleted and made anew.
    pub indices: Vec<PlannedIndex>,
    /// Where the objects lie.
    pub places: Vec<Place>,
    /// Objects of the dataset that are brought.
    pub objects: u64,
    /// Their bytes, as they are stored.
    pub object_bytes: u64,
    /// The repository that takes a snapshot before; none where the domain has none of this stack's.
    pub repository: Option<String>,
    /// Why it cannot be carried out as it is; empty where it can.
    pub refusals: Vec<String>,
}

/// An index of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedIndex {
    /// Its name.
    pub name: String,
    /// The engine's own id of it.
    pub uuid: Option<String>,
    /// Documents in it; none where the engine does not tell, as of a closed index.
    pub documents: Option<u64>,
    /// What it takes on disk, replicas and all.
    pub bytes: u64,
    /// Objects that are brought and written late enough to hold its events.
    pub objects: u64,
}

/// An index as it is now, with its documents.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Counted {
    /// The index.
    pub index: Index,
    /// Its documents.
    pub documents: Option<u64>,
}

/// The objects that were found.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct ObjectsFound {
    /// When each was written, in milliseconds since 1970.
    pub written_ms: Vec<i64>,
    /// Their bytes.
    pub bytes: u64,
}

impl ObjectsFound {
    /// How many were written from a time on. Sorted by [`Self::sort`].
    fn since(&self, since_ms: i64) -> u64 {
        (self.written_ms.len() - self.written_ms.partition_point(|written| *written < since_ms)) as u64
    }

    /// Before they are counted.
    pub(super) fn sort(&mut self) {
        self.written_ms.sort_unstable();
    }
}

/// The indices of a dataset that are meant.
///
/// # Errors
/// One is written into by an alias or a data stream, or could hold events of another dataset, which would not come again.
pub(super) fn meant<'i>(
    datasets: &Datasets,
    dataset: &Dataset,
    range: Range,
    indices: &'i [Counted],
) -> Result<Vec<&'i Counted>, String> {
    let pattern = dataset.router.index();
    let is_meant = |counted: &&Counted| {
        let name = &counted.index.name;
        pattern.could_be(name) && range.holds(pattern.period_start_ms(name))
    };
    let mut meant: Vec<_> = indices.iter().filter(is_meant).collect();
    meant.sort_by(|a, b| a.index.name.cmp(&b.index.name));
    for Counted { index, .. } in &meant {
        if index.is_in_use {
            return Err(format!("{} is written into by an alias or a data stream: it is not deleted", index.name));
        }
        let others =
            |other: &&std::sync::Arc<Dataset>| other.name != dataset.name && other.router.index().could_be(&index.name);
        if let Some(other) = datasets.iter().find(others) {
            return Err(format!(
                "{} may hold events of the dataset `{}` too, which would not come again: give them indices of their own",
                index.name, other.name
            ));
        }
    }
    Ok(meant)
}

/// The indices of a plan, each with the objects that can hold its events.
pub(super) fn indices(dataset: &Dataset, meant: &[&Counted], found: &ObjectsFound) -> Vec<PlannedIndex> {
    let planned = |counted: &&Counted| {
        let Index { name, uuid, bytes, .. } = &counted.index;
        let pattern = dataset.router.index();
        let from_ms = pattern.period_start_ms(name).map_or(i64::MIN, |start| pattern.begins_ms(start) - time::DAY_MS);
        PlannedIndex {
            name: name.clone(),
            uuid: uuid.clone(),
            documents: counted.documents,
            bytes: *bytes,
            objects: found.since(from_ms),
        }
    };
    meant.iter().map(planned).collect()
}

/// Why a plan must not be carried out at `now_ms`, whatever the caller says. `is_own` tells whether an index has the mark of this stack.
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
                "{} does not have the mark of this stack (_meta.millrace.stack): others may have made it. If its documents came from this pipeline, `local adopt` marks it",
                index.name
            ));
        }
        if index.objects == 0 && index.documents != Some(0) {
            refusals.push(format!("{} has documents, and no object of the dataset could bring them again", index.name));
        }
    }
    refusals
}

/// Which indices would not come again since their events have expired by now.
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
    /// Whether its indices are kept still: a day may pass between a plan and its deletions.
    ///
    /// # Errors
    /// The first that is not.
    pub(super) fn check_kept(&self, dataset: &Dataset, now_ms: i64) -> Result<(), String> {
        match expired(dataset, &self.indices, now_ms).first() {
            Some(why) => Err(format!("the plan `{}` is not carried out: {why}", self.id)),
            None => Ok(()),
        }
    }

    /// Whether it may be carried out for a request, by the rules of now.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn check(&self, request: &Objects, rules: &str, now_ms: i64) -> Result<(), String> {
        let again = "ask for another with `dry_run: true`";
        let id = &self.id;
        if self.request != request.planned() {
            return Err(format!("the plan `{id}` was made for another request, {}: {again}", self.request.told()));
        }
        if self.rules != rules {
            return Err(format!("pipeline.yaml has changed since the plan `{id}` was made: {again}"));
        }
        if now_ms - self.made_ms > GOOD_FOR_MS {
            return Err(format!("the plan `{id}` is older than a day, and objects may have expired since: {again}"));
        }
        if let Some(refusal) = self.refusals.first() {
            return Err(format!(
                "the plan `{id}` is not carried out: {refusal} ({} reasons in all)",
                self.refusals.len()
            ));
        }
        if self.repository.is_none() && !request.without_snapshot {
            return Err("there is no snapshot repository: set MILLRACE_SNAPSHOTS and run setup, or say `without_snapshot: true`. Objects may have expired, and what they brought would be gone".into());
        }
        Ok(())
    }

    /// Whether the indices are still those that the plan was made of. More documents are the sources' work, and lie in S3.
    ///
    /// # Errors
    /// What has changed.
    pub(super) fn compare(&self, now: &[&Counted]) -> Result<(), String> {
        let again = format!("after the plan `{}` was made: ask for another with `dry_run: true`", self.id);
        for counted in now {
            let name = &counted.index.name;
            let Some(planned) = self.indices.iter().find(|planned| planned.name == *name) else {
                return Err(format!("the index {name} came {again}"));
            };
            if planned.uuid != counted.index.uuid {
                return Err(format!("the index {name} was deleted and made anew {again}"));
            }
            if counted.documents < planned.documents {
                return Err(format!("the index {name} lost documents {again}"));
            }
        }
        match self.indices.iter().find(|planned| !now.iter().any(|counted| counted.index.name == planned.name)) {
            Some(gone) => Err(format!("the index {} is gone {again}", gone.name)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
