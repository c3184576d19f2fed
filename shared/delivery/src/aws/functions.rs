//! Lambda: the event source mappings of a function, and invoking a function.

use aws_config::SdkConfig;
use aws_sdk_lambda::{
    Client,
    operation::update_event_source_mapping::{
        UpdateEventSourceMappingError, builders::UpdateEventSourceMappingFluentBuilder,
    },
    primitives::Blob,
    types::{EventSourceMappingConfiguration, InvocationType, ScalingConfig},
};
use serde::{Deserialize, Serialize};

use super::error::batch_error;
use pipeline::outcome::BatchError;

/// The configuration of Lambda's client. The client is made for each call: most functions do not use it, and should not
/// make it when they start.
#[derive(Debug, Clone)]
pub struct Functions {
    config: SdkConfig,
}

/// The tag of a mapping that Millrace has disabled. Its value names the stack, and the function that wants the mapping
/// off.
const PAUSED: &str = "millrace:paused";

/// The fields of an event source mapping that are used here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    /// Its identifier.
    pub uuid: String,
    /// Whether it is enabled or being enabled.
    pub enabled: bool,
    /// For a queue: the limit on concurrent invocations.
    pub maximum_concurrency: Option<i32>,
    /// For a stream: the number of concurrent batches of one shard.
    pub parallelization_factor: Option<i32>,
    /// Whether it is changing to another state.
    #[serde(default)]
    pub in_transition: bool,
    /// Whether its settings are being changed. Until that ends, its state is uncertain.
    #[serde(skip)]
    pub is_updating: bool,
    /// Its ARN, for tagging.
    #[serde(skip)]
    pub arn: Option<String>,
}

impl Functions {
    /// A client of the configuration's endpoint.
    pub fn new(config: &SdkConfig) -> Self {
        Self { config: config.clone() }
    }

    fn client(&self) -> Client {
        Client::new(&self.config)
    }

    /// The event source mappings of a function. `name` may name an alias, `function:live`.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn mappings(&self, name: &str) -> Result<Vec<Mapping>, BatchError> {
        self.list(Some(name)).await
    }

    /// The event source mappings of an alias of a function. Empty if the function has no such alias, or if `name`
    /// already names a version or an alias.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn mappings_of_alias(&self, name: &str, alias: &str) -> Result<Vec<Mapping>, BatchError> {
        if is_qualified(name) {
            return Ok(Vec::new());
        }
        match self.list(Some(&format!("{name}:{alias}"))).await {
            Err(error) if error.code() == "ResourceNotFoundException" => Ok(Vec::new()),
            result => result,
        }
    }

    /// Every event source mapping of the account in this region. A mapping that is missing here is deleted.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn all_mappings(&self) -> Result<Vec<Mapping>, BatchError> {
        self.list(None).await
    }

    async fn list(&self, name: Option<&str>) -> Result<Vec<Mapping>, BatchError> {
        let what = || format!("ListEventSourceMappings of {}", name.unwrap_or("all functions"));
        let request = self.client().list_event_source_mappings().set_function_name(name.map(str::to_owned));
        let mut pages = request.into_paginator().send();
        let mut mappings = Vec::new();
        while let Some(page) = pages.next().await {
            match page {
                Ok(page) => mappings.extend(page.event_source_mappings().iter().filter_map(mapping)),
                Err(error) => return Err(batch_error(what(), &error)),
            }
        }
        Ok(mappings)
    }

    /// Turns a mapping on or off without a change of its other settings. The change takes a while.
    ///
    /// # Errors
    /// Any failure of the call. A mapping that is changing to another state refuses (`ResourceInUseException`): retryable.
    pub async fn set_enabled(&self, mapping: &Mapping, enabled: bool) -> Result<(), BatchError> {
        self.update(&mapping.uuid, |update| update.enabled(enabled)).await
    }

    /// Turns a mapping on with the caller's concurrency.
    ///
    /// # Errors
    /// As [`Self::set_enabled`].
    pub async fn enable_with_concurrency(&self, mapping: &Mapping) -> Result<(), BatchError> {
        let scaling =
            mapping.maximum_concurrency.map(|most| ScalingConfig::builder().maximum_concurrency(most).build());
        let set = |update: UpdateEventSourceMappingFluentBuilder| {
            let update = update.enabled(true).set_scaling_config(scaling);
            update.set_parallelization_factor(mapping.parallelization_factor)
        };
        self.update(&mapping.uuid, set).await
    }

    async fn update(
        &self,
        uuid: &str,
        set: impl FnOnce(UpdateEventSourceMappingFluentBuilder) -> UpdateEventSourceMappingFluentBuilder,
    ) -> Result<(), BatchError> {
        let what = format!("UpdateEventSourceMapping {uuid}");
        match set(self.client().update_event_source_mapping().uuid(uuid)).send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(UpdateEventSourceMappingError::is_resource_in_use_exception) =>
            {
                Err(BatchError::retryable(what, "it is changing already"))
            }
            Err(error) => Err(batch_error(what, &error)),
        }
    }

    /// The value of the tag `millrace:paused`. `None` if a mapping has no such tag, or no known ARN.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn paused_tag(&self, mapping: &Mapping) -> Result<Option<String>, BatchError> {
        let Some(arn) = &mapping.arn else { return Ok(None) };
        match self.client().list_tags().resource(arn).send().await {
            Ok(output) => Ok(output.tags().and_then(|tags| tags.get(PAUSED)).cloned()),
            Err(error) => Err(batch_error(format!("ListTags {arn}"), &error)),
        }
    }

    /// Sets or removes the tag `millrace:paused`.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn set_paused_tag(&self, mapping: &Mapping, value: Option<&str>) -> Result<(), BatchError> {
        let Some(arn) = &mapping.arn else { return Ok(()) };
        let client = self.client();
        if let Some(value) = value {
            let result = client.tag_resource().resource(arn).tags(PAUSED, value).send().await;
            result.map(drop).map_err(|error| batch_error(format!("TagResource {arn}"), &error))
        } else {
            let result = client.untag_resource().resource(arn).tag_keys(PAUSED).send().await;
            result.map(drop).map_err(|error| batch_error(format!("UntagResource {arn}"), &error))
        }
    }

    /// Invokes a function without waiting for it.
    ///
    /// # Errors
    /// Any failure of the call. Lambda may have accepted the invocation nevertheless.
    pub async fn invoke_later(&self, name: &str, event: &serde_json::Value) -> Result<(), BatchError> {
        let request = self.client().invoke().function_name(name).invocation_type(InvocationType::Event);
        match request.payload(Blob::new(event.to_string())).send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(batch_error(format!("Invoke {name}"), &error)),
        }
    }
}

/// Whether a function name ends in a version or an alias: `NAME:x`, `ACCOUNT:function:NAME:x`, `arn:…:function:NAME:x`.
fn is_qualified(name: &str) -> bool {
    matches!(name.split(':').count(), 2 | 4 | 8)
}

/// The plain name of a function, from any form: alone, with its account, as an ARN; with a version or an alias.
pub fn bare_name(name: &str) -> &str {
    let at = match name.split(':').count() {
        0..=2 => 0,
        3 | 4 => 2,
        _ => 6,
    };
    name.split(':').nth(at).unwrap_or(name)
}

fn mapping(configuration: &EventSourceMappingConfiguration) -> Option<Mapping> {
    let state = configuration.state().unwrap_or_default();
    Some(Mapping {
        uuid: configuration.uuid()?.to_owned(),
        enabled: matches!(state, "Enabled" | "Enabling" | "Creating" | "Updating"),
        maximum_concurrency: configuration.scaling_config().and_then(ScalingConfig::maximum_concurrency),
        parallelization_factor: configuration.parallelization_factor(),
        in_transition: !matches!(state, "Enabled" | "Disabled"),
        is_updating: state == "Updating",
        arn: configuration.event_source_mapping_arn().map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_version_or_an_alias_is_taken_as_it_is() {
        for (name, expected) in [
            ("logs-s3-ingest", false),
            ("logs-s3-ingest:live", true),
            ("123456789012:function:logs-s3-ingest", false),
            ("123456789012:function:logs-s3-ingest:live", true),
            ("arn:aws:lambda:eu-west-1:123456789012:function:logs-s3-ingest", false),
            ("arn:aws:lambda:eu-west-1:123456789012:function:logs-s3-ingest:7", true),
        ] {
            assert_eq!((is_qualified(name), bare_name(name)), (expected, "logs-s3-ingest"), "{name}");
        }
    }
}
