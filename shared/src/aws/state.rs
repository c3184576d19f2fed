//! What a function remembers from one invocation to the next: one JSON object of S3, written only over what was read.

use serde::{Serialize, de::DeserializeOwned};

use super::Objects;
use crate::{config::settings::S3Prefix, outcome::BatchError};

/// Where states lie.
#[derive(Debug, Clone)]
pub struct States {
    objects: Objects,
    at: S3Prefix,
}

/// One state, with the entity tag that it was read or written with.
#[derive(Debug, Clone)]
pub struct State<T> {
    /// What is remembered.
    pub value: T,
    etag: Option<String>,
    key: String,
}

/// Why a state could not be written.
#[derive(Debug, thiserror::Error)]
pub enum NotWritten {
    /// Somebody else has written it since it was read: what is known here is out of date.
    #[error("{0} was written by another invocation meanwhile")]
    Overtaken(String),
    /// Anything else.
    #[error(transparent)]
    Failed(#[from] BatchError),
}

impl States {
    /// States under a prefix.
    pub fn new(objects: Objects, at: S3Prefix) -> Self {
        Self { objects, at }
    }

    /// A state that is not written yet.
    pub fn fresh<T>(&self, name: &str, value: T) -> State<T> {
        State { value, etag: None, key: self.key(name) }
    }

    /// Reads a state; `None` where there is none.
    ///
    /// # Errors
    /// As for any call; permanent where it is not of the expected form.
    pub async fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<State<T>>, BatchError> {
        let key = self.key(name);
        let Some((etag, bytes)) = self.objects.get(&self.at.bucket, &key).await? else { return Ok(None) };
        let value = serde_json::from_slice(&bytes).map_err(|error| BatchError::Permanent {
            what: format!("s3://{}/{key}", self.at.bucket),
            reason: format!("is no state of this function: {error}"),
        })?;
        Ok(Some(State { value, etag: Some(etag), key }))
    }

    /// Writes a state, if nobody has written it since it was read, or made it since it was found missing.
    ///
    /// # Errors
    /// [`NotWritten::Overtaken`] where somebody has.
    pub async fn write<T: Serialize>(&self, state: &mut State<T>) -> Result<(), NotWritten> {
        let body = serde_json::to_vec_pretty(&state.value)
            .map_err(|error| BatchError::Permanent { what: state.key.clone(), reason: error.to_string() })?;
        let written = self.objects.put_over(&self.at.bucket, &state.key, body, state.etag.as_deref()).await?;
        let Some(etag) = written else {
            return Err(NotWritten::Overtaken(format!("s3://{}/{}", self.at.bucket, state.key)));
        };
        state.etag = Some(etag);
        Ok(())
    }

    /// Forgets a state.
    ///
    /// # Errors
    /// As for any call.
    pub async fn forget<T>(&self, state: State<T>) -> Result<(), BatchError> {
        self.objects.delete(&self.at.bucket, &state.key).await
    }

    fn key(&self, name: &str) -> String {
        let S3Prefix { prefix, .. } = &self.at;
        if prefix.is_empty() { format!("{name}.json") } else { format!("{prefix}/{name}.json") }
    }
}
