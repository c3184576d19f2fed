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

/// The chain's credentials, kept until shortly before they expire.
#[derive(Debug, Clone)]
pub struct CredentialsCache {
    provider: Option<SharedCredentialsProvider>,
    cached: Arc<Mutex<Option<Credentials>>>,
}

impl CredentialsCache {
    /// Nothing is asked for yet.
    pub fn new(provider: Option<SharedCredentialsProvider>) -> Self {
        Self { provider, cached: Arc::default() }
    }

    /// Credentials that are good for at least five more minutes where the chain can give such.
    ///
    /// # Errors
    /// What the chain says; the caller treats it as retryable, since metadata services have bad moments.
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

    /// Forgets what is kept, after the domain called it expired.
    pub async fn forget(&self) {
        *self.cached.lock().await = None;
    }
}

fn is_fresh(credentials: &Credentials) -> bool {
    #[expect(clippy::disallowed_methods, reason = "expiry is wall-clock time")]
    let now = std::time::SystemTime::now();
    credentials.expiry().is_none_or(|expiry| expiry > now + RENEW_BEFORE)
}
