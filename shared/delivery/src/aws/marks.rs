//! Marks of the functions that ingest: the domain refuses all requests, for a reason that only these functions see.
//!
//! In: a mark. Out: one object for each function, which the next mark overwrites.
//! A lost mark is written again a few minutes later. An old mark has no meaning: only a change of the mark counts, so
//! no clocks are compared. Deliberately absent: the reaction (`operations::brake`).

use serde::{Deserialize, Serialize};

use super::objects::Objects;
use crate::settings::S3Prefix;
use pipeline::outcome::BatchError;

/// The mark of one function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// `permission` or `overload`.
    pub reason: String,
    /// The domain's error message.
    pub message: String,
    /// The time in milliseconds since the epoch. It informs a person, and makes each mark different.
    pub at_ms: i64,
}

/// The location of marks.
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
    /// Any failure of the call.
    pub async fn write(&self, function: &str, mark: &Mark) -> Result<(), BatchError> {
        let key = self.key(function);
        let body = serde_json::to_vec(mark).map_err(|error| BatchError::permanent(key.clone(), error.to_string()))?;
        self.objects.put(&self.at.bucket, &key, body).await.map(drop)
    }

    /// The mark of a function with its entity tag; `None` where there is none, or none that can be read.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn read(&self, function: &str) -> Result<Option<(String, Mark)>, BatchError> {
        let got = self.objects.get(&self.at.bucket, &self.key(function)).await?;
        Ok(got.and_then(|(etag, bytes)| Some((etag, serde_json::from_slice(&bytes).ok()?))))
    }

    fn key(&self, function: &str) -> String {
        self.at.key(&format!("refused/{function}.json"))
    }
}
