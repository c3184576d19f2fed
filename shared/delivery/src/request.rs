//! One `_bulk` request: encode, send, read the answers.
//!
//! In: items of one or more bodies. Out: an answer for each item, or the error of the whole request. Deliberately absent: the
//! permit for it, and the consequences of the answers.

use std::time::{Duration, Instant};

use crate::{
    cluster::{Part, Payload, Unanswered},
    sender::Sender,
};
use pipeline::{
    bulk::{ItemResult, response},
    outcome::BatchError,
};

/// A request that takes longer is abandoned and retried. The domain may have indexed it, so its items may be
/// duplicates.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_mins(1);

/// Encodes the items of all parts.
pub(super) async fn encode(sender: &Sender, parts: Vec<Part>) -> Payload {
    // The semaphore is never closed.
    let _permit = sender.encoders.acquire().await;
    let (form, gzip, signed) = (sender.cluster.forms.next(), sender.gzip, sender.cluster.signs());
    match tokio::task::spawn_blocking(move || Payload::of(&parts, form, gzip, signed)).await {
        Ok(payload) => payload,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

/// Sends a request of `items` items. Releases the bodies in `payload`, so that they can be filled again.
pub(super) async fn send(sender: &Sender, payload: Payload, items: usize) -> Result<Vec<ItemResult>, Unanswered> {
    let sent = Instant::now();
    let answer = sender.cluster.bulk(&payload, REQUEST_TIMEOUT).await;
    let (form, bytes) = (payload.form, payload.plain_bytes);
    drop(payload);
    let results = response::read(&answer?, items).map_err(|error| Unanswered {
        error: BatchError::permanent("POST _bulk", error.to_string()),
        is_refusal: false,
        wants_other_form: false,
    })?;
    sender.cluster.taken().request(bytes, sent, Instant::now());
    sender.cluster.met.items(&results, Instant::now());
    sender.cluster.forms.answered(form, &results);
    Ok(results)
}
