//! The Lambda function `firehose-transform`: Firehose records become the chosen ones.
//!
//! An event in, a response out; everything between is `delivery`.

use delivery::{FirehoseTransform, lambda::serve_raw};
use lambda_runtime::Error;

#[tokio::main]
async fn main() -> Result<(), Error> {
    // A faulty configuration ends the process here; Lambda reports a failed initialisation with these lines.
    let transform = FirehoseTransform::from_env().await?;
    serve_raw(async |event, _| tokio::task::block_in_place(|| transform.handle(&event))).await
}
