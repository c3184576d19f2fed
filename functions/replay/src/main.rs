//! The Lambda function `replay`: objects and dead letters are notified once more.
//!
//! A request in, the progress out; everything between is `operations`.

use delivery::lambda::{Deadline, FailedBy, guarded};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use operations::replay::Replay;
use serde_json::Value;

#[tokio::main]
async fn main() -> Result<(), Error> {
    // A faulty configuration ends the process here; Lambda reports a failed initialisation with these lines.
    let replay = &Replay::from_env().await?;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        let deadline = Deadline::at(event.context.deadline());
        let handled = Box::pin(replay.handle(&event.payload, &event.context.request_id, deadline));
        guarded(async { handled.await.map_err(|reason| FailedBy::Replay.because(reason)) }).await
    }))
    .await
}
