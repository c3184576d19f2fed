//! The Lambda function `setup`: the domain is made ready for what pipeline.yaml says.
//!
//! An event in, an answer out, to `CloudFormation` too; everything between is `operations`.

use delivery::lambda::{Deadline, FailedBy, guarded};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use operations::setup::Setup;
use serde_json::Value;

#[tokio::main]
async fn main() -> Result<(), Error> {
    // A faulty configuration is told in the answer: CloudFormation waits for one.
    let setup = &Setup::from_env().await;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        let deadline = Deadline::at(event.context.deadline());
        let handled = Box::pin(setup.handle(&event.payload, deadline));
        guarded(async { handled.await.map_err(|reason| FailedBy::Setup.because(reason)) }).await
    }))
    .await
}
