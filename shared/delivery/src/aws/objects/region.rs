//! Buckets of other regions. S3 answers a request to another region than the bucket's by naming that region. The request
//! is sent to it once, and so are all later requests for this bucket.
//!
//! No address of an answer is followed: the address is derived from the name of the region. An endpoint that is set keeps
//! its form (`https://s3.REGION…`), and one that serves a single place, such as an interface endpoint, stays as it is.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use aws_config::{Region, SdkConfig};
use aws_sdk_s3::Client;
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};

use super::super::endpoint;

/// The client of the function's region, and those of the buckets in other regions.
#[derive(Debug, Clone)]
pub(super) struct Regions {
    own: Client,
    /// The endpoint that is set for S3.
    endpoint: Option<String>,
    others: Arc<RwLock<BTreeMap<String, Client>>>,
}

impl Regions {
    pub(super) fn new(config: &SdkConfig) -> Self {
        Self { own: Client::new(config), endpoint: endpoint::configured(config, "S3"), others: Arc::default() }
    }

    /// The client of the function's region.
    pub(super) fn own(&self) -> &Client {
        &self.own
    }

    /// Sends a request to the region of a bucket. `request` makes it for a client, and is called twice at most.
    pub(super) async fn send<T, E, R>(
        &self,
        bucket: &str,
        request: impl Fn(&Client) -> R,
    ) -> Result<T, SdkError<E, HttpResponse>>
    where
        R: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        let client = self.client(bucket);
        let answer = request(&client).await;
        let Err(Some(region)) = answer.as_ref().map_err(named_region) else { return answer };
        if client.config().region().is_some_and(|asked| asked.as_ref() == region) {
            return answer;
        }
        tracing::info!(bucket, region, "the bucket is in another region: its requests go there");
        let there = self.client_in(&region);
        let answer = request(&there).await;
        // An endpoint that serves one region names that region again. So the next request begins there.
        if answer.as_ref().err().and_then(named_region).is_none_or(|named| named == region) {
            self.others.write().unwrap_or_else(PoisonError::into_inner).insert(bucket.to_owned(), there);
        }
        answer
    }

    fn client_in(&self, region: &str) -> Client {
        let config = self.own.config();
        let own = config.region().map_or("", AsRef::as_ref);
        let moved = self.endpoint.as_deref().and_then(|set| endpoint::of_s3_elsewhere(set, own, region));
        let mut there = config.to_builder().region(Region::new(region.to_owned()));
        if let Some(url) = moved {
            there = there.endpoint_url(url);
        }
        Client::from_conf(there.build())
    }

    fn client(&self, bucket: &str) -> Client {
        let others = self.others.read().unwrap_or_else(PoisonError::into_inner);
        others.get(bucket).unwrap_or(&self.own).clone()
    }
}

/// The region that S3 names for the bucket. Only these answers mean that the request went to another region:
/// 301 (`PermanentRedirect`), 307 (`TemporaryRedirect`, of a new bucket) and 400 (`AuthorizationHeaderMalformed`).
fn named_region<E>(error: &SdkError<E, HttpResponse>) -> Option<String> {
    let answer = error.raw_response().filter(|answer| matches!(answer.status().as_u16(), 301 | 307 | 400))?;
    let in_header = answer.headers().get("x-amz-bucket-region");
    let region = in_header.or_else(|| in_body(std::str::from_utf8(answer.body().bytes()?).ok()?))?;
    is_region(region).then(|| region.to_owned())
}

/// `<Region>` of an error in XML.
fn in_body(body: &str) -> Option<&str> {
    let (_, region) = body.split_once("<Region>")?;
    Some(region.split_once("</Region>")?.0)
}

/// Whether the text can be part of an address.
fn is_region(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=32).contains(&text.len()) && text.bytes().all(is_letter) && !text.starts_with('-') && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use aws_config::BehaviorVersion;
    use aws_credential_types::Credentials;
    use aws_smithy_runtime_api::client::{
        http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
        orchestrator::HttpRequest,
    };
    use aws_smithy_types::body::SdkBody;

    use super::*;

    const FAR: &str = "ap-northeast-2";

    /// S3 of all regions: a host that does not name the bucket's region refuses the request.
    #[derive(Debug, Clone, Default)]
    struct EveryRegion(Arc<Mutex<Vec<String>>>);

    impl HttpConnector for EveryRegion {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            let host = request.uri().split('/').nth(2).unwrap_or_default().to_owned();
            let status: u16 = if host.contains(FAR) { 200 } else { 301 };
            self.0.lock().unwrap().push(host);
            let mut answer = HttpResponse::new(status.try_into().unwrap(), SdkBody::empty());
            answer.headers_mut().insert("x-amz-bucket-region", FAR);
            HttpConnectorFuture::ready(Ok(answer))
        }
    }

    async fn hosts(endpoint: Option<&str>) -> Vec<String> {
        let servers = EveryRegion::default();
        let seen = Arc::clone(&servers.0);
        let connector = SharedHttpConnector::new(servers);
        let loader = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(Credentials::new("id", "secret", None, None, "test"))
            .http_client(http_client_fn(move |_, _| connector.clone()));
        let loader = if let Some(url) = endpoint { loader.endpoint_url(url) } else { loader };
        let regions = Regions::new(&loader.load().await);
        for _ in 0..2 {
            let _ = regions.send("logs", |client| client.head_object().bucket("logs").key("a").send()).await;
        }
        std::mem::take(&mut seen.lock().unwrap())
    }

    #[tokio::test]
    async fn a_request_to_another_region_goes_to_its_host_also_with_the_endpoint_of_the_template() {
        let (own, far) = ("logs.s3.eu-west-1.amazonaws.com", "logs.s3.ap-northeast-2.amazonaws.com");
        for endpoint in [None, Some("https://s3.eu-west-1.amazonaws.com")] {
            assert_eq!(hosts(endpoint).await, [own, far, far], "{endpoint:?}");
        }
        let vpce = "vpce-1a.s3.eu-west-1.vpce.amazonaws.com";
        let found = hosts(Some(&format!("https://bucket.{vpce}"))).await;
        assert!(found.len() <= 4 && found.iter().all(|host| host.ends_with(vpce)), "{found:?}");
    }

    #[test]
    fn a_region_is_a_name_and_no_address() {
        for (text, expected) in [
            ("eu-west-1", true),
            ("ap-northeast-2", true),
            ("us-gov-west-1", true),
            ("", false),
            ("eu-west-1.evil.example", false),
            ("evil.example/", false),
            ("EU", false),
            ("-a", false),
            ("a@b", false),
            ("a\r\nx", false),
            ("a-very-long-name-that-no-region-of-aws-has", false),
        ] {
            assert_eq!(is_region(text), expected, "{text}");
        }
    }

    #[test]
    fn the_region_is_read_from_the_error() {
        let malformed = "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>";
        assert_eq!(in_body(malformed), Some("eu-west-1"));
        assert_eq!(in_body("<Error><Code>PermanentRedirect</Code><Endpoint>e</Endpoint></Error>"), None);
        assert_eq!(in_body("<Region>eu"), None);
    }
}
