//! The Lambda function `kafka-ingest`: Kafka records become documents.
//!
//! An event in, a response out; everything between is `delivery`.

use delivery::{
    StreamIngest,
    lambda::{Invocation, serve_raw},
};
use lambda_runtime::Error;

#[tokio::main]
async fn main() -> Result<(), Error> {
    // A faulty configuration ends the process here; Lambda reports a failed initialisation with these lines.
    let ingest = StreamIngest::from_env().await?;
    serve_raw(async |event, Invocation { deadline, .. }| ingest.kafka(&event, deadline).await).await
}
