//! The indices of a dataset, made anew by its rules as they are now.

use super::{Objects, Replay, request::time_ms};
use crate::{
    cluster::admin::indices::Index,
    config::datasets::Dataset,
    lambda::Deadline,
    operate::setup::install::{Replacing, install},
    outcome::BatchError,
    route::Period,
};

impl Replay {
    /// Refuses what would delete more than is brought again.
    pub(super) fn check_recreate(&self, objects: &Objects) -> Result<(), String> {
        let name = objects
            .dataset
            .as_deref()
            .ok_or("`recreate` without `dataset`: name the one whose indices are made anew")?;
        let dataset = self.dataset(name)?;
        if self.settings.domain.is_collection() {
            return Err("`recreate` is for domains: delete and make the collection's indices by its own console".into());
        }
        if (objects.since.is_some() || objects.until.is_some()) && dataset.router.index().period().is_none() {
            return Err(format!(
                "`since` and `until` choose indices by their names, and `index: {}` tells no time",
                dataset.router.index()
            ));
        }
        if self.settings.source_functions.is_empty() {
            return Err("`recreate` needs MILLRACE_SOURCE_FUNCTIONS: events that come meanwhile would make indices by the old rules".into());
        }
        Ok(())
    }

    /// The indices that are to go: those of the dataset's, in the range. An index that another dataset could have made is a fault: its
    /// events would not come again.
    pub(super) fn doomed(&self, objects: &Objects, indices: &[Index]) -> Result<Vec<String>, String> {
        let dataset = self.dataset(objects.dataset.as_deref().unwrap_or_default())?;
        let pattern = dataset.router.index();
        let range = Range::of(objects, pattern.period())?;
        let mut doomed = Vec::new();
        for index in indices.iter().filter(|index| pattern.could_be(&index.name)) {
            if !range.holds(pattern.period_start_ms(&index.name)) {
                continue;
            }
            if index.is_in_use {
                return Err(format!("{} is written into by an alias or a data stream: it is not deleted", index.name));
            }
            let others = |other: &&std::sync::Arc<Dataset>| {
                other.name != dataset.name && other.router.index().could_be(&index.name)
            };
            if let Some(other) = self.datasets.iter().find(others) {
                return Err(format!(
                    "{} may hold events of the dataset `{}` too, which would not come again: give them indices of their own",
                    index.name, other.name
                ));
            }
            doomed.push(index.name.clone());
        }
        Ok(doomed)
    }

    /// Deletes indices and applies the templates.
    pub(super) async fn recreate(&self, doomed: &[String], deadline: Deadline) -> Result<(), BatchError> {
        let version = Some(self.admin.version(deadline).await?);
        for index in doomed {
            self.admin.delete_index(index, deadline).await?;
        }
        install(&self.admin, &self.templates, version, Replacing::Nothing, deadline).await?.whole()
    }
}

/// The periods whose indices are meant.
struct Range {
    since_ms: Option<i64>,
    until_ms: Option<i64>,
}

impl Range {
    /// Whole periods: the one that holds `since`, and those before `until`.
    fn of(objects: &Objects, period: Option<Period>) -> Result<Self, String> {
        let since = time_ms("since", objects.since.as_deref())?;
        let since_ms = since.map(|since| period.map_or(since, |period| period.start_of(since)));
        Ok(Self { since_ms, until_ms: time_ms("until", objects.until.as_deref())? })
    }

    fn holds(&self, start_ms: Option<i64>) -> bool {
        let Some(start_ms) = start_ms else { return self.since_ms.is_none() && self.until_ms.is_none() };
        self.since_ms.is_none_or(|since| start_ms >= since) && self.until_ms.is_none_or(|until| start_ms < until)
    }
}
