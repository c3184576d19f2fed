//! The state of the function `s3-ingest`: settings, rules, clients, and the way into the domain. The steps of its work
//! are methods in other files: messages (`s3`), objects (`object`), dead letters (`letters`), sent messages (`onward`).

use super::delivery::Delivery;
use crate::{
    aws::Aws,
    datasets::datasets,
    settings::{S3Prefix, Settings, variable},
};
use pipeline::{
    outcome::{ConfigError, Fault},
    rules::Datasets,
};

/// The function `s3-ingest`.
#[derive(Debug)]
pub struct S3Ingest {
    pub(super) settings: Settings,
    pub(super) datasets: Datasets,
    pub(super) aws: Aws,
    pub(super) delivery: Delivery,
}

impl S3Ingest {
    /// Reads the process's environment and the pipeline.yaml that it names.
    ///
    /// # Errors
    /// Every fault of both at once. Initialisation fails with them.
    pub async fn from_env() -> Result<Self, ConfigError> {
        let settings = Settings::read(variable)?;
        crate::telemetry::init(&settings.log);
        let aws = Aws::load().await;
        let datasets = datasets(&settings.pipeline, settings.hash_key.as_deref(), &aws).await?;
        if let Some(fault) = fed_back(&datasets, &settings.dead_letters) {
            return Err(ConfigError { faults: vec![fault] });
        }
        Ok(Self { delivery: Delivery::new(&settings, &aws)?, settings, datasets, aws })
    }
}

/// A fault if a dataset's `from` matches the location of the dead letters.
pub fn fed_back(datasets: &Datasets, dead: &S3Prefix) -> Option<Fault> {
    let fed_back = datasets.could_match_s3(&dead.bucket, format!("{}/", dead.prefix).trim_start_matches('/'));
    let message = format!(
        "s3://{}/{} is matched by `from` of {}: dead letters would be ingested again, for ever; name the `bucket` or a folder in `key`, \
         or leave them out by `exclude`",
        dead.bucket,
        dead.prefix,
        fed_back.join(", ")
    );
    (!fed_back.is_empty()).then(|| Fault { place: "MILLRACE_DEAD_LETTERS".into(), message })
}
