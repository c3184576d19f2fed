//! Serves the invocations of a function: the part that all `main.rs` files share.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use lambda_runtime::{Error, LambdaEvent, LambdaInvocation, Runtime, service_fn, tower::util::MapRequestLayer};
use serde::Serialize;
use serde_json::Value;

use super::{
    deadline::Deadline,
    failed::{Failed, guarded},
};

/// The context of an invocation.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// The request id. All retries of an asynchronous invocation have the same one.
    pub request_id: String,
    /// When Lambda ends the function.
    pub deadline: Deadline,
}

/// Serves invocations with a handler that takes the event as JSON. Returns only on an error of the runtime.
///
/// # Errors
/// The runtime API cannot be reached.
pub async fn serve<T: Serialize>(handler: impl AsyncFn(Value, Invocation) -> Result<T, Failed>) -> Result<(), Error> {
    let handler = &handler;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        let invocation = Invocation::of(&event);
        guarded(Box::pin(handler(event.payload, invocation))).await
    }))
    .await
}

/// The same with a handler that takes the event's bytes. The runtime's reader would record the path of every value for
/// its messages. For megabytes of records that takes as long again as reading them. So the runtime gets `null` to read
/// instead.
///
/// # Errors
/// The runtime API cannot be reached.
pub async fn serve_raw<T: Serialize>(
    handler: impl AsyncFn(Bytes, Invocation) -> Result<T, Failed>,
) -> Result<(), Error> {
    // The runtime brings one invocation at a time.
    let raw = &Mutex::new(Bytes::new());
    let handler = &handler;
    let replace = MapRequestLayer::new(|invocation: LambdaInvocation| {
        *raw.lock().unwrap_or_else(PoisonError::into_inner) = invocation.body;
        LambdaInvocation { body: Bytes::from_static(b"null"), ..invocation }
    });
    let service = service_fn(async |event: LambdaEvent<()>| {
        let body = std::mem::take(&mut *raw.lock().unwrap_or_else(PoisonError::into_inner));
        guarded(Box::pin(handler(body, Invocation::of(&event)))).await
    });
    Runtime::new(service).layer(replace).run().await
}

impl Invocation {
    fn of<T>(event: &LambdaEvent<T>) -> Self {
        Self { request_id: event.context.request_id.clone(), deadline: Deadline::at(event.context.deadline()) }
    }
}
