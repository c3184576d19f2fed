//! Millrace on your own machine: an S3 on folders, a small Elasticsearch-compatible domain, a queue and the Lambda
//! runtime API, all in one process, around the very function binaries that are deployed.
//!
//! # Layout
//! - [`server`]: one HTTP server on 127.0.0.1, which the four services share
//! - [`runtime`]: the Lambda runtime API
//! - [`function`]: one deployed binary as a child process against a runtime API of its own
//! - [`s3`]: an S3 on folders
//! - [`domain`]: the domain, which can be told to fail
//! - [`queue`]: an SQS queue
//!
//! Deliberately absent: any way to ingest. What reaches the domain went through a function.

pub mod domain;
pub mod function;
pub mod queue;
pub mod runtime;
pub mod s3;
pub mod server;
