//! Inputs: the sources of datasets.
//!
//! In: the plugin. Out: a [`Source`], with the fields that the input adds to every event. Deliberately absent: settings
//! of the Logstash server (credentials, polling, positions). They belong to the deployment, or are not needed.

mod codec;
mod kafka;
mod source;

pub(super) use source::{From, Source, escaped};

use source::{keep_error, known};

use super::{
    ast::{Place, Plugin},
    fields::{Fields, Made},
    filter::common,
    note::{Effect, Notes},
    settings::Settings,
};

const DEPLOYMENT: &str = "endpoints and credentials are parameters of the deployment";
const NO_SERVER: &str = "there is no server that would poll, and no position to remember: new data invoke the function";

/// The source of an input; `None` if it has no counterpart.
pub(super) fn source(plugin: &Plugin, notes: &mut Notes) -> Option<Source> {
    let mut settings = Settings::of(plugin);
    let mut fields = Fields::default();
    let mut exclude = Vec::new();
    let from = match plugin.name.as_str() {
        "s3" => {
            exclude = excluded(&mut settings, notes);
            s3(plugin.at, &mut settings, &mut fields, notes)
        }
        "kinesis" => kinesis(plugin.at, &mut settings, &mut fields, notes)?,
        "kafka" => kafka::kafka(plugin.at, &mut settings, &mut fields, notes),
        name => {
            let text = format!(
                "input `{name}`: data come from S3, Kinesis, Kafka or Firehose, and its events are not read; let the producer write to one of them"
            );
            notes.add(plugin.at, Effect::Drops, text);
            return None;
        }
    };
    let is_stream = !matches!(from, From::S3 { .. });
    let (format, is_text) = codec::codec(&mut settings, is_stream, &mut fields, notes);
    for (at, name) in [settings.text("type")].into_iter().flatten() {
        // With a `target` the codec puts the whole event into one object, so there is no original `type` beside it. Nor
        // is there with a codec that makes only fields of its own.
        let has_own = fields.prefix.is_none() && fields.codec.is_none();
        let made = if has_own { Made::Default(name.into()) } else { Made::Text(name.into()) };
        keep_error(fields.set("type", made, at), at, notes);
        let text = format!(
            "type `{name}`: an event that came with a `type` of its own keeps it in Logstash; here the document has `{name}`, and rules \
             under conditions, index and id go by that"
        );
        notes.differs(at, text);
    }
    // Logstash sets `[@metadata]` after the common settings, so they cannot use it.
    let metadata = std::mem::take(&mut fields.metadata);
    common::apply(&mut settings, &mut fields, notes);
    fields.metadata = metadata;
    settings.end(notes);
    Some(Source { at: plugin.at, from, format, exclude, is_text, fields })
}

fn s3(at: Place, settings: &mut Settings<'_>, fields: &mut Fields, notes: &mut Notes) -> From {
    let bucket = settings.raw_text("bucket").and_then(|(at, name)| known(at, name, "bucket", notes));
    let prefix = settings.raw_text("prefix").and_then(|(at, prefix)| {
        if prefix.starts_with('/') || prefix.starts_with("s3://") {
            let text = format!(
                "prefix `{prefix}`: keys begin neither with `/` nor `s3://`; all objects of the bucket are read"
            );
            notes.add(at, Effect::Keeps, text);
            return None;
        }
        known(at, prefix, "prefix", notes)
    });
    let deployment = [
        "region",
        "endpoint",
        "access_key_id",
        "secret_access_key",
        "session_token",
        "role_arn",
        "role_session_name",
        "role_external_id",
        "aws_credentials_file",
        "proxy_uri",
        "use_aws_bundled_ca",
        "additional_settings",
    ];
    settings.note(&deployment, DEPLOYMENT, notes);
    let server = ["sincedb_path", "interval", "watch_for_new_files", "temporary_directory", "gzip_pattern"];
    settings.note(&server, NO_SERVER, notes);
    settings.ignore(&["include_object_properties"]);
    settings.lose(
        &["delete", "backup_to_bucket", "backup_add_prefix", "backup_to_dir"],
        Effect::Beside,
        "objects stay as they are; a lifecycle or replication rule of the bucket does that",
        notes,
    );
    for (name, member) in [("key", "key"), ("bucket", "bucket"), ("bucket_name", "bucket"), ("etag", "etag")] {
        fields.metadata.push((format!("@metadata.s3.{name}"), member));
    }
    if bucket.is_none() && prefix.is_none() {
        notes.note(at, "neither bucket nor prefix: every object that the function is notified of is taken");
    }
    From::S3 { bucket, prefix: prefix.unwrap_or_default() }
}

fn kinesis(at: Place, settings: &mut Settings<'_>, fields: &mut Fields, notes: &mut Notes) -> Option<From> {
    let Some((name_at, name)) = settings.raw_text("kinesis_stream_name") else {
        notes.add(at, Effect::Drops, "input `kinesis` without a `kinesis_stream_name`: its events are not read");
        return None;
    };
    let name = known(name_at, name, "stream", notes);
    let deployment = [
        "region",
        "profile",
        "role_arn",
        "role_session_name",
        "kinesis_endpoint",
        "dynamodb_endpoint",
        "http_proxy",
        "non_proxy_hosts",
        "additional_settings",
    ];
    settings.note(&deployment, DEPLOYMENT, notes);
    settings.note(&["application_name", "checkpoint_interval_seconds", "metrics", "lease_table"], NO_SERVER, notes);
    settings.note(
        &["initial_position_in_stream"],
        "where reading begins is `StartingPosition` of the event source mapping",
        notes,
    );
    fields.metadata.push(("@metadata.partition_key".into(), "partition_key"));
    fields.metadata.push(("@metadata.sequence_number".into(), "sequence_number"));
    Some(From::Stream(name.map_or_else(|| "*".into(), |name| escaped(&name))))
}

/// The globs for the keys that a regular expression excludes, if it is a plain word.
fn excluded(settings: &mut Settings<'_>, notes: &mut Notes) -> Vec<String> {
    let Some((at, pattern)) = settings.text("exclude_pattern") else { return Vec::new() };
    let is_word = !pattern.is_empty() && pattern.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if is_word {
        return vec![format!("**/*{pattern}*"), format!("**/*{pattern}*/**")];
    }
    let text = format!(
        "exclude_pattern `{pattern}`: write globs of what is not wanted into `exclude` of `from`; such objects are read"
    );
    notes.add(at, Effect::Keeps, text);
    Vec::new()
}
