//! Signature Version 4 (`es`, `aoss`; `lambda` for the requests of `operations::functions`), basic authentication, or none.
//!
//! Every attempt gets a new signature: a signature is valid for five minutes, and credentials change while the function
//! is warm. The payload's hash is always sent and signed, since `aoss` requires it.

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use base64_simd::STANDARD;
use reqwest::{
    Request,
    header::{AUTHORIZATION, HeaderName, HeaderValue},
};
use tokio::sync::Mutex;

use super::encode;
use crate::{
    aws::{Aws, CredentialsCache, Secrets},
    settings::Auth,
};
use pipeline::outcome::BatchError;

/// The request that an error of missing credentials names.
pub const CREDENTIALS: &str = "credentials";

/// The authentication of requests, with the data that it needs.
#[derive(Debug)]
pub enum Authenticator {
    /// Signature Version 4.
    SigV4 {
        /// The role's credentials.
        credentials: CredentialsCache,
        /// `es`, `aoss` or `lambda`.
        service: &'static str,
        /// The region of the service: that of the function.
        region: String,
    },
    /// A user name and password, read once and again after a refusal.
    Basic {
        /// The client that reads it.
        secrets: Secrets,
        /// The secret's ARN or name.
        secret: String,
        /// The header's value.
        header: Mutex<Option<HeaderValue>>,
    },
    /// No authentication.
    None,
}

impl Authenticator {
    /// The authentication of the settings.
    pub fn new(auth: &Auth, aws: &Aws) -> Self {
        match auth {
            Auth::SigV4(service) => {
                Self::SigV4 { credentials: aws.credentials.clone(), service, region: aws.region.clone() }
            }
            Auth::Basic { secret } => {
                Self::Basic { secrets: aws.secrets.clone(), secret: secret.clone(), header: Mutex::default() }
            }
            Auth::None => Self::None,
        }
    }

    /// Whether requests carry a signature, which needs the hash of their body.
    pub fn signs(&self) -> bool {
        matches!(self, Self::SigV4 { .. })
    }

    /// Adds the authentication to a request. `sha256` is the body's hash in hexadecimal, if it is known.
    ///
    /// # Errors
    /// Retryable if the credentials or the secret are not available now.
    pub async fn apply(&self, request: &mut Request, body: &[u8], sha256: Option<&str>) -> Result<(), BatchError> {
        match self {
            Self::SigV4 { credentials, service, region } => {
                let credentials =
                    credentials.get().await.map_err(|error| BatchError::retryable(CREDENTIALS, error.to_string()))?;
                let sha256 = sha256.map_or_else(|| encode::sha256(body), str::to_owned);
                sign_request(request, sha256, credentials, service, region)
                    .map_err(|error| BatchError::permanent("sign", error.to_string()))
            }
            Self::Basic { secrets, secret, header } => {
                let mut header = header.lock().await;
                let value = match header.as_ref() {
                    Some(value) => value.clone(),
                    None => header.insert(basic(secrets, secret).await?).clone(),
                };
                request.headers_mut().insert(AUTHORIZATION, value);
                Ok(())
            }
            Self::None => Ok(()),
        }
    }

    /// After a 401 or 403: renews the credentials, and returns whether a second try makes sense. For signatures it does
    /// only if the answer reports an expiry: any other refusal is a missing permission.
    pub async fn renew(&self, body: &[u8]) -> bool {
        match self {
            Self::SigV4 { credentials, .. } => {
                let expired = memchr::memmem::find(body, b"expired").is_some()
                    || memchr::memmem::find(body, b"Expired").is_some();
                if expired {
                    credentials.forget().await;
                }
                expired
            }
            Self::Basic { header, .. } => header.lock().await.take().is_some(),
            Self::None => false,
        }
    }
}

async fn basic(secrets: &Secrets, secret: &str) -> Result<HeaderValue, BatchError> {
    let basic = secrets.basic(secret).await?;
    let value = format!("Basic {}", STANDARD.encode_to_string(format!("{}:{}", basic.username, basic.password)));
    let mut value = HeaderValue::from_str(&value).map_err(|_| BatchError::permanent("basic", "not a header value"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn sign_request(
    request: &mut Request,
    sha256: String,
    credentials: Credentials,
    service: &str,
    region: &str,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut settings = SigningSettings::default();
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    let identity = credentials.into();
    #[expect(clippy::disallowed_methods, reason = "a signature carries the wall-clock time")]
    let now = std::time::SystemTime::now();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(now)
        .settings(settings)
        .build()?
        .into();
    let headers: Vec<_> =
        request.headers().iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect();
    let body = SignableBody::Precomputed(sha256);
    let signable = SignableRequest::new(request.method().as_str(), request.url().as_str(), headers.into_iter(), body)?;
    let (instructions, _) = sign(signable, &params)?.into_parts();
    for (name, value) in instructions.headers() {
        let name = HeaderName::from_bytes(name.as_bytes())?;
        let mut value = HeaderValue::from_str(value)?;
        value.set_sensitive(true);
        request.headers_mut().insert(name, value);
    }
    Ok(())
}
