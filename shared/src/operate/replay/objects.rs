//! Which of the listed objects are replayed.

use super::{DeadLetters, Objects, Replay, What, request::time_ms};
use crate::{
    aws::objects::Listed,
    config::{
        datasets::{Dataset, From},
        settings::{S3Prefix, s3_prefix},
    },
    route::{IdRule, iso},
};

impl Replay {
    /// Refuses what cannot be fulfilled.
    pub(super) fn check(&self, what: &What) -> Result<(), String> {
        at(what)?;
        match what {
            What::Objects(objects) => self.check_objects(objects),
            What::DeadLetters(letters) => self.check_letters(letters),
        }
    }

    fn check_objects(&self, objects: &Objects) -> Result<(), String> {
        let since = time_ms("since", objects.since.as_deref())?;
        let until = time_ms("until", objects.until.as_deref())?;
        if matches!((since, until), (Some(since), Some(until)) if since >= until) {
            return Err("`since` is not before `until`".into());
        }
        let wanted: Vec<&Dataset> = match &objects.dataset {
            Some(name) => vec![self.dataset(name)?],
            None => self.datasets.iter().filter(|dataset| dataset.from.s3().is_some()).map(AsRef::as_ref).collect(),
        };
        let doubling = wanted.iter().find(|dataset| *dataset.router.id() == IdRule::None);
        // All of its indices go, so that nothing is left to be doubled.
        let is_whole = objects.recreate && since.is_none() && until.is_none();
        if let (Some(dataset), false) = (doubling, is_whole) {
            return Err(format!(
                "the dataset `{}` has `id: none`: what is replayed would be there twice; only `recreate` without `since` and `until` can",
                dataset.name
            ));
        }
        if objects.recreate { self.check_recreate(objects) } else { Ok(()) }
    }

    fn check_letters(&self, letters: &DeadLetters) -> Result<(), String> {
        let (S3Prefix { bucket, prefix }, own) =
            (at_text("dead_letters", &letters.dead_letters)?, &self.settings.dead_letters);
        let is_own = bucket == own.bucket
            && (own.prefix.is_empty() || prefix == own.prefix || prefix.starts_with(&format!("{}/", own.prefix)));
        if is_own {
            return Ok(());
        }
        Err(format!(
            "`dead_letters: {}`: this deployment's dead letters are s3://{}/{}; what lies elsewhere is not its to delete",
            letters.dead_letters, own.bucket, own.prefix
        ))
    }

    /// The dataset of this name, which takes objects.
    pub(super) fn dataset(&self, name: &str) -> Result<&Dataset, String> {
        let dataset = self.datasets.by_name(name).ok_or_else(|| {
            let names: Vec<_> = self.datasets.iter().map(|dataset| dataset.name.as_str()).collect();
            format!("there is no dataset `{name}` in pipeline.yaml; there are {}", names.join(", "))
        })?;
        match &dataset.from {
            From::S3(_) => Ok(dataset),
            other => Err(format!("the dataset `{name}` is of {other}: only objects can be replayed")),
        }
    }

    /// Whether an object is to be notified. `started_ms` is when the replay began.
    pub(super) fn wants(&self, what: &What, bucket: &str, object: &Listed, started_ms: i64) -> Result<bool, String> {
        let objects = match what {
            // What has come since is the outcome of this very replay.
            What::DeadLetters(_) => return Ok(object.last_modified_ms < started_ms && object.key.ends_with(".ndjson")),
            What::Objects(objects) => objects,
        };
        // A folder, as the console makes them.
        if object.size == 0 && object.key.ends_with('/') {
            return Ok(false);
        }
        let Some(taker) = self.datasets.find_s3(bucket, &object.key) else { return Ok(false) };
        if objects.dataset.as_ref().is_some_and(|wanted| *wanted != taker.name) {
            return Ok(false);
        }
        let since = time_ms("since", objects.since.as_deref())?;
        if objects.recreate {
            // An event may be a day younger than its object, and as much older as it likes.
            return Ok(since.is_none_or(|since| object.last_modified_ms >= since - iso::DAY_MS));
        }
        let until = time_ms("until", objects.until.as_deref())?;
        Ok(since.is_none_or(|since| object.last_modified_ms >= since)
            && until.is_none_or(|until| object.last_modified_ms < until))
    }
}

/// Where the objects lie.
pub(super) fn at(what: &What) -> Result<(String, String), String> {
    let key = match what {
        What::Objects(_) => "from",
        What::DeadLetters(_) => "dead_letters",
    };
    let S3Prefix { bucket, .. } = at_text(key, what.at())?;
    // A prefix is one of characters: `s3://b/2026-1` means what it says.
    let prefix = what.at().trim_start_matches("s3://").split_once('/').map_or("", |(_, prefix)| prefix);
    Ok((bucket, prefix.to_owned()))
}

fn at_text(key: &str, text: &str) -> Result<S3Prefix, String> {
    s3_prefix(text).ok_or_else(|| format!("`{key}: {text}`: give s3://bucket/prefix"))
}
