//! infra/quick.yaml on `LocalStack`: the nested stack of template.yaml gets the answers, and brings events.

use std::time::Instant;

use tests::engine::Engine;
use tests::events::generate;
use tests::localstack::{LocalStack, Source, until};
use tests::place;

use super::super::sam::ARCHITECTURE;
use super::super::template::{TEMPLATES, translated_once};
use super::{COUNT, SOON, world};

const BUCKET: &str = "quick-logs";
const INDICES: &str = "quickstack-*";
const RULES: &str = r#"datasets:
  - name: quick
    from: { bucket: "*", key: "source/**" }
    timestamp: base_dt
    index: quickstack-%{+YYYY.MM.dd}
    replicas: 0
"#;

pub(crate) async fn a_quick_stack_brings_the_events_of_its_bucket(engine: &Engine, localstack: &LocalStack) {
    let folder = place::scratch();
    let rules = folder.path().join("pipeline.yaml");
    std::fs::write(&rules, RULES).expect("the clone is writable");
    let (domain, aws) = (engine.url(), localstack.url());
    let parameters = [
        ("BucketName", BUCKET),
        ("KeyPrefix", "source/"),
        ("DomainEndpoint", domain.as_str()),
        ("DomainAuth", "none"),
        ("AlarmEmail", "operator@example.com"),
        // A quick stack has no such parameters. LocalStack needs them.
        ("S3Endpoint", &aws),
        ("Architecture", ARCHITECTURE),
    ];
    let translated = world::translated(folder.path(), RULES);
    let source = Source { stack: "quick", translated: &translated, rules: &rules, parameters: &parameters };
    let started = Instant::now();
    let stack = localstack.deploy_within(&translated_once(TEMPLATES[3]).to_string(), &source).await;
    place::figure("infra/quick.yaml on LocalStack", "seconds until deployed", started.elapsed().as_secs());
    assert_eq!(stack.output("BucketName"), BUCKET);
    assert_eq!(stack.output("DomainEndpoint"), domain);
    let nested = stack.output("StackName");
    assert!(nested.starts_with("quick-Root-"), "{nested}");
    assert_eq!(stack.output("ReplayFunctionName"), format!("{nested}-replay"));
    let lines: Vec<String> = generate(COUNT, 51).collect();
    localstack.aws.put(BUCKET, "source/one.json", lines.concat().into_bytes()).await;
    until("all events are in the domain", SOON, async || (engine.count(INDICES).await == COUNT).then_some(())).await;
}
