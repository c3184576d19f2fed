//! The start of every function of this package.

use crate::{admin::Admin, settings::Domain};
use delivery::aws::Aws;
use pipeline::{outcome::ConfigError, rules::Datasets};

/// Initialises the log, creates the clients, and reads the user's rules.
///
/// # Errors
/// All faults of pipeline.yaml; or a domain that no client can be created for.
pub(super) async fn begin(domain: &Domain) -> Result<(Aws, Admin, Datasets), ConfigError> {
    delivery::telemetry::init(&domain.log);
    let aws = Aws::load().await;
    let datasets = delivery::datasets(&domain.pipeline, domain.hash_key.as_deref(), &aws).await?;
    let admin = Admin::new(domain, &aws)?;
    Ok((aws, admin, datasets))
}
