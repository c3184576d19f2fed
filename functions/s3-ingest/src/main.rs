//! The Lambda function `s3-ingest`: S3 objects become documents.
//!
//! An event in, a response out; everything between is `delivery`.

use delivery::{
    S3Ingest,
    lambda::{Deadline, guarded},
};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

#[tokio::main]
async fn main() -> Result<(), Error> {
    // A faulty configuration ends the process here; Lambda reports a failed initialisation with these lines.
    let ingest = S3Ingest::from_env().await?;
    let ingest = &ingest;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        let deadline = Deadline::at(event.context.deadline());
        guarded(ingest.handle(&event.payload, deadline)).await
    }))
    .await
}
