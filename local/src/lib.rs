//! Millrace on your own machine: an S3 on folders, a small Elasticsearch-compatible domain, a queue and the Lambda
//! runtime API, all in one process. The functions are the same binaries that are deployed.
//!
//! # Layout
//! - [`server`]: one HTTP server on 127.0.0.1, shared by the services
//! - [`runtime`]: the Lambda runtime API
//! - [`function`]: one deployed binary as a child process with its own runtime API
//! - [`s3`]: an S3 on folders
//! - [`domain`]: the domain, with faults on demand
//! - [`queue`]: an SQS queue
//! - [`secrets`]: a Secrets Manager with the key for `hash`
//!
//! Modules of the program `local`, in the order of a run: [`binary`] finds the function, [`files`] or [`sample`] the
//! objects. [`machine`] connects the services. [`notification`] makes the notifications of S3, and [`deliver`] delivers
//! them to the function. [`progress`], [`reasons`] and [`report`] show the result. For records of a stream, [`stream`]
//! replaces S3, [`notification`] and [`deliver`].
//!
//! Other modules need none of these services: [`check`] tries the rules on files, [`schema`] describes the rules to
//! editors, and [`logstash`] makes rules from a Logstash configuration. [`picture`] draws the data of a domain.
//!
//! Deliberately absent: any other way to ingest. All documents in the domain come through a function.

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
