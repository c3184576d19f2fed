//! The Lambda function `kinesis-ingest`: Kinesis records become documents.
//!
//! An event in, a response out; everything between is `ingest::pipeline`.

use ingest::{lambda::Deadline, pipeline::StreamIngest};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::value::RawValue;

#[tokio::main]
async fn main() -> Result<(), Error> {
    // A faulty configuration ends the process here; Lambda reports a failed initialisation with these lines.
    let ingest = StreamIngest::from_env().await?;
    let ingest = &ingest;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Box<RawValue>>| {
        let deadline = Deadline::at(event.context.deadline());
        ingest.kinesis(&event.payload, deadline).await.map_err(Error::from)
    }))
    .await
}
