//! The Lambda function `firehose-transform`: selects and transforms the records of a Firehose stream.
//!
//! This file only connects the event and the response to `delivery`.

use delivery::{FirehoseTransform, lambda::serve_raw};
use lambda_runtime::Error;

#[tokio::main]
async fn main() -> Result<(), Error> {
    // A faulty configuration ends the process here. Lambda reports a failed initialisation with the lines of the error.
    let transform = FirehoseTransform::from_env().await?;
    serve_raw(async |event, _| tokio::task::block_in_place(|| transform.handle(&event))).await
}
