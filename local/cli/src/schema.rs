//! The JSON Schema of pipeline.yaml, for editors: they complete keys, explain them and mark errors.
//!
//! In: nothing. Out: the schema, draft 2020-12, from the types below, which describe the file. It is committed as
//! infra/pipeline.schema.json. Deliberately absent: reading the file, which the library does. A test keeps the keys of
//! the library and of these types equal. Some errors cannot be described in a schema: duplicate names, rules that
//! contradict one another, the syntax of queries. `millrace check` finds these.

#![expect(dead_code, reason = "the types are described, not made")]

mod fields;
mod index;
mod rule_test;
mod template;
mod value;

use std::collections::BTreeMap;

use schemars::{JsonSchema, schema_for};
use serde_json::Value;

use fields::Fields;
use index::Index;
use rule_test::RuleTest;
use template::IndexTemplate;
use value::{Duration, Path, TimeFormats, Zone};

/// The schema in its committed form.
///
/// # Errors
/// Never: all of it can be written as JSON.
pub fn schema() -> serde_json::Result<String> {
    let mut schema = schema_for!(Pipeline).to_value();
    refuse_null(&mut schema);
    Ok(serde_json::to_string_pretty(&schema)? + "\n")
}

/// Rejects `null` for optional keys. The schema of an `Option` would allow it, but pipeline.yaml does not.
fn refuse_null(schema: &mut Value) {
    if let Some(Value::Array(types)) = schema.get_mut("type")
        && types.len() == 2
        && types[1] == "null"
    {
        schema["type"] = types.swap_remove(0);
    }
    if let Some(Value::Array(either)) = schema.get_mut("anyOf")
        && let [only, Value::Object(null)] = either.as_mut_slice()
        && null.get("type") == Some(&"null".into())
    {
        *schema = only.take();
    }
    match schema {
        Value::Object(members) => members.values_mut().for_each(refuse_null),
        Value::Array(elements) => elements.iter_mut().for_each(refuse_null),
        _ => {}
    }
}

/// Your rules about the data: what is read, what is wanted, what is changed, and where it goes. docs/PIPELINE.md explains every key.
#[derive(JsonSchema)]
#[schemars(
    deny_unknown_fields,
    title = "Millrace pipeline.yaml",
    extend("anyOf" = [{ "required": ["datasets"] }, { "required": ["include"] }])
)]
struct Pipeline {
    /// Files beside this one with more datasets. They come after the datasets of this file, in the order of the list.
    #[schemars(length(min = 1))]
    include: Option<Vec<FileName>>,
    /// The first dataset whose `from` matches takes the object or record.
    #[schemars(length(min = 1))]
    datasets: Option<Vec<Dataset>>,
}

#[derive(JsonSchema)]
#[schemars(inline)]
struct FileName(#[schemars(regex(pattern = "^[A-Za-z0-9][A-Za-z0-9._-]*\\.yaml$"))] String);

/// One kind of data. With `from: { delivery_stream: … }` Firehose decides where it goes: then there is no `index`, `timestamp` or
/// `id`, nothing about indices, and there may be `partition_keys`.
#[derive(JsonSchema)]
#[schemars(
    deny_unknown_fields,
    extend(
        "if" = { "properties": { "from": { "required": ["delivery_stream"] } } },
        "then" = { "properties": {
            "index": false, "timestamp": false, "id": false, "on_conflict": false, "retention": false, "keep_at_least": false, "snapshot": false,
            "mapping": false, "shards": false, "replicas": false, "total_fields_limit": false, "template": false,
        } },
        "else" = { "required": ["index"], "properties": { "partition_keys": false } },
    )
)]
struct Dataset {
    /// Its name, unique in the file; the `dataset` of receipts, dead letters and metrics.
    #[schemars(regex(pattern = "^[a-z0-9][a-z0-9_-]{0,63}$"))]
    name: String,
    from: From,
    format: Option<Format>,
    /// With `format: { records: … }`: members of the object around the array that are copied into each event, where it has none of that
    /// name.
    #[schemars(length(min = 1))]
    envelope: Option<Vec<String>>,
    select: Option<Select>,
    fields: Option<Fields>,
    /// The field with the event's own time, which decides about its index. Without it, the time of the object or record.
    timestamp: Option<Timestamp>,
    index: Option<Index>,
    id: Option<Id>,
    /// For `delivery_stream` only: the keys of Firehose's dynamic partitioning, each with the field that has its value. In the
    /// prefix they are `!{partitionKeyFromLambda:NAME}`.
    #[schemars(extend(
        "minProperties" = 1,
        "propertyNames" = { "pattern": "^[A-Za-z_][A-Za-z0-9_-]{0,63}$" }
    ))]
    partition_keys: Option<BTreeMap<String, Path>>,
    /// What happens to an event that the domain refuses for its content: `reject` makes it a dead letter, `keep` stores it without the
    /// fields that do not fit.
    #[schemars(extend("enum" = ["reject", "keep"]))]
    on_conflict: Option<String>,
    /// How long data are kept, such as `14d`: an index that ended so long ago is deleted, and events that would go into it are
    /// `expired`. Without it, data are kept forever.
    retention: Option<Duration>,
    /// How long data are kept even if storage runs short: the oldest indices are then deleted first, down to this age. Without it,
    /// `retention`.
    keep_at_least: Option<Duration>,
    /// An index is deleted only after a snapshot of it succeeded.
    snapshot: Option<bool>,
    /// A JSON file in the folder `mappings` beside pipeline.yaml, with the mapping (`{"properties": …}`) of the dataset's indices.
    #[schemars(regex(pattern = "^(\\./)?mappings/.*\\.json$"))]
    mapping: Option<String>,
    /// Primary shards of an index.
    #[schemars(range(min = 1, max = 1024))]
    shards: Option<u32>,
    /// Replicas of each shard.
    #[schemars(range(min = 0, max = 1024))]
    replicas: Option<u32>,
    /// The most fields that an index may come to have: `index.mapping.total_fields.limit`.
    #[schemars(range(min = 1, max = 1_000_000))]
    total_fields_limit: Option<u32>,
    /// More for the index template of the dataset's indices.
    template: Option<IndexTemplate>,
    /// Events, each with what becomes of it. `millrace test` compares, and `setup` refuses a file whose tests fail.
    #[schemars(length(min = 1))]
    tests: Option<Vec<RuleTest>>,
}

/// Where the data come from: exactly one of `key` (with or without `bucket`), `stream`, `topic` and `delivery_stream`. All are globs:
/// `*` and `?` within a folder, `**` through folders, `[a-z]`, `{a,b}`.
#[derive(JsonSchema)]
#[schemars(untagged, deny_unknown_fields)]
enum From {
    /// Objects of S3.
    S3 {
        /// The bucket's name. Without it, any bucket.
        bucket: Option<Glob>,
        /// The object's key, such as `source/app/**`. No leading `/`.
        #[schemars(regex(pattern = "^[^/]"))]
        key: String,
        /// Keys that are left out on purpose, such as `**/_SUCCESS`: they are not read, and no alarm rings for them.
        #[schemars(length(min = 1))]
        exclude: Option<Vec<Glob>>,
        /// The account that owns the bucket, by its 12 digits. Objects are not read if another account owns it.
        #[schemars(regex(pattern = "^[0-9]{12}$"))]
        owner: Option<String>,
    },
    /// A Kinesis data stream.
    Stream {
        /// Its name, not its ARN.
        stream: Name,
    },
    /// A Kafka topic.
    Topic {
        /// Its name.
        topic: Name,
    },
    /// A Firehose delivery stream.
    DeliveryStream {
        /// Its name, not its ARN.
        delivery_stream: Name,
    },
}

#[derive(JsonSchema)]
#[schemars(inline)]
struct Glob(#[schemars(length(min = 1))] String);

#[derive(JsonSchema)]
#[schemars(inline)]
struct Name(#[schemars(regex(pattern = "^[^:/]+$"))] String);

/// How values follow one another in an object or record.
#[derive(JsonSchema)]
#[schemars(untagged, deny_unknown_fields)]
enum Format {
    Named(FormatName),
    /// The array of events of each object, by the names that lead to it.
    Records {
        /// Such as `detail.findings`.
        records: Path,
        /// Members of the object around the array that are copied into each event.
        #[schemars(length(min = 1))]
        envelope: Option<Vec<String>>,
    },
}

/// `auto` (the default) detects it from the first 64 KiB.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum FormatName {
    Auto,
    Ndjson,
    Array,
    Concatenated,
    Records,
    CloudwatchLogs,
}

/// Which events are wanted; without it, all. Either a query as in Discover, or an EventBridge event pattern.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Select {
    /// A query in Lucene syntax: `event_name:purchase AND price:>=10 AND NOT os:test`.
    Query(String),
    Pattern(Pattern),
}

/// An EventBridge event pattern: `{ os: [iOS], price: [{ numeric: [">=", 10] }] }`.
#[derive(JsonSchema)]
#[schemars(extend("minProperties" = 1))]
struct Pattern(BTreeMap<String, Wanted>);

/// The condition on a field.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Wanted {
    /// Any of these: values, or matches such as `{ prefix: a }`, `suffix`, `equals-ignore-case`, `wildcard`, `anything-but`,
    /// `numeric`, `cidr`, `exists`. Under `$or`: patterns.
    Values(#[schemars(length(min = 1))] Vec<Value>),
    /// Conditions on the fields in it.
    Nested(Pattern),
}

/// A field with a time: its name, or `{ field: …, format: … }`.
#[derive(JsonSchema)]
#[schemars(untagged, deny_unknown_fields)]
enum Timestamp {
    /// RFC 3339, or a number since 1970: seconds below 10^11, milliseconds below 10^14, microseconds below 10^17, else nanoseconds.
    Auto(Path),
    Written {
        /// The field.
        field: Path,
        format: Option<TimeFormats>,
        /// The time zone of a text without an offset. Without it, UTC.
        timezone: Option<Zone>,
        /// A time before this date counts as a broken clock, and the event becomes a dead letter. Without it, 2000-01-01.
        #[schemars(regex(pattern = "^[0-9]{4}"))]
        earliest: Option<String>,
    },
}

/// What makes a second delivery harmless.
#[derive(JsonSchema)]
#[schemars(untagged, deny_unknown_fields)]
enum Id {
    Word(IdWord),
    /// The value of a field: events with an equal one become one document.
    Field {
        /// The field.
        field: Path,
    },
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
enum IdWord {
    /// From the position of the event: every event is indexed once, however often it is delivered. The default.
    Position,
    /// From the event's bytes: equal events become one document.
    Content,
    /// The engine chooses it: an event that is delivered twice is indexed twice.
    None,
}

#[cfg(test)]
mod tests;
