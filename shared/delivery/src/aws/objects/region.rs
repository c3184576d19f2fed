//! Buckets of other regions. S3 answers a request to another region than the bucket's by naming that region. The request
//! is sent to it once, and so are all later requests for this bucket.
//!
//! No address of an answer is followed: the SDK derives the address from the name of the region.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use aws_config::{Region, SdkConfig};
use aws_sdk_s3::Client;
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};

/// The client of the function's region, and those of the buckets in other regions.
#[derive(Debug, Clone)]
pub(super) struct Regions {
    own: Client,
    others: Arc<RwLock<BTreeMap<String, Client>>>,
}

impl Regions {
    pub(super) fn new(config: &SdkConfig) -> Self {
        Self { own: Client::new(config), others: Arc::default() }
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
        let there = Client::from_conf(client.config().to_builder().region(Region::new(region)).build());
        self.others.write().unwrap_or_else(PoisonError::into_inner).insert(bucket.to_owned(), there.clone());
        request(&there).await
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
    use super::*;

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
