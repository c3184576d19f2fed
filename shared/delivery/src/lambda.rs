//! The Lambda invocation: [`serve()`] runs the runtime's loop, the context becomes a [`Deadline`], and a failure has an
//! error type ([`FailedBy`]).

mod deadline;
mod failed;
mod serve;

pub use deadline::{Deadline, now_ms};
pub use failed::{Failed, FailedBy};
pub use serve::{Invocation, serve, serve_raw};
