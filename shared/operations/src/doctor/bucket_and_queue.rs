//! The resources around the domain: the bucket for dead letters, and the queue.

use serde_json::Value;

use super::{context::Context, finding::Finding};

/// The probe object. It is written below the prefix of the dead letters and deleted.
const PROBE: &str = "doctor-probe";

/// Whether dead letters can be written.
pub(super) async fn dead_letters(context: &Context) -> Finding {
    const CHECK: &str = "dead letters";
    let Some(place) = &context.deployment.dead_letters else {
        return Finding::skipped(CHECK, "correct MILLRACE_DEAD_LETTERS first");
    };
    let key = format!("{}/{PROBE}", place.prefix);
    let (bucket, key) = (place.bucket.as_str(), key.trim_start_matches('/'));
    let objects = &context.aws.objects;
    let body = b"{\"probe\":\"of millrace doctor, deleted at once\"}\n".to_vec();
    if let Err(error) = objects.put(bucket, key, body).await {
        let fix = match error.code() {
            "NoSuchBucket" => "correct the bucket in MILLRACE_DEAD_LETTERS, or create it".to_owned(),
            "PermanentRedirect" | "AuthorizationHeaderMalformed" => {
                "set AWS_REGION to the region of the bucket; it has to be the functions' own".to_owned()
            }
            "AccessDenied" => format!(
                "allow this identity s3:PutObject and s3:DeleteObject on arn:aws:s3:::{bucket}/{}*, and kms:GenerateDataKey where the bucket has a key of its own",
                &key[..key.len() - PROBE.len()]
            ),
            _ => "see whether S3 can be reached from here, and with which credentials".to_owned(),
        };
        return Finding::fault(CHECK, error.to_string(), fix);
    }
    match objects.delete(bucket, key).await {
        Ok(()) => Finding::ok(CHECK, format!("s3://{bucket}/{} is writable", place.prefix)),
        Err(error) => Finding::warning(
            CHECK,
            format!("writable, but the test object cannot be deleted: {error}"),
            format!(
                "allow this identity s3:DeleteObject, which redriven dead letters need too, and delete s3://{bucket}/{key}"
            ),
        ),
    }
}

/// Whether the queue exists and moves messages that fail permanently to a dead-letter queue.
pub(super) async fn queue(context: &Context) -> Finding {
    const CHECK: &str = "queue";
    let Some(url) = &context.deployment.queue_url else {
        if context.rules.is_none() {
            return Finding::skipped(
                CHECK,
                "MILLRACE_QUEUE_URL is not set, and the rules that decide whether it is needed have faults",
            );
        }
        let mut datasets = context.rules.iter().flat_map(|rules| rules.datasets.iter());
        return if datasets.any(|dataset| dataset.from.s3().is_some()) {
            Finding::warning(
                CHECK,
                "MILLRACE_QUEUE_URL is missing: an object that takes longer than one invocation fails",
                "give the URL of the queue that brings the notifications to s3-ingest",
            )
        } else {
            Finding::skipped(CHECK, "no dataset reads from S3")
        };
    };
    let attributes = match context.aws.queue.attributes(url).await {
        Ok(attributes) => attributes,
        Err(error) => {
            let fix = match error.code() {
                code if code.ends_with("NonExistentQueue") || code == "QueueDoesNotExist" => {
                    "correct MILLRACE_QUEUE_URL, or create the queue"
                }
                "AccessDenied" | "AccessDeniedException" => {
                    "allow this identity sqs:GetQueueAttributes on the queue, and the functions sqs:SendMessage"
                }
                _ => "see whether SQS can be reached from here, and with which credentials",
            };
            return Finding::fault(CHECK, error.to_string(), fix);
        }
    };
    let policy: Option<Value> =
        attributes.redrive_policy.as_deref().and_then(|policy| serde_json::from_str(policy).ok());
    match policy {
        Some(policy) => {
            let target = policy["deadLetterTargetArn"].as_str().unwrap_or("?");
            Finding::ok(
                CHECK,
                format!("exists; a message that fails {} times goes to {target}", text(&policy["maxReceiveCount"])),
            )
        }
        None => Finding::warning(
            CHECK,
            format!(
                "{url} has no redrive policy: a message that always fails is retried until it is too old, and then lost"
            ),
            "give the queue a RedrivePolicy with a dead-letter queue, as template.yaml does",
        ),
    }
}

/// A number, which may be encoded as text.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
