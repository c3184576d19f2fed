//! The settings of the functions that operate a domain: `setup`, `retention`, `replay` and `brake`.
//!
//! In: a lookup of variables. Out: validated settings, or all faults at once. Deliberately absent: the network.

use std::{path::PathBuf, time::Duration};

use crate::stack::{self, Stack};
use delivery::settings::{Auth, Authority, Reader, S3Prefix, is_url, s3_prefix};
use pipeline::outcome::ConfigError;

const STORAGE_FORM: &str = "a share such as 15% or a size a node such as 20gb";
const SNAPSHOTS_FORM: &str = "s3://bucket/prefix, or fs:LOCATION for a folder that all nodes of a cluster share";

/// The longest time that Lambda lets an invocation run
/// (<https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html>).
const LONGEST_TIMEOUT: Duration = Duration::from_mins(15);

/// The settings that all of them share.
#[derive(Debug, Clone)]
pub struct Domain {
    /// `MILLRACE_DOMAIN_ENDPOINT`: scheme, host, optional port and path; no slash at the end.
    pub endpoint: String,
    /// `MILLRACE_DOMAIN_AUTH`.
    pub auth: Auth,
    /// `MILLRACE_DOMAIN_CA`.
    pub authority: Option<Authority>,
    /// `MILLRACE_PIPELINE`.
    pub pipeline: PathBuf,
    /// `MILLRACE_HASH_KEY`: the key for rules with a `hash`.
    pub hash_key: Option<String>,
    /// `MILLRACE_LOG`.
    pub log: String,
    /// `MILLRACE_STACK`: identifies this deployment among those that share the domain.
    pub stack: Stack,
}

impl Domain {
    /// Whether it is a collection of OpenSearch Serverless, which has no nodes, snapshots or roles to manage.
    pub fn is_collection(&self) -> bool {
        matches!(&self.auth, Auth::SigV4(signing) if signing.service == "aoss")
    }
}

/// The location of snapshots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repository {
    /// In a bucket.
    S3(S3Prefix),
    /// In a folder that all nodes share and that their `path.repo` allows: for self-managed clusters.
    Fs(String),
}

impl std::fmt::Display for Repository {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::S3(S3Prefix { bucket, prefix }) => write!(f, "s3://{bucket}/{prefix}"),
            Self::Fs(location) => write!(f, "fs:{}", location.trim_end_matches('/')),
        }
    }
}

/// The storage that should stay free on every node.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FreeStorage {
    /// In percent of its disk.
    Percent(f64),
    /// In bytes.
    Bytes(u64),
}

impl FreeStorage {
    /// The bytes that should stay free on a disk of `total` bytes.
    pub fn of(self, total: u64) -> u64 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 100 percent of a disk")]
        match self {
            Self::Percent(percent) => (total as f64 * percent / 100.0) as u64,
            Self::Bytes(bytes) => bytes,
        }
    }
}

/// The settings of `setup`.
#[derive(Debug, Clone)]
pub struct SetupSettings {
    /// The domain.
    pub domain: Domain,
    /// `MILLRACE_SNAPSHOTS`.
    pub snapshots: Option<Repository>,
    /// `MILLRACE_SNAPSHOT_ROLE_ARN`: the role that the domain assumes to write snapshots.
    pub snapshot_role: Option<String>,
    /// `MILLRACE_INGEST_ROLES`: the roles that write events.
    pub ingest_roles: Vec<String>,
    /// `MILLRACE_OPERATE_ROLES`: the roles that operate the domain.
    pub operate_roles: Vec<String>,
    /// `MILLRACE_DASHBOARDS`: the URL of OpenSearch Dashboards or Kibana.
    pub dashboards: Option<String>,
}

/// The settings of `retention`.
#[derive(Debug, Clone)]
pub struct RetentionSettings {
    /// The domain.
    pub domain: Domain,
    /// `MILLRACE_SNAPSHOTS`: the location of the repository that `setup` made.
    pub snapshots: Option<Repository>,
    /// `MILLRACE_FREE_STORAGE_WATERMARK`.
    pub watermark: Option<FreeStorage>,
}

/// The settings of `brake`.
#[derive(Debug, Clone)]
pub struct BrakeSettings {
    /// The domain.
    pub domain: Domain,
    /// `MILLRACE_STATE`: where states are stored, including the record of paused sources.
    pub state: S3Prefix,
    /// `MILLRACE_SOURCE_FUNCTIONS`: the functions whose event source mappings are paused.
    pub source_functions: Vec<String>,
    /// `MILLRACE_FREE_STORAGE_BRAKE`: the sources are paused if a node has less free storage than this.
    pub free_storage: Option<FreeStorage>,
    /// `MILLRACE_REFUSALS_BRAKE`: the sources are paused if this many writes are refused because of load between two
    /// runs.
    pub refusals: u64,
}

/// The default of `MILLRACE_REFUSALS_BRAKE`. A domain that is merely busy refuses fewer writes in five minutes, because
/// the functions pace themselves.
pub const DEFAULT_REFUSALS: u64 = 1_000;

impl BrakeSettings {
    /// Reads from a lookup, such as [`variable`](delivery::settings::variable). An empty value counts as missing.
    ///
    /// # Errors
    /// All faults at once. The caller fails its initialisation with them.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut env = Reader::new(lookup);
        let settings = Self {
            domain: domain(&mut env),
            state: state(&mut env),
            source_functions: source_functions(&mut env),
            free_storage: storage_limit(&mut env, "MILLRACE_FREE_STORAGE_BRAKE"),
            refusals: env.or("MILLRACE_REFUSALS_BRAKE", DEFAULT_REFUSALS, "a whole number from 1 on", |value| {
                value.parse().ok().filter(|count| *count > 0)
            }),
        };
        env.finish(settings)
    }
}

/// The settings of `replay`.
#[derive(Debug, Clone)]
pub struct ReplaySettings {
    /// The domain.
    pub domain: Domain,
    /// `MILLRACE_STATE`: where progress is stored.
    pub state: S3Prefix,
    /// `MILLRACE_DEAD_LETTERS`.
    pub dead_letters: S3Prefix,
    /// `MILLRACE_QUEUE_URL`: where notifications are sent.
    pub queue_url: String,
    /// `MILLRACE_SOURCE_FUNCTIONS`: the functions whose event source mappings are paused for `recreate`.
    pub source_functions: Vec<String>,
    /// `MILLRACE_SOURCE_TIMEOUT`: the longest time that an invocation of these functions runs.
    pub source_timeout: Duration,
    /// `MILLRACE_SNAPSHOTS`: the location of the repository that `setup` made, for `recreate`.
    pub snapshots: Option<Repository>,
    /// `AWS_LAMBDA_FUNCTION_NAME`: the function to invoke to continue; none outside Lambda.
    pub function: Option<String>,
}

impl ReplaySettings {
    /// Reads from a lookup, such as [`variable`](delivery::settings::variable). An empty value counts as missing.
    ///
    /// # Errors
    /// All faults at once. The caller fails its initialisation with them.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut env = Reader::new(lookup);
        let settings = Self {
            domain: domain(&mut env),
            state: state(&mut env),
            dead_letters: env.dead_letters(),
            queue_url: env
                .required("MILLRACE_QUEUE_URL", "the URL of an SQS queue", |value| is_url(value).then(|| value.into())),
            source_functions: source_functions(&mut env),
            source_timeout: env.or("MILLRACE_SOURCE_TIMEOUT", LONGEST_TIMEOUT, "seconds from 1 to 900", seconds),
            snapshots: snapshots(&mut env),
            function: env.or("AWS_LAMBDA_FUNCTION_NAME", None, "a name", |value| Some(Some(value.into()))),
        };
        env.finish(settings)
    }
}

impl SetupSettings {
    /// Reads from a lookup, such as [`variable`](delivery::settings::variable). An empty value counts as missing.
    ///
    /// # Errors
    /// All faults at once. The caller fails its initialisation with them.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut env = Reader::new(lookup);
        let settings = Self {
            domain: domain(&mut env),
            snapshots: snapshots(&mut env),
            snapshot_role: env
                .or("MILLRACE_SNAPSHOT_ROLE_ARN", None, "the ARN of a role", |value| role(value).map(Some)),
            ingest_roles: env.or("MILLRACE_INGEST_ROLES", Vec::new(), "ARNs of roles, with commas between", roles),
            operate_roles: env.or("MILLRACE_OPERATE_ROLES", Vec::new(), "ARNs of roles, with commas between", roles),
            dashboards: env.or("MILLRACE_DASHBOARDS", None, "a URL such as https://DOMAIN/_dashboards", |value| {
                is_url(value).then(|| Some(value.trim_end_matches('/').into()))
            }),
        };
        if let Some(dashboards) = &settings.dashboards {
            env.refuse_plain_http("MILLRACE_DASHBOARDS", dashboards, &settings.domain.auth);
        }
        if settings.domain.is_collection() && settings.snapshots.is_some() {
            env.fault("MILLRACE_SNAPSHOTS", NO_SNAPSHOTS.into());
        }
        env.finish(settings)
    }
}

const NO_SNAPSHOTS: &str = "a collection of OpenSearch Serverless writes no snapshots to your bucket: leave it empty";

impl RetentionSettings {
    /// Reads from a lookup, such as [`variable`](delivery::settings::variable). An empty value counts as missing.
    ///
    /// # Errors
    /// All faults at once. The caller fails its initialisation with them.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut env = Reader::new(lookup);
        let settings = Self {
            domain: domain(&mut env),
            snapshots: snapshots(&mut env),
            watermark: storage_limit(&mut env, "MILLRACE_FREE_STORAGE_WATERMARK"),
        };
        // A collection does not have these APIs.
        if settings.domain.is_collection() {
            let message = "sigv4:aoss: OpenSearch Serverless has no API for `retention`: its life cycle policies \
                           delete old data; do not deploy this function";
            env.fault("MILLRACE_DOMAIN_AUTH", message.into());
        }
        env.finish(settings)
    }
}

/// The domain, including the authentication of its requests.
pub(crate) fn domain<L: Fn(&str) -> Option<String>>(env: &mut Reader<L>) -> Domain {
    let (endpoint, auth, authority) = (env.endpoint(), env.auth(), env.authority());
    env.refuse_plain_http("MILLRACE_DOMAIN_ENDPOINT", &endpoint, &auth);
    env.refuse_plain_services();
    let (pipeline, hash_key) = (env.pipeline(), env.hash_key());
    Domain { endpoint, auth, authority, pipeline, hash_key, log: env.log(), stack: stack::read(env) }
}

/// `MILLRACE_SNAPSHOTS`.
fn snapshots<L: Fn(&str) -> Option<String>>(env: &mut Reader<L>) -> Option<Repository> {
    env.or("MILLRACE_SNAPSHOTS", None, SNAPSHOTS_FORM, |value| match value.strip_prefix("fs:") {
        Some(location) => (!location.is_empty()).then(|| Some(Repository::Fs(location.into()))),
        None => s3_prefix(value).map(|at| Some(Repository::S3(at))),
    })
}

/// `MILLRACE_STATE`.
fn state<L: Fn(&str) -> Option<String>>(env: &mut Reader<L>) -> S3Prefix {
    env.required("MILLRACE_STATE", "s3://bucket/prefix", s3_prefix)
}

/// `MILLRACE_SOURCE_FUNCTIONS`.
fn source_functions<L: Fn(&str) -> Option<String>>(env: &mut Reader<L>) -> Vec<String> {
    env.or("MILLRACE_SOURCE_FUNCTIONS", Vec::new(), "names of functions, with commas between", |value| {
        Some(value.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect())
    })
}

fn seconds(value: &str) -> Option<Duration> {
    value
        .parse()
        .ok()
        .map(Duration::from_secs)
        .filter(|timeout| (1..=LONGEST_TIMEOUT.as_secs()).contains(&timeout.as_secs()))
}

/// A storage limit, by the name of its variable.
fn storage_limit<L: Fn(&str) -> Option<String>>(env: &mut Reader<L>, name: &str) -> Option<FreeStorage> {
    env.or(name, None, STORAGE_FORM, |value| free_storage(value).map(Some))
}

fn free_storage(value: &str) -> Option<FreeStorage> {
    if let Some(percent) = value.strip_suffix('%') {
        return percent.parse().ok().filter(|percent| (0.0..100.0).contains(percent)).map(FreeStorage::Percent);
    }
    let (number, shift) = [("gb", 30), ("mb", 20), ("tb", 40)]
        .into_iter()
        .find_map(|(unit, shift)| Some((value.to_ascii_lowercase().strip_suffix(unit)?.parse::<u64>().ok()?, shift)))?;
    number.checked_mul(1 << shift).map(FreeStorage::Bytes)
}

/// `arn:aws:iam::123456789012:role/NAME`. The engine of a test may use other names.
fn role(value: &str) -> Option<String> {
    (value.starts_with("arn:") && value.contains(":role/")).then(|| value.to_owned())
}

fn roles(value: &str) -> Option<Vec<String>> {
    value.split(',').map(str::trim).filter(|part| !part.is_empty()).map(role).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup<'p>(pairs: &'p [(&'p str, &'p str)]) -> impl Fn(&str) -> Option<String> {
        |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).into())
    }

    #[test]
    fn every_form_of_storage_and_snapshots_is_understood() {
        for (value, meant) in [
            ("15%", Some(FreeStorage::Percent(15.0))),
            ("2.5%", Some(FreeStorage::Percent(2.5))),
            ("20gb", Some(FreeStorage::Bytes(20 << 30))),
            ("500MB", Some(FreeStorage::Bytes(500 << 20))),
            ("100%", None),
            ("-1%", None),
            ("20", None),
            ("many gb", None),
        ] {
            assert_eq!(free_storage(value), meant, "{value}");
        }
        let endpoint = ("MILLRACE_DOMAIN_ENDPOINT", "http://127.0.0.1:9200");
        for (value, meant) in [
            ("s3://snapshots/a", Some(Repository::S3(S3Prefix { bucket: "snapshots".into(), prefix: "a".into() }))),
            ("fs:/srv/snapshots", Some(Repository::Fs("/srv/snapshots".into()))),
            ("", None),
        ] {
            let settings = SetupSettings::read(lookup(&[endpoint, ("MILLRACE_SNAPSHOTS", value)])).unwrap();
            assert_eq!(settings.snapshots, meant);
        }
        assert_eq!(FreeStorage::Percent(15.0).of(1000), 150);
    }

    #[test]
    fn an_invocation_of_a_source_ends_within_what_lambda_allows() {
        let read = |value: &str| {
            let replay = [
                ("MILLRACE_DOMAIN_ENDPOINT", "https://d"),
                ("MILLRACE_STATE", "s3://state"),
                ("MILLRACE_DEAD_LETTERS", "s3://dead"),
                ("MILLRACE_QUEUE_URL", "https://q"),
                ("MILLRACE_SOURCE_TIMEOUT", value),
            ];
            ReplaySettings::read(lookup(&replay)).map(|settings| settings.source_timeout.as_secs()).ok()
        };
        assert_eq!((read(""), read("60"), read("900")), (Some(900), Some(60), Some(900)));
        for value in ["0", "901", "-1", "1m"] {
            assert_eq!(read(value), None, "{value}");
        }
    }

    #[test]
    fn all_faults_are_reported_at_once() {
        let error = SetupSettings::read(lookup(&[
            ("MILLRACE_SNAPSHOTS", "snapshots"),
            ("MILLRACE_SNAPSHOT_ROLE_ARN", "me"),
            ("MILLRACE_INGEST_ROLES", "arn:aws:iam::1:role/a,b"),
            ("MILLRACE_DASHBOARDS", "/_dashboards"),
        ]))
        .unwrap_err();
        let places: Vec<_> = error.faults.iter().map(|fault| fault.place.as_str()).collect();
        let expected = [
            "MILLRACE_DOMAIN_ENDPOINT",
            "MILLRACE_SNAPSHOTS",
            "MILLRACE_SNAPSHOT_ROLE_ARN",
            "MILLRACE_INGEST_ROLES",
            "MILLRACE_DASHBOARDS",
        ];
        assert_eq!(places, expected);
    }

    #[test]
    fn every_function_refuses_credentials_over_plain_http_and_setup_for_dashboards_too() {
        let plain = [("MILLRACE_DOMAIN_ENDPOINT", "http://search.example.com"), ("MILLRACE_STATE", "s3://state")];
        let allowed = [&plain[..], &[("MILLRACE_DOMAIN_INSECURE", "true")]].concat();
        for pairs in [&plain[..], &allowed] {
            let faults: Vec<String> = [
                RetentionSettings::read(lookup(pairs)).map_err(|error| error.to_string()).err(),
                BrakeSettings::read(lookup(pairs)).map_err(|error| error.to_string()).err(),
                SetupSettings::read(lookup(pairs)).map_err(|error| error.to_string()).err(),
            ]
            .into_iter()
            .flatten()
            .collect();
            assert_eq!(faults.len(), if pairs.len() == plain.len() { 3 } else { 0 }, "{faults:?}");
            assert!(faults.iter().all(|fault| fault.contains("MILLRACE_DOMAIN_INSECURE=true")), "{faults:?}");
        }
        let lambda = [("MILLRACE_DOMAIN_ENDPOINT", "https://d"), ("AWS_ENDPOINT_URL_LAMBDA", "http://10.0.0.7")];
        let error = SetupSettings::read(lookup(&lambda)).unwrap_err();
        let places: Vec<_> = error.faults.iter().map(|fault| fault.place.as_str()).collect();
        assert_eq!(places, ["AWS_ENDPOINT_URL_LAMBDA"]);
        let dashboards =
            [("MILLRACE_DOMAIN_ENDPOINT", "https://d"), ("MILLRACE_DASHBOARDS", "http://dashboards.example.com")];
        let error = SetupSettings::read(lookup(&dashboards)).unwrap_err();
        assert_eq!(error.faults.iter().map(|fault| fault.place.as_str()).collect::<Vec<_>>(), ["MILLRACE_DASHBOARDS"]);
    }

    #[test]
    fn a_serverless_collection_is_refused_what_it_does_not_have() {
        let aoss = [("MILLRACE_DOMAIN_ENDPOINT", "https://c"), ("MILLRACE_DOMAIN_AUTH", "sigv4:aoss")];
        let error = RetentionSettings::read(lookup(&aoss)).unwrap_err().to_string();
        assert!(error.contains("OpenSearch Serverless has no API for `retention`"), "{error}");
        let with = [&aoss[..], &[("MILLRACE_SNAPSHOTS", "s3://snapshots")]].concat();
        assert!(SetupSettings::read(lookup(&with)).unwrap_err().to_string().contains("writes no snapshots"));
        assert!(SetupSettings::read(lookup(&aoss)).is_ok());
    }
}
