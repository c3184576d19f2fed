//! The Lambda function `replay`: sends notifications for objects and dead letters again.
//!
//! This file only connects the request and the progress to `operations`.

use delivery::lambda::{FailedBy, Invocation, serve};
use lambda_runtime::Error;
use operations::replay::Replay;

#[tokio::main]
async fn main() -> Result<(), Error> {
    // A faulty configuration ends the process here. Lambda reports a failed initialisation with the lines of the error.
    let replay = Replay::from_env().await?;
    serve(async |event, Invocation { request_id, deadline }| {
        replay.handle(&event, &request_id, deadline).await.map_err(|error| FailedBy::Replay.because(error.to_string()))
    })
    .await
}
