//! The `_bulk` body and its limits, and its response with one [`ItemResult`] for each item.
//!
//! In: action lines and documents. Out: a [`Body`] that knows the span of every item, so that only failed items are sent again;
//! then the domain's answer to each item. Deliberately absent: HTTP, compression, retries (`cluster`).

pub mod attribution;
mod body;
pub mod refusals;
pub mod repair;
pub mod response;
pub mod verdict;

pub use attribution::{Attribution, attribute};
pub use body::{Body, Full, MAX_ITEMS};
pub use refusals::{Refusals, Ruling};
pub use repair::Repair;
pub use response::{ItemError, ItemResult, UnreadableResponse};
pub use verdict::ItemVerdict;
