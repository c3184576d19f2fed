//! The types for `fields` of a dataset.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde_json::Value;

use super::value::{Path, Time};

/// Changes to an event. All rules but `json` read the original event, so their order does not matter; everything that no rule
/// changes keeps its bytes.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Fields {
    json: Option<Unfolded>,
    /// The object whose members take the event's place, such as `payload.after`. An event without it stays as it is. All rules name
    /// the fields of the original event.
    lift: Option<Path>,
    dynamodb: Option<Plain>,
    /// Only these fields stay. `*` and `?` stand for characters within one name.
    #[schemars(length(min = 1))]
    keep: Option<Vec<Path>>,
    /// These fields are left out, whatever `keep` says. `*` and `?` stand for characters within one name.
    #[schemars(length(min = 1))]
    drop: Option<Vec<Path>>,
    /// Old name: new name.
    #[schemars(extend("minProperties" = 1))]
    rename: Option<BTreeMap<String, Path>>,
    /// New field: a constant of any type, or a text with fields, `%{os}/%{device.model}`.
    #[schemars(extend("minProperties" = 1))]
    add: Option<BTreeMap<String, Value>>,
    /// Fields whose values become their HMAC-SHA-256, by the key in the secret `HashKeySecretArn`.
    #[schemars(length(min = 1))]
    hash: Option<Vec<Path>>,
    /// New field: the coordinates it is made of.
    #[schemars(extend("minProperties" = 1))]
    geo_point: Option<BTreeMap<String, GeoPoint>>,
    /// New field: the field whose time it has, as RFC 3339 in UTC.
    #[schemars(extend("minProperties" = 1))]
    date: Option<BTreeMap<String, Time>>,
    metadata: Option<Metadata>,
}

/// JSON in a string at the top of the event, unfolded before anything else looks at it.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Unfolded {
    /// The members of the object in this field join the event.
    Joining(TopName),
    /// The same.
    JoiningOne(#[schemars(length(equal = 1))] Vec<TopName>),
    /// Field: the name that the value in it gets.
    Named(#[schemars(extend("minProperties" = 1))] BTreeMap<String, TopName>),
}

/// Objects with typed attributes, as `DynamoDB` writes them: they become plain JSON where they stand.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Plain {
    /// One object, such as `Item`.
    One(Path),
    /// Several: `[dynamodb.NewImage, dynamodb.Keys]`.
    Several(#[schemars(length(min = 1))] Vec<Path>),
}

#[derive(JsonSchema)]
#[schemars(inline)]
struct TopName(#[schemars(regex(pattern = "^[^.]+$"))] String);

/// A point, `{"lat": …, "lon": …}`.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct GeoPoint {
    /// The field with the latitude.
    lat: Path,
    /// The field with the longitude.
    lon: Path,
}

/// The position of the event.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Metadata {
    /// The name of an object with the position: the members that are named first.
    All(Path),
    /// New field: the member of the position.
    Members(#[schemars(extend("minProperties" = 1))] BTreeMap<String, Member>),
}

/// S3: `bucket`, `key`, `etag`, `offset`, and `last_modified`. Kinesis: `stream`, `shard`, `sequence_number`, `aggregate_index`, `offset`,
/// and `arrival`, `partition_key`. Kafka: `cluster`, `topic`, `partition`, `offset`, `timestamp`, `byte_offset`, and `key`, `key_base64`,
/// `headers`. Firehose: `delivery_stream`, `record_id`, `offset`, and `arrival`.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
enum Member {
    Bucket,
    Key,
    Etag,
    Offset,
    Stream,
    Shard,
    SequenceNumber,
    AggregateIndex,
    Cluster,
    Topic,
    Partition,
    Timestamp,
    ByteOffset,
    DeliveryStream,
    RecordId,
    LastModified,
    Arrival,
    PartitionKey,
    #[schemars(rename = "key_base64")]
    KeyBase64,
    Headers,
}
