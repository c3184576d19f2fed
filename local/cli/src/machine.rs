//! All services on one machine: S3, domain, queue and the function, connected as template.yaml connects them.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use aws_credential_types::Credentials;
use delivery::{aws::Aws, cluster::client::AUTHORITY};
use emulator::{
    domain::{Domain, DomainOptions},
    function::Function,
    queue::Queue,
    s3::S3,
    secrets::Secrets,
};
use operations::{
    admin::{Admin, templates::Kind},
    settings::SetupSettings,
    setup::template::{self, TemplateOwner},
};
use pipeline::rule_tests;
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;

/// The bucket for dead letters.
pub const DEAD_LETTER_BUCKET: &str = "dead-letters";
pub(crate) const REGION: &str = "us-east-1";
/// The number of deliveries after which a message goes to the dead-letter queue.
const MAX_RECEIVES: u32 = 3;
/// The time limit for an external domain to accept a connection, and then to answer.
const REACHED_WITHIN: Duration = Duration::from_secs(10);
/// Variables that the user may set for the function, as for a deployed one.
const PASSED_ON: [&str; 8] = [
    "MILLRACE_MAX_BODY_BYTES",
    "MILLRACE_MAX_EVENT_BYTES",
    "MILLRACE_MAX_RECORD_BYTES",
    "MILLRACE_MAX_IN_FLIGHT",
    "MILLRACE_COMPRESSION",
    "MILLRACE_LOG",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "RUST_BACKTRACE",
];

/// The options of a machine.
#[derive(Debug, Clone)]
pub struct MachineOptions {
    /// The binary of the function.
    pub binary: PathBuf,
    /// The path of pipeline.yaml.
    pub pipeline: PathBuf,
    /// The folder for dead letters.
    pub dead_letters: PathBuf,
    /// The URL of an external domain, used instead of the embedded one.
    pub domain: Option<String>,
    /// Whether the function continues objects with messages to the queue.
    pub continues: bool,
}

/// A running machine. Dropping it stops all services.
#[derive(Debug)]
pub struct Machine {
    /// Its S3, with the bucket `dead-letters`.
    pub s3: S3,
    /// Its domain, unless an external one was given.
    pub domain: Option<Domain>,
    /// Its queue.
    pub queue: Queue,
    /// The function.
    pub function: Function,
    /// The credentials that S3 and the embedded domain accept.
    pub credentials: Credentials,
    /// The environment of the function.
    environment: Vec<(&'static str, String)>,
    /// The key for `hash`, unless the user named a secret in AWS.
    _secrets: Option<Secrets>,
}

impl Machine {
    /// Starts all services.
    ///
    /// # Errors
    /// A port could not be bound, the external domain can't be reached, or the binary can't be started.
    pub async fn start(options: &MachineOptions) -> io::Result<Self> {
        let credentials = credentials(options.domain.is_some());
        let s3 = S3::start(&credentials).await?;
        s3.add_bucket(DEAD_LETTER_BUCKET, &options.dead_letters);
        let queue = Queue::start(MAX_RECEIVES).await?;
        let (domain, endpoint, auth) = if let Some(url) = &options.domain {
            reach(url, REACHED_WITHIN).await?;
            (None, url.clone(), setting("MILLRACE_DOMAIN_AUTH").unwrap_or_else(|| "none".into()))
        } else {
            let settings = DomainOptions { credentials: Some(credentials.clone()), keep_sources: true };
            let domain = Domain::start(settings).await?;
            set_templates(&domain, &options.pipeline)?;
            let url = domain.url();
            (Some(domain), url, "sigv4:es".into())
        };
        let authority = setting(AUTHORITY).filter(|_| domain.is_none());
        let reads_secrets = ["basic:", "apikey:"].iter().any(|scheme| auth.starts_with(scheme))
            || authority.as_ref().is_some_and(|authority| authority.starts_with("arn:"));
        let mut environment = vec![
            ("MILLRACE_DOMAIN_ENDPOINT", endpoint),
            ("MILLRACE_DOMAIN_AUTH", auth),
            ("MILLRACE_PIPELINE", path(&options.pipeline)?),
            ("MILLRACE_DEAD_LETTERS", format!("s3://{DEAD_LETTER_BUCKET}/local")),
            ("AWS_ENDPOINT_URL_S3", s3.url()),
            ("AWS_ACCESS_KEY_ID", credentials.access_key_id().to_owned()),
            ("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key().to_owned()),
            ("AWS_REGION", setting("AWS_REGION").filter(|_| domain.is_none()).unwrap_or_else(|| REGION.into())),
            ("AWS_EC2_METADATA_DISABLED", "true".into()),
        ];
        if options.continues {
            environment.push(("MILLRACE_QUEUE_URL", queue.url()));
            environment.push(("AWS_ENDPOINT_URL_SQS", queue.endpoint()));
        }
        if let Some(token) = credentials.session_token() {
            environment.push(("AWS_SESSION_TOKEN", token.to_owned()));
        }
        environment.extend(authority.map(|authority| (AUTHORITY, authority)));
        environment.extend(passed_on());
        // If a secret of the domain is in Secrets Manager, that store is the one of AWS, and has to hold the key too.
        let secrets = match setting("MILLRACE_HASH_KEY") {
            Some(secret) => {
                environment.push(("MILLRACE_HASH_KEY", secret));
                None
            }
            None if reads_secrets => None,
            None => Some(Secrets::start().await?),
        };
        environment.extend(secrets.iter().flat_map(Secrets::environment));
        let function = Function::start(&options.binary, &environment).await?;
        Ok(Self { s3, domain, queue, function, credentials, environment, _secrets: secrets })
    }

    /// A client of the domain, with the function's own settings and credentials. Sends no request.
    ///
    /// # Errors
    /// The settings have faults.
    pub async fn admin(&self) -> io::Result<Admin> {
        let value = |name: &str| self.environment.iter().find(|(own, _)| *own == name).map(|(_, value)| value.clone());
        let settings = SetupSettings::read(value).map_err(io::Error::other)?;
        let region = value("AWS_REGION").unwrap_or_else(|| REGION.into());
        let aws = Aws::load_with(region, self.credentials.clone()).await;
        Admin::new(&settings.domain, &aws).map_err(io::Error::other)
    }

    /// Lines to paste into a shell while the machine runs. Queries are encoded and sorted, since curl before 8.3 signs
    /// them unchanged.
    pub fn curl_lines(&self) -> Vec<String> {
        let user = format!("{}:{}", self.credentials.access_key_id(), self.credentials.secret_access_key());
        let signed = |service: &str| format!("curl -s --aws-sigv4 aws:amz:{REGION}:{service} --user {user}");
        let mut lines = Vec::new();
        if let Some(domain) = &self.domain {
            lines.push(format!("{} '{}/_cat/indices'", signed("es"), domain.url()));
            lines.push(format!("{} '{}/_search?q=%2A&size=2'", signed("es"), domain.url()));
        }
        // S3 requires the hash of the empty body as a header. Only curl since 8.3 sends it by itself.
        let hash = hex::encode(Sha256::digest(b""));
        let (signed, url) = (signed("s3"), self.s3.url());
        lines.push(format!("{signed} -H x-amz-content-sha256:{hash} '{url}/{DEAD_LETTER_BUCKET}?list-type=2'"));
        lines
    }
}

/// A function that needs only its rules and the key for `hash`: the transform.
#[derive(Debug)]
pub struct Alone {
    /// The function.
    pub function: Function,
    _secrets: Secrets,
}

impl Alone {
    /// Starts the function.
    ///
    /// # Errors
    /// The rules are missing, or the binary can't be started.
    pub async fn start(binary: &Path, pipeline: &Path) -> io::Result<Self> {
        let secrets = Secrets::start().await?;
        let credentials = credentials(false);
        let mut environment = vec![
            ("MILLRACE_PIPELINE", path(pipeline)?),
            ("AWS_ACCESS_KEY_ID", credentials.access_key_id().to_owned()),
            ("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key().to_owned()),
            ("AWS_REGION", REGION.into()),
        ];
        environment.extend(secrets.environment());
        environment.extend(passed_on());
        Ok(Self { function: Function::start(binary, &environment).await?, _secrets: secrets })
    }
}

/// Stores the index templates of the rules in the embedded domain, as `setup` does in a real one. The function reports
/// rules that cannot be read.
fn set_templates(domain: &Domain, pipeline: &Path) -> io::Result<()> {
    let Ok(datasets) = rule_tests::load(pipeline) else { return Ok(()) };
    for template in template::beside(&datasets, &TemplateOwner::default(), pipeline).map_err(io::Error::other)? {
        domain.set_template(&template.name, template.body(Kind::Composable));
    }
    Ok(())
}

/// Reports at once that no server listens at a URL, that its certificate is not trusted, or that it does not answer.
/// The function would retry several times until its timeout.
async fn reach(url: &str, within: Duration) -> io::Result<()> {
    let refused = |reason: &str| io::Error::other(format!("{url}: {reason}"));
    let parsed: hyper::Uri = url.parse().map_err(|_| refused("is not a URL"))?;
    let Some(host) = parsed.host() else { return Err(refused("is not a URL; write it like https://host:9200")) };
    let port = parsed.port_u16().unwrap_or(if parsed.scheme_str() == Some("http") { 80 } else { 443 });
    let host = host.trim_start_matches('[').trim_end_matches(']');
    // Close it before any request: a server with one connection at a time would wait for a request on it.
    let connected = tokio::time::timeout(within, TcpStream::connect((host, port))).await.map(|stream| stream.map(drop));
    match connected {
        // Only the function reads the authority, which may be in a secret.
        Ok(Ok(())) if setting(AUTHORITY).is_some() => Ok(()),
        Ok(Ok(())) => delivery::cluster::answers(url, within).await.map_err(io::Error::other),
        Ok(Err(error)) => Err(refused(&error.to_string())),
        Err(_) => Err(refused("does not answer")),
    }
}

/// An external domain may need the user's credentials. Then S3 accepts them too, since the function has one identity.
/// Otherwise random credentials are made. They stay inside this program and its function, so other users of the computer
/// can't use the endpoints.
fn credentials(domain_elsewhere: bool) -> Credentials {
    if let (true, Some(key), Some(secret)) =
        (domain_elsewhere, setting("AWS_ACCESS_KEY_ID"), setting("AWS_SECRET_ACCESS_KEY"))
    {
        return Credentials::new(key, secret, setting("AWS_SESSION_TOKEN"), None, "environment");
    }
    let secret: String = std::iter::repeat_with(fastrand::alphanumeric).take(32).collect();
    Credentials::new("LOCAL", secret, None, None, "local")
}

fn passed_on() -> impl Iterator<Item = (&'static str, String)> {
    PASSED_ON.into_iter().filter_map(|name| Some((name, setting(name)?)))
}

#[expect(clippy::disallowed_methods, reason = "this is the environment of `millrace`, not of a function")]
pub(crate) fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn path(path: &Path) -> io::Result<String> {
    let absolute =
        path.canonicalize().map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
    absolute.into_os_string().into_string().map_err(|_| io::Error::other("the path of the pipeline is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_domain_that_takes_connections_and_does_not_answer_is_reported() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let error = reach(&url, Duration::from_millis(50)).await.unwrap_err().to_string();
        assert!(error.contains(&url) && error.contains("timed out"), "{error}");
    }
}
