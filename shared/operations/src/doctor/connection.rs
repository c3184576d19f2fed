//! Name resolution, connection and the first response: the engine, whether it accepts this identity, and its clock.

use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};

use super::{
    context::{Connected, Context},
    finding::Finding,
    refusal,
};
use crate::{
    admin::{Admin, AdminResponse, Distribution, Version},
    settings::Domain,
};
use delivery::{
    aws::credentials::{ASSUME_ROLE, CREDENTIALS},
    cluster::{address, client::AUTHORITY},
    lambda,
    settings::{Auth, Signing},
};
use pipeline::outcome::BatchError;

/// The timeout for resolving a name or connecting. Within one region both take milliseconds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// A larger difference between the clocks is a warning.
const WARNING_SKEW_MS: i64 = 60_000;
/// A signature is valid for five minutes before and after its time
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html>).
const FAULT_SKEW_MS: i64 = 300_000;

/// Whether the domain responds and accepts this identity.
pub(super) async fn reach(context: &Context) -> (Vec<Finding>, Option<Connected>) {
    let Some(domain) = &context.deployment.domain else { return (Vec::new(), None) };
    let mut findings = Vec::new();
    for finding in connect(domain).await {
        let is_over = finding.fix.is_some();
        findings.push(finding);
        if is_over {
            return (findings, None);
        }
    }
    let connected = first_answer(context, domain, &mut findings).await;
    (findings, connected)
}

/// Checks the name and the port.
async fn connect(domain: &Domain) -> Vec<Finding> {
    let Some((host, port)) = address(&domain.endpoint) else {
        return vec![Finding::fault("name", format!("{} names no host", domain.endpoint), "give a URL with a host")];
    };
    let resolved = tokio::time::timeout(CONNECT_TIMEOUT, lookup_host((host.as_str(), port))).await;
    let addresses: Vec<_> = match resolved {
        Ok(Ok(addresses)) => addresses.collect(),
        Ok(Err(error)) => {
            let fix = "correct the host in MILLRACE_DOMAIN_ENDPOINT; the name of a domain in a VPC resolves \
                       everywhere, so a missing VPN is not the cause";
            return vec![Finding::fault("name", format!("{host} does not resolve: {error}"), fix)];
        }
        Err(_) => {
            return vec![Finding::fault(
                "name",
                format!("{host}: no answer from the name servers"),
                "see whether DNS works here",
            )];
        }
    };
    let Some(first) = addresses.first() else {
        return vec![Finding::fault(
            "name",
            format!("{host} has no address"),
            "correct the host in MILLRACE_DOMAIN_ENDPOINT",
        )];
    };
    let name = Finding::ok("name", format!("{host} is {}", first.ip()));
    let connected = match tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(addresses.as_slice())).await {
        Ok(Ok(_)) => return vec![name],
        Ok(Err(error)) => Finding::fault(
            "connection",
            format!("{host}:{port} takes no connection: {error}"),
            "correct the port in MILLRACE_DOMAIN_ENDPOINT (Amazon's domains have 443, clusters 9200), and see whether the domain runs",
        ),
        Err(_) => Finding::fault(
            "connection",
            format!("{host}:{port} does not answer"),
            "allow port 443 in the domain's security group from this network and from the functions' security group; \
             a domain in a VPC is reachable only from within the VPC",
        ),
    };
    vec![name, connected]
}

async fn first_answer(context: &Context, domain: &Domain, findings: &mut Vec<Finding>) -> Option<Connected> {
    let admin = match Admin::new(domain, &context.aws) {
        Ok(admin) => admin,
        Err(error) => {
            findings.push(Finding::fault("connection", error.to_string(), "install the system's root certificates"));
            return None;
        }
    };
    // A collection has no `/`.
    let path = if domain.is_collection() { "/_cat/indices?format=json" } else { "/" };
    let before_ms = lambda::now_ms();
    let response = match admin.once(path, ANSWER_TIMEOUT).await {
        Ok(response) => response,
        Err(error) => {
            findings.push(no_answer(domain, &error));
            return None;
        }
    };
    findings.push(Finding::ok("connection", format!("{} answers", domain.endpoint)));
    if let Some(date_ms) = response.date_ms {
        // The middle of the request. The header has a resolution of one second.
        let now_ms = i64::midpoint(before_ms, lambda::now_ms());
        findings.push(clock(&domain.auth, now_ms - date_ms));
    } else {
        findings.push(Finding::skipped("clock", "the domain does not report its time"));
    }
    let (finding, version) = judge(domain, &response);
    let is_over = finding.fix.is_some();
    findings.push(finding);
    if is_over {
        return None;
    }
    if let Some(version) = version {
        findings.push(supported(version));
    } else {
        findings.push(Finding::skipped("version", "OpenSearch Serverless does not report its version"));
    }
    Some(Connected { domain: domain.clone(), admin, version })
}

fn no_answer(domain: &Domain, error: &BatchError) -> Finding {
    let found = error.to_string();
    // The TLS library gives only texts.
    let says = |words: &[&str]| words.iter().any(|word| found.contains(word));
    if error.request().starts_with("GetSecretValue") {
        let fix = "name an existing secret in AWS_REGION, and give this identity secretsmanager:GetSecretValue on it: \
                   {\"username\": …, \"password\": …} for basic, {\"id\": …, \"api_key\": …} for apikey, PEM for \
                   MILLRACE_DOMAIN_CA";
        return Finding::fault("authentication", found, fix);
    }
    if error.request().starts_with(ASSUME_ROLE) {
        let fix = "give credentials of an identity that the role's trust policy names, and allow it sts:AssumeRole on \
                   the role; a function in a VPC needs a way to STS";
        return Finding::fault("authentication", found, fix);
    }
    if error.request().starts_with(AUTHORITY) {
        let fix = "give a PEM file, or the ARN of a secret with PEM, that holds the certificate of the authority that \
                   signed the domain's certificate";
        return Finding::fault("connection", found, fix);
    }
    if error.request() == CREDENTIALS {
        let fix = "give credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN), as `aws configure export-credentials --format env` prints them";
        return Finding::fault("authentication", found, fix);
    }
    let fix = if says(&["peer certificate", "CertificateRequired", "UnknownIssuer", "NotValidForName"]) {
        "give the endpoint with the name in its certificate, and in MILLRACE_DOMAIN_CA the authority that signed it, \
         unless the system trusts that one"
    } else if says(&["corrupt message", "InvalidContentType"]) {
        "the port does not speak TLS: write http:// in MILLRACE_DOMAIN_ENDPOINT, or give the port that does"
    } else if domain.endpoint.starts_with("http://") {
        "the port may want TLS: try https:// in MILLRACE_DOMAIN_ENDPOINT, and see whether the domain runs"
    } else {
        "see whether the domain runs, and whether the port of MILLRACE_DOMAIN_ENDPOINT is its HTTPS one"
    };
    Finding::fault("connection", found, fix)
}

fn clock(auth: &Auth, ahead_ms: i64) -> Finding {
    const CHECK: &str = "clock";
    let seconds = ahead_ms.abs() / 1000;
    let word = if ahead_ms > 0 { "ahead of" } else { "behind" };
    let found = format!("this clock is {seconds} s {word} the domain's");
    let fix =
        "set this machine's clock by NTP (`timedatectl set-ntp true`, chrony): signatures are valid for five minutes";
    if ahead_ms.abs() > FAULT_SKEW_MS && matches!(auth, Auth::SigV4(_)) {
        Finding::fault(CHECK, found, fix)
    } else if ahead_ms.abs() > WARNING_SKEW_MS {
        Finding::warning(CHECK, found, fix)
    } else {
        Finding::ok(CHECK, "within a minute of the domain's")
    }
}

/// Evaluates the response to `/`.
fn judge(domain: &Domain, response: &AdminResponse) -> (Finding, Option<Version>) {
    const CHECK: &str = "authentication";
    let how = match &domain.auth {
        Auth::SigV4(Signing { service, role: None, .. }) => format!("signed for `{service}`"),
        Auth::SigV4(Signing { service, role: Some(role), .. }) => format!("signed for `{service}` as {role}"),
        Auth::Basic { .. } => "by user name and password".to_owned(),
        Auth::ApiKey { .. } => "by API key".to_owned(),
        Auth::None => "without authentication".to_owned(),
    };
    if matches!(response.status, 401 | 403) {
        let fix = refusal::fix(&domain.auth, response.status, &response.summary);
        return (Finding::fault(CHECK, format!("{how}: {}", response.summary), fix), None);
    }
    let ok = || Finding::ok(CHECK, format!("{how}: accepted"));
    if domain.is_collection() && response.is_success() {
        return (ok(), None);
    }
    match Version::read(&response.body).filter(|_| response.is_success()) {
        Some(version) => (ok(), Some(version)),
        None if response.status >= 500 || response.status == 429 => {
            let fix =
                "see the domain's health in its console: it is overloaded, being changed, or has no cluster manager";
            (Finding::fault("connection", response.summary.clone(), fix), None)
        }
        None => {
            let fix = "set MILLRACE_DOMAIN_ENDPOINT to the domain endpoint, without a path of Dashboards or Kibana";
            (Finding::fault("version", format!("this is not a domain: {}", response.summary), fix), None)
        }
    }
}

/// A version older than the tested ones lacks features that Millrace needs. A newer one is only untested.
fn supported(version: Version) -> Finding {
    const CHECK: &str = "version";
    const FIX: &str = "Millrace is tested with Elasticsearch 6.8 to 9 and OpenSearch 1 to 3";
    let (oldest, newest) = match version.distribution {
        Distribution::OpenSearch => ((1, 0), 3),
        Distribution::Elasticsearch => ((6, 8), 9),
    };
    if (version.major, version.minor) < oldest {
        Finding::fault(CHECK, format!("{version} is not supported"), FIX)
    } else if version.major > newest {
        Finding::warning(CHECK, format!("{version} is newer than the versions that Millrace is tested with"), FIX)
    } else {
        Finding::ok(CHECK, version.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    #[test]
    fn a_clock_matters_most_where_requests_are_signed() {
        for (auth, ahead_ms, level) in [
            (Auth::sigv4("es"), 59_000, Level::Ok),
            (Auth::sigv4("es"), -61_000, Level::Warning),
            (Auth::sigv4("es"), -301_000, Level::Fault),
            (Auth::sigv4("aoss"), 301_000, Level::Fault),
            (Auth::None, 301_000, Level::Warning),
        ] {
            let finding = clock(&auth, ahead_ms);
            assert_eq!(finding.level, level, "{finding:?}");
        }
        assert!(clock(&Auth::None, -90_500).found.contains("90 s behind"));
    }

    #[test]
    fn an_old_engine_is_a_fault_and_an_unknown_newer_one_a_warning() {
        for (distribution, major, level) in [
            (Distribution::Elasticsearch, 6, Level::Fault),
            (Distribution::Elasticsearch, 7, Level::Ok),
            (Distribution::Elasticsearch, 9, Level::Ok),
            (Distribution::Elasticsearch, 10, Level::Warning),
            (Distribution::OpenSearch, 1, Level::Ok),
            (Distribution::OpenSearch, 3, Level::Ok),
            (Distribution::OpenSearch, 4, Level::Warning),
        ] {
            assert_eq!(supported(Version { distribution, major, minor: 0 }).level, level, "{distribution:?} {major}");
        }
    }
}
