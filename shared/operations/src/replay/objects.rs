//! The selection of objects to replay: their places, and a filter for the listed objects.

use super::{
    function::Replay,
    places::{Place, places},
    progress::{Phase, Progress},
    range::Range,
    request::{DeadLetters, Objects, What, time_ms},
};
use crate::error::Refused;
use delivery::{
    aws::objects::Listed,
    settings::{S3Prefix, s3_prefix},
};
use pipeline::{
    route::IdRule,
    rules::{Dataset, Datasets, From, is_access_point},
};

impl Replay {
    /// Refuses a request that cannot be fulfilled.
    pub(super) fn check(&self, what: &What) -> Result<(), Refused> {
        match what {
            What::Objects(objects) => self.check_objects(objects)?,
            What::DeadLetters(letters) => self.check_letters(letters)?,
        }
        self.places(what).map(drop)
    }

    fn check_objects(&self, objects: &Objects) -> Result<(), Refused> {
        let since = time_ms("since", objects.since.as_deref(), None)?;
        let until = time_ms("until", objects.until.as_deref(), None)?;
        if matches!((since, until), (Some(since), Some(until)) if since >= until) {
            return Err("`since` is not before `until`".into());
        }
        let wanted: Vec<&Dataset> = match &objects.dataset {
            Some(name) => vec![self.dataset(name)?],
            None => self.datasets.iter().filter(|dataset| dataset.from.s3().is_some()).map(AsRef::as_ref).collect(),
        };
        wanted.iter().try_for_each(|dataset| check_ids(dataset))?;
        if objects.recreate { self.check_recreate(objects) } else { Ok(()) }
    }

    fn check_letters(&self, letters: &DeadLetters) -> Result<(), Refused> {
        let (S3Prefix { bucket, prefix }, own) =
            (at_text("dead_letters", &letters.dead_letters)?, &self.settings.dead_letters);
        let is_own = bucket == own.bucket
            && (own.prefix.is_empty() || prefix == own.prefix || prefix.starts_with(&format!("{}/", own.prefix)));
        if is_own {
            return Ok(());
        }
        Err(Refused(format!(
            "`dead_letters: {}`: this deployment's dead letters are below s3://{}/{}, and replay deletes letters only there",
            letters.dead_letters, own.bucket, own.prefix
        )))
    }

    /// The dataset with this name, which must take objects.
    pub(super) fn dataset(&self, name: &str) -> Result<&Dataset, Refused> {
        let dataset = self.datasets.by_name(name).ok_or_else(|| {
            let names: Vec<_> = self.datasets.iter().map(|dataset| dataset.name.as_str()).collect();
            Refused(format!("there is no dataset `{name}` in pipeline.yaml; there are {}", names.join(", ")))
        })?;
        match &dataset.from {
            From::S3(_) => Ok(dataset),
            other => Err(Refused(format!("the dataset `{name}` is of {other}: only objects can be replayed"))),
        }
    }

    /// The places of the objects. A `recreate` uses every place that its dataset takes objects from; a request for a
    /// part of them is refused.
    pub(super) fn places(&self, what: &What) -> Result<Vec<Place>, Refused> {
        let asked = at(what)?;
        let What::Objects(objects) = what else { return Ok(asked.into_iter().collect()) };
        if !objects.recreate {
            return Ok(asked.into_iter().collect());
        }
        let dataset = self.dataset(objects.dataset.as_deref().unwrap_or_default())?;
        let From::S3(from) = &dataset.from else { return Ok(Vec::new()) };
        let all = places(from)?;
        if let Some(asked) = asked
            && let Some(beside) = all.iter().find(|place| !asked.holds(place))
        {
            return Err(Refused(format!(
                "`from: {asked}` is only a part of the dataset `{}`: `recreate` deletes whole indices, and {beside} \
                 has brought events too. Leave `from` out",
                dataset.name
            )));
        }
        Ok(all)
    }

    /// Widens a replay that a release before this one began. That release listed only the place in the request, and
    /// exactly from `since`, even if it had deleted more. Such a replay is finished with all objects of the dataset.
    /// Exception: without document ids, events that were already sent would be stored twice, so a replay that is
    /// already sending continues unchanged.
    pub(super) fn widen_old(&self, progress: &mut Progress) {
        let What::Objects(objects) = &progress.what else { return };
        let is_old = objects.recreate && progress.plan.is_none() && progress.places.is_empty();
        if !is_old || progress.deleted.is_empty() {
            return;
        }
        let has_ids = self
            .dataset(objects.dataset.as_deref().unwrap_or_default())
            .is_ok_and(|dataset| *dataset.router.id() != IdRule::None);
        if progress.phase == Phase::Sending && !has_ids {
            return;
        }
        // Without `from`, the rules alone name the places.
        let all = What::Objects(Objects { from: None, ..objects.clone() });
        match self.places(&all) {
            Ok(places) => {
                (progress.places, progress.places_done, progress.after) = (places, 0, None);
                (progress.listed, progress.sent) = (0, 0);
            }
            Err(error) => tracing::warn!(%error, "only the objects of the request are sent"),
        }
    }

    /// The filter for the objects listed in a bucket. `started_ms` is when the replay began.
    pub(super) fn wanted<'w>(
        &'w self,
        what: &'w What,
        bucket: &'w str,
        started_ms: i64,
    ) -> Result<Filter<'w>, Refused> {
        let (dataset, since_ms, until_ms) = match what {
            // Dead letters written after the start may result from this replay.
            What::DeadLetters(_) => (None, None, Some(started_ms)),
            What::Objects(Objects { dataset, since, until, recreate, .. }) => {
                let bounds = if *recreate {
                    let What::Objects(objects) = what else {
                        return Err("dead letters have no indices to recreate".into());
                    };
                    let dataset = self.dataset(dataset.as_deref().unwrap_or_default())?;
                    (Range::of(objects, dataset.router.index())?.objects_since_ms(), None)
                } else {
                    (time_ms("since", since.as_deref(), None)?, time_ms("until", until.as_deref(), None)?)
                };
                (dataset.as_deref(), bounds.0, bounds.1)
            }
        };
        let datasets = matches!(what, What::Objects(_)).then_some(&self.datasets);
        Ok(Filter { datasets, bucket, dataset, since_ms, until_ms })
    }
}

/// Refuses a dataset whose events have no ids. `recreate` deletes them first, but its sources go on afterwards: an
/// object whose notification waits in the queue would be indexed for that one and for the one of the replay.
pub(super) fn check_ids(dataset: &Dataset) -> Result<(), Refused> {
    if *dataset.router.id() != IdRule::None {
        return Ok(());
    }
    Err(Refused(format!(
        "the dataset `{}` has `id: none`: replayed events would be indexed twice. Give it another `id` first",
        dataset.name
    )))
}

/// The places of a stored replay.
pub(super) fn places_of(progress: &Progress) -> Result<Vec<Place>, Refused> {
    // Releases before this one stored only the place in the request.
    if progress.places.is_empty() { Ok(at(&progress.what)?.into_iter().collect()) } else { Ok(progress.places.clone()) }
}

/// The filter that selects the listed objects to notify.
pub(super) struct Filter<'w> {
    /// The rules that must take the object; none for dead letters.
    datasets: Option<&'w Datasets>,
    bucket: &'w str,
    /// Only objects of this dataset.
    dataset: Option<&'w str>,
    since_ms: Option<i64>,
    until_ms: Option<i64>,
}

impl Filter<'_> {
    /// The account that must own the bucket. If the datasets do not agree, the listing is not checked, and `s3-ingest`
    /// checks each object by the rules of its dataset.
    pub(super) fn owner(&self) -> Option<&str> {
        self.datasets?.owner_of_listing(self.bucket, self.dataset)
    }

    /// Whether the filter selects an object.
    pub(super) fn takes(&self, object: &Listed) -> bool {
        let is_of_a_dataset = |datasets: &Datasets| {
            // The console creates an empty object for a folder. It belongs to no dataset.
            let is_folder = object.size == 0 && object.key.ends_with('/');
            let taker = datasets.find_s3(self.bucket, &object.key).filter(|_| !is_folder);
            taker.is_some_and(|taker| self.dataset.is_none_or(|wanted| wanted == taker.name))
        };
        self.datasets.map_or_else(|| object.key.ends_with(".ndjson"), is_of_a_dataset)
            && self.since_ms.is_none_or(|since_ms| object.last_modified_ms >= since_ms)
            && self.until_ms.is_none_or(|until_ms| object.last_modified_ms < until_ms)
    }
}

/// The place that the request names.
fn at(what: &What) -> Result<Option<Place>, Refused> {
    let key = match what {
        What::Objects(_) => "from",
        What::DeadLetters(_) => "dead_letters",
    };
    let Some(at) = what.at() else { return Ok(None) };
    let path = at.trim_start_matches("s3://");
    if is_access_point(path.split('/').next().unwrap_or_default()) {
        return Err(Refused(format!(
            "`{key}: {at}` is an access point: name its bucket. Document ids are made from the bucket's name, so every \
             event would be indexed twice"
        )));
    }
    let S3Prefix { bucket, .. } = at_text(key, at)?;
    // A prefix is a prefix of characters, not of folders: `s3://b/2026-1` also matches `2026-10`.
    let prefix = path.split_once('/').map_or("", |(_, prefix)| prefix);
    Ok(Some(Place { bucket, prefix: prefix.to_owned() }))
}

fn at_text(key: &str, text: &str) -> Result<S3Prefix, Refused> {
    s3_prefix(text).ok_or_else(|| Refused(format!("`{key}: {text}`: give s3://bucket/prefix")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_is_checked_by_the_owner_that_all_its_datasets_name() {
        let dataset = |name: &str, bucket: &str, owner: &str| {
            format!("  - {{ name: {name}, from: {{ key: {name}/**, bucket: {bucket}{owner} }}, index: {name} }}\n")
        };
        let (one, other) = (", owner: '111122223333'", ", owner: '444455556666'");
        for (datasets, wanted, expected) in [
            (vec![dataset("a", "logs", "")], None, None),
            (vec![dataset("a", "logs", one)], None, Some("111122223333")),
            (vec![dataset("a", "logs", one), dataset("b", "'*'", one)], None, Some("111122223333")),
            (vec![dataset("a", "logs", one), dataset("b", "elsewhere", other)], None, Some("111122223333")),
            (vec![dataset("a", "logs", one), dataset("b", "logs", other)], None, None),
            (vec![dataset("a", "logs", one), dataset("b", "logs", "")], None, None),
            (vec![dataset("a", "logs", one), dataset("b", "logs", other)], Some("b"), Some("444455556666")),
        ] {
            let Ok(datasets) = Datasets::parse("pipeline.yaml", &format!("datasets:\n{}", datasets.concat()), None)
            else {
                panic!("{datasets:?}")
            };
            let filter =
                Filter { datasets: Some(&datasets), bucket: "logs", dataset: wanted, since_ms: None, until_ms: None };
            assert_eq!(filter.owner(), expected);
        }
        let letters = Filter { datasets: None, bucket: "dead", dataset: None, since_ms: None, until_ms: None };
        assert_eq!(letters.owner(), None);
    }

    #[test]
    fn events_without_ids_are_not_sent_again() {
        for (id, is_refused) in [("none", true), ("content", false), ("{ field: a }", false), ("position", false)] {
            let yaml = format!("datasets:\n  - {{ name: a, from: {{ key: a }}, index: a, id: {id} }}\n");
            let Ok(datasets) = Datasets::parse("pipeline.yaml", &yaml, None) else { panic!("{id}") };
            let checked = check_ids(datasets.by_name("a").unwrap());
            assert_eq!(checked.is_err(), is_refused, "{id}: {checked:?}");
        }
    }
}
