//! Decides whether a request comes from the page itself.
//!
//! Every program and every web site on this machine can reach a port of 127.0.0.1. A site whose name was bound to 127.0.0.1 (DNS
//! rebinding) sends its own name as `Host`, and a GET without `Origin`. Another site sends its own `Origin`. Another program of another
//! user does not know the token.

use std::{fmt::Write as _, io, sync::OnceLock};

use hyper::{HeaderMap, StatusCode, header};
use sha2::{Digest, Sha256};

/// The header with the token. A page of another origin cannot send it without asking first, and is always refused.
pub(super) const TOKEN: &str = "x-millrace-token";
/// The random bytes of a token.
const TOKEN_BYTES: usize = 24;
/// The names of this machine that a browser may use.
const HOSTS: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

/// The token and the port of one page.
#[derive(Debug)]
pub(super) struct Guard {
    token: String,
    port: OnceLock<u16>,
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) reason: &'static str,
}

const FOREIGN_HOST: Refusal = Refusal {
    status: StatusCode::MISDIRECTED_REQUEST,
    reason: "the Host of the request is not this page: open the URL that millrace printed",
};
const FOREIGN_ORIGIN: Refusal =
    Refusal { status: StatusCode::FORBIDDEN, reason: "the Origin of the request is not this page" };
const NO_TOKEN: Refusal = Refusal {
    status: StatusCode::UNAUTHORIZED,
    reason: "the token is missing or is another run's: open the URL that millrace printed",
};

impl Guard {
    pub(super) fn new() -> io::Result<Self> {
        let mut bytes = [0; TOKEN_BYTES];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        let token = bytes.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        Ok(Self { token, port: OnceLock::new() })
    }

    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// The page's server listens on this port. Before, every request is refused.
    pub(super) fn serves(&self, port: u16) {
        let _ = self.port.set(port);
    }

    /// Checks where a request comes from.
    pub(super) fn origin(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let port = self.port.get().ok_or(FOREIGN_HOST)?;
        let is_own = |host: &str| HOSTS.iter().any(|own| host == format!("{own}:{port}"));
        let host = only(headers, header::HOST).map_err(|()| FOREIGN_HOST)?;
        let Some(host) = host.filter(|host| is_own(host)) else { return Err(FOREIGN_HOST) };
        match only(headers, header::ORIGIN) {
            Ok(None) => Ok(()),
            Ok(Some(origin)) if origin.strip_prefix("http://") == Some(host) => Ok(()),
            Ok(Some(_)) | Err(()) => Err(FOREIGN_ORIGIN),
        }
    }

    /// Checks the token, in a time that says nothing about it.
    pub(super) fn known(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let given = headers.get(TOKEN).map(|token| Sha256::digest(token.as_bytes()));
        if given == Some(Sha256::digest(&self.token)) { Ok(()) } else { Err(NO_TOKEN) }
    }
}

/// The value of a header that may occur once.
fn only(headers: &HeaderMap, name: header::HeaderName) -> Result<Option<&str>, ()> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| ()),
        (Some(_), Some(_)) => Err(()),
    }
}
