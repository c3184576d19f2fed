//! `millrace doctor`: checks everything that the functions of a deployment need, and suggests a fix for each fault.
//!
//! In: the deployment's environment and the caller's identity. Out: findings; each fault has a fix. Nothing that counts
//! remains: a probe object is written into the dead-letter bucket and deleted (a versioned bucket keeps a former version
//! of it), and the domain only gets requests that cannot create a document. A failure in one check, even a panic, does
//! not stop the others. Deliberately absent: repairs (`setup` does them), and problems that only show over time (metrics
//! and alarms report them).

mod bucket_and_queue;
mod connection;
mod context;
mod domain;
mod endpoint;
mod finding;
mod layout;
mod permission;
mod refusal;
mod rollover;
mod rules;
mod templates;

use std::{future::Future, sync::Arc, time::Duration};

use serde::Serialize;

use crate::deployment::Deployment;
use context::Context;
use delivery::aws::Aws;
pub use finding::{Finding, Level};

/// The maximum time for a group of checks. A domain that hangs is also a finding.
const GROUP_TIMEOUT: Duration = Duration::from_mins(1);
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
            group(&mut findings, "templates", async move { (templates::templates(&context, &it).await, ()) }).await;
            let (context, it) = (of(), Arc::clone(&connected));
            group(
                &mut findings,
                "data streams",
                async move { (vec![templates::data_streams(&context, &it).await], ()) },
            )
            .await;
            let (context, it) = (of(), Arc::clone(&connected));
            group(&mut findings, "layout", async move { (layout::layout(&context, &it).await, ()) }).await;
            let (context, it) = (of(), Arc::clone(&connected));
            group(&mut findings, "rollover", async move { (vec![rollover::rollover(&context, &it).await], ()) }).await;
            group(&mut findings, "domain", async move { (domain::state(&asked, &connected).await, ()) }).await;
        }
        None => findings.push(Finding::skipped("domain", "not examined further, because it gave no usable answer")),
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
            let fix = "this is a bug in Millrace: report it with this line";
            findings.push(Finding::fault(check, format!("the check itself failed: {panic}"), fix));
            None
        }
        Err(_) => {
            running.abort();
            let found = format!("not finished after {} s", GROUP_TIMEOUT.as_secs());
            findings.push(Finding::fault(check, found, "check whether the other side is overloaded, and try again"));
            None
        }
    }
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
}
