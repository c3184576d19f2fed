//! Turns bytes into events, and events into bodies of bulk requests, as pipeline.yaml says.
//!
//! Pure: no tokio, AWS, HTTP, environment or clock. A test checks this (`tests/tests/packages.rs`). An event passes the modules in
//! this order:
//!
//! ```text
//! bytes -> frame -Record-> decode -Event-> select -Event-> route -> shape -Action-> bulk -BulkRequest-> (delivery) -ItemResult-> outcome
//! ```
//!
//! - [`rules`]: pipeline.yaml, compiled
//! - [`frame`]: bytes become payloads
//! - [`decode`]: a payload becomes an event: validated, with a tape
//! - [`select`]: is this event wanted?
//! - [`route`]: index name, document id
//! - [`shape`]: the changes to an event; unchanged parts keep their bytes
//! - [`bulk`]: the `_bulk` body and its response
//! - [`dead_letter`]: an event that can never be indexed, stored with the reason
//! - [`events`]: these steps for each event of a record
//! - [`dry_run`]: the same steps over samples, for `check`
//! - [`rule_tests`]: the same steps over the tests in pipeline.yaml
//!
//! [`record`] and [`outcome`] define the shared types. [`time`] reads and writes ISO 8601.

pub mod bulk;
pub mod dead_letter;
pub mod decode;
pub mod dry_run;
pub mod events;
pub mod frame;
mod json;
pub mod outcome;
pub mod partition;
pub mod record;
pub mod route;
pub mod rule_tests;
pub mod rules;
pub mod select;
pub mod shape;
pub mod time;
mod yaml;
