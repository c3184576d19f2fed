//! Everything is spoken to over its socket, by the clients that speak to it for real: reqwest, the SDK, a signer.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "local/domain.rs"]
mod domain;
#[path = "local/function.rs"]
mod function;
#[path = "local/s3.rs"]
mod s3;
#[path = "local/signing.rs"]
mod signing;
