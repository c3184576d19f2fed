//! The Lambda function `brake`: pauses the event sources while the domain cannot accept documents.
//!
//! This file only connects the event and the report to `operations`.

use delivery::lambda::{FailedBy, Invocation, serve};
use lambda_runtime::Error;
use operations::brake::Brake;

#[tokio::main]
async fn main() -> Result<(), Error> {
    // A faulty configuration ends the process here. Lambda reports a failed initialisation with the lines of the error.
    let brake = Brake::from_env().await?;
    serve(async |_, Invocation { deadline, .. }| {
        brake.handle(deadline).await.map_err(|error| FailedBy::Brake.because(error.to_string()))
    })
    .await
}
