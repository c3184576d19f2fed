//! The output for operators: log lines, and one receipt for every attempt at an object or batch.
//!
//! A receipt is one JSON line. The same line is the CloudWatch embedded metric format record of its counts.
//! Deliberately absent: payloads and credentials, in any message.

mod line;
mod receipt;
mod transform_receipt;

use std::time::Instant;

pub use line::{NAMESPACE, UNMATCHED, Unbalanced, document, print};
pub use receipt::{ALARMED, METRICS, ObjectName, Offsets, Receipt, Subject};
pub use transform_receipt::{TRANSFORM_ALARMED, TRANSFORM_METRICS, TransformReceipt};

/// The time since `started`, for a receipt.
pub(crate) fn elapsed_ms(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Makes `tracing` print JSON lines to standard output. `filter` is the validated `MILLRACE_LOG`.
pub fn init(filter: &str) {
    // A second initialisation, for example in tests, does nothing.
    let _ = tracing_subscriber::fmt()
        .json()
        .with_env_filter(filter)
        .with_current_span(false)
        .with_span_list(false)
        .flatten_event(true)
        .try_init();
}
