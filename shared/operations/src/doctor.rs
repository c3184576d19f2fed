//! `local doctor`: checks everything that the functions of a deployment need, and suggests a fix for each fault.
//!
//! In: the deployment's environment and the caller's identity. Out: findings; each fault has a fix. No traces remain: a
//! probe object is written into the dead-letter bucket and deleted, and the domain only gets requests that cannot
//! create a document. A failure in one check, even a panic, does not stop the others. Deliberately absent: repairs
//! (`setup` does them), and problems that only show over time (metrics and alarms report them).

mod bucket_and_queue;
mod connection;
mod domain;
mod permission;
mod refusal;
mod rollover;
mod rules;

use std::{future::Future, sync::Arc, time::Duration};

use serde::Serialize;

use super::setup::template::Template;
use crate::{
    admin::{Admin, Version},
    deployment::Deployment,
    settings::Domain,
};
use delivery::{aws::Aws, lambda::Deadline, settings::Auth};
use pipeline::{outcome::BatchError, rules::Datasets};

/// The maximum time for a group of checks. A domain that hangs is also a finding.
const GROUP_TIMEOUT: Duration = Duration::from_mins(1);
/// The timeout of one request, including retries.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// No problem.
    Ok,
    /// Not checked, because there is nothing to check or because the check was not possible.
    Skipped,
    /// Events are delivered, but something should be corrected.
    Warning,
    /// Events are not delivered, or soon will not be.
    Fault,
}

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The name of the check, such as `clock`.
    pub check: &'static str,
    /// Its severity.
    pub level: Level,
    /// The result, for a person.
    pub found: String,
    /// What to do. Only for warnings and faults.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Finding {
    fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, level: Level::Ok, found: found.into(), fix: None }
    }

    fn skipped(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, level: Level::Skipped, found: found.into(), fix: None }
    }

    fn warning(check: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { check, level: Level::Warning, found: found.into(), fix: Some(fix.into()) }
    }

    fn fault(check: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { check, level: Level::Fault, found: found.into(), fix: Some(fix.into()) }
    }

    /// The finding for something that this identity may not see, or for a missing response: nothing is known about it.
    fn unseen(check: &'static str, error: &BatchError) -> Self {
        Self::warning(
            check,
            format!("could not be looked at: {error}"),
            "run it once more with credentials that may, such as those of a role in MILLRACE_OPERATE_ROLES",
        )
    }
}

/// All results.
#[derive(Debug, Clone, Serialize)]
pub struct Examination {
    /// The number of faults.
    pub faults: usize,
    /// The number of warnings.
    pub warnings: usize,
    /// The findings, in the order of the checks.
    pub findings: Vec<Finding>,
}

/// The data about the deployment that the checks use.
#[derive(Debug)]
struct Context {
    deployment: Deployment,
    aws: Aws,
    /// None if the rules have a fault.
    rules: Option<Rules>,
}

/// The rules, and what they require of the domain.
#[derive(Debug)]
struct Rules {
    datasets: Datasets,
    templates: Vec<Template>,
}

/// A domain that responds.
#[derive(Debug)]
struct Connected {
    domain: Domain,
    admin: Admin,
    /// None for a collection, which does not report it.
    version: Option<Version>,
}

impl Context {
    /// The index patterns of the datasets, without repetition.
    fn patterns(&self) -> Vec<String> {
        self.rules.iter().flat_map(|rules| rules.datasets.wildcards()).collect()
    }
}

impl Connected {
    /// Whether the domain is Amazon's, which has its own limits.
    fn is_amazon(&self) -> bool {
        matches!(self.domain.auth, Auth::SigV4(_)) || connection::region(&self.domain.endpoint).is_some()
    }
}

/// Examines a deployment.
pub async fn examine(deployment: Deployment) -> Examination {
    let aws = Aws::load().await;
    let mut findings = rules::configuration(&deployment, &aws.region);
    let rules = {
        let (deployment, aws) = (deployment.clone(), aws.clone());
        group(&mut findings, "pipeline", async move { rules::pipeline(&deployment, &aws).await }).await
    };
    let context = Arc::new(Context { deployment, aws, rules: rules.flatten() });
    findings.extend(rollover::duplicates(&context));
    let of = || Arc::clone(&context);
    let (reached, asked) = (of(), of());
    let connected =
        group(&mut findings, "connection", async move { connection::reach(&reached).await }).await.flatten();
    match connected.map(Arc::new) {
        Some(connected) => {
            let (context, it) = (of(), Arc::clone(&connected));
            group(&mut findings, "permission", async move { (permission::permission(&context, &it).await, ()) }).await;
            let (context, it) = (of(), Arc::clone(&connected));
            group(&mut findings, "templates", async move { (domain::templates(&context, &it).await, ()) }).await;
            let (context, it) = (of(), Arc::clone(&connected));
            group(&mut findings, "rollover", async move { (vec![rollover::rollover(&context, &it).await], ()) }).await;
            group(&mut findings, "domain", async move { (domain::state(&asked, &connected).await, ()) }).await;
        }
        None => findings.push(Finding::skipped("domain", "not examined any further, since it gave no answer to go by")),
    }
    let (letters, queue) = (of(), of());
    group(&mut findings, "dead letters", async move { (vec![bucket_and_queue::dead_letters(&letters).await], ()) })
        .await;
    group(&mut findings, "queue", async move { (vec![bucket_and_queue::queue(&queue).await], ()) }).await;
    let count = |level| findings.iter().filter(|finding| finding.level == level).count();
    Examination { faults: count(Level::Fault), warnings: count(Level::Warning), findings }
}

/// Runs a group of checks. Returns `None` if they did not finish.
async fn group<T: Send + 'static>(
    findings: &mut Vec<Finding>,
    check: &'static str,
    checks: impl Future<Output = (Vec<Finding>, T)> + Send + 'static,
) -> Option<T> {
    let mut running = tokio::spawn(checks);
    match tokio::time::timeout(GROUP_TIMEOUT, &mut running).await {
        Ok(Ok((found, result))) => {
            findings.extend(found);
            Some(result)
        }
        Ok(Err(panic)) => {
            let fix = "this is a fault of Millrace's own: please report it with this line";
            findings.push(Finding::fault(check, format!("the check itself failed: {panic}"), fix));
            None
        }
        Err(_) => {
            running.abort();
            let found = format!("no end after {} s", GROUP_TIMEOUT.as_secs());
            findings.push(Finding::fault(check, found, "see whether the other side is overloaded, and try again"));
            None
        }
    }
}

/// The deadline of one request.
fn soon() -> Deadline {
    Deadline::after(REQUEST_TIMEOUT)
}

/// Formats bytes for a person.
fn size(bytes: u64) -> String {
    let mut unit = (bytes as f64, "B");
    for next in ["KiB", "MiB", "GiB", "TiB"] {
        if unit.0 >= 1024.0 {
            unit = (unit.0 / 1024.0, next);
        }
    }
    let digits = usize::from(unit.0 < 10.0 && unit.1 != "B" && unit.0.fract() > 0.05);
    format!("{:.digits$} {}", unit.0, unit.1)
}

/// At most three of many names, such as names of indices.
fn some(names: &[String]) -> String {
    let shown = names.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > 3 { format!("{shown} and {} more", names.len() - 3) } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_that_panics_is_a_finding_and_the_others_go_on() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut findings = Vec::new();
        runtime.block_on(async {
            let panics = async { if true { panic!("no") } else { (Vec::new(), ()) } };
            assert_eq!(group(&mut findings, "clock", panics).await, None);
            assert_eq!(group(&mut findings, "disk", async { (vec![Finding::ok("disk", "fine")], 7) }).await, Some(7));
        });
        assert_eq!((findings[0].level, findings[1].level), (Level::Fault, Level::Ok));
        assert!(findings[0].found.contains("panicked") && findings[0].fix.is_some(), "{findings:?}");
    }

    #[test]
    fn sizes_are_told_as_a_person_reads_them() {
        for (bytes, said) in [(0, "0 B"), (262_144, "256 KiB"), (1_572_864, "1.5 MiB"), (10 << 30, "10 GiB")] {
            assert_eq!(size(bytes), said);
        }
        let names: Vec<String> = ["a", "b", "c", "d"].map(Into::into).into();
        assert_eq!((some(&names).as_str(), some(&names[..2]).as_str()), ("a, b, c and 1 more", "a, b"));
    }
}
