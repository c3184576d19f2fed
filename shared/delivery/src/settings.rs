//! Reads the environment into [`Settings`], or for the Firehose transform into [`TransformSettings`]: the settings of
//! the deployment.
//!
//! In: a lookup of variables (the process's, or a table in tests). Out: validated settings, or every fault at once.
//! Deliberately absent: the network, and the rules for the data (`pipeline::rules`).

use pipeline::frame::{DEFAULT_MAX_EVENT_BYTES, DEFAULT_MAX_RECORD_BYTES};
use std::path::PathBuf;

use pipeline::outcome::{ConfigError, Fault};

/// Default of `MILLRACE_MAX_BODY_BYTES`: 5 MiB. Smaller domains take requests of at most 10 MiB
/// (<https://docs.aws.amazon.com/opensearch-service/latest/developerguide/limits.html>, "Network limits").
pub const DEFAULT_MAX_BODY_BYTES: usize = 5 << 20;
/// Default of `MILLRACE_MAX_IN_FLIGHT`.
pub const DEFAULT_MAX_IN_FLIGHT: usize = 3;
/// Default of `MILLRACE_PIPELINE`: where the Lambda layer mounts it.
pub const DEFAULT_PIPELINE: &str = "/opt/pipeline.yaml";

/// How requests to the domain are authenticated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// Signature Version 4 for the named service: `es`, or `aoss` (OpenSearch Serverless).
    SigV4(&'static str),
    /// Basic, with `{"username": …, "password": …}` from Secrets Manager.
    Basic {
        /// The secret's ARN or name.
        secret: String,
    },
    /// None: a cluster that trusts its network.
    None,
}

/// How request bodies are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// gzip, level 1.
    Gzip,
    /// No compression.
    None,
}

/// A location for dead letters: `s3://bucket/prefix`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Prefix {
    /// The bucket's name.
    pub bucket: String,
    /// The key prefix, without a slash at its start or end. May be empty.
    pub prefix: String,
}

/// The settings of the deployment.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `MILLRACE_DOMAIN_ENDPOINT`: scheme, host, optional port and path; no slash at the end.
    pub domain_endpoint: String,
    /// `MILLRACE_DOMAIN_AUTH`.
    pub domain_auth: Auth,
    /// `MILLRACE_PIPELINE`.
    pub pipeline: PathBuf,
    /// `MILLRACE_DEAD_LETTERS`.
    pub dead_letters: S3Prefix,
    /// `MILLRACE_STATE`: the location of marks for `brake`. Without it there are no marks.
    pub state: Option<S3Prefix>,
    /// `MILLRACE_QUEUE_URL`: the queue for continuations, whose failed messages are also hidden for a while.
    pub queue_url: Option<String>,
    /// `MILLRACE_DEAD_LETTER_QUEUE_URL`: the queue for messages that are not notifications. They go there at once.
    pub dead_letter_queue_url: Option<String>,
    /// `MILLRACE_KAFKA_CLUSTER`: the name that identifies a self-managed Kafka cluster in document ids. Default: its
    /// bootstrap servers. If it changes later, every redelivered event becomes a new document.
    pub kafka_cluster: Option<String>,
    /// `MILLRACE_HASH_KEY`: the secret with the key for `hash`, by its ARN or name.
    pub hash_key: Option<String>,
    /// `MILLRACE_MAX_BODY_BYTES`: the limit of one `_bulk` body before compression.
    pub max_body_bytes: usize,
    /// `MILLRACE_MAX_EVENT_BYTES`.
    pub max_event_bytes: usize,
    /// `MILLRACE_MAX_RECORD_BYTES`: the limit of one inflated record of a stream.
    pub max_record_bytes: u64,
    /// `MILLRACE_MAX_IN_FLIGHT`: bulk requests at a time, the ceiling of the adaptive limit.
    pub max_in_flight: usize,
    /// `MILLRACE_COMPRESSION`.
    pub compression: Compression,
    /// `MILLRACE_LOG`: a level or a filter such as `info,crate::cluster=debug`.
    pub log: String,
    /// `AWS_LAMBDA_FUNCTION_MEMORY_SIZE` in MB; 1 vCPU for each 1,769 MB.
    pub memory_mb: usize,
}

impl S3Prefix {
    /// Reads `s3://bucket/prefix`.
    pub fn parse(text: &str) -> Option<Self> {
        s3_prefix(text)
    }

    /// The key of an object below it.
    pub fn key(&self, name: &str) -> String {
        if self.prefix.is_empty() { name.to_owned() } else { format!("{}/{name}", self.prefix) }
    }
}

impl Settings {
    /// Reads the settings from a lookup, such as [`variable`]. An empty value counts as missing.
    ///
    /// # Errors
    /// Every fault at once. The caller fails its initialisation with them.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut env = Reader::new(lookup);
        let settings = Self {
            domain_endpoint: env.endpoint(),
            domain_auth: env.auth(),
            pipeline: env.pipeline(),
            dead_letters: env.dead_letters(),
            state: env.or("MILLRACE_STATE", None, "s3://bucket/prefix", |value| s3_prefix(value).map(Some)),
            queue_url: env.queue_url(),
            dead_letter_queue_url: env.dead_letter_queue_url(),
            kafka_cluster: env.or("MILLRACE_KAFKA_CLUSTER", None, "a name", |value| Some(Some(value.into()))),
            hash_key: env.hash_key(),
            max_body_bytes: env.max_body_bytes(),
            max_event_bytes: env.max_event_bytes(),
            max_record_bytes: env.max_record_bytes(),
            max_in_flight: env.bytes("MILLRACE_MAX_IN_FLIGHT", DEFAULT_MAX_IN_FLIGHT, 1, 64),
            compression: env.or("MILLRACE_COMPRESSION", Compression::Gzip, "gzip or none", |value| match value {
                "gzip" => Some(Compression::Gzip),
                "none" => Some(Compression::None),
                _ => None,
            }),
            log: env.log(),
            memory_mb: env
                .or("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", 1769, "a whole number of MB", |value| value.parse().ok()),
        };
        env.refuse_plain_http("MILLRACE_DOMAIN_ENDPOINT", &settings.domain_endpoint, &settings.domain_auth);
        if settings.max_event_bytes > settings.max_body_bytes {
            env.fault(
                "MILLRACE_MAX_EVENT_BYTES",
                format!(
                    "{} is more than MILLRACE_MAX_BODY_BYTES ({}): such an event would fit no request",
                    settings.max_event_bytes, settings.max_body_bytes
                ),
            );
        }
        env.finish(settings)
    }

    /// The vCPUs of the function: memory / 1,769 MB, at least 1
    /// (<https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>).
    pub fn vcpus(&self) -> usize {
        (self.memory_mb / 1769).max(1)
    }
}

/// The settings of the Firehose transform. They are few, since it sends no requests to a domain.
#[derive(Debug, Clone)]
pub struct TransformSettings {
    /// `MILLRACE_PIPELINE`.
    pub pipeline: PathBuf,
    /// `MILLRACE_MAX_EVENT_BYTES`.
    pub max_event_bytes: usize,
    /// `MILLRACE_MAX_RECORD_BYTES`: the limit of one inflated record.
    pub max_record_bytes: u64,
    /// `MILLRACE_HASH_KEY`.
    pub hash_key: Option<String>,
    /// `MILLRACE_LOG`.
    pub log: String,
}

impl TransformSettings {
    /// Reads the settings from a lookup, such as [`variable`]. An empty value counts as missing.
    ///
    /// # Errors
    /// Every fault at once. The caller fails its initialisation with them.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut env = Reader::new(lookup);
        let settings = Self {
            pipeline: env.pipeline(),
            max_event_bytes: env.max_event_bytes(),
            max_record_bytes: env.max_record_bytes(),
            hash_key: env.hash_key(),
            log: env.log(),
        };
        env.finish(settings)
    }
}

/// The name of this Lambda function, which is a dimension of its metrics. `local` outside Lambda.
pub(crate) fn function_name() -> String {
    variable("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_else(|| "local".to_owned())
}

/// A variable of the process's environment.
pub fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    std::env::var(name).ok()
}

/// Reads variables one after another and collects their faults, so that a failed start reports all of them at once.
#[derive(Debug)]
pub struct Reader<L> {
    lookup: L,
    faults: Vec<Fault>,
}

impl<L: Fn(&str) -> Option<String>> Reader<L> {
    /// A reader for a lookup of variables. An empty value counts as missing.
    pub fn new(lookup: L) -> Self {
        Self { lookup, faults: Vec::new() }
    }

    /// The settings, if no variable has a fault.
    ///
    /// # Errors
    /// All faults.
    pub fn finish<T>(self, settings: T) -> Result<T, ConfigError> {
        if self.faults.is_empty() { Ok(settings) } else { Err(ConfigError { faults: self.faults }) }
    }

    /// `MILLRACE_DOMAIN_ENDPOINT`.
    pub fn endpoint(&mut self) -> String {
        let form = "a URL such as https://search-logs.us-east-1.es.amazonaws.com";
        self.required("MILLRACE_DOMAIN_ENDPOINT", form, endpoint)
    }

    /// `MILLRACE_DOMAIN_AUTH`.
    pub fn auth(&mut self) -> Auth {
        let form = "sigv4:es, sigv4:aoss, basic:SECRET_ARN or none";
        self.or("MILLRACE_DOMAIN_AUTH", Auth::SigV4("es"), form, auth)
    }

    /// Adds a fault if a URL would carry credentials over plain http. Others on the network could read a password, or
    /// with a signature a session token and all events.
    pub fn refuse_plain_http(&mut self, place: &str, url: &str, auth: &Auth) {
        let is_allowed = self.or("MILLRACE_DOMAIN_INSECURE", false, "true or false", |value| value.parse().ok());
        if is_allowed || *auth == Auth::None || !is_plain_beyond_this_machine(url) {
            return;
        }
        let message = format!(
            "{url} would carry credentials over plain http: give an https URL, or MILLRACE_DOMAIN_INSECURE=true where the network \
             may read them"
        );
        self.fault(place, message);
    }

    /// `MILLRACE_DEAD_LETTERS`.
    pub fn dead_letters(&mut self) -> S3Prefix {
        self.required("MILLRACE_DEAD_LETTERS", "s3://bucket/prefix", s3_prefix)
    }

    /// `MILLRACE_QUEUE_URL`.
    pub fn queue_url(&mut self) -> Option<String> {
        self.url_of_queue("MILLRACE_QUEUE_URL")
    }

    fn dead_letter_queue_url(&mut self) -> Option<String> {
        self.url_of_queue("MILLRACE_DEAD_LETTER_QUEUE_URL")
    }

    fn url_of_queue(&mut self, name: &str) -> Option<String> {
        let url = |value: &str| is_url(value).then(|| Some(value.into()));
        self.or(name, None, "the URL of an SQS queue", url)
    }

    /// `MILLRACE_PIPELINE`.
    pub fn pipeline(&mut self) -> PathBuf {
        self.or("MILLRACE_PIPELINE", DEFAULT_PIPELINE.into(), "a file", |value| Some(value.into()))
    }

    /// The limits of a body and of an event.
    pub fn limits(&mut self) -> (usize, usize) {
        (self.max_body_bytes(), self.max_event_bytes())
    }

    fn max_body_bytes(&mut self) -> usize {
        self.bytes("MILLRACE_MAX_BODY_BYTES", DEFAULT_MAX_BODY_BYTES, 64 << 10, 95 << 20)
    }

    fn max_event_bytes(&mut self) -> usize {
        self.bytes("MILLRACE_MAX_EVENT_BYTES", DEFAULT_MAX_EVENT_BYTES, 1 << 10, 64 << 20)
    }

    fn max_record_bytes(&mut self) -> u64 {
        let (least, most) = (1 << 20, 1 << 40);
        let form = format!("a whole number from {least} to {most}");
        let parse = |value: &str| value.parse().ok().filter(|n| (least..=most).contains(n));
        self.or("MILLRACE_MAX_RECORD_BYTES", DEFAULT_MAX_RECORD_BYTES, &form, parse)
    }

    /// `MILLRACE_HASH_KEY`.
    pub fn hash_key(&mut self) -> Option<String> {
        self.or("MILLRACE_HASH_KEY", None, "the ARN or name of a secret", |value| Some(Some(value.into())))
    }

    /// `MILLRACE_LOG`.
    pub fn log(&mut self) -> String {
        self.or("MILLRACE_LOG", "info".into(), "error, warn, info, debug, trace or target=level,…", |value| {
            value.parse::<tracing_subscriber::EnvFilter>().ok().map(|_| value.into())
        })
    }

    /// Adds a fault of a variable.
    pub fn fault(&mut self, place: &str, message: String) {
        self.faults.push(Fault { place: place.into(), message });
    }

    fn value(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|value| !value.is_empty())
    }

    /// A variable in its accepted form, or the default if it is missing. Another form is a fault.
    pub fn or<T>(&mut self, name: &str, default: T, form: &str, parse: impl Fn(&str) -> Option<T>) -> T {
        let Some(value) = self.value(name) else { return default };
        parse(&value).unwrap_or_else(|| {
            self.fault(name, format!("`{value}` is not accepted: give {form}"));
            default
        })
    }

    /// A variable without a default: a missing one is a fault.
    pub fn required<T: Default>(&mut self, name: &str, form: &str, parse: impl Fn(&str) -> Option<T>) -> T {
        if self.value(name).is_none() {
            self.fault(name, format!("is missing: give {form}"));
        }
        self.or(name, T::default(), form, parse)
    }

    fn bytes(&mut self, name: &str, default: usize, least: usize, most: usize) -> usize {
        let form = format!("a whole number from {least} to {most}");
        self.or(name, default, &form, |value| value.parse().ok().filter(|n| (least..=most).contains(n)))
    }
}

/// Whether a value is an http or https URL with a host.
pub fn is_url(value: &str) -> bool {
    reqwest::Url::parse(value).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some())
}

fn is_plain_beyond_this_machine(url: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(url) else { return false };
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let is_this_machine = host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback());
    url.scheme() == "http" && !is_this_machine
}

fn endpoint(value: &str) -> Option<String> {
    let url = reqwest::Url::parse(value).ok()?;
    let plain =
        url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    (is_url(value) && plain).then(|| value.trim_end_matches('/').into())
}

fn auth(value: &str) -> Option<Auth> {
    match value {
        "sigv4:es" => Some(Auth::SigV4("es")),
        "sigv4:aoss" => Some(Auth::SigV4("aoss")),
        "none" => Some(Auth::None),
        _ => value
            .strip_prefix("basic:")
            .filter(|secret| !secret.is_empty())
            .map(|secret| Auth::Basic { secret: secret.into() }),
    }
}

/// `s3://bucket/prefix`.
pub fn s3_prefix(value: &str) -> Option<S3Prefix> {
    let (bucket, prefix) = value.strip_prefix("s3://")?.split_once('/').unwrap_or((value.strip_prefix("s3://")?, ""));
    // Bucket names: 3 to 63 characters of a-z, 0-9, `.` and `-` (docs.aws.amazon.com/AmazonS3, "Bucket naming rules").
    let named = (3..=63).contains(&bucket.len())
        && bucket.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-');
    named.then(|| S3Prefix { bucket: bucket.into(), prefix: prefix.trim_matches('/').into() })
}

impl Default for S3Prefix {
    /// A placeholder for a value whose fault is already recorded.
    fn default() -> Self {
        Self { bucket: String::new(), prefix: String::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, ConfigError> {
        Settings::read(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).into()))
    }

    #[test]
    fn the_smallest_environment_gets_the_documented_defaults() {
        let settings =
            read(&[("MILLRACE_DOMAIN_ENDPOINT", "https://domain/"), ("MILLRACE_DEAD_LETTERS", "s3://dead-letters/a/")])
                .unwrap();
        assert_eq!(settings.domain_endpoint, "https://domain");
        assert_eq!(settings.domain_auth, Auth::SigV4("es"));
        assert_eq!(settings.dead_letters, S3Prefix { bucket: "dead-letters".into(), prefix: "a".into() });
        assert_eq!((settings.max_body_bytes, settings.max_event_bytes, settings.max_in_flight), (5 << 20, 1 << 20, 3));
        assert_eq!((settings.compression, settings.vcpus()), (Compression::Gzip, 1));
        assert_eq!((settings.kafka_cluster, settings.dead_letter_queue_url), (None, None));
        assert_eq!(settings.max_record_bytes, 1 << 30);
    }

    #[test]
    fn the_transform_needs_no_variable_and_shares_the_accepted_forms() {
        let settings = TransformSettings::read(|_| None).unwrap();
        assert_eq!((settings.pipeline, settings.max_event_bytes), (DEFAULT_PIPELINE.into(), DEFAULT_MAX_EVENT_BYTES));
        assert_eq!(settings.log, "info");
        let error = TransformSettings::read(|_| Some("?".into())).unwrap_err();
        let places: Vec<_> = error.faults.iter().map(|fault| fault.place.as_str()).collect();
        assert_eq!(places, ["MILLRACE_MAX_EVENT_BYTES", "MILLRACE_MAX_RECORD_BYTES", "MILLRACE_LOG"], "{error}");
    }

    #[test]
    fn all_faults_are_told_at_once_with_the_accepted_form() {
        let error = read(&[
            ("MILLRACE_DOMAIN_ENDPOINT", "domain"),
            ("MILLRACE_DOMAIN_AUTH", "sigv4:s3"),
            ("MILLRACE_QUEUE_URL", "queue"),
            ("MILLRACE_MAX_BODY_BYTES", "5 MiB"),
            ("MILLRACE_COMPRESSION", "zstd"),
            ("MILLRACE_LOG", "ingest=loud"),
        ])
        .unwrap_err();
        let places: Vec<_> = error.faults.iter().map(|fault| fault.place.as_str()).collect();
        assert_eq!(
            places,
            [
                "MILLRACE_DOMAIN_ENDPOINT",
                "MILLRACE_DOMAIN_AUTH",
                "MILLRACE_DEAD_LETTERS",
                "MILLRACE_QUEUE_URL",
                "MILLRACE_MAX_BODY_BYTES",
                "MILLRACE_COMPRESSION",
                "MILLRACE_LOG"
            ]
        );
        assert!(
            error
                .to_string()
                .contains("`sigv4:s3` is not accepted: give sigv4:es, sigv4:aoss, basic:SECRET_ARN or none"),
            "{error}"
        );
    }

    #[test]
    fn credentials_go_over_plain_http_to_this_machine_alone_unless_it_is_allowed() {
        let faults = |endpoint: &str, auth: &str, insecure: &str| -> Vec<String> {
            let pairs = [
                ("MILLRACE_DOMAIN_ENDPOINT", endpoint),
                ("MILLRACE_DOMAIN_AUTH", auth),
                ("MILLRACE_DOMAIN_INSECURE", insecure),
                ("MILLRACE_DEAD_LETTERS", "s3://dead-letters"),
            ];
            read(&pairs)
                .map_or_else(|error| error.faults.into_iter().map(|fault| fault.place).collect(), |_| Vec::new())
        };
        let refused = ["MILLRACE_DOMAIN_ENDPOINT"];
        for host in
            ["search.example.com", "10.0.0.7:9200", "localhost.example.com", "[2001:db8::1]", "0.0.0.0", "169.254.1.1"]
        {
            for auth in ["sigv4:es", "sigv4:aoss", "basic:arn", ""] {
                assert_eq!(faults(&format!("http://{host}"), auth, ""), refused, "{host} {auth}");
                assert_eq!(faults(&format!("http://{host}"), auth, "false"), refused, "{host} {auth}");
                assert!(faults(&format!("http://{host}"), auth, "true").is_empty(), "{host} {auth}");
                assert!(faults(&format!("https://{host}"), auth, "").is_empty(), "{host} {auth}");
            }
            assert!(faults(&format!("http://{host}"), "none", "").is_empty(), "{host}: nothing secret is sent");
        }
        for host in ["127.0.0.1:9200", "127.1.2.3", "localhost:9200", "LOCALHOST", "[::1]:9200", "[::ffff:127.0.0.1]"] {
            assert!(faults(&format!("http://{host}"), "sigv4:es", "").is_empty(), "{host} is this machine");
        }
        assert_eq!(faults("http://127.0.0.1", "none", "yes"), ["MILLRACE_DOMAIN_INSECURE"]);
    }

    #[test]
    fn an_event_must_fit_a_body() {
        let error = read(&[
            ("MILLRACE_DOMAIN_ENDPOINT", "http://127.0.0.1:9200"),
            ("MILLRACE_DEAD_LETTERS", "s3://dead-letters"),
            ("MILLRACE_MAX_BODY_BYTES", "100000"),
        ])
        .unwrap_err();
        assert_eq!(error.faults[0].place, "MILLRACE_MAX_EVENT_BYTES");
    }
}
