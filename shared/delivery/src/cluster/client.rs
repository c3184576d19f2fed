//! The HTTP client with the certificate authorities that it trusts: those of the system, or that of the domain.
//!
//! In: a file or a secret with PEM. Out: a client, made once. Deliberately absent: requests (`http`).

use std::time::Duration;

use reqwest::{Certificate, Client, ClientBuilder};
use tokio::sync::Mutex;

use crate::{
    aws::{Secrets, error::chain},
    settings::Authority,
};
use pipeline::outcome::{BatchError, ConfigError, Fault};

/// No connection takes longer than this within one region.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The request that an error of the authority names, followed by its file or secret.
pub const AUTHORITY: &str = "MILLRACE_DOMAIN_CA";

/// A client, or the way to make it.
#[derive(Debug)]
pub(super) enum Connector {
    /// It trusts the authorities of the system.
    System(Client),
    /// It trusts only an authority that is read before the first request, and again after a failed connection, since
    /// authorities change too.
    Own { authority: Authority, secrets: Secrets, client: Mutex<Option<Client>> },
}

impl Connector {
    /// A connector that trusts the system's authorities, or only the given one. Sends no request.
    ///
    /// # Errors
    /// No client can be made, for example for lack of root certificates.
    pub(super) fn new(authority: Option<&Authority>, secrets: &Secrets) -> Result<Self, ConfigError> {
        Ok(match authority {
            None => Self::system()?,
            Some(authority) => {
                Self::Own { authority: authority.clone(), secrets: secrets.clone(), client: Mutex::default() }
            }
        })
    }

    /// A connector that trusts the system's authorities.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub(super) fn system() -> Result<Self, ConfigError> {
        system().map(Self::System)
    }

    /// The client.
    ///
    /// # Errors
    /// The authority is not available, or is not PEM.
    pub(super) async fn client(&self) -> Result<Client, BatchError> {
        match self {
            Self::System(client) => Ok(client.clone()),
            Self::Own { authority, secrets, client } => {
                let mut client = client.lock().await;
                match client.as_ref() {
                    Some(client) => Ok(client.clone()),
                    None => Ok(client.insert(own(authority, secrets).await?).clone()),
                }
            }
        }
    }

    /// After a failed connection: reads the authority again before the next one.
    pub(super) async fn forget(&self) {
        if let Self::Own { client, .. } = self {
            *client.lock().await = None;
        }
    }
}

/// A client that trusts the system's authorities.
///
/// # Errors
/// As [`Connector::new`].
pub(super) fn system() -> Result<Client, ConfigError> {
    builder().build().map_err(|error| ConfigError {
        faults: vec![Fault { place: "MILLRACE_DOMAIN_ENDPOINT".into(), message: format!("no HTTP client: {error}") }],
    })
}

async fn own(authority: &Authority, secrets: &Secrets) -> Result<Client, BatchError> {
    let place = match authority {
        Authority::File(path) => path.display().to_string(),
        Authority::Secret(secret) => secret.clone(),
    };
    let refused = |reason: &str| {
        let form = "give a file, or the ARN of a secret, with certificates in PEM";
        BatchError::permanent(format!("{AUTHORITY} {place}"), format!("{reason}: {form}"))
    };
    let pem = match authority {
        Authority::File(path) => tokio::fs::read(path).await.map_err(|error| refused(&error.to_string()))?,
        Authority::Secret(secret) => secrets.bytes(secret).await?,
    };
    let certificates = Certificate::from_pem_bundle(&pem).map_err(|error| refused(&chain(&error)))?;
    if certificates.is_empty() {
        return Err(refused("holds no certificate in PEM"));
    }
    builder().tls_certs_only(certificates).build().map_err(|error| refused(&chain(&error)))
}

fn builder() -> ClientBuilder {
    // Another part of the process may have installed it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder().connect_timeout(CONNECT_TIMEOUT).http1_only();
    // A redirect would send events, and headers that sign them, to a host that is not configured.
    builder.redirect(reqwest::redirect::Policy::none())
}
