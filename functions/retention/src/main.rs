//! The Lambda function `retention`: deletes the indices that are too old.
//!
//! This file only connects the event and the receipt to `operations`.

use delivery::lambda::{FailedBy, Invocation, serve};
use lambda_runtime::Error;
use operations::retention::Retention;

#[tokio::main]
async fn main() -> Result<(), Error> {
    // A faulty configuration ends the process here. Lambda reports a failed initialisation with the lines of the error.
    let retention = Retention::from_env().await?;
    serve(async |event, Invocation { deadline, .. }| {
        retention.handle(&event, deadline).await.map_err(|error| FailedBy::Retention.because(error.to_string()))
    })
    .await
}
