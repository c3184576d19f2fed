//! The Lambda function `setup`: prepares the domain as pipeline.yaml says.
//!
//! This file only connects the event and the answer to `operations`. `CloudFormation` gets an answer too.

use delivery::lambda::{FailedBy, Invocation, serve};
use lambda_runtime::Error;
use operations::setup::Setup;

#[tokio::main]
async fn main() -> Result<(), Error> {
    // CloudFormation waits for an answer, so the function reports a faulty configuration in its answer.
    let setup = Setup::from_env().await;
    serve(async |event, Invocation { deadline, .. }| {
        setup.handle(&event, deadline).await.map_err(|error| FailedBy::Setup.because(error.to_string()))
    })
    .await
}
