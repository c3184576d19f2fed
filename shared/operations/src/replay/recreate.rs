//! Deletes and recreates the indices of a dataset by the current rules. A dry run makes the plan; a second request
//! carries it out.
//!
//! In: a request, the domain and S3. Out: a plan; or deleted indices, each the very index that the plan names.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    found::ObjectsFound,
    function::Replay,
    objects::check_ids,
    plan::{self, Counted, Plan},
    progress::id_or_new,
    range::Range,
    request::{Objects, What},
};
use crate::{
    admin::deletion::Deleted,
    error::{Error, Refused},
    setup::install::{Replacing, install},
};
use delivery::lambda::{self, Deadline};
use pipeline::{outcome::BatchError, rules::Dataset};

impl Replay {
    /// Refuses a request whose events could not be replayed, whatever a plan says.
    pub(super) fn check_recreate(&self, objects: &Objects) -> Result<(), Refused> {
        let name = objects
            .dataset
            .as_deref()
            .ok_or("`recreate` without `dataset`: name the dataset whose indices are recreated")?;
        let dataset = self.dataset(name)?;
        if self.settings.domain.is_collection() {
            return Err("`recreate` is for domains: delete and create the collection's indices in its console".into());
        }
        refuse_rolled(dataset)?;
        if (objects.since.is_some() || objects.until.is_some()) && dataset.router.index().period().is_none() {
            return Err(Refused(format!(
                "`since` and `until` choose indices by their names, and `index: {}` has no date",
                dataset.router.index()
            )));
        }
        if self.settings.source_functions.is_empty() {
            return Err(
                "`recreate` needs MILLRACE_SOURCE_FUNCTIONS: events that arrive meanwhile would create indices \
                        with the old rules"
                    .into(),
            );
        }
        Ok(())
    }

    /// Makes a plan and stores it.
    ///
    /// # Errors
    /// A request that cannot be fulfilled; or a deadline before everything was listed.
    pub async fn plan(&self, objects: &Objects, id: Option<String>, deadline: Deadline) -> Result<Plan, Error> {
        let what = What::Objects(objects.planned());
        self.check(&what)?;
        let made_ms = lambda::now_ms();
        let places = self.places(&what)?;
        let found = self.find_objects(&what, made_ms, deadline).await?;
        let counted = self.counted(deadline).await?;
        let dataset = self.dataset(objects.dataset.as_deref().unwrap_or_default())?;
        let range = Range::of(objects, dataset.router.index())?;
        let meant = plan::meant(&self.datasets, dataset, range, &counted)?;
        let indices = plan::indices(dataset, &meant, &found);
        let is_own = |name: &str| meant.iter().any(|counted| counted.index.name == name && self.owns(&counted.index));
        let mut refusals = plan::refusals(dataset, &indices, made_ms, is_own);
        let has_date = dataset.router.index().period().is_some();
        refusals.extend(found.refusal(plan::earliest_ms(dataset, &meant), has_date));
        let plan = Plan {
            id: id_or_new(id, made_ms),
            request: objects.planned(),
            rules: self.datasets.hash().to_owned(),
            made_ms,
            refusals,
            notes: found.notes(),
            indices,
            places,
            objects: found.written_ms.len() as u64,
            object_bytes: found.bytes,
            repository: self.repository(deadline).await?,
        };
        let name = plan_name(&plan.id);
        let mut state = match self.states.read::<Plan>(&name).await? {
            // A retry of the same request. The new plan replaces the first one.
            Some(mut state) => {
                state.value = plan;
                state
            }
            None => self.states.fresh(&name, plan),
        };
        self.states.write(&mut state).await?;
        Ok(state.value)
    }

    /// The plan that a request names, if it may be carried out now.
    pub(super) async fn checked_plan(&self, objects: &Objects, deadline: Deadline) -> Result<Plan, Error> {
        let id = objects
            .plan
            .as_deref()
            .ok_or("`recreate` needs a plan: ask for it with `dry_run: true`, look at it, and give its id as `plan`")
            .map_err(Refused::from)?;
        let state = self.states.read::<Plan>(&plan_name(id)).await?;
        let plan = state.ok_or_else(|| Refused(format!("there is no plan `{id}`")))?.value;
        self.is_still_good(&plan, objects)?;
        match self.changed(&plan, deadline).await? {
            Some(reason) => Err(Refused(reason).into()),
            None => Ok(plan),
        }
    }

    /// Whether a plan may be carried out by the current rules.
    pub(super) fn is_still_good(&self, plan: &Plan, objects: &Objects) -> Result<(), Refused> {
        let now_ms = lambda::now_ms();
        plan.check(objects, self.datasets.hash(), now_ms)?;
        let dataset = self.dataset(plan.request.dataset.as_deref().unwrap_or_default())?;
        // A release before this one accepted such a dataset.
        check_ids(dataset)?;
        plan.check_kept(dataset, now_ms)
    }

    /// The repository that `setup` made and `retention` uses. Its location identifies it, not its name.
    async fn repository(&self, deadline: Deadline) -> Result<Option<String>, BatchError> {
        let Some(place) = &self.settings.snapshots else { return Ok(None) };
        self.admin.repository_at(&self.settings.domain.stack, place, deadline).await
    }

    /// The change in the domain since a plan was made, if any.
    pub(super) async fn changed(&self, plan: &Plan, deadline: Deadline) -> Result<Option<String>, BatchError> {
        let counted = self.counted(deadline).await?;
        let compare = || {
            let dataset = self.dataset(plan.request.dataset.as_deref().unwrap_or_default())?;
            let range = Range::of(&plan.request, dataset.router.index())?;
            plan.compare(&plan::meant(&self.datasets, dataset, range, &counted)?)
        };
        Ok(compare().err().map(|change| change.0))
    }

    /// Every object of the dataset to replay.
    async fn find_objects(&self, what: &What, started_ms: i64, deadline: Deadline) -> Result<ObjectsFound, Error> {
        let mut found = ObjectsFound::default();
        for place in self.places(what)? {
            let wanted = self.wanted(what, &place.bucket, started_ms)?;
            let objects = self.aws.objects.owned_by(wanted.owner());
            let mut after = None;
            loop {
                if deadline.reading_is_over() {
                    return Err(Error::Unfinished(format!(
                        "the deadline came after {} objects were found: there are more than one invocation can list",
                        found.written_ms.len()
                    )));
                }
                let page = objects.list(&place.bucket, &place.prefix, after.as_deref()).await?;
                for object in page.objects.iter().filter(|object| wanted.takes(object)) {
                    found.add(&place.bucket, object, started_ms);
                }
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        found.sort();
        Ok(found)
    }

    /// All indices with their document counts.
    async fn counted(&self, deadline: Deadline) -> Result<Vec<Counted>, BatchError> {
        let path = "/_cat/indices?format=json&h=index%2Cdocs.count";
        let listed = self.admin.send("GET", path, None, deadline).await?;
        let count = |row: &Value| row["docs.count"].as_str().and_then(|count| count.parse::<u64>().ok());
        let documents: BTreeMap<String, u64> =
            listed.rows()?.iter().filter_map(|row| Some((row["index"].as_str()?.to_owned(), count(row)?))).collect();
        let indices = self.admin.indices(deadline).await?.into_iter();
        Ok(indices.map(|index| Counted { documents: documents.get(&index.name).copied(), index }).collect())
    }

    /// Writes the templates of the current rules.
    pub(super) async fn put_templates(&self, deadline: Deadline) -> Result<(), BatchError> {
        let version = Some(self.admin.version(deadline).await?);
        install(&self.admin, &self.templates, version, Replacing::Nothing, deadline).await?.whole()
    }

    /// Deletes the index with this name if it is the very one that was planned, and still this stack's and not in use.
    /// An index created since then follows the new rules. A missing index was deleted before, by an attempt that was
    /// killed.
    pub(super) async fn delete_planned(
        &self,
        planned: &plan::PlannedIndex,
        deadline: Deadline,
    ) -> Result<Deleted, BatchError> {
        let (stack, uuid) = (&self.settings.domain.stack, planned.uuid.as_deref());
        let deleted = self.admin.delete_chosen(stack, &planned.name, uuid, deadline).await?;
        if deleted == Deleted::Gone {
            tracing::info!(index = planned.name, documents = planned.documents, "deleted an index, to recreate it");
        }
        Ok(deleted)
    }
}

fn plan_name(id: &str) -> String {
    format!("plans/{id}")
}

/// Refuses a dataset whose indices hold events of any time.
fn refuse_rolled(dataset: &Dataset) -> Result<(), Refused> {
    let Some(name) = dataset.rolled_name() else { return Ok(()) };
    Err(Refused(format!(
        "`recreate` deletes whole indices and makes them again, and those of `{}: {name}` hold events of any time, also such \
         that arrive meanwhile: give the dataset a new name there, and replay the objects into it",
        dataset.layout.key()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline::rules::Datasets;

    #[test]
    fn indices_that_roll_over_are_not_recreated() {
        for (index, is_refused) in [("a", false), ("{ data_stream: a }", true), ("{ alias: a }", true)] {
            let yaml = format!("datasets:\n  - {{ name: a, from: {{ key: a }}, index: {index} }}\n");
            let datasets = Datasets::parse("pipeline.yaml", &yaml, None).unwrap();
            assert_eq!(refuse_rolled(datasets.by_name("a").unwrap()).is_err(), is_refused, "{index}");
        }
    }
}
