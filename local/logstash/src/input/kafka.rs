//! The input `kafka`: its topics, and the metadata of records.

use super::source::{From, escaped, keep_error, known};
use crate::{
    ast::Place,
    fields::{Fields, Made},
    note::{Effect, Notes},
    settings::Settings,
};

pub(super) fn kafka(at: Place, settings: &mut Settings<'_>, fields: &mut Fields, notes: &mut Notes) -> From {
    let given = settings.raw_texts("topics");
    let are_given = !given.is_empty();
    let topics: Vec<String> = given.into_iter().filter_map(|(at, name)| known(at, name, "topic", notes)).collect();
    let pattern = settings.text("topics_pattern");
    if let Some((at, pattern)) = pattern {
        let text =
            format!("topics_pattern `{pattern}`: write it as a glob into `from`, such as `app-*`; all topics are read");
        notes.add(at, Effect::Keeps, text);
    }
    let topic = match (topics.as_slice(), pattern) {
        ([], pattern) if are_given || pattern.is_some() => "*".into(),
        ([], _) => {
            notes.note(at, "no `topics`: Logstash's own default is `logstash`");
            "logstash".into()
        }
        ([one], _) => escaped(one),
        (several, _) => {
            let several: Vec<String> = several.iter().map(|name| escaped(name)).collect();
            format!("{{{}}}", several.join(","))
        }
    };
    let group = settings.text("group_id");
    if let Some((at, _)) = group {
        notes.note(at, "`group_id` of `kafka`: the event source mapping has a group of its own");
    }
    note_settings(settings, notes);
    decorate(at, settings.text("decorate_events"), group, fields, notes);
    From::Topic(topic)
}

/// Settings of the connection and of polling, which the event source mapping has.
fn note_settings(settings: &mut Settings<'_>, notes: &mut Notes) {
    settings.note(
        &[
            "bootstrap_servers",
            "security_protocol",
            "sasl_mechanism",
            "sasl_jaas_config",
            "ssl_truststore_location",
            "ssl_truststore_password",
            "ssl_keystore_location",
            "ssl_keystore_password",
            "client_id",
            "client_rack",
        ],
        "cluster and credentials are in the event source mapping of the deployment",
        notes,
    );
    settings.note(
        &[
            "auto_offset_reset",
            "consumer_threads",
            "max_poll_records",
            "session_timeout_ms",
            "heartbeat_interval_ms",
            "max_poll_interval_ms",
            "fetch_max_bytes",
            "fetch_min_bytes",
            "enable_auto_commit",
            "auto_commit_interval_ms",
            "partition_assignment_strategy",
            "poll_timeout_ms",
            "request_timeout_ms",
        ],
        "the event source mapping polls, with settings of its own",
        notes,
    );
}

/// The members of `[@metadata]` that `decorate_events` sets.
fn decorate(
    at: Place,
    how: Option<(Place, &str)>,
    group: Option<(Place, &str)>,
    fields: &mut Fields,
    notes: &mut Notes,
) {
    let members: &[&str] = match how.map_or("none", |(_, how)| how) {
        "basic" | "true" => &["topic", "partition", "offset", "timestamp", "key"],
        "extended" => &["topic", "partition", "offset", "timestamp", "key", "headers"],
        _ => return,
    };
    for member in members {
        fields.metadata.push((format!("@metadata.kafka.{member}"), member));
    }
    let group = group.map_or("logstash", |(_, group)| group);
    keep_error(fields.set("@metadata.kafka.consumer_group", Made::Text(group.into()), at), at, notes);
}
