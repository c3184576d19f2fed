//! Every service is tested over its socket, with real clients: reqwest, the AWS SDK, a signer.

#![expect(clippy::unwrap_used, reason = "a test ends where it meets what it does not expect")]
#![expect(clippy::disallowed_methods, reason = "signatures and deadlines follow the clock")]

#[path = "emulator/domain.rs"]
mod domain;
#[path = "emulator/function.rs"]
mod function;
#[path = "emulator/queue.rs"]
mod queue;
#[path = "emulator/s3.rs"]
mod s3;
#[path = "emulator/signing.rs"]
mod signing;
