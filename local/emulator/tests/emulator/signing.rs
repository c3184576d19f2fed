//! Signatures made by aws-sigv4 and checked by the domain's implementation.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::config::Credentials;
use aws_sigv4::{
    http_request::{PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use emulator::domain::{Domain, DomainOptions};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const BODY: &str = "{\"create\":{\"_index\":\"logs\",\"_id\":\"1\"}}\n{}\n";

fn credentials(secret: &str, token: Option<&str>) -> Credentials {
    Credentials::new("AKIDLOCAL", secret, token.map(str::to_owned), None, "tests")
}

struct Request<'r> {
    path: &'r str,
    service: &'r str,
    credentials: Credentials,
    hashed: bool,
    at: SystemTime,
    /// The body that is sent, if it differs from the signed one.
    body: &'r str,
}

impl Default for Request<'_> {
    fn default() -> Self {
        let credentials = credentials(SECRET, None);
        Self { path: "/_bulk", service: "es", credentials, hashed: false, at: SystemTime::now(), body: BODY }
    }
}

async fn send(domain: &Domain, request: Request<'_>) -> u16 {
    let url = format!("{}{}", domain.url(), request.path);
    let mut settings = SigningSettings::default();
    if request.hashed {
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    let identity = request.credentials.into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name(request.service)
        .time(request.at)
        .settings(settings)
        .build()
        .unwrap()
        .into();
    let headers = [("content-type", "application/x-ndjson")];
    let signable =
        SignableRequest::new("POST", &url, headers.into_iter(), SignableBody::Bytes(BODY.as_bytes())).unwrap();
    let (instructions, _) = sign(signable, &parameters).unwrap().into_parts();
    let mut sent = super::domain::client().post(&url).header("content-type", "application/x-ndjson");
    for (name, value) in instructions.headers() {
        sent = sent.header(name, value);
    }
    sent.body(request.body.to_owned()).send().await.unwrap().status().as_u16()
}

async fn started(token: Option<&str>) -> Domain {
    let credentials = Some(credentials(SECRET, token));
    Domain::start(DomainOptions { credentials, keep_sources: false }).await.unwrap()
}

#[tokio::test]
async fn a_correct_signature_is_accepted() {
    let domain = started(None).await;
    for (path, service, hashed) in [
        ("/_bulk", "es", false),
        ("/_bulk?filter_path=errors,items.*.status,items.*.error&a=%ED%95%9C", "es", true),
        ("/logs%2D%3Clog%7Bx%7D%3E/_bulk", "es", false),
        ("/_bulk", "aoss", true),
    ] {
        let status = send(&domain, Request { path, service, hashed, ..Request::default() }).await;
        assert_eq!(status, 200, "{path} {service}");
    }
    let domain = started(Some("token")).await;
    let with_token = credentials(SECRET, Some("token"));
    assert_eq!(send(&domain, Request { credentials: with_token, ..Request::default() }).await, 200);
    assert_eq!(send(&domain, Request::default()).await, 403, "the token is missing");
}

#[tokio::test]
async fn a_wrong_signature_is_refused() {
    let domain = started(None).await;
    let wrong = credentials("wrong", None);
    assert_eq!(send(&domain, Request { credentials: wrong, ..Request::default() }).await, 403);
    assert_eq!(send(&domain, Request { service: "s3", ..Request::default() }).await, 403);
    assert_eq!(send(&domain, Request { service: "aoss", ..Request::default() }).await, 403, "no x-amz-content-sha256");
    let changed = BODY.replace('1', "2");
    assert_eq!(send(&domain, Request { body: &changed, ..Request::default() }).await, 403);
    assert_eq!(send(&domain, Request { body: &changed, hashed: true, ..Request::default() }).await, 403);
    for (at, what) in [
        (SystemTime::now() - Duration::from_mins(10), "expired"),
        (SystemTime::now() + Duration::from_mins(10), "not yet current"),
    ] {
        assert_eq!(send(&domain, Request { at, ..Request::default() }).await, 403, "{what}");
    }
    let unsigned = super::domain::client().get(domain.url()).send().await.unwrap();
    assert_eq!(unsigned.status(), 403);
    assert!(unsigned.text().await.unwrap().contains("User: anonymous is not authorized to perform: es:ESHttpGet"));
    assert_eq!((domain.count("*"), domain.stats().refused), (0, 8));
}
