//! Marks of the functions that ingest: the domain refuses everything, for a reason that only they see.
//!
//! In: a mark. Out: one object for each function, written over the one before. A mark that is lost is written again a few minutes later, and one that stays
//! says nothing: only that it has changed counts, and so no clock is compared. Deliberately absent: what follows (`operations::brake`).

use serde::{Deserialize, Serialize};

use super::Objects;
use crate::settings::S3Prefix;
use pipeline::outcome::BatchError;

/// What a function says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// `permission` or `overload`.
    pub reason: String,
    /// The domain's words.
    pub message: String,
    /// When, in milliseconds since the epoch: for a person, and so that no mark is like another.
    pub at_ms: i64,
}

/// Where marks lie.
#[derive(Debug, Clone)]
pub struct Marks {
    objects: Objects,
    at: S3Prefix,
}

impl Marks {
    /// Marks below a prefix of states.
    pub fn new(objects: Objects, at: S3Prefix) -> Self {
        Self { objects, at }
    }

    /// Writes the mark of a function.
    ///
    /// # Errors
    /// As for any call.
    pub async fn write(&self, function: &str, mark: &Mark) -> Result<(), BatchError> {
        let key = self.key(function);
        let body = serde_json::to_vec(mark)
            .map_err(|error| BatchError::Permanent { what: key.clone(), reason: error.to_string() })?;
        self.objects.put(&self.at.bucket, &key, body).await
    }

    /// The mark of a function with its entity tag; `None` where there is none, or none that can be read.
    ///
    /// # Errors
    /// As for any call.
    pub async fn read(&self, function: &str) -> Result<Option<(String, Mark)>, BatchError> {
        let got = self.objects.get(&self.at.bucket, &self.key(function)).await?;
        Ok(got.and_then(|(etag, bytes)| Some((etag, serde_json::from_slice(&bytes).ok()?))))
    }

    fn key(&self, function: &str) -> String {
        self.at.key(&format!("refused/{function}.json"))
    }
}
