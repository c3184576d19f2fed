//! Signature Version 4 (`es`, `aoss`; `lambda` for the requests of `operations::functions`), a password or an API key from
//! a secret, or none.
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
    aws::{Aws, CredentialsCache, Secrets, secrets::BasicSecret},
    settings::{Auth, Signing},
};
use pipeline::outcome::BatchError;

/// The authentication of requests, with the data that it needs.
#[derive(Debug)]
pub enum Authenticator {
    /// Signature Version 4.
    SigV4 {
        /// The credentials of the function's role, or of the role that it assumes.
        credentials: CredentialsCache,
        /// `es`, `aoss` or `lambda`.
        service: &'static str,
        /// The region of the service.
        region: String,
    },
    /// A header from a secret, which is read once and again after a refusal.
    Secret {
        /// The client that reads it.
        secrets: Secrets,
        /// The authentication of the settings, which names the secret.
        auth: Auth,
        /// The header's value.
        header: Mutex<Option<HeaderValue>>,
    },
    /// No authentication.
    None,
}

/// The authentication of one request.
#[derive(Debug)]
pub enum Used {
    /// A signature by this access key.
    Key(String),
    /// This header.
    Header(HeaderValue),
    /// None.
    Nothing,
}

impl Authenticator {
    /// The authentication of the settings.
    pub fn new(auth: &Auth, aws: &Aws) -> Self {
        match auth {
            Auth::SigV4(Signing { service, region, role }) => Self::SigV4 {
                credentials: role.as_ref().map_or_else(|| aws.credentials.clone(), |role| aws.assume(role)),
                service,
                region: region.clone().unwrap_or_else(|| aws.region.clone()),
            },
            Auth::Basic { .. } | Auth::ApiKey { .. } => {
                Self::Secret { secrets: aws.secrets.clone(), auth: auth.clone(), header: Mutex::default() }
            }
            Auth::None => Self::None,
        }
    }

    /// Whether requests carry a signature, which needs the hash of their body.
    pub fn signs(&self) -> bool {
        matches!(self, Self::SigV4 { .. })
    }

    /// Adds the authentication to a request. `sha256` is the body's hash in hexadecimal, if it is known. Returns what was
    /// used, for [`Self::renew`].
    ///
    /// # Errors
    /// Retryable if the credentials or the secret are not available now.
    pub async fn apply(&self, request: &mut Request, body: &[u8], sha256: Option<&str>) -> Result<Used, BatchError> {
        match self {
            Self::SigV4 { credentials, service, region } => {
                let credentials = credentials.get().await?;
                let sha256 = sha256.map_or_else(|| encode::sha256(body), str::to_owned);
                let used = Used::Key(credentials.access_key_id().to_owned());
                sign_request(request, sha256, credentials, service, region)
                    .map_err(|error| BatchError::permanent("sign", error.to_string()))?;
                Ok(used)
            }
            Self::Secret { secrets, auth, header } => {
                let mut header = header.lock().await;
                let value = match header.as_ref() {
                    Some(value) => value.clone(),
                    None => header.insert(authorization(secrets, auth).await?).clone(),
                };
                request.headers_mut().insert(AUTHORIZATION, value.clone());
                Ok(Used::Header(value))
            }
            Self::None => Ok(Used::Nothing),
        }
    }

    /// After a 401 or 403: renews the credentials, and returns whether a second try makes sense. For signatures it does
    /// if the answer reports an expiry: any other refusal is a missing permission. The session of an assumed role can
    /// also have been revoked, so it is renewed after any refusal, but not every time.
    pub async fn renew(&self, used: &Used, body: &[u8]) -> bool {
        match (self, used) {
            (Self::SigV4 { credentials, .. }, Used::Key(key)) => {
                let have_expired = memchr::memmem::find(body, b"expired").is_some()
                    || memchr::memmem::find(body, b"Expired").is_some();
                credentials.replaces(key, have_expired).await
            }
            (Self::Secret { header, .. }, Used::Header(used)) => {
                // Another request may have read the secret again already.
                let mut header = header.lock().await;
                if header.as_ref() == Some(used) {
                    *header = None;
                }
                true
            }
            _ => false,
        }
    }
}

async fn authorization(secrets: &Secrets, auth: &Auth) -> Result<HeaderValue, BatchError> {
    let secret = auth.secret().unwrap_or_default();
    let value = if matches!(auth, Auth::ApiKey { .. }) {
        format!("ApiKey {}", secrets.api_key(secret).await?)
    } else {
        let BasicSecret { username, password } = secrets.basic(secret).await?;
        format!("Basic {}", STANDARD.encode_to_string(format!("{username}:{password}")))
    };
    let refused = |_| BatchError::permanent(format!("the secret {secret}"), "holds no value for a header");
    let mut value = HeaderValue::from_str(&value).map_err(refused)?;
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
