//! infra/quick.yaml on `LocalStack`: the nested stack of template.yaml gets the answers, and brings events into the operator's domain,
//! or into the domain that it creates.

use std::path::Path;
use std::time::Instant;

use serde_json::json;
use tests::aws_domain::AwsDomain;
use tests::engine::{Engine, json as parse};
use tests::events::generate;
use tests::localstack::{LocalStack, Release, Source, Stack};
use tests::place;
use tests::sam::{ARCHITECTURE, translated};

use super::super::template::TEMPLATES;
use super::{COUNT, SOON, world::arrived};

/// A quick stack, and what its events need.
struct Quick<'q> {
    name: &'q str,
    bucket: &'q str,
    /// The indices of the stack are named `INDEX-DAY`.
    index: &'q str,
    answers: &'q [(&'q str, &'q str)],
}

pub(super) async fn a_quick_stack_brings_the_events_of_its_bucket(engine: &Engine, localstack: &LocalStack) {
    let domain = engine.url();
    let answers = [("DomainEndpoint", domain.as_str()), ("DomainAuth", "none"), ("AlarmEmail", "operator@example.com")];
    let quick = Quick { name: "quick", bucket: "quick-logs", index: "quickstack", answers: &answers };
    let stack = quick.deploy(localstack).await;
    assert_eq!(stack.output("DomainEndpoint"), domain);
    quick.brings_events(engine, localstack).await;
}

/// `LocalStack` puts `domain` in the place of the domain. Of the parameters of a new domain, the template has the defaults.
pub(super) async fn without_an_endpoint_a_quick_stack_creates_a_domain_in_which_each_role_may_do_its_work(
    domain: &AwsDomain,
    localstack: &LocalStack,
) {
    let authority = localstack.aws.secret("authority", &localstack.authority()).await;
    let answers = [("DomainEndpoint", ""), ("DomainCaSecretArn", authority.as_str())];
    let quick = Quick { name: "quicknew", bucket: "quicknew-logs", index: "quicknew", answers: &answers };
    let stack = quick.deploy(localstack).await;
    let endpoint = stack.output("DomainEndpoint");
    let here = localstack.url().replacen("http", "https", 1);
    assert_eq!(endpoint, format!("{here}/opensearch/eu-west-1/millrace"));
    quick.brings_events(domain.engine(), localstack).await;

    let [ingest, setup] = ["RoleArn", "SetupRoleArn"].map(|output| stack.output(output).to_owned());
    let signed = domain.roles().await;
    assert!(signed.contains(&ingest) && signed.contains(&setup), "{signed:?}");
    let mapped = domain.engine().ask("GET", "/_plugins/_security/api/rolesmapping", "").await;
    let mapped = parse(&mapped);
    let name = mapped.as_object().expect("mappings").keys().find(|name| name.starts_with("millrace_ingest"));
    assert_eq!(mapped[name.expect("setup made the role")]["backend_roles"], json!([ingest]), "{mapped}");
    assert!(domain.saved_objects() > 0, "setup imported the dashboards");
}

impl Quick<'_> {
    async fn deploy(&self, localstack: &LocalStack) -> Stack {
        let Self { name, bucket, index, answers } = self;
        let folder = place::scratch();
        let rules = folder.path().join("pipeline.yaml");
        let text = format!(
            "datasets:\n  - name: quick\n    from: {{ bucket: \"*\", key: \"source/**\" }}\n    timestamp: base_dt\n    \
             index: {index}-%{{+YYYY.MM.dd}}\n    replicas: 0\n"
        );
        std::fs::write(&rules, text).expect("the clone is writable");
        let aws = localstack.url();
        // A quick stack has no such parameters. LocalStack needs them.
        let local = [("S3Endpoint", aws.as_str()), ("Architecture", ARCHITECTURE)];
        let parameters = [&[("BucketName", *bucket), ("KeyPrefix", "source/")][..], &local, answers].concat();
        let release = Release::current();
        let source = Source { stack: name, release: &release, rules: &rules, parameters: &parameters };
        let started = Instant::now();
        let outer = translated(Path::new(TEMPLATES[3])).to_string();
        let stack = localstack.deploy_within(&outer, &source).await;
        place::figure(&format!("infra/quick.yaml, {name}"), "seconds until deployed", started.elapsed().as_secs());
        assert_eq!(stack.output("BucketName"), *bucket);
        let nested = stack.output("StackName");
        assert!(nested.starts_with(&format!("{name}-Root-")), "{nested}");
        assert_eq!(stack.output("ReplayFunctionName"), format!("{nested}-replay"));
        stack
    }

    async fn brings_events(&self, engine: &Engine, localstack: &LocalStack) {
        let lines: Vec<String> = generate(COUNT, 51).collect();
        localstack.aws.put(self.bucket, "source/one.json", lines.concat().into_bytes()).await;
        let indices = format!("{}-*", self.index);
        arrived(engine, localstack, &indices, COUNT, SOON).await;
    }
}
