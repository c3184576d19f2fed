//! The Lambda function `kafka-ingest`: indexes Kafka records as documents.
//!
//! This file only connects the event and the response to `delivery`.

use delivery::{
    StreamIngest,
    lambda::{Invocation, serve_raw},
};
use lambda_runtime::Error;

#[tokio::main]
async fn main() -> Result<(), Error> {
    // A faulty configuration ends the process here. Lambda reports a failed initialisation with the lines of the error.
    let ingest = StreamIngest::from_env().await?;
    serve_raw(async |event, Invocation { deadline, .. }| ingest.kafka(&event, deadline).await).await
}
