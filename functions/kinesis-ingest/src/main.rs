//! The Lambda function `kinesis-ingest`: Kinesis records become documents.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

#[tokio::main]
async fn main() -> Result<(), Error> {
    ingest::telemetry::init("info");
    lambda_runtime::run(service_fn(async |_: LambdaEvent<Value>| Err::<Value, Error>("not yet".into()))).await
}
