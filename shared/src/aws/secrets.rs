//! Secrets Manager: the user name and password of a domain.

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use serde::Deserialize;

use crate::outcome::BatchError;

/// Secrets Manager's client.
#[derive(Debug, Clone)]
pub struct Secrets {
    client: Client,
}

/// A secret in the form that RDS, OpenSearch and others store: `{"username": …, "password": …}`.
#[derive(Deserialize)]
pub struct BasicSecret {
    /// The user's name.
    pub username: String,
    /// The user's password.
    pub password: String,
}

impl Secrets {
    /// A client of the configuration's endpoint.
    pub fn new(config: &SdkConfig) -> Self {
        Self { client: Client::new(config) }
    }

    /// Reads one secret.
    ///
    /// # Errors
    /// Permanent where the secret is not of the expected form; its content is never told.
    pub async fn basic(&self, secret: &str) -> Result<BasicSecret, BatchError> {
        let what = format!("GetSecretValue {secret}");
        let output = match self.client.get_secret_value().secret_id(secret).send().await {
            Ok(output) => output,
            Err(error) => return Err(super::batch_error(what, &error)),
        };
        serde_json::from_str(output.secret_string().unwrap_or_default())
            .map_err(|_| BatchError::Permanent { what, reason: "is not {\"username\": …, \"password\": …}".into() })
    }
}
