//! The domain's life: what is done once, on a schedule or on request, beside the path of an event.
//!
//! In: an invocation and its deadline. Out: what was done, as one JSON document; or an error, so that an alarm rings.
//! Each of the functions is one file here; what they ask of a domain is `cluster::admin`'s.

pub mod audit;
pub mod bounds;
pub mod brake;
pub mod compared;
pub mod doctor;
pub mod refusals;
pub mod replay;
pub mod retention;
pub mod setup;
pub mod sources;

use serde_json::Value;

use crate::{
    aws::Aws,
    cluster::Admin,
    config::{datasets::Datasets, operations::Domain},
    outcome::ConfigError,
};

/// Prints one document as a line of the log, where it is a metric too if it says so.
fn print(document: &Value) {
    crate::telemetry::print(&document.to_string());
}

/// What each of the functions begins with: the log, the clients and the user's rules.
async fn begin(domain: &Domain) -> Result<(Aws, Admin, Datasets), ConfigError> {
    crate::telemetry::init(&domain.log);
    let aws = Aws::load().await;
    let datasets = crate::pipeline::datasets(&domain.pipeline, domain.hash_key.as_deref(), &aws).await?;
    let admin = Admin::new(domain, &aws)?;
    Ok((aws, admin, datasets))
}
