//! The Lambda function `s3-ingest`: indexes the events of S3 objects as documents.
//!
//! This file only connects the event and the response to `delivery`.

use delivery::{
    S3Ingest,
    lambda::{Invocation, serve},
};
use lambda_runtime::Error;

#[tokio::main]
async fn main() -> Result<(), Error> {
    // A faulty configuration ends the process here. Lambda reports a failed initialisation with the lines of the error.
    let ingest = S3Ingest::from_env().await?;
    serve(async |event, Invocation { deadline, .. }| ingest.handle(&event, deadline).await).await
}
