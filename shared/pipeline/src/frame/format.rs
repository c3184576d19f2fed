//! How values follow one another.

use serde::{Deserialize, Serialize};

/// How values follow one another in an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Detected from the first 64 KiB.
    Auto,
    /// One value per line.
    Ndjson,
    /// The elements of one array.
    Array,
    /// Values one after another, with or without white space.
    Concatenated,
    /// The elements of an array within an object, by default `Records`. [`Records`](super::Records) names the array.
    Records,
    /// The log events in the envelopes of a CloudWatch Logs subscription. Each event also gets fields of its envelope.
    #[serde(rename = "cloudwatch-logs")]
    CloudwatchLogs,
}
