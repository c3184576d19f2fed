//! Credentials for signing requests to the domain, renewed while the function is warm.

use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, SharedCredentialsProvider, error::CredentialsError},
};
use tokio::sync::Mutex;

/// Credentials that expire within this time are renewed before they are used.
const RENEW_BEFORE: Duration = Duration::from_mins(5);

/// The chain's credentials, cached until shortly before they expire.
#[derive(Debug, Clone)]
pub struct CredentialsCache {
    provider: Option<SharedCredentialsProvider>,
    cached: Arc<Mutex<Option<Credentials>>>,
}

impl CredentialsCache {
    /// A cache that has not requested credentials yet.
    pub fn new(provider: Option<SharedCredentialsProvider>) -> Self {
        Self { provider, cached: Arc::default() }
    }

    /// Credentials that are valid for at least five more minutes, if the chain has such.
    ///
    /// # Errors
    /// The error of the chain. The caller treats it as retryable, since metadata services fail at times.
    pub async fn get(&self) -> Result<Credentials, CredentialsError> {
        let mut cached = self.cached.lock().await;
        if let Some(credentials) = cached.as_ref().filter(|credentials| is_fresh(credentials)) {
            return Ok(credentials.clone());
        }
        let provider =
            self.provider.as_ref().ok_or_else(|| CredentialsError::not_loaded("no provider of credentials"))?;
        let credentials = provider.provide_credentials().await?;
        *cached = Some(credentials.clone());
        Ok(credentials)
    }

    /// Drops the cached credentials, after the domain called them expired.
    pub async fn forget(&self) {
        *self.cached.lock().await = None;
    }
}

fn is_fresh(credentials: &Credentials) -> bool {
    #[expect(clippy::disallowed_methods, reason = "expiry is wall-clock time")]
    let now = std::time::SystemTime::now();
    credentials.expiry().is_none_or(|expiry| expiry > now + RENEW_BEFORE)
}
