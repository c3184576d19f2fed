//! The Lambda function `replay`: objects and dead letters are notified once more.
//!
//! A request in, the progress out; everything between is `operations`.

use delivery::lambda::{FailedBy, Invocation, serve};
use lambda_runtime::Error;
use operations::replay::Replay;

#[tokio::main]
async fn main() -> Result<(), Error> {
    // A faulty configuration ends the process here; Lambda reports a failed initialisation with these lines.
    let replay = Replay::from_env().await?;
    serve(async |event, Invocation { request_id, deadline }| {
        replay.handle(&event, &request_id, deadline).await.map_err(|reason| FailedBy::Replay.because(reason))
    })
    .await
}
