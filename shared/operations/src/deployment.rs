//! The whole environment of a deployment, as far as it can be read: for tools that inspect it from outside.
//!
//! In: a lookup of variables. Out: the valid values and all faults. Deliberately absent: refusing to start. The
//! functions do that with [`Settings`] and [`SetupSettings`], which report the same faults.

use std::path::PathBuf;

use crate::settings::{self, Domain, SetupSettings};
use delivery::settings::{DEFAULT_PIPELINE, Reader, S3Prefix, Settings};
use pipeline::outcome::Fault;

/// The configuration of a deployment.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// The domain; none if `MILLRACE_DOMAIN_ENDPOINT` or `MILLRACE_DOMAIN_AUTH` has a fault.
    pub domain: Option<Domain>,
    /// `MILLRACE_PIPELINE`.
    pub pipeline: PathBuf,
    /// `MILLRACE_HASH_KEY`.
    pub hash_key: Option<String>,
    /// `MILLRACE_DEAD_LETTERS`; none if it has a fault.
    pub dead_letters: Option<S3Prefix>,
    /// `MILLRACE_QUEUE_URL`.
    pub queue_url: Option<String>,
    /// `MILLRACE_MAX_BODY_BYTES`.
    pub max_body_bytes: usize,
    /// `MILLRACE_MAX_EVENT_BYTES`.
    pub max_event_bytes: usize,
    /// `MILLRACE_INGEST_ROLES`.
    pub ingest_roles: Vec<String>,
    /// All faults that the functions would refuse.
    pub faults: Vec<Fault>,
}

impl Deployment {
    /// Reads from a lookup, such as [`variable`](delivery::settings::variable). An empty value counts as missing.
    /// `pipeline` is used if `MILLRACE_PIPELINE` is not set.
    pub fn read(lookup: impl Fn(&str) -> Option<String>, pipeline: Option<PathBuf>) -> Self {
        let mut faults = Vec::new();
        let settings = Settings::read(&lookup).map_err(|error| faults.extend(error.faults));
        let setup = SetupSettings::read(&lookup).map_err(|error| faults.extend(error.faults));
        faults.sort_by(|left, right| (&left.place, &left.message).cmp(&(&right.place, &right.message)));
        faults.dedup();
        let is_right = |name: &str| faults.iter().all(|fault| fault.place != name);
        let mut env = Reader::new(&lookup);
        let pipeline = match lookup("MILLRACE_PIPELINE").filter(|value| !value.is_empty()) {
            Some(_) => env.pipeline(),
            None => pipeline.unwrap_or_else(|| DEFAULT_PIPELINE.into()),
        };
        let domain = Domain { pipeline: pipeline.clone(), ..settings::domain(&mut env) };
        let (max_body_bytes, max_event_bytes) =
            settings.map_or_else(|()| env.limits(), |settings| (settings.max_body_bytes, settings.max_event_bytes));
        Self {
            domain: (is_right("MILLRACE_DOMAIN_ENDPOINT") && is_right("MILLRACE_DOMAIN_AUTH")).then_some(domain),
            pipeline,
            hash_key: env.hash_key(),
            dead_letters: is_right("MILLRACE_DEAD_LETTERS").then(|| env.dead_letters()),
            queue_url: env.queue_url(),
            max_body_bytes,
            max_event_bytes,
            ingest_roles: setup.map(|setup| setup.ingest_roles).unwrap_or_default(),
            faults,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use delivery::settings::Auth;

    fn read(pairs: &[(&str, &str)]) -> Deployment {
        let lookup = |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).into());
        Deployment::read(lookup, Some("own.yaml".into()))
    }

    #[test]
    fn valid_variables_are_read_beside_faulty_ones() {
        let deployment = read(&[
            ("MILLRACE_DOMAIN_ENDPOINT", "https://domain/"),
            ("MILLRACE_DOMAIN_AUTH", "none"),
            ("MILLRACE_DEAD_LETTERS", "bucket"),
            ("MILLRACE_INGEST_ROLES", "me"),
            ("MILLRACE_MAX_BODY_BYTES", "2000000"),
        ]);
        let domain = deployment.domain.unwrap();
        assert_eq!((domain.endpoint.as_str(), domain.auth), ("https://domain", Auth::None));
        assert_eq!((deployment.dead_letters, deployment.max_body_bytes), (None, 2_000_000));
        assert_eq!(deployment.pipeline, PathBuf::from("own.yaml"));
        let places: Vec<_> = deployment.faults.iter().map(|fault| fault.place.as_str()).collect();
        assert_eq!(places, ["MILLRACE_DEAD_LETTERS", "MILLRACE_INGEST_ROLES"], "each once");
    }

    #[test]
    fn an_empty_environment_is_read_too() {
        let deployment = read(&[("MILLRACE_PIPELINE", "set.yaml")]);
        assert!(deployment.domain.is_none() && deployment.dead_letters.is_none());
        assert_eq!((deployment.faults.len(), deployment.pipeline), (2, PathBuf::from("set.yaml")));
    }
}
