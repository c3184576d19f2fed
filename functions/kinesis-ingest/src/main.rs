//! The Lambda function `kinesis-ingest`: Kinesis records become documents.
//!
//! An event in, a response out; everything between is `delivery`.

use delivery::{
    StreamIngest,
    lambda::{Aside, Deadline, guarded},
};
use lambda_runtime::{Error, LambdaEvent, LambdaInvocation, Runtime, service_fn, tower::util::MapRequestLayer};

#[tokio::main]
async fn main() -> Result<(), Error> {
    // A faulty configuration ends the process here; Lambda reports a failed initialisation with these lines.
    let ingest = StreamIngest::from_env().await?;
    let (ingest, aside) = (&ingest, &Aside::default());
    let put_aside = MapRequestLayer::new(|invocation: LambdaInvocation| {
        let body = aside.put(invocation.body);
        LambdaInvocation { body, ..invocation }
    });
    let handler = service_fn(async |event: LambdaEvent<()>| {
        let deadline = Deadline::at(event.context.deadline());
        guarded(ingest.kinesis(&aside.take(), deadline)).await
    });
    Runtime::new(handler).layer(put_aside).run().await
}
