//! The clients of AWS. That of Lambda is `operations::functions`, since no other function calls it.
//!
//! In: the SDK's own configuration chain (`AWS_REGION`, `AWS_ENDPOINT_URL`, …, credentials of the role). Out: the few
//! calls that Millrace makes to S3, SQS and Secrets Manager. Their errors are classified by what the caller can
//! do.
//! Deliberately absent: the purpose of the calls.

pub mod credentials;
mod endpoint;
pub mod error;
pub mod marks;
pub mod objects;
pub mod queue;
pub mod secrets;
pub mod state;

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_sqs::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use aws_smithy_http_client::tls;

pub use credentials::CredentialsCache;
pub use marks::Marks;
pub use objects::Objects;
pub use queue::{Outgoing, Queue};
pub use secrets::Secrets;

use pipeline::outcome::BatchError;

/// Every client of one function.
#[derive(Debug, Clone)]
pub struct Aws {
    /// S3.
    pub objects: Objects,
    /// SQS.
    pub queue: Queue,
    /// Secrets Manager.
    pub secrets: Secrets,
    /// For signing requests to the domain and to Lambda.
    pub credentials: CredentialsCache,
    /// `AWS_REGION`; `us-east-1` if it is not set.
    pub region: String,
    config: SdkConfig,
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

    /// The same with known credentials, whatever the environment has.
    pub async fn load_with(region: String, credentials: aws_credential_types::Credentials) -> Self {
        let region = aws_config::Region::new(region);
        Self::load_by(|loader| loader.region(region).credentials_provider(credentials)).await
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
        let credentials = CredentialsCache::new(config.credentials_provider());
        Self {
            objects: Objects::new(config),
            queue: Queue::new(config),
            secrets: Secrets::new(config),
            credentials,
            region: region(config),
            config: config.clone(),
        }
    }

    /// The credentials of another role, which the function's role assumes.
    pub fn assume(&self, role: &str) -> CredentialsCache {
        CredentialsCache::of_role(role, &self.config)
    }

    /// The endpoint of Lambda, which has no client here.
    ///
    /// # Errors
    /// The region has no endpoint, for example for FIPS.
    pub async fn lambda_endpoint(&self) -> Result<String, BatchError> {
        lambda_endpoint(&self.config).await
    }
}

fn region(config: &SdkConfig) -> String {
    config.region().map_or("us-east-1", AsRef::as_ref).to_owned()
}

/// `AWS_ENDPOINT_URL_LAMBDA`, `AWS_ENDPOINT_URL`, or else the address of SQS with the other service's
/// name. The SDK of SQS knows the domain names of all partitions, and those for IPv6.
async fn lambda_endpoint(config: &SdkConfig) -> Result<String, BatchError> {
    if let Some(url) = endpoint::configured(config, "Lambda") {
        return Ok(url.trim_end_matches('/').to_owned());
    }
    let invalid = |error: &dyn std::error::Error| BatchError::permanent("the endpoint of Lambda", error.to_string());
    let params = Params::builder().region(region(config)).set_use_dual_stack(config.use_dual_stack());
    let params = params.build().map_err(|error| invalid(&error))?;
    let sqs = DefaultResolver::new().resolve_endpoint(&params).await.map_err(|error| invalid(error.as_ref()))?;
    let lambda = if config.use_fips() == Some(true) { "://lambda-fips." } else { "://lambda." };
    Ok(sqs.url().replacen("://sqs.", lambda, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_endpoint_of_lambda_is_the_configured_one_or_that_of_the_region() {
        for (region, url, fips, expected) in [
            ("eu-west-1", None, false, "https://lambda.eu-west-1.amazonaws.com"),
            ("cn-north-1", None, false, "https://lambda.cn-north-1.amazonaws.com.cn"),
            ("us-gov-west-1", None, true, "https://lambda-fips.us-gov-west-1.amazonaws.com"),
            ("eu-west-1", Some("http://127.0.0.1:4566/"), false, "http://127.0.0.1:4566"),
        ] {
            let mut config = SdkConfig::builder().region(aws_config::Region::new(region)).use_fips(fips);
            config.set_endpoint_url(url.map(str::to_owned));
            let config = config.build();
            assert_eq!(lambda_endpoint(&config).await.expect("an endpoint"), expected);
        }
    }
}
