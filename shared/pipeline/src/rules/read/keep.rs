//! The retention and the settings of indices: `retention`, `keep_at_least`, `snapshot`; `mapping`, `shards`, `replicas`,
//! `total_fields_limit`. `template` is beside it.

use std::time::Duration;

use super::{
    index::Index,
    reader::{Members, Reader},
    template::IndexTemplate,
};
use crate::{
    rules::dataset::{Keep, Template},
    yaml::{Key, Node},
};

const DURATION_FORM: &str = "a duration is a whole number with `h`, `d` or `w`, such as `14d`";
const MAPPING_FORM: &str = "give a JSON file in the folder `mappings` beside pipeline.yaml, which is all that the deployment copies, \
     such as `mapping: mappings/app-events.json`";
const SNAPSHOT_FORM: &str = "`snapshot` is `true` or `false` (the default)";
/// A century. A larger value is a typing mistake.
const MAX_HOURS: u64 = 100 * 366 * 24;
/// The engine's own limit of `index.number_of_shards`.
const MAX_SHARDS: u32 = 1024;

impl Reader<'_> {
    pub(super) fn keep(&mut self, members: &Members<'_>, index: Option<&Index>) -> Option<Keep> {
        let before = self.complaints.len();
        let mut duration =
            |name| self.optional(members, name, None, |reader, node| reader.duration(node, name).map(Some));
        let (retention, keep_at_least) = (duration("retention"), duration("keep_at_least"));
        let snapshot = self.optional(members, "snapshot", false, |reader, node| {
            match reader.text(node, "snapshot", SNAPSHOT_FORM)?.value.as_str() {
                "true" => Some(true),
                "false" => Some(false),
                other => reader.refuse(node.place, format!("`snapshot: {other}`: {SNAPSHOT_FORM}")),
            }
        });
        let key = |name: &str| members.get(name).map(|(key, _)| key);
        let given: Option<&Key> = key("retention").or_else(|| key("keep_at_least"));
        if let (Some(given), Some(index)) = (given, index)
            && !index.layout.rolls_over()
            && index.pattern.period().is_none()
        {
            let message = format!(
                "`{}` with `index: {}`: the name has no date that tells its age; write it like \
                 `logs-%{{+YYYY.MM.dd}}`, or use a `data_stream` or an `alias`",
                given.text, index.pattern
            );
            self.complain(given.place, message);
        }
        if let (Some(Some(retention)), Some(Some(least)), Some(key)) = (retention, keep_at_least, key("keep_at_least"))
            && least > retention
        {
            self.complain(key.place, "`keep_at_least` is longer than `retention`, which is the maximum");
        }
        if let (Some(true), None, Some(key)) = (snapshot, given, key("snapshot")) {
            let message = "`snapshot` without `retention` or `keep_at_least`: a snapshot is taken before an index is \
                           deleted, and no index is";
            self.complain(key.place, message);
        }
        (self.complaints.len() == before).then_some(Keep {
            retention: retention?,
            keep_at_least: keep_at_least?,
            snapshot: snapshot?,
        })
    }

    pub(super) fn template(&mut self, members: &Members<'_>) -> Option<Template> {
        let mapping = self.optional(members, "mapping", None, |reader, node| reader.mapping(node).map(Some));
        let mut number = |name, least, most| {
            self.optional(members, name, None, |reader, node| reader.number(node, name, least, most).map(Some))
        };
        let shards = number("shards", 1, MAX_SHARDS);
        let replicas = number("replicas", 0, MAX_SHARDS);
        let total_fields_limit = number("total_fields_limit", 1, 1_000_000);
        let given = self.optional(members, "template", IndexTemplate::default(), Self::index_template);
        let (mapping, IndexTemplate { settings, composed_of, priority }) = (mapping?, given?);
        Some(Template {
            mapping,
            shards: shards?,
            replicas: replicas?,
            total_fields_limit: total_fields_limit?,
            settings,
            composed_of,
            priority,
        })
    }

    pub(super) fn duration(&mut self, node: &Node, name: &str) -> Option<Duration> {
        let text = self.text(node, name, DURATION_FORM)?.value.clone();
        let hours = [("h", 1), ("d", 24), ("w", 7 * 24)].into_iter().find_map(|(unit, hours)| {
            let count: u64 = text.strip_suffix(unit)?.parse().ok()?;
            count.checked_mul(hours).filter(|hours| (1..=MAX_HOURS).contains(hours))
        });
        match hours {
            Some(hours) => Some(Duration::from_secs(hours * 3_600)),
            None => self.refuse(node.place, format!("`{name}: {text}`: {DURATION_FORM}")),
        }
    }

    pub(super) fn number(&mut self, node: &Node, name: &str, least: u32, most: u32) -> Option<u32> {
        let form = format!("give a whole number from {least} to {most}");
        let text = self.text(node, name, &form)?.value.clone();
        match text.parse().ok().filter(|number| (least..=most).contains(number)) {
            Some(number) => Some(number),
            None => self.refuse(node.place, format!("`{name}: {text}`: {form}")),
        }
    }

    /// The layer of the functions holds pipeline.yaml and the folder `mappings` (infra/Makefile).
    fn mapping(&mut self, node: &Node) -> Option<String> {
        let text = self.text(node, "mapping", MAPPING_FORM)?.value.clone();
        let path = std::path::Path::new(&text);
        let is_in_layer = path.starts_with("mappings") || path.starts_with("./mappings");
        let is_below = path
            .components()
            .all(|part| matches!(part, std::path::Component::Normal(_) | std::path::Component::CurDir));
        if is_in_layer && is_below && path.extension().is_some_and(|extension| extension == "json") {
            return Some(text);
        }
        self.refuse(node.place, format!("`mapping: {text}`: {MAPPING_FORM}"))
    }
}
