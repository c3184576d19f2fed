//! The types for `index` of a dataset.

use schemars::JsonSchema;

use super::value::{Duration, Path, Zone};

/// The index, such as `logs-%{+YYYY.MM.dd}`: `YYYY`, `MM`, `dd`, `HH` of the event's time, and `%{field}`. Begins with fixed
/// text; lower case. Or a data stream, or an alias with a write index.
#[derive(JsonSchema)]
#[schemars(untagged, deny_unknown_fields)]
pub(super) enum Index {
    /// With days in UTC.
    Utc(#[schemars(length(min = 1, max = 255))] String),
    Local {
        /// The index, such as `logs-%{+YYYY.MM.dd}`.
        #[schemars(length(min = 1, max = 255))]
        name: String,
        /// The time zone of its days, months and years. Changing it changes the index.
        timezone: Option<Zone>,
        /// The field whose value decides the shard of a document (custom routing). An event without it becomes a dead letter.
        routing: Option<Path>,
        pipeline: Option<Pipeline>,
    },
    DataStream {
        /// The data stream that all events go to, such as `logs-app-prod`. The same name for all events.
        #[schemars(regex(pattern = "^[^%]{1,233}$"))]
        data_stream: String,
        rollover: Option<Rollover>,
        pipeline: Option<Pipeline>,
    },
    Alias {
        /// The alias that all events go to, such as `app-events`. Its write index is `app-events-000001`, and later numbers.
        #[schemars(regex(pattern = "^[^%]{1,233}$"))]
        alias: String,
        rollover: Option<Rollover>,
        /// The field whose value decides the shard of a document (custom routing). An event without it becomes a dead letter.
        routing: Option<Path>,
        pipeline: Option<Pipeline>,
    },
}

/// The ingest pipeline of the domain that changes each document.
#[derive(JsonSchema)]
#[schemars(inline)]
pub(super) struct Pipeline(#[schemars(length(min = 1, max = 255))] String);

/// When the function `retention` begins the next index: as soon as one of the conditions is met. Without it, nothing is rolled over by
/// this deployment.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("minProperties" = 1))]
pub(super) struct Rollover {
    /// The age of the write index since its creation.
    max_age: Option<Duration>,
    /// The size of its primary shards together, such as `50gb`.
    #[schemars(regex(pattern = "^[0-9]+[kmgt]b$"))]
    max_size: Option<String>,
}
