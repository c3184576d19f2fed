//! The Lambda function `brake`: the event sources wait while the domain can take nothing.
//!
//! An event in, a report out; everything between is `operations`.

use delivery::lambda::{FailedBy, Invocation, serve};
use lambda_runtime::Error;
use operations::brake::Brake;

#[tokio::main]
async fn main() -> Result<(), Error> {
    // A faulty configuration ends the process here; Lambda reports a failed initialisation with these lines.
    let brake = Brake::from_env().await?;
    serve(async |_, Invocation { deadline, .. }| {
        brake.handle(deadline).await.map_err(|reason| FailedBy::Brake.because(reason))
    })
    .await
}
