//! A Secrets Manager with one secret: the key for `hash`.
//!
//! Deliberately absent: signatures, and a key that is really secret. Pseudonyms made with this key differ from those of
//! a deployment. Anyone can find the original values.

use std::io;

use hyper::{Request, body::Incoming, service::service_fn};
use serde_json::json;

use crate::server::{self, Answer, Closed, Server};
use pipeline::rule_tests::HASH_KEY;

/// The name of the secret, for `MILLRACE_HASH_KEY`.
const NAME: &str = "local";

/// A running Secrets Manager. Dropping it stops it.
#[derive(Debug)]
pub struct Secrets {
    server: Server,
}

impl Secrets {
    /// Serves on a free port.
    ///
    /// # Errors
    /// The port could not be bound.
    pub async fn start() -> io::Result<Self> {
        Ok(Self { server: Server::start(service_fn(handle)).await? })
    }

    /// The variables that make a function read the key from here.
    pub fn environment(&self) -> [(&'static str, String); 2] {
        [("MILLRACE_HASH_KEY", NAME.into()), ("AWS_ENDPOINT_URL_SECRETS_MANAGER", self.server.url())]
    }
}

async fn handle(request: Request<Incoming>) -> Result<Answer, Closed> {
    let target = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok());
    Ok(match target {
        Some("secretsmanager.GetSecretValue") => server::json(200, &json!({ "Name": NAME, "SecretString": HASH_KEY })),
        _ => server::json(400, &json!({ "__type": "InvalidRequestException", "message": "GetSecretValue alone" })),
    })
}
