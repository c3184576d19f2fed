//! Checks a request's AWS Signature Version 4, as the services `es` and `aoss` do.
//!
//! It follows the specification and does not use the crate that signs: an error in that crate would not be found
//! otherwise. Deliberately absent: presigned URLs and chunked signatures, which neither service accepts.

use std::fmt::Write as _;

use aws_credential_types::Credentials;
use hmac::{Hmac, KeyInit, Mac};
use hyper::{HeaderMap, Method, Uri, header::AUTHORIZATION};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::server::{self, Answer};

/// All characters except the unreserved ones of RFC 3986 are encoded.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// The largest difference between the clocks of signer and domain, in seconds.
const MAX_SKEW_SECONDS: i64 = 300;

/// The reason for refusing a request, in the wording of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal(pub(super) String);

impl Refusal {
    pub(super) fn answer(&self) -> Answer {
        server::json(403, &json!({"message": self.0}))
    }
}

/// The parts of a request that a signature covers.
pub(super) struct Signed<'r> {
    pub(super) method: &'r Method,
    pub(super) uri: &'r Uri,
    pub(super) headers: &'r HeaderMap,
    /// The body as received, before decompression.
    pub(super) body: &'r [u8],
}

/// Checks that the request was signed with the credentials, for `es` or `aoss`, within five minutes of now.
pub(super) fn verify(request: &Signed<'_>, credentials: &Credentials, now: Timestamp) -> Result<(), Refusal> {
    let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
    let anonymous = || {
        let method = request.method.as_str();
        let method = format!("{}{}", &method[..1], method[1..].to_lowercase());
        Refusal(format!("User: anonymous is not authorized to perform: es:ESHttp{method}"))
    };
    let authorization = header(AUTHORIZATION.as_str()).ok_or_else(anonymous)?;
    let fields = authorization.strip_prefix("AWS4-HMAC-SHA256 ").ok_or_else(anonymous)?;
    let field = |name: &str| {
        let found = fields.split(',').find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='));
        found.ok_or_else(|| Refusal(format!("Authorization header requires '{name}' parameter.")))
    };
    let (credential, signed_headers, signature) = (field("Credential")?, field("SignedHeaders")?, field("Signature")?);
    let [access_key, date, region, service, "aws4_request"] = credential.split('/').collect::<Vec<_>>()[..] else {
        return Err(Refusal("Credential should have 5 elements.".into()));
    };
    if access_key != credentials.access_key_id() || header("x-amz-security-token") != credentials.session_token() {
        return Err(Refusal("The security token included in the request is invalid.".into()));
    }
    if !matches!(service, "es" | "aoss") {
        return Err(Refusal(format!(
            "Credential should be scoped to correct service: 'es' or 'aoss', not '{service}'."
        )));
    }
    let time = header("x-amz-date").unwrap_or_default();
    check_time(time, date, now)?;

    let names: Vec<&str> = signed_headers.split(';').collect();
    let payload_hash = hex::encode(Sha256::digest(request.body));
    let stated_hash = header("x-amz-content-sha256");
    if service == "aoss" && !(stated_hash.is_some() && names.contains(&"x-amz-content-sha256")) {
        return Err(Refusal("x-amz-content-sha256 has to be present and signed".into()));
    }
    if stated_hash.is_some_and(|stated| stated != payload_hash) {
        return Err(Refusal("The provided 'x-amz-content-sha256' header does not match what was computed.".into()));
    }
    if !names.contains(&"host") {
        return Err(Refusal("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.".into()));
    }

    let canonical = canonical_request(request, &names, &payload_hash);
    let scope = format!("{date}/{region}/{service}/aws4_request");
    let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex::encode(Sha256::digest(canonical)));
    let secret = format!("AWS4{}", credentials.secret_access_key());
    let key = [date, region, service, "aws4_request"]
        .iter()
        .fold(secret.into_bytes(), |key, part| hmac(&key, part.as_bytes()));
    if hex::encode(hmac(&key, to_sign.as_bytes())) != signature {
        return Err(Refusal(
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
             Access Key and signing method. Consult the service documentation for details."
                .into(),
        ));
    }
    Ok(())
}

fn check_time(time: &str, date: &str, now: Timestamp) -> Result<(), Refusal> {
    let signed = DateTime::strptime("%Y%m%dT%H%M%SZ", time).ok().and_then(|at| at.to_zoned(TimeZone::UTC).ok());
    let Some(signed) = signed else {
        return Err(Refusal(format!("Date must be in ISO-8601 'basic format'. Got '{time}'.")));
    };
    if !time.starts_with(date) {
        return Err(Refusal("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date.".into()));
    }
    let age = now.as_second() - signed.timestamp().as_second();
    if age > MAX_SKEW_SECONDS {
        return Err(Refusal(format!("Signature expired: {time} is now earlier than the accepted time.")));
    }
    if age < -MAX_SKEW_SECONDS {
        return Err(Refusal(format!("Signature not yet current: {time} is still later than the accepted time.")));
    }
    Ok(())
}

fn canonical_request(request: &Signed<'_>, names: &[&str], payload_hash: &str) -> String {
    // Every service except S3 encodes the sent path a second time, including its percent signs.
    let path = request.uri.path().split('/').map(encode).collect::<Vec<_>>().join("/");
    let mut query: Vec<(String, String)> = request
        .uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (recode(name), recode(value))
        })
        .collect();
    query.sort();
    let query: Vec<String> = query.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut headers = String::new();
    for name in names {
        let values: Vec<String> = request
            .headers
            .get_all(*name)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()).split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        let _ = writeln!(headers, "{name}:{}", values.join(","));
    }
    let (method, query, names) = (request.method.as_str(), query.join("&"), names.join(";"));
    format!("{method}\n{path}\n{query}\n{headers}\n{names}\n{payload_hash}")
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// The canonical encoding of a part of a query, whatever its encoding was.
fn recode(text: &str) -> String {
    percent_encoding::percent_encode(&percent_decode_str(text).collect::<Vec<u8>>(), RESERVED).to_string()
}

fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    // HMAC accepts keys of every length, so this never fails.
    let Ok(mut hmac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    hmac.update(message);
    hmac.finalize().into_bytes().to_vec()
}
