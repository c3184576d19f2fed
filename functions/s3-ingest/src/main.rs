//! The Lambda function `s3-ingest`: S3 objects become documents.
//!
//! An event in, a response out; everything between is `delivery`.

use delivery::{
    S3Ingest,
    lambda::{Invocation, serve},
};
use lambda_runtime::Error;

#[tokio::main]
async fn main() -> Result<(), Error> {
    // A faulty configuration ends the process here; Lambda reports a failed initialisation with these lines.
    let ingest = S3Ingest::from_env().await?;
    serve(async |event, Invocation { deadline, .. }| ingest.handle(&event, deadline).await).await
}
