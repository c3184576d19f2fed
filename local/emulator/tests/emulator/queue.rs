//! Tests of the queue with the AWS SDK.

use aws_sdk_sqs::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
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
async fn what_a_function_sends_is_received_next_until_it_is_deleted() {
    let queue = Queue::start().await.unwrap();
    queue.send("first".into());
    let client = client(&queue);
    let sent = client.send_message().queue_url(queue.url()).message_body("{\"n\":1}").delay_seconds(0).send().await;
    let id = sent.unwrap().message_id.unwrap();
    let [first, second] = &queue.receive(10)[..] else { panic!("two messages") };
    assert_eq!((first.body.as_str(), second.body.as_str(), second.id.as_str()), ("first", "{\"n\":1}", id.as_str()));

    let change = client.change_message_visibility().queue_url(queue.url()).receipt_handle(&second.receipt_handle);
    change.visibility_timeout(30).send().await.unwrap();
    assert_eq!(queue.visibilities(), [(second.receipt_handle.clone(), 30)]);

    queue.delete(&first.id);
    queue.give_back(&second.id);
    let again = queue.receive(10);
    assert_eq!((again.len(), again[0].receive_count), (1, 2));
    let record = &event(&again)["Records"][0];
    assert_eq!((&record["eventSource"], &record["body"]), (&"aws:sqs".into(), &"{\"n\":1}".into()));
    assert_eq!(record["attributes"]["ApproximateReceiveCount"], "2");
    assert!(queue.is_empty());
    assert_eq!(queue.sent_by_functions(), ["{\"n\":1}"]);
}

#[tokio::test]
async fn any_other_request_is_refused() {
    let queue = Queue::start().await.unwrap();
    let error = client(&queue).delete_message().queue_url(queue.url()).receipt_handle("x").send().await.unwrap_err();
    assert!(format!("{error:?}").contains("UnsupportedOperation"), "{error:?}");
}
