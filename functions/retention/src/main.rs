//! The Lambda function `retention`: the indices that are too old are deleted.
//!
//! An event in, a receipt out; everything between is `operations`.

use delivery::lambda::{Deadline, FailedBy, guarded};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use operations::retention::Retention;
use serde_json::Value;

#[tokio::main]
async fn main() -> Result<(), Error> {
    // A faulty configuration ends the process here; Lambda reports a failed initialisation with these lines.
    let retention = &Retention::from_env().await?;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        let deadline = Deadline::at(event.context.deadline());
        let handled = Box::pin(retention.handle(&event.payload, deadline));
        guarded(async { handled.await.map_err(|reason| FailedBy::Retention.because(reason)) }).await
    }))
    .await
}
