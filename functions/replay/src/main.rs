//! The Lambda function `replay`: objects and dead letters are notified once more.
//!
//! A request in, the progress out; everything between is `ingest::operate`.

use ingest::{lambda::Deadline, operate::replay::Replay};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

#[tokio::main]
async fn main() -> Result<(), Error> {
    // A faulty configuration ends the process here; Lambda reports a failed initialisation with these lines.
    let replay = &Replay::from_env().await?;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        let deadline = Deadline::at(event.context.deadline());
        Box::pin(replay.handle(&event.payload, &event.context.request_id, deadline)).await.map_err(Error::from)
    }))
    .await
}
