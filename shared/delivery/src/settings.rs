//! Reads the environment into [`Settings`], or for the Firehose transform into [`TransformSettings`]: the settings of
//! the deployment.
//!
//! In: a lookup of variables (the process's, or a table in tests). Out: validated settings, or every fault at once.
//! Deliberately absent: the network, and the rules for the data (`pipeline::rules`).

mod reader;
mod values;

use std::path::PathBuf;

use pipeline::outcome::ConfigError;
pub(crate) use reader::function_name;
pub use reader::{DEFAULT_MAX_BODY_BYTES, DEFAULT_PIPELINE, Reader, variable};
pub use values::{Auth, Authority, Compression, S3Prefix, Signing, is_url, s3_prefix, s3_url};

/// Default of `MILLRACE_MAX_IN_FLIGHT`.
pub const DEFAULT_MAX_IN_FLIGHT: usize = 3;

/// The settings of the deployment.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `MILLRACE_DOMAIN_ENDPOINT`: scheme, host, optional port and path; no slash at the end.
    pub domain_endpoint: String,
    /// `MILLRACE_DOMAIN_AUTH`.
    pub domain_auth: Auth,
    /// `MILLRACE_DOMAIN_CA`.
    pub domain_authority: Option<Authority>,
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
    /// `MILLRACE_LOG`: a level or a filter such as `info,delivery::cluster=debug`.
    pub log: String,
    /// `AWS_LAMBDA_FUNCTION_MEMORY_SIZE` in MB; 1 vCPU for each 1,769 MB.
    pub memory_mb: usize,
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
            domain_authority: env.authority(),
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
        env.refuse_plain_services();
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
        // Without a key it sends no request.
        if settings.hash_key.is_some() {
            env.refuse_plain_services();
        }
        env.finish(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline::frame::DEFAULT_MAX_EVENT_BYTES;

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, ConfigError> {
        Settings::read(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).into()))
    }

    #[test]
    fn the_smallest_environment_gets_the_documented_defaults() {
        let settings =
            read(&[("MILLRACE_DOMAIN_ENDPOINT", "https://domain/"), ("MILLRACE_DEAD_LETTERS", "s3://dead-letters/a/")])
                .unwrap();
        assert_eq!(settings.domain_endpoint, "https://domain");
        assert_eq!(settings.domain_auth, Auth::sigv4("es"));
        assert!(settings.domain_authority.is_none());
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
    fn all_faults_are_reported_at_once_with_the_accepted_form() {
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
                .contains("`sigv4:s3` is not accepted: give sigv4:es, sigv4:aoss (each with ,region=REGION and ,role=ROLE_ARN if they differ), basic:SECRET_ARN, apikey:SECRET_ARN or none"),
            "{error}"
        );
    }

    #[test]
    fn a_signature_may_name_a_region_and_a_role() {
        let role = "arn:aws:iam::123456789012:role/team/logs";
        let right = |service, region: Option<&str>, role: Option<&str>| {
            Some(Auth::SigV4(Signing { service, region: region.map(str::to_owned), role: role.map(str::to_owned) }))
        };
        for (value, expected) in [
            ("sigv4:es".to_owned(), right("es", None, None)),
            ("sigv4:aoss,region=eu-west-1".to_owned(), right("aoss", Some("eu-west-1"), None)),
            (format!("sigv4:es,role={role}"), right("es", None, Some(role))),
            (format!("sigv4:es,role={role},region=us-gov-west-1"), right("es", Some("us-gov-west-1"), Some(role))),
            (format!("sigv4:es,region=us-east-1,role={role}"), right("es", Some("us-east-1"), Some(role))),
            ("apikey:arn:s".to_owned(), Some(Auth::ApiKey { secret: "arn:s".into() })),
            ("basic:a,b=c".to_owned(), Some(Auth::Basic { secret: "a,b=c".into() })),
            ("sigv4:es,".to_owned(), None),
            ("sigv4:es,region=".to_owned(), None),
            ("sigv4:es,region=EU".to_owned(), None),
            ("sigv4:es,region=a,region=a".to_owned(), None),
            ("sigv4:es,role=logs".to_owned(), None),
            ("sigv4:es,external=x".to_owned(), None),
            ("sigv4:,region=a".to_owned(), None),
            ("apikey:".to_owned(), None),
            ("apikey".to_owned(), None),
            ("none:".to_owned(), None),
        ] {
            assert_eq!(values::auth(&value), expected, "{value}");
        }
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
            for auth in ["sigv4:es", "sigv4:aoss", "basic:arn", "apikey:arn", ""] {
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
    fn no_service_gets_credentials_over_plain_http_unless_it_is_allowed() {
        let required = [("MILLRACE_DOMAIN_ENDPOINT", "https://d"), ("MILLRACE_DEAD_LETTERS", "s3://dead-letters")];
        let faults = |more: &[(&str, &str)]| -> Vec<String> {
            let error = read(&[&required, more].concat()).err();
            error.into_iter().flat_map(|error| error.faults).map(|fault| fault.place).collect()
        };
        for name in reader::AWS_ENDPOINTS {
            let plain = (name, "http://vpce-1.s3.us-east-1.vpce.amazonaws.com");
            assert_eq!(faults(&[plain]), [name]);
            assert!(faults(&[plain, ("MILLRACE_DOMAIN_INSECURE", "true")]).is_empty(), "{name}");
            // The authentication of the domain does not matter: these requests are always signed.
            assert_eq!(faults(&[plain, ("MILLRACE_DOMAIN_AUTH", "none")]), [name]);
            assert!(faults(&[(name, "https://vpce-1.example.com")]).is_empty(), "{name}");
            assert!(faults(&[(name, "http://127.0.0.1:5000")]).is_empty(), "{name}");
            let transform = |more: &[(&str, &str)]| {
                let pairs = [&[plain], more].concat();
                TransformSettings::read(|name| {
                    pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).into())
                })
            };
            assert!(transform(&[]).is_ok(), "{name}: it sends nothing");
            assert!(transform(&[("MILLRACE_HASH_KEY", "key")]).is_err(), "{name}");
        }
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
