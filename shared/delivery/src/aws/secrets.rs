//! Secrets Manager: the user name and password of a domain, and the key for `hash`.

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use serde::Deserialize;

use super::error::batch_error;
use pipeline::outcome::BatchError;

/// Secrets Manager's client.
#[derive(Debug, Clone)]
pub struct Secrets {
    client: Client,
}

/// A secret in the form that RDS, OpenSearch and others use: `{"username": …, "password": …}`.
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

    /// Reads a key: the secret's bytes, its text, or the text in its `{"key": …}`, the form in which the console stores
    /// a pair.
    ///
    /// # Errors
    /// Any failure of the call. The error never holds the content.
    pub async fn key(&self, secret: &str) -> Result<Vec<u8>, BatchError> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Pair {
            key: String,
        }
        let what = format!("GetSecretValue {secret}");
        let output = match self.client.get_secret_value().secret_id(secret).send().await {
            Ok(output) => output,
            Err(error) => return Err(batch_error(what, &error)),
        };
        if let Some(bytes) = output.secret_binary() {
            return Ok(bytes.as_ref().to_vec());
        }
        let text = output.secret_string().unwrap_or_default();
        Ok(serde_json::from_str(text).map_or_else(|_| text.to_owned(), |pair: Pair| pair.key).into_bytes())
    }

    /// Reads a user name and password.
    ///
    /// # Errors
    /// Permanent if the secret has another form. The error never holds the content.
    pub async fn basic(&self, secret: &str) -> Result<BasicSecret, BatchError> {
        let what = format!("GetSecretValue {secret}");
        let output = match self.client.get_secret_value().secret_id(secret).send().await {
            Ok(output) => output,
            Err(error) => return Err(batch_error(what, &error)),
        };
        serde_json::from_str(output.secret_string().unwrap_or_default())
            .map_err(|_| BatchError::permanent(what, "is not {\"username\": …, \"password\": …}"))
    }
}
