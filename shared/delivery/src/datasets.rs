//! The user's rules, with the key that `hash` needs.

use std::path::Path;

use crate::aws::{Aws, Secrets};
use pipeline::{
    outcome::{ConfigError, Fault},
    rules::Datasets,
    shape::HashKey,
};

/// Reads the user's rules, and the key for `hash` from the secret that the settings name.
///
/// # Errors
/// Every fault of pipeline.yaml, or a key that cannot be read.
pub async fn datasets(pipeline: &Path, hash_key_secret: Option<&str>, aws: &Aws) -> Result<Datasets, ConfigError> {
    let key = match hash_key_secret {
        Some(secret) => Some(hash_key(&aws.secrets, secret).await?),
        None => None,
    };
    Datasets::load(pipeline, key.as_ref())
}

/// Reads the key for `hash`.
pub(super) async fn hash_key(secrets: &Secrets, secret: &str) -> Result<HashKey, ConfigError> {
    let key = match secrets.key(secret).await {
        Ok(bytes) => HashKey::new(&bytes).map_err(|weak| weak.to_string()),
        Err(error) => Err(error.to_string()),
    };
    key.map_err(|message| ConfigError { faults: vec![Fault { place: "MILLRACE_HASH_KEY".into(), message }] })
}
