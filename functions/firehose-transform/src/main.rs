//! The Lambda function `firehose-transform`: Firehose records become the chosen ones.
//!
//! An event in, a response out; everything between is `ingest::pipeline`.

use ingest::{pipeline::FirehoseTransform, source::firehose::Invocation};
use lambda_runtime::{Error, LambdaEvent, service_fn};

#[tokio::main]
async fn main() -> Result<(), Error> {
    // A faulty configuration ends the process here; Lambda reports a failed initialisation with these lines.
    let transform = FirehoseTransform::from_env().await?;
    let transform = &transform;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Invocation>| {
        tokio::task::block_in_place(|| transform.handle(&event.payload)).map_err(Error::from)
    }))
    .await
}
