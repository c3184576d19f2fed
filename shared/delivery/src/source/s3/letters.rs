//! The message to retry an object of dead letters. `replay` sends it to the queue.

use serde::{Deserialize, Serialize};

/// The marker that distinguishes it from other messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Marker {
    #[serde(rename = "dead_letters")]
    DeadLetters,
}

/// One object of dead letters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LettersTask {
    millrace: Marker,
    /// Its bucket.
    pub bucket: String,
    /// Its key.
    pub key: String,
    /// Its entity tag, without quotes. Only this content is retried.
    pub etag: String,
    /// Retries only the letters with this `error_type`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl LettersTask {
    /// The task for an object.
    pub fn new(bucket: &str, key: &str, etag: &str, reason: Option<&str>) -> Self {
        let (bucket, key, etag, reason) =
            (bucket.to_owned(), key.to_owned(), etag.to_owned(), reason.map(str::to_owned));
        Self { millrace: Marker::DeadLetters, bucket, key, etag, reason }
    }

    /// The message's body.
    pub fn message(&self) -> String {
        serde_json::json!(self).to_string()
    }
}

impl std::fmt::Display for LettersTask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)
    }
}
