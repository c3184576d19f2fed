//! The codec of an input: the format of the records, and the fields of its events.

use crate::{
    ast::{Data, Place, Plugin},
    fields::{CodecNames, Fields, Made, Prefix, Time},
    names::path,
    note::{Effect, Notes},
    settings::Settings,
};

/// The format, and whether `message` is the whole record. `is_stream`: the codec reads whole records. It reads the
/// objects of S3 line by line.
pub(super) fn codec(
    settings: &mut Settings<'_>,
    is_stream: bool,
    fields: &mut Fields,
    notes: &mut Notes,
) -> (&'static str, bool) {
    let values = if is_stream { "concatenated" } else { "ndjson" };
    let Some(setting) = settings.take("codec").pop() else { return (values, true) };
    let name = match &setting.value.data {
        Data::Text(name) => name.as_str(),
        Data::Plugin(plugin) => {
            options(plugin, fields, notes);
            plugin.name.as_str()
        }
        _ => "",
    };
    match name {
        // Not `auto`, which takes objects with `Records` and envelopes of CloudWatch Logs apart.
        "json" => (values, false),
        "json_lines" => ("ndjson", false),
        "plain" => (values, true),
        "line" | "gzip_lines" => ("ndjson", true),
        "cloudtrail" => {
            cloudtrail(setting.at, fields, notes);
            ("records", false)
        }
        "cloudwatch_logs" => {
            cloudwatch_logs(setting.at, fields, notes);
            ("cloudwatch-logs", false)
        }
        _ => {
            let text =
                format!("codec `{name}`: events are JSON, and others are dead letters; let the producer write JSON");
            notes.add(setting.at, Effect::Rejects, text);
            (values, true)
        }
    }
}

fn options(plugin: &Plugin, fields: &mut Fields, notes: &mut Notes) {
    let mut inner = Settings::of(plugin);
    if let Some((at, charset)) = inner.text("charset")
        && !charset.eq_ignore_ascii_case("UTF-8")
    {
        let text = format!("charset `{charset}`: UTF-8 alone is read; an event with other bytes is a dead letter");
        notes.add(at, Effect::Rejects, text);
    }
    if let Some((at, target)) = inner.text("target") {
        let text =
            format!("`target` of a codec: the members stand at the top of the document, in Logstash under `{target}`");
        notes.differs(at, text);
        fields.prefix = path(target).map(Prefix::alone);
    }
    if let Some((at, delimiter)) = inner.text("delimiter")
        && !matches!(delimiter, "\n" | "\\n")
    {
        let text =
            format!("delimiter `{delimiter}`: events end with a line; a second event in a line is a dead letter");
        notes.add(at, Effect::Rejects, text);
    }
    inner.ignore(&["ecs_compatibility", "format", "decompress"]);
    inner.end(notes);
}

/// Each log event with the members of its envelope. Here most of them have other names, and a message that is a JSON
/// object is unfolded.
fn cloudwatch_logs(at: Place, fields: &mut Fields, notes: &mut Notes) {
    let names = &[
        ("id", "@id"),
        ("owner", "@owner"),
        ("logGroup", "@log_group"),
        ("logStream", "@log_stream"),
        ("message", "@message"),
    ];
    fields.codec = Some(CodecNames { at, codec: "cloudwatch_logs", names, changed: "message" });
    let pairs: Vec<String> = names.iter().map(|(there, here)| format!("`{there}` is `{here}`")).collect();
    let text = format!(
        "codec `cloudwatch_logs`: {}; if a message is a JSON object, its members stand at the top, without \
         `@message`; `messageType` and `subscriptionFilters` are left out",
        pairs.join(", ")
    );
    notes.differs(at, text);
    let text = "codec `cloudwatch_logs`: a control message of the subscription is no event; Logstash makes one of it";
    notes.add(at, Effect::Drops, text);
    let text = "codec `cloudwatch_logs`: a message that is a JSON object is taken to have no `@timestamp` and none of these names, which would replace them";
    notes.add(at, Effect::Assumed, text);
}

/// Each record, with `eventTime` as its `@timestamp`.
fn cloudtrail(at: Place, fields: &mut Fields, notes: &mut Notes) {
    let time = Time { field: "eventTime".into(), formats: vec!["rfc3339".into()], zone: None };
    let made = fields.set("@timestamp", Made::Date(time), at).and_then(|()| fields.remove("eventTime", at));
    if let Err(error) = made {
        notes.differs(at, format!("codec `cloudtrail`: {error}"));
    }
    let text = "codec `cloudtrail`: `eventTime` is taken to be a time of RFC 3339 since 2000, and no event to come with `@timestamp`";
    notes.add(at, Effect::Assumed, text);
    let text =
        "codec `cloudtrail`: an object without `Records` is an event, such as a digest; Logstash makes none of it";
    notes.add(at, Effect::Keeps, text);
    let text = "codec `cloudtrail`: a `sourceIpAddress` that is no address is `sourceHost` in Logstash, and `requestParameters.disableApiTermination` an object; both stay here";
    notes.differs(at, text);
    for name in ["sourceIpAddress", "sourceHost", "requestParameters.disableApiTermination"] {
        fields.suspect(Some(name), at, "codec `cloudtrail`");
    }
}
