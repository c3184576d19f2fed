//! The Lambda function `firehose-transform`: Firehose records become the chosen ones.
//!
//! An event in, a response out; everything between is `delivery`.

use delivery::{
    FirehoseTransform,
    lambda::{Aside, guarded},
};
use lambda_runtime::{Error, LambdaEvent, LambdaInvocation, Runtime, service_fn, tower::util::MapRequestLayer};

#[tokio::main]
async fn main() -> Result<(), Error> {
    // A faulty configuration ends the process here; Lambda reports a failed initialisation with these lines.
    let transform = FirehoseTransform::from_env().await?;
    let (transform, aside) = (&transform, &Aside::default());
    let put_aside = MapRequestLayer::new(|invocation: LambdaInvocation| {
        let body = aside.put(invocation.body);
        LambdaInvocation { body, ..invocation }
    });
    let handler = service_fn(async |_: LambdaEvent<()>| {
        guarded(async { tokio::task::block_in_place(|| transform.handle(&aside.take())) }).await
    });
    Runtime::new(handler).layer(put_aside).run().await
}
