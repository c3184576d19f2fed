//! The administrative requests to a domain: its version, indices, storage, snapshots, templates and roles.
//!
//! In: a request as JSON. Out: the response as JSON, after as many attempts as the deadline allows. Every request can
//! be repeated without harm. Deliberately absent: decisions based on the responses (the operations).

pub mod answers;
mod client;
pub mod deletion;
pub mod index;
pub mod indices;
pub mod last_operations;
pub mod load;
pub mod ownership;
pub mod repositories;
mod response;
pub mod rolled;
pub mod security;
pub mod snapshots;
pub mod storage;
pub mod templates;
pub mod version;

pub use client::Admin;
pub use response::AdminResponse;
pub use version::{Distribution, Version};
