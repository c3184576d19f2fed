//! The SDK clients. No other module holds any.
//!
//! In: the SDK's own configuration chain (`AWS_REGION`, `AWS_ENDPOINT_URL`, …, credentials of the role). Out: the few
//! calls that Millrace makes to S3, SQS, Lambda and Secrets Manager. Their errors are classified by what the caller can
//! do.
//! Deliberately absent: the purpose of the calls.

pub mod credentials;
mod error;
pub mod functions;
pub mod marks;
pub mod objects;
pub mod queue;
pub mod secrets;
pub mod state;

use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::tls;

pub use credentials::CredentialsCache;
pub use functions::Functions;
pub use marks::Marks;
pub use objects::Objects;
pub use queue::{Outgoing, Queue};
pub use secrets::Secrets;

/// Every client of one function.
#[derive(Debug, Clone)]
pub struct Aws {
    /// S3.
    pub objects: Objects,
    /// SQS.
    pub queue: Queue,
    /// Secrets Manager.
    pub secrets: Secrets,
    /// Lambda.
    pub functions: Functions,
    /// For signing requests to the domain.
    pub credentials: CredentialsCache,
    /// `AWS_REGION`; `us-east-1` if it is not set.
    pub region: String,
}

impl Aws {
    /// Reads the SDK's configuration and makes the clients. Sends no request.
    pub async fn load() -> Self {
        Self::load_by(|loader| loader).await
    }

    /// The same for a known region: outside AWS, the lookup of the region takes time.
    pub async fn load_in(region: String) -> Self {
        Self::load_by(|loader| loader.region(aws_config::Region::new(region))).await
    }

    async fn load_by(more: impl FnOnce(aws_config::ConfigLoader) -> aws_config::ConfigLoader) -> Self {
        // The ring provider: half the size and build time of aws-lc-rs. Without an explicit connector the trimmed SDK
        // crates compile, and fail at their first request.
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
            .build_https();
        let config = more(aws_config::defaults(BehaviorVersion::latest()).http_client(http)).load().await;
        Self::from_config(&config)
    }

    fn from_config(config: &SdkConfig) -> Self {
        Self {
            objects: Objects::new(config),
            queue: Queue::new(config),
            secrets: Secrets::new(config),
            functions: Functions::new(config),
            credentials: CredentialsCache::new(config.credentials_provider()),
            region: config.region().map_or("us-east-1", AsRef::as_ref).to_owned(),
        }
    }
}
