//! AWS on your own machine, in one process: an S3 on folders, a small Elasticsearch-compatible domain, a queue, and
//! Lambda. The functions are the same binaries that are deployed.
//!
//! # Layout
//! - [`server`]: one HTTP server on 127.0.0.1, shared by the services
//! - [`runtime`]: the Lambda runtime API
//! - [`function`]: one deployed binary as a child process with its own runtime API
//! - [`s3`]: an S3 on folders; [`notification`]: the notifications that it sends
//! - [`domain`]: the domain, with faults on demand
//! - [`queue`]: an SQS queue, with its event source mapping; [`stream`]: the event source mappings of Kinesis and Kafka
//! - [`response`]: the answer of a function to a batch, as all event source mappings read it
//! - [`secrets`]: a Secrets Manager with the key for `hash`
//!
//! Deliberately absent: any knowledge of the functions, except [`pipeline`]'s query language, which the domain uses.

pub mod domain;
pub mod function;
pub mod notification;
pub mod queue;
pub mod response;
pub mod runtime;
pub mod s3;
pub mod secrets;
pub mod server;
pub mod stream;
