//! The values of variables in their accepted forms.

/// How requests to the domain are authenticated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// Signature Version 4 for the named service: `es`, or `aoss` (OpenSearch Serverless).
    SigV4(&'static str),
    /// Basic, with `{"username": …, "password": …}` from Secrets Manager.
    Basic {
        /// The secret's ARN or name.
        secret: String,
    },
    /// None: a cluster that trusts its network.
    None,
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
    match value {
        "sigv4:es" => Some(Auth::SigV4("es")),
        "sigv4:aoss" => Some(Auth::SigV4("aoss")),
        "none" => Some(Auth::None),
        _ => value
            .strip_prefix("basic:")
            .filter(|secret| !secret.is_empty())
            .map(|secret| Auth::Basic { secret: secret.into() }),
    }
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
