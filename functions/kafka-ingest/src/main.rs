//! The Lambda function `kafka-ingest`: Kafka records become documents.
//!
//! An event in, a response out; everything between is `ingest::pipeline`.

use std::sync::{Arc, Mutex, PoisonError};

use ingest::{lambda::Deadline, pipeline::StreamIngest};
use lambda_runtime::{Error, LambdaEvent, LambdaInvocation, Runtime, service_fn, tower::util::MapRequestLayer};

#[tokio::main]
async fn main() -> Result<(), Error> {
    // A faulty configuration ends the process here; Lambda reports a failed initialisation with these lines.
    let ingest = StreamIngest::from_env().await?;
    // The runtime would read megabytes of records in its own way, which takes as long again as ours: they are put aside
    // before it sees them. It brings one invocation at a time.
    let aside = Arc::new(Mutex::new(bytes::Bytes::new()));
    let (ingest, taken) = (&ingest, Arc::clone(&aside));
    let put_aside = MapRequestLayer::new(move |mut invocation: LambdaInvocation| {
        let records = std::mem::replace(&mut invocation.body, bytes::Bytes::from_static(b"null"));
        *aside.lock().unwrap_or_else(PoisonError::into_inner) = records;
        invocation
    });
    let handler = service_fn(async |event: LambdaEvent<()>| {
        let records = std::mem::take(&mut *taken.lock().unwrap_or_else(PoisonError::into_inner));
        let deadline = Deadline::at(event.context.deadline());
        ingest.kafka(&records, deadline).await.map_err(Error::from)
    });
    Runtime::new(handler).layer(put_aside).run().await
}
