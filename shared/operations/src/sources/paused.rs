//! The record of paused sources: the holders, and the mappings that Millrace turned off.
//!
//! In: the document from S3, and the mappings with their tags as Lambda lists them. Out: the mappings to turn on. Pure.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::functions::Mapping;

/// Separates two holders in the value of a tag.
const SEPARATOR: char = '+';
/// The maximum length of a tag's value in characters
/// (<https://docs.aws.amazon.com/lambda/latest/dg/configuration-tags.html>).
const LONGEST_TAG: usize = 256;

/// A mapping as Lambda lists it, with the tag that records who turned it off.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The mapping.
    pub mapping: Mapping,
    /// The value of `millrace:paused`. Only read for mappings that are off.
    pub tag: Option<String>,
}

/// The record that exists while mappings are changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paused {
    /// The holders that want them off: `brake`, `replay ID`. If empty, they are being released.
    pub by: BTreeSet<String>,
    /// The mappings in their previous state. Those that were enabled are turned on again.
    pub mappings: Vec<Mapping>,
    /// Whether only `Enabled` was changed. Releases before this one also lowered the concurrency on the way back.
    #[serde(default)]
    pub only_enabled: bool,
    /// Changes with every claim, so that a release decided before a claim cannot overwrite it.
    #[serde(default)]
    pub claim: u64,
}

impl Paused {
    /// Whether nothing is paused.
    pub fn is_empty(&self) -> bool {
        self.by.is_empty() && !self.mappings.iter().any(|mapping| mapping.enabled)
    }

    /// The record from the tags, if the document is lost.
    pub fn of_tags(found: &[Found]) -> Self {
        let mut paused = Self { only_enabled: true, ..Self::default() };
        paused.note(found);
        paused.mappings.retain(|mapping| found.iter().any(|now| now.mapping.uuid == mapping.uuid && now.tag.is_some()));
        paused.by = found.iter().filter_map(|now| now.tag.as_deref()).flat_map(holders).collect();
        paused
    }

    /// Adds the current mappings to the record: new ones, ones that were turned on meanwhile, and ones whose tag says
    /// that Millrace turned them off.
    pub fn note(&mut self, found: &[Found]) {
        for Found { mapping, tag } in found {
            let was_enabled = mapping.enabled || tag.is_some();
            match self.mappings.iter_mut().find(|known| known.uuid == mapping.uuid) {
                Some(known) => {
                    known.enabled |= was_enabled;
                    known.arn.clone_from(&mapping.arn);
                }
                None => self.mappings.push(Mapping { enabled: was_enabled, ..mapping.clone() }),
            }
        }
    }

    /// The mappings to turn on.
    pub fn to_enable(&self) -> impl Iterator<Item = &Mapping> {
        self.mappings.iter().filter(|mapping| mapping.enabled)
    }

    /// The mappings to turn on that are not listed, by identifier.
    pub fn missing(&self, listed: &[Mapping]) -> BTreeSet<String> {
        let is_missing = |known: &&Mapping| !listed.iter().any(|now| now.uuid == known.uuid);
        self.to_enable().filter(is_missing).map(|known| known.uuid.clone()).collect()
    }

    /// Whether all mappings to turn on are on, with their previous concurrency. `now` is all existing mappings: a
    /// deleted one is not restored.
    pub fn are_on(&self, now: &[Mapping]) -> bool {
        let is_on = |now: &Mapping| now.enabled && !now.is_updating && self.lowered(now).is_none();
        let is_deleted_or_on = |known: &Mapping| now.iter().find(|now| now.uuid == known.uuid).is_none_or(is_on);
        self.to_enable().all(is_deleted_or_on)
    }

    /// The tag value for each mapping that Millrace turned off.
    pub fn tag(&self, stack: &str) -> String {
        let by: Vec<&str> = self.by.iter().map(String::as_str).collect();
        format!("{stack}/{}", by.join(&SEPARATOR.to_string())).chars().take(LONGEST_TAG).collect()
    }

    /// The concurrency to restore, if a release before this one had lowered it on the way back and it has not changed
    /// since.
    pub fn lowered(&self, now: &Mapping) -> Option<Mapping> {
        let known = self.mappings.iter().find(|known| known.uuid == now.uuid)?;
        let is_lowest = now.maximum_concurrency == known.maximum_concurrency.map(|_| 2)
            && now.parallelization_factor == known.parallelization_factor.map(|_| 1);
        let differs = (known.maximum_concurrency, known.parallelization_factor)
            != (now.maximum_concurrency, now.parallelization_factor);
        (!self.only_enabled && is_lowest && differs).then(|| known.clone())
    }
}

/// The holders in the value of a tag, `STACK/HOLDER+HOLDER`.
fn holders(tag: &str) -> impl Iterator<Item = String> {
    let holders = tag.rsplit_once('/').map_or(tag, |(_, holders)| holders);
    holders.split(SEPARATOR).filter(|holder| !holder.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(uuid: &str, enabled: bool) -> Mapping {
        Mapping { uuid: uuid.into(), enabled, maximum_concurrency: Some(10), ..Mapping::default() }
    }

    fn found(uuid: &str, enabled: bool, tag: Option<&str>) -> Found {
        Found { mapping: mapping(uuid, enabled), tag: tag.map(Into::into) }
    }

    fn enabled(paused: &Paused) -> Vec<&str> {
        paused.to_enable().map(|mapping| mapping.uuid.as_str()).collect()
    }

    #[test]
    fn only_what_was_on_or_is_tagged_is_turned_on() {
        let mut paused = Paused::default();
        paused.note(&[
            found("on", true, None),
            found("off by hand", false, None),
            found("ours", false, Some("s/brake")),
        ]);
        assert_eq!(enabled(&paused), ["on", "ours"]);
        // One is off by now, one was turned on by a deployment, and one is new.
        paused.note(&[found("on", false, None), found("off by hand", true, None), found("new", true, None)]);
        assert_eq!(enabled(&paused), ["on", "off by hand", "ours", "new"]);
    }

    #[test]
    fn tags_replace_a_lost_document() {
        let mut before = Paused { by: ["brake".into(), "replay 1-2".into()].into(), ..Paused::default() };
        before.note(&[found("a", true, None)]);
        let tag = before.tag("my-stack");
        assert_eq!(tag, "my-stack/brake+replay 1-2");
        let after = Paused::of_tags(&[found("a", false, Some(&tag)), found("off by hand", false, None)]);
        assert_eq!((&after.by, enabled(&after)), (&before.by, vec!["a"]));
        assert!(Paused::of_tags(&[found("off by hand", false, None)]).is_empty());
    }

    #[test]
    fn an_unlisted_source_is_looked_for_and_a_changing_one_is_not_on_yet() {
        let mut paused = Paused::default();
        paused.note(&[found("a", true, None), found("b", true, None), found("off by hand", false, None)]);
        assert_eq!(paused.missing(&[mapping("b", false)]), ["a".to_owned()].into());
        assert!(paused.missing(&[mapping("a", false), mapping("b", true)]).is_empty());
        let updating = Mapping { is_updating: true, ..mapping("a", true) };
        for (now, are_on) in [
            (vec![mapping("a", true), mapping("b", true)], true),
            (vec![mapping("a", false), mapping("b", true)], false),
            (vec![updating, mapping("b", true)], false),
            (vec![mapping("b", true)], true),
        ] {
            assert_eq!(paused.are_on(&now), are_on, "{now:?}");
        }
    }

    #[test]
    fn a_document_of_the_release_before_is_finished() {
        let old = r#"{"by":[],"mappings":[{"uuid":"a","enabled":true,"maximum_concurrency":10,"parallelization_factor":null,"in_transition":false}]}"#;
        let paused: Paused = serde_json::from_str(old).unwrap();
        let now = |concurrency| Mapping { maximum_concurrency: Some(concurrency), ..mapping("a", true) };
        assert_eq!(paused.lowered(&now(2)).and_then(|mapping| mapping.maximum_concurrency), Some(10));
        assert_eq!(paused.lowered(&now(50)), None, "a deployment has changed it");
        let new = Paused { only_enabled: true, ..paused };
        assert_eq!(new.lowered(&now(2)), None, "a deployment has lowered it");
    }
}
