//! Millrace on your own machine: an S3 on folders, a small Elasticsearch-compatible domain, a queue and the Lambda
//! runtime API, all in one process, around the very function binaries that are deployed.
//!
//! # Layout
//! - [`server`]: one HTTP server on 127.0.0.1, which the services share
//! - [`runtime`]: the Lambda runtime API
//! - [`function`]: one deployed binary as a child process against a runtime API of its own
//! - [`s3`]: an S3 on folders
//! - [`domain`]: the domain, which can be told to fail
//! - [`queue`]: an SQS queue
//! - [`secrets`]: a Secrets Manager with the key for `hash`
//!
//! The program around them, in the order of a run: [`binary`] finds the function, [`files`] or [`sample`] the objects,
//! [`machine`] wires the services, [`notification`] says what lies in S3, [`deliver`] brings it to the function,
//! [`progress`], [`reasons`] and [`report`] show what came of it. Through a stream, [`stream`] stands in the place of S3,
//! [`notification`] and [`deliver`].
//!
//! Without any of these, [`check`] tries the rules on files, [`schema`] describes them to editors, and [`logstash`] makes
//! them of a Logstash configuration. [`picture`] draws what lies in a domain.
//!
//! Deliberately absent: any way to ingest. What reaches the domain went through a function.

pub mod binary;
pub mod check;
pub mod deliver;
pub mod domain;
pub mod files;
pub mod function;
pub mod logstash;
pub mod machine;
pub mod notification;
pub mod picture;
pub mod progress;
pub mod queue;
pub mod reasons;
pub mod report;
pub mod runtime;
pub mod s3;
pub mod sample;
pub mod schema;
pub mod secrets;
pub mod server;
pub mod stream;
