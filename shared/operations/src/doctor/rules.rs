//! The environment and pipeline.yaml: all faults that keep the functions from starting.

use super::{context::Rules, endpoint, finding::Finding};
use crate::{deployment::Deployment, refusals::refusals, setup::template::TemplateOwner};
use delivery::{
    aws::Aws,
    settings::{Auth, Signing},
};
use pipeline::{
    outcome::Fault,
    rule_tests,
    rules::Datasets,
    shape::{FieldRule, HashKey},
};

const CHECK: &str = "configuration";

/// Checks the variables.
pub(super) fn configuration(deployment: &Deployment, region: &str) -> Vec<Finding> {
    let mut findings: Vec<Finding> = deployment.faults.iter().map(|fault| of_fault(CHECK, fault)).collect();
    if let Some(domain) = &deployment.domain
        && let Auth::SigV4(signing) = &domain.auth
        && let Some((its_service, its_region)) = endpoint::region(&domain.endpoint)
    {
        let service = signing.service;
        let signed_for = signing.region.as_deref().unwrap_or(region);
        let other_region = (its_region != region).then(|| its_region.clone());
        let right = Signing { service: its_service, region: other_region, role: signing.role.clone() };
        if its_region != signed_for {
            findings.push(Finding::fault(
                CHECK,
                format!("the domain is in {its_region}, and requests are signed for {signed_for}"),
                format!("set MILLRACE_DOMAIN_AUTH={right}"),
            ));
        }
        if its_service != service {
            findings.push(Finding::fault(
                CHECK,
                format!("the endpoint is one of `{its_service}`, and requests are signed for `{service}`"),
                format!("set MILLRACE_DOMAIN_AUTH={right}"),
            ));
        }
    }
    if findings.is_empty() {
        findings.push(Finding::ok(CHECK, "every variable is accepted"));
    }
    findings
}

/// Checks the rules, and the key and files that they need.
pub(super) async fn pipeline(deployment: &Deployment, aws: &Aws) -> (Vec<Finding>, Option<Rules>) {
    const CHECK: &str = "pipeline";
    // With the key of tests. The secret of the deployment is checked below.
    let datasets = match rule_tests::load(&deployment.pipeline) {
        Ok(datasets) => datasets,
        Err(error) => return (error.faults.iter().map(|fault| of_fault(CHECK, fault)).collect(), None),
    };
    let mut findings = vec![hash_key(deployment, &datasets, aws).await];
    let owner = deployment.domain.as_ref().map(TemplateOwner::from).unwrap_or_default();
    let (templates, faults) = refusals(&datasets, &owner, &deployment.pipeline, deployment.dead_letters.as_ref());
    if faults.is_empty() {
        let count = datasets.iter().count() + datasets.transforms().count();
        findings.insert(
            0,
            Finding::ok(
                CHECK,
                format!("{}: {count} dataset{}", deployment.pipeline.display(), if count == 1 { "" } else { "s" }),
            ),
        );
    }
    findings.splice(0..0, faults.iter().map(|fault| of_fault(CHECK, fault)));
    (findings, Some(Rules { datasets, templates }))
}

async fn hash_key(deployment: &Deployment, datasets: &Datasets, aws: &Aws) -> Finding {
    const CHECK: &str = "hash key";
    let shapes = datasets.iter().map(|dataset| &dataset.shape);
    let mut shapes = shapes.chain(datasets.transforms().map(|transform| &transform.shape));
    let is_needed = shapes.any(|shape| shape.rules().iter().any(|rule| matches!(rule, FieldRule::Hash(_))));
    let Some(secret) = &deployment.hash_key else {
        return if is_needed {
            Finding::fault(
                CHECK,
                "pipeline.yaml has a `hash`, and MILLRACE_HASH_KEY is missing",
                "set MILLRACE_HASH_KEY to the ARN of a secret with at least 16 random bytes",
            )
        } else {
            Finding::skipped(CHECK, "no rule hashes anything")
        };
    };
    match aws.secrets.key(secret).await.map(|key| HashKey::new(&key)) {
        Ok(Ok(_)) => Finding::ok(CHECK, format!("the secret {secret} is readable")),
        Ok(Err(weak)) => Finding::fault(
            CHECK,
            format!("the secret {secret}: {weak}"),
            "store at least 16 random bytes, such as the output of `openssl rand -hex 32`",
        ),
        Err(error) => Finding::fault(
            CHECK,
            error.to_string(),
            "see that the secret exists in AWS_REGION, and give this identity secretsmanager:GetSecretValue on it (and kms:Decrypt on a key of its own)",
        ),
    }
}

/// Converts a fault. Its message names the accepted form after `: give `.
fn of_fault(check: &'static str, fault: &Fault) -> Finding {
    let Fault { place, message } = fault;
    match message.split_once(": give ") {
        Some((wrong, form)) => Finding::fault(check, format!("{place} {wrong}"), format!("give {form}")),
        None if check == CHECK => Finding::fault(check, format!("{place}: {message}"), "see docs/CONFIGURATION.md"),
        None => Finding::fault(
            check,
            format!("{place}: {message}"),
            "see docs/PIPELINE.md, and try it with `millrace check`",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configured(endpoint: &str, auth: &str) -> Vec<Finding> {
        let lookup = |name: &str| match name {
            "MILLRACE_DOMAIN_ENDPOINT" => Some(endpoint.to_owned()),
            "MILLRACE_DOMAIN_AUTH" => Some(auth.to_owned()),
            "MILLRACE_DEAD_LETTERS" => Some("s3://dead".to_owned()),
            _ => None,
        };
        configuration(&Deployment::read(lookup, None), "eu-west-1")
    }

    #[test]
    fn an_endpoint_tells_its_region_and_service() {
        for (endpoint, auth, fix) in [
            ("https://search-a.eu-west-1.es.amazonaws.com", "sigv4:es", None),
            ("https://domain.example.com", "sigv4:es", None),
            (
                "https://search-a.us-east-1.es.amazonaws.com",
                "sigv4:es",
                Some("set MILLRACE_DOMAIN_AUTH=sigv4:es,region=us-east-1"),
            ),
            ("https://search-a.us-east-1.es.amazonaws.com", "sigv4:es,region=us-east-1", None),
            ("https://a.eu-west-1.aoss.amazonaws.com", "sigv4:es", Some("set MILLRACE_DOMAIN_AUTH=sigv4:aoss")),
            (
                "https://search-a.us-east-1.es.amazonaws.com",
                "sigv4:es,role=arn:aws:iam::1:role/r",
                Some("set MILLRACE_DOMAIN_AUTH=sigv4:es,region=us-east-1,role=arn:aws:iam::1:role/r"),
            ),
            ("https://search-a.us-east-1.es.amazonaws.com", "basic:secret", None),
            ("", "none", Some("give a URL such as")),
            ("https://a", "sigv4:s3", Some("give sigv4:es")),
        ] {
            let found = configured(endpoint, auth);
            assert_eq!(found.len(), 1, "{found:?}");
            match fix {
                None => assert_eq!(found[0].level, super::super::finding::Level::Ok, "{found:?}"),
                Some(fix) => {
                    assert!(found[0].fix.as_ref().is_some_and(|advice| advice.starts_with(fix)), "{found:?}");
                }
            }
        }
    }
}
