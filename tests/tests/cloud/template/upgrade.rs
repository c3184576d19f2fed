//! An update from an earlier release takes no resource away that holds data.
//!
//! In: the templates of each release, in tests/data/upgrade. `prove::upgrade` makes such an update on `LocalStack`, which knows only a
//! part of the changes that replace a resource.

use serde_json::{Value, json};
use tests::place;
use tests::replaced::{Root, lost};
use tests::stack::Template;

use super::super::sam::installed;

/// A stack with every resource that it creates itself.
const NEW: [(&str, &str); 9] = [
    ("CreateDomain", "true"),
    ("BucketName", "logs"),
    ("KeyPrefix", "app/"),
    ("StreamName", "events"),
    ("EnhancedFanOut", "true"),
    ("DeliveryStreamName", "delivery"),
    ("KafkaBootstrapServers", "kafka:9092"),
    ("KafkaTopic", "events"),
    ("CreateSnapshotBucket", "true"),
];
/// A stack with existing sources and an existing domain.
const EXISTING: [(&str, &str); 9] = [
    ("DomainEndpoint", "https://search-logs-abc.eu-west-1.es.amazonaws.com"),
    ("DomainArn", "arn:aws:es:eu-west-1:111122223333:domain/logs"),
    ("BucketName", "logs"),
    ("CreateBucket", "false"),
    ("StreamName", "events"),
    ("CreateStream", "false"),
    ("DeliveryBucketName", "delivered"),
    ("KafkaClusterArn", "arn:aws:kafka:eu-west-1:111122223333:cluster/events/1"),
    ("KafkaTopic", "events"),
];
const COLLECTION: [(&str, &str); 4] = [
    ("DomainEndpoint", "https://abc.eu-west-1.aoss.amazonaws.com"),
    ("DomainArn", "arn:aws:aoss:eu-west-1:111122223333:collection/abc"),
    ("DomainAuth", "sigv4:aoss"),
    ("BucketName", "logs"),
];
/// Resources that an update deletes on purpose, of all releases: aliases that only the stack itself called (ADR 14).
const DELETED: [&str; 6] = [
    "BrakeFunctionAliaslive",
    "KafkaIngestFunctionAliaslive",
    "KinesisIngestFunctionAliaslive",
    "ReplayFunctionAliaslive",
    "RetentionFunctionAliaslive",
    "SetupFunctionAliaslive",
];

/// template.yaml of each release.
fn releases() -> Vec<Root> {
    let folder = place::data("upgrade");
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let folders = entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_dir());
    folders.map(|folder| Root::read(&folder.join("stack/template.yaml"))).collect()
}

fn current() -> Root {
    Root::read(&place::root().join("template.yaml"))
}

#[test]
fn an_update_from_any_release_takes_no_resource_away_that_holds_data() {
    if !installed() {
        return;
    }
    let (releases, current) = (releases(), current());
    assert!(!releases.is_empty());
    for release in &releases {
        for parameters in [&NEW[..], &EXISTING, &COLLECTION] {
            let mut lost = lost(release, &current, parameters);
            lost.retain(|line| !DELETED.iter().any(|name| *line == format!("{name}: deleted")));
            assert_eq!(lost, [""; 0], "{parameters:?}");
        }
    }
}

#[test]
fn what_an_update_would_take_away_is_found() {
    if !installed() {
        return;
    }
    let former = current();
    assert_eq!(lost(&former, &current(), &NEW), [""; 0], "the same template");
    let kept = Template::new(&former.template, &NEW).all().len();
    assert!(kept > 50, "{kept} resources");
    for (resource, path, value, expected) in [
        ("IngestQueue", "/Properties/QueueName", json!("events"), "IngestQueue: replaced, because /QueueName was None"),
        ("SourceBucket", "/Properties/BucketName", json!("other"), "SourceBucket: replaced, because /BucketName was"),
        ("S3IngestFunctionQueue", "/Properties/EventSourceArn", json!("other"), "/EventSourceArn"),
        ("KinesisIngestFunctionStream", "/Properties/StartingPosition", json!("LATEST"), "/StartingPosition"),
        ("S3IngestFunctionAliaslive", "/Properties/Name", json!("other"), "/Name"),
        ("DeadLetterBucket", "/Type", json!("AWS::Kinesis::Stream"), "DeadLetterBucket: a AWS::S3::Bucket becomes a"),
        ("ReplayDeadLetterQueue", "/Condition", json!("IsCollection"), "ReplayDeadLetterQueue: deleted"),
        ("Domain", "/Properties/Parameters/DomainName", json!("other"), "Domain.Domain: replaced, because /DomainName"),
    ] {
        let mut changed = current();
        set(&mut changed.template["Resources"][resource], path, value);
        let lost = lost(&former, &changed, &NEW);
        assert!(lost.iter().any(|line| line.contains(expected)), "{resource}: {lost:?}");
    }
}

/// Sets a member, which does not have to exist.
fn set(resource: &mut Value, path: &str, value: Value) {
    let (parent, name) = path.rsplit_once('/').expect("a pointer");
    resource.pointer_mut(parent).expect("the parent is there")[name] = value;
}
