//! The Lambda function `brake`: the event sources wait while the domain can take nothing.
//!
//! An event in, a report out; everything between is `operations`.

use delivery::lambda::{Deadline, FailedBy, guarded};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use operations::brake::Brake;
use serde_json::Value;

#[tokio::main]
async fn main() -> Result<(), Error> {
    // A faulty configuration ends the process here; Lambda reports a failed initialisation with these lines.
    let brake = &Brake::from_env().await?;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        let handled = Box::pin(brake.handle(Deadline::at(event.context.deadline())));
        guarded(async { handled.await.map_err(|reason| FailedBy::Brake.because(reason)) }).await
    }))
    .await
}
