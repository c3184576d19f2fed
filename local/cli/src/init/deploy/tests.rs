//! The parameters that answers give, beside those of template.yaml.

use super::*;

/// The parameters, each as `NAME=VALUE`.
fn parameters(options: &DeploymentOptions) -> Vec<String> {
    let (bucket, stack) = (Some("my-logs".into()), "millrace".into());
    let options = DeploymentOptions { bucket, stack, ..options.clone() };
    let made = Deployment::ask(&options, &mut Questions::<&[u8], Vec<u8>>::without_terminal()).unwrap();
    made.parameters.iter().map(|(name, value)| format!("{name}={value}")).collect()
}

#[test]
fn only_parameters_of_the_template_are_given_and_only_those_without_a_default() {
    let some = |text: &str| Some(text.to_owned());
    let template = include_str!("../../../../../template.yaml");
    let secret = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:logs";
    let collection = "arn:aws:aoss:eu-west-1:111122223333:collection/abc";
    let none = DeploymentOptions::default();
    for (options, expected) in [
        (DeploymentOptions { create_domain: true, ..none.clone() }, vec!["CreateDomain=true".to_owned()]),
        (
            DeploymentOptions {
                existing_bucket: true,
                prefix: some("a/"),
                endpoint: some("https://x.example:9200"),
                secret_arn: some(secret),
                alarm_email: some("a@x.example"),
                ..none.clone()
            },
            vec![
                "CreateBucket=false".into(),
                "KeyPrefix=a/".into(),
                "DomainEndpoint=https://x.example:9200".into(),
                "DomainAuth=basic".into(),
                format!("BasicAuthSecretArn={secret}"),
                "AlarmEmail=a@x.example".into(),
            ],
        ),
        (
            DeploymentOptions {
                endpoint: some("https://abc.eu-west-1.aoss.amazonaws.com"),
                domain_arn: some(collection),
                ..none.clone()
            },
            vec![
                "DomainEndpoint=https://abc.eu-west-1.aoss.amazonaws.com".into(),
                "DomainAuth=sigv4:aoss".into(),
                format!("DomainArn={collection}"),
            ],
        ),
        (
            DeploymentOptions {
                endpoint: some("http://localhost:9200"),
                auth: some("none"),
                insecure: true,
                ..none.clone()
            },
            vec!["DomainEndpoint=http://localhost:9200".into(), "DomainAuth=none".into(), "DomainInsecure=true".into()],
        ),
    ] {
        let made = parameters(&options);
        assert_eq!(made[0], "BucketName=my-logs");
        assert_eq!(made[1..], expected);
        for parameter in made {
            let name = parameter.split('=').next().unwrap_or_default();
            assert!(template.contains(&format!("\n  {name}:\n    Type: ")), "{name}");
        }
    }
}

#[test]
fn the_authentication_follows_from_the_host() {
    for (endpoint, expected) in [
        ("https://search-logs-abc.eu-west-1.es.amazonaws.com", "sigv4:es"),
        ("https://vpc-logs-abc.eu-west-1.es.amazonaws.com:443/x", "sigv4:es"),
        ("https://search-logs-abc.aos.eu-west-1.on.aws", "sigv4:es"),
        ("https://abc.eu-west-1.aoss.amazonaws.com", "sigv4:aoss"),
        ("https://logs.es.eu-west-1.aws.found.io", "basic"),
        ("https://x.example/.es.amazonaws.com", "basic"),
    ] {
        assert_eq!(likely_auth(endpoint), expected, "{endpoint}");
    }
}
