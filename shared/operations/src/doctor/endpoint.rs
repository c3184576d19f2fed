//! What the name of an Amazon endpoint tells.

use delivery::cluster::address;

/// The service and region of an Amazon endpoint, from its name.
pub(super) fn region(endpoint: &str) -> Option<(&'static str, String)> {
    let (host, _) = address(endpoint)?;
    let labels: Vec<&str> = host.rsplit('.').collect();
    let (service, region) = match labels.as_slice() {
        ["com", "amazonaws", service, region, ..] | ["cn", "com", "amazonaws", service, region, ..] => {
            (*service, *region)
        }
        // The dual-stack endpoints for IPv4 and IPv6: NAME.aos.REGION.on.aws.
        ["aws", "on", region, "aos", ..] => ("es", *region),
        _ => return None,
    };
    let service = match service {
        "es" => "es",
        "aoss" => "aoss",
        _ => return None,
    };
    Some((service, region.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_of_amazon_contain_service_and_region() {
        for (endpoint, expected) in [
            ("https://search-a-b.us-east-1.es.amazonaws.com", Some(("es", "us-east-1"))),
            ("https://vpc-a.cn-north-1.es.amazonaws.com.cn/", Some(("es", "cn-north-1"))),
            ("https://x.eu-west-1.aoss.amazonaws.com", Some(("aoss", "eu-west-1"))),
            ("https://search-a.aos.eu-central-1.on.aws", Some(("es", "eu-central-1"))),
            ("https://s3.eu-west-1.amazonaws.com", None),
            ("http://127.0.0.1:9200", None),
        ] {
            let found = region(endpoint);
            assert_eq!(found.as_ref().map(|(service, region)| (*service, region.as_str())), expected, "{endpoint}");
        }
    }
}
