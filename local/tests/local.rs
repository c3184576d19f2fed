//! Every service is tested over its socket, with real clients: reqwest, the AWS SDK, a signer.

#![expect(clippy::unwrap_used, reason = "a test ends where it meets what it does not expect")]
#![expect(clippy::disallowed_methods, reason = "signatures and deadlines follow the clock")]

#[path = "local/domain.rs"]
mod domain;
#[path = "local/function.rs"]
mod function;
#[path = "local/logstash.rs"]
mod logstash;
#[path = "local/program.rs"]
mod program;
#[path = "local/queue.rs"]
mod queue;
#[path = "local/s3.rs"]
mod s3;
#[path = "local/signing.rs"]
mod signing;
#[path = "local/stream.rs"]
mod stream;
