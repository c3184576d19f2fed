//! The state of a domain: everything that may keep it from taking events.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    context::{Connected, Context, soon},
    finding::{Finding, size, some},
};
use crate::admin::{load::CLUSTER_BLOCKS, storage::Storage};
use pipeline::outcome::BatchError;

/// The body limit of Amazon's smaller instance types, whatever the engine reports
/// (<https://docs.aws.amazon.com/opensearch-service/latest/developerguide/limits.html>, "Network limits").
const AMAZON_SMALL_BODY: u64 = 10 << 20;
/// Amazon's domains stop taking writes at 20 % or 20 GiB of free storage, whichever is less
/// (<https://docs.aws.amazon.com/opensearch-service/latest/developerguide/handling-errors.html>, `ClusterBlockException`).
const AMAZON_FREE: u64 = 20 << 30;

/// Checks everything else.
pub(super) async fn state(context: &Context, it: &Connected) -> Vec<Finding> {
    if it.domain.is_collection() {
        let found = "OpenSearch Serverless has no nodes to examine: it manages payload limit, disk, blocks and \
                     auto-create itself";
        return vec![Finding::skipped("domain", found)];
    }
    let mut findings = vec![payload(context, it).await];
    // Include defaults. A setting that the identity may not see is missing.
    let settings =
        it.admin.ask("GET", "/_cluster/settings?include_defaults=true&flat_settings=true", None, soon()).await;
    let settings = Settings(settings.unwrap_or_default());
    match it.admin.storage(soon()).await {
        Ok(storage) => findings.push(disk(&storage, &settings, it.is_amazon())),
        Err(error) => findings.push(Finding::unseen("disk", &error)),
    }
    findings.extend(blocks(context, it, &settings).await);
    findings.push(auto_create(context, &settings));
    findings
}

/// Cluster settings, flat.
struct Settings(Value);

impl Settings {
    fn get(&self, name: &str) -> Option<&str> {
        ["transient", "persistent", "defaults"].iter().find_map(|kind| self.0[kind][name].as_str())
    }
}

async fn payload(context: &Context, it: &Connected) -> Finding {
    const CHECK: &str = "payload";
    let path = "/_nodes/http?filter_path=nodes.%2A.http.max_content_length_in_bytes";
    let response = it.admin.ask("GET", path, None, soon()).await.unwrap_or_default();
    let nodes = response["nodes"].as_object().into_iter().flat_map(|nodes| nodes.values());
    let least = nodes.filter_map(|node| node["http"]["max_content_length_in_bytes"].as_u64()).min();
    let (body, event) = (context.deployment.max_body_bytes as u64, context.deployment.max_event_bytes as u64);
    match least {
        Some(least) if least < event => Finding::fault(
            CHECK,
            format!(
                "the domain takes requests of {}, and events may have {}: larger events than the domain takes become \
                 dead letters",
                size(least),
                size(event)
            ),
            format!(
                "raise http.max_content_length of the nodes, or set MILLRACE_MAX_EVENT_BYTES={} or less",
                least - least / 16
            ),
        ),
        Some(least) if least < body => Finding::warning(
            CHECK,
            format!(
                "the domain takes requests of {}, and bodies have {}: larger bodies are refused and halved",
                size(least),
                size(body)
            ),
            format!("set MILLRACE_MAX_BODY_BYTES={least} or less"),
        ),
        _ if it.is_amazon() && body > AMAZON_SMALL_BODY => Finding::warning(
            CHECK,
            format!(
                "bodies have {}, and Amazon's smaller instance types take 10 MiB, whatever the engine says",
                size(body)
            ),
            "see the table of network limits for the domain's instance type, or set MILLRACE_MAX_BODY_BYTES=10485760 or less",
        ),
        None if body > AMAZON_SMALL_BODY => Finding::warning(
            CHECK,
            format!("bodies have {}, and the domain does not report its limit", size(body)),
            "set MILLRACE_MAX_BODY_BYTES=10485760 or less, which every domain takes",
        ),
        Some(least) => Finding::ok(CHECK, format!("the domain takes {}, bodies have {}", size(least), size(body))),
        None => Finding::ok(CHECK, format!("bodies have {}, which every domain takes", size(body))),
    }
}

/// The free bytes at which a watermark is reached: `85%` of the disk used, or `500mb` free.
fn free_at(watermark: &str, total: u64) -> Option<u64> {
    let share = |used: f64| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a disk")]
        (0.0..=1.0).contains(&used).then_some((total as f64 * (1.0 - used)) as u64)
    };
    if let Some(percent) = watermark.strip_suffix('%') {
        return share(percent.trim().parse::<f64>().ok()? / 100.0);
    }
    if let Ok(ratio) = watermark.parse::<f64>() {
        return share(ratio);
    }
    let shifts = [("tb", 40), ("gb", 30), ("mb", 20), ("kb", 10), ("b", 0)];
    let (number, shift) = shifts.iter().find_map(|(unit, shift)| Some((watermark.strip_suffix(unit)?, shift)))?;
    number.trim().parse::<u64>().ok()?.checked_mul(1 << shift)
}

fn disk(storage: &Storage, settings: &Settings, is_amazon: bool) -> Finding {
    const CHECK: &str = "disk";
    let watermark = |name: &str, default: &'static str| {
        settings.get(&format!("cluster.routing.allocation.disk.watermark.{name}")).unwrap_or(default).to_owned()
    };
    let (low, high, flood) = (watermark("low", "85%"), watermark("high", "90%"), watermark("flood_stage", "95%"));
    let has_watermarks = settings.get("cluster.routing.allocation.disk.threshold_enabled") != Some("false");
    let fix = "delete old indices (`retention` in pipeline.yaml, MILLRACE_FREE_STORAGE_WATERMARK), or give the nodes more storage";
    let Some((name, least)) = storage.nodes.iter().min_by_key(|(_, disk)| disk.free) else {
        return Finding::warning(CHECK, "no node reports its storage", "look at FreeStorageSpace in CloudWatch");
    };
    let found = format!("{name} has {} free of {}", size(least.free), size(least.total));
    let is_below = |mark: &str| has_watermarks && free_at(mark, least.total).is_some_and(|at| least.free < at);
    if is_amazon && least.free < (least.total / 5).min(AMAZON_FREE) {
        let found =
            format!("{found}: Amazon's domains refuse writes below {}", size((least.total / 5).min(AMAZON_FREE)));
        return Finding::fault(CHECK, found, fix);
    }
    if is_below(&flood) {
        return Finding::fault(
            CHECK,
            format!("{found}: above the flood stage ({flood}), where indices become read-only"),
            fix,
        );
    }
    if is_below(&high) {
        return Finding::warning(
            CHECK,
            format!("{found}: above the high watermark ({high}), where shards leave the node"),
            fix,
        );
    }
    if is_below(&low) {
        return Finding::warning(
            CHECK,
            format!("{found}: above the low watermark ({low}), where it takes no new shards"),
            fix,
        );
    }
    Finding::ok(CHECK, if has_watermarks { found } else { format!("{found}; the watermarks are switched off") })
}

async fn blocks(context: &Context, it: &Connected, settings: &Settings) -> Vec<Finding> {
    const CHECK: &str = "blocks";
    let mut findings = Vec::new();
    for name in CLUSTER_BLOCKS {
        if settings.get(name) == Some("true") {
            let fix = format!(
                "find out who set it and why, then PUT /_cluster/settings {{\"persistent\":{{\"{name}\":null}},\"transient\":{{\"{name}\":null}}}}"
            );
            findings.push(Finding::fault(CHECK, format!("the whole cluster has {name}"), fix));
        }
    }
    let patterns = context.patterns();
    if patterns.is_empty() {
        return findings;
    }
    match blocked(it, &patterns).await {
        Ok(blocked) => {
            for (block, indices) in &blocked {
                let (found, index) = (format!("{block}: {}", some(indices)), indices[0].as_str());
                let undo = format!("PUT /{index}/_settings {{\"{block}\":null}}");
                findings.push(match block.as_str() {
                    "index.blocks.read_only_allow_delete" => Finding::fault(
                        CHECK,
                        format!("{found} (a disk reached its flood stage)"),
                        format!(
                            "free storage; Elasticsearch from 7.4 on and OpenSearch then remove the block by \
                                 themselves, otherwise {undo}"
                        ),
                    ),
                    "index.blocks.write" => Finding::warning(
                        CHECK,
                        format!("{found}: their events are redelivered until the block is removed"),
                        format!("do nothing if `retention` is about to delete them; otherwise {undo}"),
                    ),
                    _ => Finding::fault(CHECK, found, format!("find out who set it and why, then {undo}")),
                });
            }
        }
        Err(error) => findings.push(Finding::unseen(CHECK, &error)),
    }
    if findings.is_empty() {
        findings.push(Finding::ok(CHECK, "no index of a dataset is read-only"));
    }
    findings
}

/// The indices of the patterns with a block on writes, by block.
async fn blocked(it: &Connected, patterns: &[String]) -> Result<BTreeMap<String, Vec<String>>, BatchError> {
    let patterns = patterns.join("%2C").replace('*', "%2A");
    let path = format!(
        "/{patterns}/_settings/index.blocks.%2A?flat_settings=true&ignore_unavailable=true&allow_no_indices=true&expand_wildcards=open"
    );
    let answer = it.admin.ask("GET", &path, None, soon()).await?;
    let mut blocked: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (index, about) in answer.as_object().into_iter().flatten() {
        for (block, value) in about["settings"].as_object().into_iter().flatten() {
            let stops = ["index.blocks.read_only_allow_delete", "index.blocks.read_only", "index.blocks.write"];
            if stops.contains(&block.as_str()) && *value == "true" {
                blocked.entry(block.clone()).or_default().push(index.clone());
            }
        }
    }
    Ok(blocked)
}

fn auto_create(context: &Context, settings: &Settings) -> Finding {
    const CHECK: &str = "auto-create";
    let Some(setting) = settings.get("action.auto_create_index") else {
        return Finding::skipped(CHECK, "the domain does not report action.auto_create_index");
    };
    let refused: Vec<String> = context.patterns().into_iter().filter(|pattern| !may_create(setting, pattern)).collect();
    if refused.is_empty() {
        return Finding::ok(CHECK, "the first event creates an index of every dataset");
    }
    Finding::fault(
        CHECK,
        format!("action.auto_create_index is `{setting}`: the first event creates no index {}", some(&refused)),
        format!(
            "PUT /_cluster/settings {{\"persistent\":{{\"action.auto_create_index\":\"+{},{setting}\"}}}}",
            refused.join(",+")
        )
        .replace(",false\"", "\""),
    )
}

/// Whether the engine creates indices of a pattern automatically: `true`, `false`, or patterns of which the first match
/// decides.
fn may_create(setting: &str, pattern: &str) -> bool {
    if let Ok(all) = setting.parse::<bool>() {
        return all;
    }
    let name = pattern.replace('*', "2026.01.01");
    for rule in setting.split(',').map(str::trim) {
        let (allows, glob) = match rule.strip_prefix('-') {
            Some(glob) => (false, glob),
            None => (true, rule.strip_prefix('+').unwrap_or(rule)),
        };
        if covers(glob, &name) {
            return allows;
        }
    }
    false
}

/// Whether one of the engine's globs matches a name. Only `*` is special.
fn covers(glob: &str, name: &str) -> bool {
    let Some((before, after)) = glob.split_once('*') else { return glob == name };
    let Some(rest) = name.strip_prefix(before) else { return false };
    (0..=rest.len()).filter(|at| rest.is_char_boundary(*at)).any(|at| covers(after, &rest[at..]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::finding::Level;
    use super::*;
    use crate::admin::storage::Disk;

    #[test]
    fn watermarks_are_shares_of_the_disk_or_sizes() {
        for (mark, free) in [("75%", Some(25)), ("0.5", Some(50)), ("20b", Some(20)), ("1kb", Some(1024)), ("?", None)]
        {
            assert_eq!(free_at(mark, 100), free, "{mark}");
        }
    }

    #[test]
    fn the_fullest_node_decides() {
        let disk_of = |free: u64, settings: Value, is_amazon| {
            let nodes = [
                ("a".to_owned(), Disk { free, total: 100 << 30 }),
                ("b".to_owned(), Disk { free: 90 << 30, total: 100 << 30 }),
            ];
            let storage = Storage { nodes: nodes.into(), ..Storage::default() };
            disk(&storage, &Settings(settings), is_amazon).level
        };
        assert_eq!(disk_of(50 << 30, json!({}), false), Level::Ok);
        assert_eq!(disk_of(12 << 30, json!({}), false), Level::Warning, "low");
        assert_eq!(disk_of(7 << 30, json!({}), false), Level::Warning, "high");
        assert_eq!(disk_of(3 << 30, json!({}), false), Level::Fault, "flood");
        assert_eq!(disk_of(19 << 30, json!({}), true), Level::Fault, "Amazon's own");
        let off = json!({"persistent": {"cluster.routing.allocation.disk.threshold_enabled": "false"}});
        assert_eq!(disk_of(3 << 30, off, false), Level::Ok);
        let own = json!({"transient": {"cluster.routing.allocation.disk.watermark.flood_stage": "60gb"}});
        assert_eq!(disk_of(50 << 30, own, false), Level::Fault);
    }

    #[test]
    fn auto_create_is_decided_by_the_first_rule_that_matches() {
        for (setting, may) in [
            ("true", true),
            ("false", false),
            ("+logs-*", true),
            ("-logs-*,+*", false),
            ("other,logs-2*", true),
            ("*", true),
            ("other", false),
            ("-l*s-*x", false),
        ] {
            assert_eq!(may_create(setting, "logs-*"), may, "{setting}");
        }
    }
}
