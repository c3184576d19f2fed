//! Reads variables, and collects their faults.

use std::path::PathBuf;

use super::values::{
    Auth, Authority, S3Prefix, auth, authority, endpoint, is_plain_beyond_this_machine, is_url, s3_prefix,
};
use pipeline::{
    frame::{DEFAULT_MAX_EVENT_BYTES, DEFAULT_MAX_RECORD_BYTES},
    outcome::{ConfigError, Fault},
};

/// Default of `MILLRACE_MAX_BODY_BYTES`: 5 MiB. Smaller domains take requests of at most 10 MiB
/// (<https://docs.aws.amazon.com/opensearch-service/latest/developerguide/limits.html>, "Network limits").
pub const DEFAULT_MAX_BODY_BYTES: usize = 5 << 20;
/// Default of `MILLRACE_PIPELINE`: where the Lambda layer mounts it.
pub const DEFAULT_PIPELINE: &str = "/opt/pipeline.yaml";

/// The variables that set another endpoint of a service of AWS.
pub(super) const AWS_ENDPOINTS: [&str; 6] = [
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL_SQS",
    "AWS_ENDPOINT_URL_LAMBDA",
    "AWS_ENDPOINT_URL_SECRETS_MANAGER",
    "AWS_ENDPOINT_URL_STS",
];

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
        let form = "sigv4:es, sigv4:aoss (each with ,region=REGION and ,role=ROLE_ARN if they differ), \
                    basic:SECRET_ARN, apikey:SECRET_ARN or none";
        self.or("MILLRACE_DOMAIN_AUTH", Auth::sigv4("es"), form, auth)
    }

    /// `MILLRACE_DOMAIN_CA`: the authority of the domain's certificate.
    pub fn authority(&mut self) -> Option<Authority> {
        self.or("MILLRACE_DOMAIN_CA", None, "a PEM file or the ARN of a secret", |value| Some(Some(authority(value))))
    }

    /// Adds a fault if a URL would carry credentials over plain http. Others on the network could read a password, or
    /// with a signature a session token and all events.
    pub fn refuse_plain_http(&mut self, place: &str, url: &str, auth: &Auth) {
        let is_allowed = self.is_insecure_allowed();
        if !is_allowed && *auth != Auth::None && is_plain_beyond_this_machine(url) {
            self.plain(place, url);
        }
    }

    /// Adds a fault for each service of AWS that would get credentials and data over plain http. Every request is
    /// signed with the session token of the role.
    pub fn refuse_plain_services(&mut self) {
        for name in AWS_ENDPOINTS {
            let plain = self.value(name).filter(|url| is_plain_beyond_this_machine(url));
            if let Some(url) = plain
                && !self.is_insecure_allowed()
            {
                self.plain(name, &url);
            }
        }
    }

    fn is_insecure_allowed(&mut self) -> bool {
        self.or("MILLRACE_DOMAIN_INSECURE", false, "true or false", |value| value.parse().ok())
    }

    fn plain(&mut self, place: &str, url: &str) {
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

    pub(super) fn dead_letter_queue_url(&mut self) -> Option<String> {
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

    pub(super) fn max_body_bytes(&mut self) -> usize {
        self.bytes("MILLRACE_MAX_BODY_BYTES", DEFAULT_MAX_BODY_BYTES, 64 << 10, 95 << 20)
    }

    pub(super) fn max_event_bytes(&mut self) -> usize {
        self.bytes("MILLRACE_MAX_EVENT_BYTES", DEFAULT_MAX_EVENT_BYTES, 1 << 10, 64 << 20)
    }

    pub(super) fn max_record_bytes(&mut self) -> u64 {
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

    pub(super) fn bytes(&mut self, name: &str, default: usize, least: usize, most: usize) -> usize {
        let form = format!("a whole number from {least} to {most}");
        self.or(name, default, &form, |value| value.parse().ok().filter(|n| (least..=most).contains(n)))
    }
}
