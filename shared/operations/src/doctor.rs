//! `local doctor`: is everything there that the functions of a deployment need, and if not, what is to be done?
//!
//! In: the deployment's environment, and the identity of whoever asks. Out: findings, each fault with its fix. Nothing is left
//! behind: a probe object is put into the dead-letter bucket and deleted, and the domain gets requests alone that cannot make a
//! document. What one check meets, even a panic, keeps no other from being made.
//! Deliberately absent: mending anything (`setup` does), and what only time shows (metrics and alarms do).

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

/// No group of checks takes longer; a domain that hangs is a finding too.
const GROUP_TIMEOUT: Duration = Duration::from_mins(1);
/// One request, with its repetitions.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Ok,
    /// Not looked at, since there is nothing of the kind, or since it could not be.
    Skipped,
    /// Events get through; something is to be put right nevertheless.
    Warning,
    /// Events do not get through, or will not soon.
    Fault,
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The check, such as `clock`.
    pub check: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What was found, for a person.
    pub found: String,
    /// What is to be done; of warnings and faults.
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

    /// Something that this identity may not see, or that was not answered: nothing is known about it.
    fn unseen(check: &'static str, error: &BatchError) -> Self {
        Self::warning(
            check,
            format!("could not be looked at: {error}"),
            "run it once more with credentials that may, such as those of a role in MILLRACE_OPERATE_ROLES",
        )
    }
}

/// Everything that was found.
#[derive(Debug, Clone, Serialize)]
pub struct Examination {
    /// How many are faults.
    pub faults: usize,
    /// How many are warnings.
    pub warnings: usize,
    /// In the order of the checks.
    pub findings: Vec<Finding>,
}

/// What the checks know of the deployment.
#[derive(Debug)]
struct Context {
    deployment: Deployment,
    aws: Aws,
    /// None where the rules are at fault.
    rules: Option<Rules>,
}

/// The rules, and what they ask of the domain.
#[derive(Debug)]
struct Rules {
    datasets: Datasets,
    templates: Vec<Template>,
}

/// A domain that answers.
#[derive(Debug)]
struct Connected {
    domain: Domain,
    admin: Admin,
    /// Not of a collection, which does not tell.
    version: Option<Version>,
}

impl Context {
    /// The patterns of the datasets' indices, each once.
    fn patterns(&self) -> Vec<String> {
        self.rules.iter().flat_map(|rules| rules.datasets.wildcards()).collect()
    }
}

impl Connected {
    /// Whether it is Amazon's, which has limits of its own.
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

/// Makes some checks; nothing where they came to no end.
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

/// For one request.
fn soon() -> Deadline {
    Deadline::after(REQUEST_TIMEOUT)
}

/// As a person reads bytes.
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

/// At most three of many, such as names of indices.
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
