//! The Lambda function `retention`: the indices that are too old are deleted.
//!
//! An event in, a receipt out; everything between is `operations`.

use delivery::lambda::{FailedBy, Invocation, serve};
use lambda_runtime::Error;
use operations::retention::Retention;

#[tokio::main]
async fn main() -> Result<(), Error> {
    // A faulty configuration ends the process here; Lambda reports a failed initialisation with these lines.
    let retention = Retention::from_env().await?;
    serve(async |event, Invocation { deadline, .. }| {
        retention.handle(&event, deadline).await.map_err(|reason| FailedBy::Retention.because(reason))
    })
    .await
}
