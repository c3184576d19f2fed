//! Tests of the queue with the AWS SDK.

use aws_sdk_sqs::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    types::MessageAttributeValue,
};
use aws_smithy_http_client::{Builder, tls};
use emulator::queue::{Queue, event};

fn client(queue: &Queue) -> Client {
    let provider = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(queue.endpoint())
        .credentials_provider(Credentials::new("AKIDLOCAL", "secret", None, None, "tests"))
        .http_client(Builder::new().tls_provider(provider).build_https())
        .build();
    Client::from_conf(config)
}

#[tokio::test]
async fn a_message_is_invisible_until_its_timeout_ends_or_it_is_deleted() {
    let queue = Queue::start(2).await.unwrap();
    queue.send("first".into());
    let client = client(&queue);
    let reason = MessageAttributeValue::builder().data_type("String").string_value("why").build().unwrap();
    let sent = client.send_message().queue_url(queue.url()).message_body("{\"n\":1}").delay_seconds(0);
    let id = sent.message_attributes("reason", reason).send().await.unwrap().message_id.unwrap();
    let [first, second] = &queue.receive(10)[..] else { panic!("two messages") };
    assert_eq!((first.body.as_str(), second.body.as_str(), second.id.as_str()), ("first", "{\"n\":1}", id.as_str()));
    assert!(queue.receive(10).is_empty());

    let change = client.change_message_visibility().queue_url(queue.url());
    change.clone().receipt_handle(&second.receipt_handle).visibility_timeout(0).send().await.unwrap();
    assert!(change.receipt_handle("unknown").visibility_timeout(0).send().await.is_err());
    let again = queue.receive(10);
    assert_eq!((again.len(), again[0].id.as_str(), again[0].receive_count), (1, id.as_str(), 2));
    let record = &event(&again)["Records"][0];
    assert_eq!((&record["eventSource"], &record["body"]), (&"aws:sqs".into(), &"{\"n\":1}".into()));
    assert_eq!(record["attributes"]["ApproximateReceiveCount"], "2");
    assert_eq!(record["messageAttributes"]["reason"]["stringValue"], "why");

    queue.delete(&first.id);
    assert_eq!((queue.visible(), queue.wait(), queue.visible()), (0, true, 1));
    // It was received twice, so it goes to the dead-letter queue.
    assert!(queue.receive(10).is_empty() && !queue.wait());
    assert_eq!(queue.dead().iter().map(|dead| dead.id.as_str()).collect::<Vec<_>>(), [id]);
}

#[tokio::test]
async fn any_other_request_is_refused() {
    let queue = Queue::start(1).await.unwrap();
    let error = client(&queue).delete_message().queue_url(queue.url()).receipt_handle("x").send().await.unwrap_err();
    assert!(format!("{error:?}").contains("UnsupportedOperation"), "{error:?}");
}
