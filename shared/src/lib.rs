//! The Millrace pipeline: from bytes in a source to documents in a domain.
//!
//! # Layout
//! One straight line, a file a step, in the order in which an event passes:
//!
//! ```text
//! source -bytes-> frame -Record-> decode -Event-> select -Event-> shape -> route -Action-> bulk -BulkRequest-> cluster -ItemResult-> outcome -> response
//! ```
//!
//! - [`source`]: the acknowledgement contract of each event source
//! - [`frame`]: bytes become payloads
//! - [`decode`]: a payload becomes an event: validated, with a tape
//! - [`select`]: is this event wanted?
//! - [`shape`]: what is changed about it; all else keeps its very bytes
//! - [`route`]: index name, document id
//! - [`bulk`]: the `_bulk` body and its response
//! - [`cluster`]: sign, send, retry
//! - [`dead_letter`]: what can never be indexed, kept with its reason
//! - [`pipeline`]: produce, send, settle: the only place that knows both ends
//!
//! What looks after the domain that events go to:
//!
//! - [`operate`]: set up, keep, watch, do it again
//!
//! Beside the line: [`record`] and [`outcome`] are the vocabulary, [`config`] reads the environment and
//! pipeline.yaml, [`aws`] holds the SDK clients, [`telemetry`] prints receipts, [`backoff`] paces repetitions, [`lambda`] knows the deadline.

pub mod aws;
pub mod backoff;
pub mod bulk;
pub mod cluster;
pub mod config;
pub mod dead_letter;
pub mod decode;
pub mod frame;
mod json;
pub mod lambda;
pub mod operate;
pub mod outcome;
pub mod pipeline;
pub mod record;
pub mod route;
pub mod select;
pub mod shape;
pub mod source;
pub mod telemetry;
mod yaml;
