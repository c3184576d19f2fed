//! The endpoint of a service of AWS, where the environment or the profile sets one.

use aws_config::SdkConfig;
use aws_types::service_config::ServiceConfigKey;

/// `AWS_ENDPOINT_URL_SERVICE`, or else `AWS_ENDPOINT_URL`. `None`: the SDK derives the endpoint from the region.
pub(super) fn configured(config: &SdkConfig, service_id: &str) -> Option<String> {
    let key =
        ServiceConfigKey::builder().service_id(service_id).profile("endpoint_url").env("AWS_ENDPOINT_URL").build();
    let of_the_service = key.ok().and_then(|key| config.service_config()?.load_config(key));
    of_the_service.or_else(|| config.endpoint_url().map(str::to_owned))
}

/// The same endpoint in another region, such as `https://s3.eu-west-1.amazonaws.com` in `us-east-1`, also the forms for
/// FIPS and dual stack. `None` if it is not an endpoint of S3 that serves exactly its own region: an interface endpoint
/// of a VPC, a server on this machine.
pub(super) fn of_s3_elsewhere(endpoint: &str, own: &str, there: &str) -> Option<String> {
    let (scheme, host) = endpoint.split_once("://")?;
    ["s3.", "s3-fips.", "s3.dualstack.", "s3-fips.dualstack."].into_iter().find_map(|service| {
        let suffix = host.strip_prefix(service)?.strip_prefix(own)?.strip_prefix('.')?;
        Some(format!("{scheme}://{service}{there}.{suffix}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_endpoint_of_one_region_becomes_that_of_another() {
        for (endpoint, own, there, expected) in [
            // The value of template.yaml without `S3Endpoint`.
            (
                "https://s3.eu-west-1.amazonaws.com",
                "eu-west-1",
                "us-east-1",
                Some("https://s3.us-east-1.amazonaws.com"),
            ),
            (
                "https://s3.us-east-1.amazonaws.com/",
                "us-east-1",
                "eu-west-1",
                Some("https://s3.eu-west-1.amazonaws.com/"),
            ),
            (
                "https://s3.cn-north-1.amazonaws.com.cn",
                "cn-north-1",
                "cn-northwest-1",
                Some("https://s3.cn-northwest-1.amazonaws.com.cn"),
            ),
            (
                "https://s3-fips.dualstack.us-east-1.amazonaws.com",
                "us-east-1",
                "us-west-2",
                Some("https://s3-fips.dualstack.us-west-2.amazonaws.com"),
            ),
            ("https://s3.eu-west-1.amazonaws.com", "eu-west-2", "us-east-1", None),
            ("https://s3.eu-west-10.example.com", "eu-west-1", "us-east-1", None),
            ("https://bucket.vpce-1a-2b.s3.eu-west-1.vpce.amazonaws.com", "eu-west-1", "us-east-1", None),
            ("https://s3.amazonaws.com", "us-east-1", "eu-west-1", None),
            ("http://127.0.0.1:9000", "us-east-1", "eu-west-1", None),
            ("", "us-east-1", "eu-west-1", None),
        ] {
            assert_eq!(of_s3_elsewhere(endpoint, own, there).as_deref(), expected, "{endpoint} of {own} in {there}");
        }
    }
}
