//! The Lambda function `setup`: the domain is made ready for what pipeline.yaml says.
//!
//! An event in, an answer out, to `CloudFormation` too; everything between is `operations`.

use delivery::lambda::{FailedBy, Invocation, serve};
use lambda_runtime::Error;
use operations::setup::Setup;

#[tokio::main]
async fn main() -> Result<(), Error> {
    // CloudFormation waits for an answer, so a faulty configuration is reported in it.
    let setup = Setup::from_env().await;
    serve(async |event, Invocation { deadline, .. }| {
        setup.handle(&event, deadline).await.map_err(|reason| FailedBy::Setup.because(reason))
    })
    .await
}
