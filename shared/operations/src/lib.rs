//! The operations on a domain and its event sources. They run once, on a schedule or on request, outside the path of an
//! event.
//!
//! In: an invocation and its deadline. Out: what was done, as one JSON document; or an error, so that an alarm fires.
//! Each function has one file here. [`admin`] holds the requests to the domain.

pub mod admin;
pub mod audit;
pub mod bounds;
pub mod brake;
pub mod compared;
pub mod deployment;
pub mod doctor;
pub mod error;
#[cfg(test)]
mod fake_domain;
pub mod functions;
pub mod layouts;
pub mod refusals;
pub mod replay;
pub mod retention;
pub mod settings;
pub mod setup;
pub mod sources;
pub mod stack;
mod startup;
