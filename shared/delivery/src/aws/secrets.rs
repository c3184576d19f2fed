//! Secrets Manager: the password, API key or certificate authority of a domain, and the key for `hash`.

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use base64_simd::STANDARD;
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
        let bytes = self.bytes(secret).await?;
        Ok(serde_json::from_slice(&bytes).map_or(bytes, |pair: Pair| pair.key.into_bytes()))
    }

    /// Reads a user name and password.
    ///
    /// # Errors
    /// Permanent if the secret has another form. The error never holds the content.
    pub async fn basic(&self, secret: &str) -> Result<BasicSecret, BatchError> {
        serde_json::from_slice(&self.bytes(secret).await?)
            .map_err(|_| BatchError::permanent(what(secret), "is not {\"username\": …, \"password\": …}"))
    }

    /// Reads an API key in its encoded form. The secret is that form, or JSON with `encoded`, or with `id` and `api_key`:
    /// the answer with which Elasticsearch creates a key has all three.
    ///
    /// # Errors
    /// Permanent if the secret has another form. The error never holds the content.
    pub async fn api_key(&self, secret: &str) -> Result<String, BatchError> {
        let bytes = self.bytes(secret).await?;
        std::str::from_utf8(&bytes).ok().and_then(api_key).ok_or_else(|| {
            BatchError::permanent(what(secret), "is neither {\"id\": …, \"api_key\": …} nor an encoded API key")
        })
    }

    /// Reads a secret, stored as text or as bytes.
    ///
    /// # Errors
    /// Any failure of the call. The error never holds the content.
    pub async fn bytes(&self, secret: &str) -> Result<Vec<u8>, BatchError> {
        let sent = self.client.get_secret_value().secret_id(secret).send().await;
        let output = sent.map_err(|error| batch_error(what(secret), &error))?;
        Ok(match output.secret_binary() {
            Some(bytes) => bytes.as_ref().to_vec(),
            None => output.secret_string().unwrap_or_default().into(),
        })
    }
}

fn what(secret: &str) -> String {
    format!("GetSecretValue {secret}")
}

fn api_key(text: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Pair {
        id: String,
        api_key: String,
    }
    #[derive(Deserialize)]
    struct Encoded {
        encoded: String,
    }
    let text = text.trim();
    let encoded = if text.starts_with('{') {
        match serde_json::from_str::<Pair>(text) {
            Ok(Pair { id, api_key }) => STANDARD.encode_to_string(format!("{id}:{api_key}")),
            Err(_) => serde_json::from_str::<Encoded>(text).ok()?.encoded,
        }
    } else {
        text.to_owned()
    };
    // Not every key is the base64 of a pair: keys of an organization of Elastic Cloud have another form.
    let is_token = !encoded.is_empty() && encoded.bytes().all(|b| b.is_ascii_graphic());
    is_token.then_some(encoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_api_key_is_read_in_each_form_in_which_it_is_given_out() {
        let encoded = "VnVhQ2ZHY0JDZGJrUW0tZTVhT3g6dWkybHAyYXhUTm1zeWFrdzl0dk5udw==";
        let pair = r#""id": "VuaCfGcBCdbkQm-e5aOx", "api_key": "ui2lp2axTNmsyakw9tvNnw""#;
        for (text, expected) in [
            (format!("{{{pair}}}"), Some(encoded)),
            (format!("{{{pair}, \"name\": \"millrace\", \"encoded\": \"{encoded}\"}}"), Some(encoded)),
            (format!("{{\"encoded\": \"{encoded}\"}}"), Some(encoded)),
            (format!("{encoded}\n"), Some(encoded)),
            ("essu_Zm9v".to_owned(), Some("essu_Zm9v")),
            (r#"{"id": "x"}"#.to_owned(), None),
            (r#"{"username": "x", "password": "y"}"#.to_owned(), None),
            ("id and key".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(api_key(&text).as_deref(), expected, "{text}");
        }
    }
}
