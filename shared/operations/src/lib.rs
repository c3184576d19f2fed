//! The operations on a domain and its event sources. They run once, on a schedule or on request, outside the path of an
//! event.
//!
//! In: an invocation and its deadline. Out: what was done, as one JSON document; or an error, so that an alarm fires.
//! Each function has one file here. [`admin`] holds the requests to the domain.

pub mod admin;
pub mod audit;
pub mod bounds;
pub mod brake;
pub mod compared;
pub mod deployment;
pub mod doctor;
pub mod refusals;
pub mod replay;
pub mod retention;
pub mod settings;
pub mod setup;
pub mod sources;
pub mod stack;

use serde_json::Value;

use delivery::aws::Aws;
use pipeline::{outcome::ConfigError, rules::Datasets};

use crate::{admin::Admin, settings::Domain};

/// Prints a document as one log line. The line is also a metric if the document has the metric format.
fn print(document: &Value) {
    delivery::telemetry::print(&document.to_string());
}

/// The start of every function: initialise the log, create the clients, read the user's rules.
async fn begin(domain: &Domain) -> Result<(Aws, Admin, Datasets), ConfigError> {
    delivery::telemetry::init(&domain.log);
    let aws = Aws::load().await;
    let datasets = delivery::datasets(&domain.pipeline, domain.hash_key.as_deref(), &aws).await?;
    let admin = Admin::new(domain, &aws)?;
    Ok((aws, admin, datasets))
}
