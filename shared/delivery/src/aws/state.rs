//! The state that a function keeps between invocations: one JSON object in S3. A write succeeds only over the version
//! that was read.
//!
//! The reply to a conditional write can get lost after the write took effect. A retry, by the SDK or by the caller, is
//! then refused (412) because of the first attempt. So a refusal counts only after the object was read back and holds
//! something else than the new value.

use std::time::Duration;

use serde::{Serialize, de::DeserializeOwned};

use super::Objects;
use crate::settings::S3Prefix;
use pipeline::outcome::BatchError;

/// The number of attempts at one write that S3 refuses while no other writer is found.
const ATTEMPTS: u32 = 4;
/// The pause between two attempts.
const PAUSE: Duration = Duration::from_millis(200);

/// The location of states.
#[derive(Debug, Clone)]
pub struct States {
    objects: Objects,
    at: S3Prefix,
}

/// One state, with the entity tag of its last read or write.
#[derive(Debug, Clone)]
pub struct State<T> {
    /// The value.
    pub value: T,
    etag: Option<String>,
    key: String,
}

/// Why a state could not be written.
#[derive(Debug, thiserror::Error)]
pub enum NotWritten {
    /// Another writer has written it since it was read: the value here is out of date.
    #[error("{0} was written by another invocation meanwhile")]
    Conflict(String),
    /// Anything else.
    #[error(transparent)]
    Failed(#[from] BatchError),
}

/// The content of an object after a write that was refused, or whose outcome is unknown.
#[derive(Debug, PartialEq, Eq)]
enum ReadBack {
    /// The new value: the write took effect. Holds its entity tag.
    Written(String),
    /// The old value: the write did not take effect.
    Unchanged,
    /// Another value: another writer was faster.
    Conflict,
}

impl ReadBack {
    /// Compares the current content with the new value (`body`) and with the version to be overwritten (`over`).
    fn of(there: Option<(String, Vec<u8>)>, body: &[u8], over: Option<&str>) -> Self {
        match there {
            Some((etag, bytes)) if bytes == body => Self::Written(etag),
            there if there.as_ref().map(|(etag, _)| etag.as_str()) == over => Self::Unchanged,
            _ => Self::Conflict,
        }
    }
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

    /// Reads a state. `None` if there is none.
    ///
    /// # Errors
    /// Any failure of the call. Permanent if the state has another form.
    pub async fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<State<T>>, BatchError> {
        let key = self.key(name);
        let Some((etag, bytes)) = self.objects.get(&self.at.bucket, &key).await? else { return Ok(None) };
        let value = serde_json::from_slice(&bytes).map_err(|error| {
            BatchError::permanent(
                format!("s3://{}/{key}", self.at.bucket),
                format!("is not a state of this function: {error}"),
            )
        })?;
        Ok(Some(State { value, etag: Some(etag), key }))
    }

    /// Reads a state that its reader can replace. A state that is missing or has another form is read as `lost`, and
    /// the next write overwrites it.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn read_or<T: DeserializeOwned>(&self, name: &str, lost: T) -> Result<State<T>, BatchError> {
        let key = self.key(name);
        let Some((etag, bytes)) = self.objects.get(&self.at.bucket, &key).await? else {
            return Ok(State { value: lost, etag: None, key });
        };
        let value = serde_json::from_slice(&bytes).unwrap_or_else(|error| {
            tracing::error!(key, %error, "is not a state of this function, and the next write overwrites it");
            lost
        });
        Ok(State { value, etag: Some(etag), key })
    }

    /// Writes a state, unless another writer has written or created it since it was read.
    ///
    /// # Errors
    /// [`NotWritten::Conflict`] if another writer has. After any other error the write may still take effect.
    pub async fn write<T: Serialize>(&self, state: &mut State<T>) -> Result<(), NotWritten> {
        let body = serde_json::to_vec_pretty(&state.value)
            .map_err(|error| BatchError::permanent(state.key.clone(), error.to_string()))?;
        let over = state.etag.as_deref();
        // Not by `retry`: the stored state decides whether a failed write took effect.
        for _ in 0..ATTEMPTS {
            let failure = match self.objects.put_over(&self.at.bucket, &state.key, body.clone(), over).await {
                Ok(Some(etag)) => {
                    state.etag = Some(etag);
                    return Ok(());
                }
                Ok(None) => None,
                Err(error @ BatchError::Retryable { .. }) => Some(error),
                Err(error) => return Err(error.into()),
            };
            let there = match self.objects.get(&self.at.bucket, &state.key).await {
                Ok(there) => there,
                Err(error) => return Err(failure.unwrap_or(error).into()),
            };
            match (ReadBack::of(there, &body, over), failure) {
                (ReadBack::Written(etag), _) => {
                    state.etag = Some(etag);
                    return Ok(());
                }
                (ReadBack::Unchanged, Some(error)) => return Err(error.into()),
                // 409: S3 refuses both of two concurrent writes.
                (ReadBack::Unchanged, None) => tokio::time::sleep(PAUSE).await,
                (ReadBack::Conflict, _) => return Err(self.conflict(&state.key)),
            }
        }
        Err(self.conflict(&state.key))
    }

    fn conflict(&self, key: &str) -> NotWritten {
        NotWritten::Conflict(format!("s3://{}/{key}", self.at.bucket))
    }

    fn key(&self, name: &str) -> String {
        self.at.key(&format!("{name}.json"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_write_counts_by_the_stored_state() {
        let there = |etag: &str, body: &str| Some((etag.to_owned(), body.as_bytes().to_vec()));
        for (there, over, expected) in [
            (there("2", "mine"), Some("1"), ReadBack::Written("2".into())),
            (there("2", "mine"), None, ReadBack::Written("2".into())),
            (there("2", "of another"), Some("1"), ReadBack::Conflict),
            (there("2", "of another"), None, ReadBack::Conflict),
            (there("1", "before"), Some("1"), ReadBack::Unchanged),
            (None, None, ReadBack::Unchanged),
            (None, Some("1"), ReadBack::Conflict),
        ] {
            assert_eq!(ReadBack::of(there, b"mine", over), expected);
        }
    }
}
