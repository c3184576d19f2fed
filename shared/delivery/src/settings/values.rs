//! The values of variables in their accepted forms.

use std::path::PathBuf;

/// How requests to the domain are authenticated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// Signature Version 4.
    SigV4(Signing),
    /// Basic, with `{"username": …, "password": …}` from Secrets Manager.
    Basic {
        /// The secret's ARN or name.
        secret: String,
    },
    /// An API key of Elasticsearch, from Secrets Manager.
    ApiKey {
        /// The secret's ARN or name.
        secret: String,
    },
    /// None: a cluster that trusts its network.
    None,
}

impl Auth {
    /// Signatures for a service, in the region and by the role of the function.
    pub fn sigv4(service: &'static str) -> Self {
        Self::SigV4(Signing { service, region: None, role: None })
    }

    /// The secret that it reads.
    pub fn secret(&self) -> Option<&str> {
        match self {
            Self::Basic { secret } | Self::ApiKey { secret } => Some(secret),
            Self::SigV4(_) | Self::None => None,
        }
    }
}

/// How requests are signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signing {
    /// `es`, or `aoss` (OpenSearch Serverless).
    pub service: &'static str,
    /// The region of the domain, if it is not that of the function.
    pub region: Option<String>,
    /// The ARN of a role that the function assumes to sign, usually of the domain's account.
    pub role: Option<String>,
}

impl std::fmt::Display for Signing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "sigv4:{}", self.service)?;
        for (key, value) in [("region", &self.region), ("role", &self.role)] {
            if let Some(value) = value {
                write!(f, ",{key}={value}")?;
            }
        }
        Ok(())
    }
}

/// The authority that signed the domain's certificate, instead of those that the system trusts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authority {
    /// A PEM file.
    File(PathBuf),
    /// The ARN of a secret whose text is PEM.
    Secret(String),
}

/// How request bodies are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// gzip, level 1.
    Gzip,
    /// No compression.
    None,
}

/// A location for dead letters: `s3://bucket/prefix`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Prefix {
    /// The bucket's name.
    pub bucket: String,
    /// The key prefix, without a slash at its start or end. May be empty.
    pub prefix: String,
}

impl S3Prefix {
    /// Reads `s3://bucket/prefix`.
    pub fn parse(text: &str) -> Option<Self> {
        s3_prefix(text)
    }

    /// The key of an object below it.
    pub fn key(&self, name: &str) -> String {
        if self.prefix.is_empty() { name.to_owned() } else { format!("{}/{name}", self.prefix) }
    }
}

/// Whether a value is an http or https URL with a host.
pub fn is_url(value: &str) -> bool {
    reqwest::Url::parse(value).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some())
}

pub(super) fn is_plain_beyond_this_machine(url: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(url) else { return false };
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let is_this_machine = host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback());
    url.scheme() == "http" && !is_this_machine
}

pub(super) fn endpoint(value: &str) -> Option<String> {
    let url = reqwest::Url::parse(value).ok()?;
    let plain =
        url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    (is_url(value) && plain).then(|| value.trim_end_matches('/').into())
}

pub(super) fn auth(value: &str) -> Option<Auth> {
    if value == "none" {
        return Some(Auth::None);
    }
    let (scheme, rest) = value.split_once(':').filter(|(_, rest)| !rest.is_empty())?;
    match scheme {
        "sigv4" => signing(rest).map(Auth::SigV4),
        "basic" => Some(Auth::Basic { secret: rest.into() }),
        "apikey" => Some(Auth::ApiKey { secret: rest.into() }),
        _ => None,
    }
}

/// `es` or `aoss`, and then `,region=REGION` and `,role=ARN` in any order, each at most once.
fn signing(value: &str) -> Option<Signing> {
    let mut parts = value.split(',');
    let service = match parts.next()? {
        "es" => "es",
        "aoss" => "aoss",
        _ => return None,
    };
    let mut signing = Signing { service, region: None, role: None };
    for part in parts {
        let (key, value) = part.split_once('=')?;
        let (place, is_valid) = match key {
            "region" => (&mut signing.region, is_region(value)),
            "role" => {
                (&mut signing.role, value.starts_with("arn:") && value.contains(":iam::") && value.contains(":role/"))
            }
            _ => return None,
        };
        if !is_valid || place.replace(value.to_owned()).is_some() {
            return None;
        }
    }
    Some(signing)
}

fn is_region(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// A path, or the ARN of a secret. A name is not accepted, because it looks like a path.
pub(super) fn authority(value: &str) -> Authority {
    let is_secret = value.starts_with("arn:") && value.contains(":secretsmanager:");
    if is_secret { Authority::Secret(value.into()) } else { Authority::File(value.into()) }
}

/// The bucket of `s3://bucket/prefix`, and the prefix as it stands there.
pub fn s3_url(value: &str) -> Option<(&str, &str)> {
    let place = value.strip_prefix("s3://")?;
    let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
    // Bucket names: 3 to 63 characters of a-z, 0-9, `.` and `-` (docs.aws.amazon.com/AmazonS3, "Bucket naming rules").
    let is_name = (3..=63).contains(&bucket.len())
        && bucket.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-');
    is_name.then_some((bucket, prefix))
}

/// `s3://bucket/prefix`, without slashes around the prefix.
pub fn s3_prefix(value: &str) -> Option<S3Prefix> {
    let (bucket, prefix) = s3_url(value)?;
    Some(S3Prefix { bucket: bucket.into(), prefix: prefix.trim_matches('/').into() })
}

impl Default for S3Prefix {
    /// A placeholder for a value whose fault is already recorded.
    fn default() -> Self {
        Self { bucket: String::new(), prefix: String::new() }
    }
}
