//! Credentials for signing requests to the domain, renewed while the function is warm.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_config::{SdkConfig, sts::AssumeRoleProvider};
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, SharedCredentialsProvider, error::CredentialsError},
};
use tokio::sync::Mutex;

use super::error::chain;
use crate::settings::function_name;
use pipeline::outcome::BatchError;

/// The request that an error of missing credentials names.
pub const CREDENTIALS: &str = "credentials";
/// The request that an error of a role names, followed by its ARN.
pub const ASSUME_ROLE: &str = "AssumeRole";

/// Credentials that expire within this time are renewed before they are used.
const RENEW_BEFORE: Duration = Duration::from_mins(5);
/// A session of a role that is younger than this is not renewed after a refusal: a new one would be refused too.
const YOUNG_SESSION: Duration = Duration::from_mins(1);
/// After a failed request for credentials, the next one is made this much later.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// The time limit of assuming a role. STS answers within a second.
const ASSUME_WITHIN: Duration = Duration::from_secs(5);

/// Credentials, cached until shortly before they expire.
#[derive(Debug, Clone)]
pub struct CredentialsCache {
    origin: Origin,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    cached: Option<Cached>,
    /// When a request for credentials failed, and why.
    failed: Option<(Instant, String)>,
}

/// Credentials and when they came.
#[derive(Debug)]
struct Cached {
    credentials: Credentials,
    since: Instant,
    /// Whether the domain has refused them, so that others are requested.
    is_stale: bool,
}

/// Where credentials come from.
#[derive(Debug, Clone)]
enum Origin {
    /// The chain of the SDK, if it has a provider.
    Chain(Option<SharedCredentialsProvider>),
    /// A role that the identity of the chain assumes.
    Role { arn: String, config: Box<SdkConfig> },
}

impl CredentialsCache {
    /// The credentials of the chain. Sends no request.
    pub fn new(provider: Option<SharedCredentialsProvider>) -> Self {
        Self { origin: Origin::Chain(provider), state: Arc::default() }
    }

    /// The credentials of a role. Sends no request.
    pub(super) fn of_role(arn: &str, config: &SdkConfig) -> Self {
        let origin = Origin::Role { arn: arn.to_owned(), config: Box::new(config.clone()) };
        Self { origin, state: Arc::default() }
    }

    /// Credentials that are valid for at least five more minutes, if there are such.
    ///
    /// # Errors
    /// Retryable, since metadata services fail at times, and rights are granted while events wait.
    pub async fn get(&self) -> Result<Credentials, BatchError> {
        let mut state = self.state.lock().await;
        let is_fresh = |cached: &&Cached| !cached.is_stale && lasts(cached, RENEW_BEFORE);
        if let Some(Cached { credentials, .. }) = state.cached.as_ref().filter(is_fresh) {
            return Ok(credentials.clone());
        }
        // Others wait for the lock: after a failure they must not wait for one each.
        if state.failed.as_ref().is_none_or(|(at, _)| at.elapsed() >= RETRY_AFTER) {
            match self.origin.request().await {
                Ok(credentials) => {
                    let cached = Cached { credentials: credentials.clone(), since: Instant::now(), is_stale: false };
                    *state = State { cached: Some(cached), failed: None };
                    return Ok(credentials);
                }
                Err(error) => state.failed = Some((Instant::now(), chain(&error))),
            }
        }
        if let Some(Cached { credentials, .. }) = state.cached.as_ref().filter(|cached| lasts(cached, Duration::ZERO)) {
            return Ok(credentials.clone());
        }
        let why = state.failed.as_ref().map_or_else(String::new, |(_, why)| why.clone());
        Err(BatchError::retryable(self.origin.to_string(), why))
    }

    /// After the domain refused a request that was signed by the key `used`: whether other credentials are there, or
    /// will be requested. They are if these have expired, or are a session of a role that may have been revoked.
    pub async fn replaces(&self, used: &str, have_expired: bool) -> bool {
        let mut state = self.state.lock().await;
        let is_role = matches!(self.origin, Origin::Role { .. });
        let Some(cached) = state.cached.as_mut().filter(|cached| cached.credentials.access_key_id() == used) else {
            return true;
        };
        if have_expired {
            state.cached = None;
            return true;
        }
        cached.is_stale |= is_role && cached.since.elapsed() >= YOUNG_SESSION;
        cached.is_stale
    }
}

impl Origin {
    async fn request(&self) -> Result<Credentials, CredentialsError> {
        match self {
            Self::Chain(Some(provider)) => provider.provide_credentials().await,
            Self::Chain(None) => Err(CredentialsError::not_loaded("no provider of credentials")),
            Self::Role { arn, config } => {
                // Trails of the other account show the session's name.
                let provider = AssumeRoleProvider::builder(arn).configure(config).session_name(function_name());
                let assumed = async { Box::pin(provider.build()).await.provide_credentials().await };
                tokio::time::timeout(ASSUME_WITHIN, assumed)
                    .await
                    .unwrap_or_else(|_| Err(CredentialsError::provider_timed_out(ASSUME_WITHIN)))
            }
        }
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Chain(_) => f.write_str(CREDENTIALS),
            Self::Role { arn, .. } => write!(f, "{ASSUME_ROLE} {arn}"),
        }
    }
}

fn lasts(cached: &Cached, time: Duration) -> bool {
    #[expect(clippy::disallowed_methods, reason = "expiry is wall-clock time")]
    let now = std::time::SystemTime::now();
    cached.credentials.expiry().is_none_or(|expiry| expiry > now + time)
}
