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

#[cfg(test)]
mod tests {
    use aws_config::{BehaviorVersion, Region};

    use super::*;

    /// A role whose STS is at this address.
    async fn role(sts: &str) -> CredentialsCache {
        let own = Credentials::new("own", "secret", None, None, "test");
        let http = aws_smithy_http_client::Builder::new().build_http();
        let config = aws_config::defaults(BehaviorVersion::latest()).credentials_provider(own).http_client(http);
        let config = config.region(Region::new("eu-west-1")).endpoint_url(sts).load().await;
        CredentialsCache::of_role("arn:aws:iam::123456789012:role/other", &config)
    }

    async fn hold(cache: &CredentialsCache, age: Duration) {
        let credentials = Credentials::new("session", "secret", None, None, "test");
        let since = Instant::now().checked_sub(age).expect("the machine runs for longer");
        cache.state.lock().await.cached = Some(Cached { credentials, since, is_stale: false });
    }

    #[tokio::test]
    async fn refused_credentials_are_replaced_only_if_others_can_be_had() {
        let old = YOUNG_SESSION + Duration::from_secs(1);
        let nowhere = role("http://127.0.0.1:1").await;
        let chain = CredentialsCache::new(None);
        for (cache, age, used, have_expired, expected) in [
            (&nowhere, Duration::ZERO, "session", false, false),
            (&nowhere, old, "session", false, true),
            (&nowhere, Duration::ZERO, "session", true, true),
            (&nowhere, Duration::ZERO, "an earlier one", false, true),
            (&chain, old, "session", false, false),
            (&chain, old, "session", true, true),
            (&chain, old, "an earlier one", false, true),
        ] {
            hold(cache, age).await;
            assert_eq!(cache.replaces(used, have_expired).await, expected, "{cache:?} {age:?} {used} {have_expired}");
        }
    }

    #[tokio::test]
    async fn a_revoked_session_is_used_until_sts_gives_another() {
        let cache = role("http://127.0.0.1:1").await;
        hold(&cache, YOUNG_SESSION * 2).await;
        assert!(cache.replaces("session", false).await);
        let credentials = cache.get().await.expect("the session, since it may not be revoked");
        assert_eq!(credentials.access_key_id(), "session");
        assert!(cache.state.lock().await.failed.is_some(), "STS was asked");
    }

    #[tokio::test]
    async fn an_sts_that_does_not_answer_holds_nobody_up_for_long() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let cache = role(&format!("http://{}", listener.local_addr().expect("it has one"))).await;
        // Each of them would wait for the whole limit, one after another, if the first failure were not theirs too.
        let requests = futures_util::future::join_all((0..3).map(|_| cache.get()));
        let errors = tokio::time::timeout(ASSUME_WITHIN * 2, requests).await.expect("one wait for all");
        for error in errors {
            let error = error.expect_err("no credentials").to_string();
            assert!(error.contains("AssumeRole arn:aws:iam::123456789012:role/other"), "{error}");
        }
    }
}
