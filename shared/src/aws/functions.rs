//! Lambda: the event source mappings that bring events to a function, and another invocation of one.

use aws_config::SdkConfig;
use aws_sdk_lambda::{
    Client,
    operation::update_event_source_mapping::UpdateEventSourceMappingError,
    primitives::Blob,
    types::{EventSourceMappingConfiguration, InvocationType, ScalingConfig},
};
use serde::{Deserialize, Serialize};

use crate::outcome::BatchError;

/// What Lambda's client is made of, for each call: most functions have no use for one, and should not make it when they start.
#[derive(Debug, Clone)]
pub struct Functions {
    config: SdkConfig,
}

/// An event source mapping, as far as it is changed here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    /// Its identifier.
    pub uuid: String,
    /// Whether it is enabled, or about to be.
    pub enabled: bool,
    /// Of a queue: invocations at once at the most.
    pub maximum_concurrency: Option<i32>,
    /// Of a stream: batches of one shard at once.
    pub parallelization_factor: Option<i32>,
    /// Whether it is on its way to another state.
    #[serde(default)]
    pub in_transition: bool,
}

impl Mapping {
    /// The same at the lowest concurrency that Lambda takes: 2 for a queue, 1 for a shard
    /// (<https://docs.aws.amazon.com/lambda/latest/api/API_ScalingConfig.html>).
    #[must_use]
    pub fn at_its_lowest(&self) -> Self {
        Self {
            maximum_concurrency: self.maximum_concurrency.map(|_| 2),
            parallelization_factor: self.parallelization_factor.map(|_| 1),
            ..self.clone()
        }
    }

    /// Whether what can be set is the same.
    pub fn is_set_as(&self, other: &Self) -> bool {
        (self.enabled, self.maximum_concurrency, self.parallelization_factor)
            == (other.enabled, other.maximum_concurrency, other.parallelization_factor)
    }
}

impl Functions {
    /// For the configuration's endpoint.
    pub fn new(config: &SdkConfig) -> Self {
        Self { config: config.clone() }
    }

    fn client(&self) -> Client {
        Client::new(&self.config)
    }

    /// The event source mappings of a function; `name` may name an alias, `function:live`.
    ///
    /// # Errors
    /// As for any call.
    pub async fn mappings(&self, name: &str) -> Result<Vec<Mapping>, BatchError> {
        let what = || format!("ListEventSourceMappings of {name}");
        let mut pages = self.client().list_event_source_mappings().function_name(name).into_paginator().send();
        let mut mappings = Vec::new();
        while let Some(page) = pages.next().await {
            match page {
                Ok(page) => mappings.extend(page.event_source_mappings().iter().filter_map(mapping)),
                Err(error) => return Err(super::batch_error(what(), &error)),
            }
        }
        Ok(mappings)
    }

    /// Sets a mapping; it takes a while until it is so.
    ///
    /// # Errors
    /// As for any call. A mapping that is on its way to another state refuses (`ResourceInUseException`): retryable.
    pub async fn set(&self, mapping: &Mapping) -> Result<(), BatchError> {
        let what = format!("UpdateEventSourceMapping {}", mapping.uuid);
        let scaling =
            mapping.maximum_concurrency.map(|most| ScalingConfig::builder().maximum_concurrency(most).build());
        let request = self
            .client()
            .update_event_source_mapping()
            .uuid(&mapping.uuid)
            .enabled(mapping.enabled)
            .set_scaling_config(scaling)
            .set_parallelization_factor(mapping.parallelization_factor);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(UpdateEventSourceMappingError::is_resource_in_use_exception) =>
            {
                Err(BatchError::Retryable { what, reason: "it is changing already".into(), retry_after: None })
            }
            Err(error) => Err(super::batch_error(what, &error)),
        }
    }

    /// Invokes a function without waiting for it.
    ///
    /// # Errors
    /// As for any call; the invocation may have been taken nevertheless.
    pub async fn invoke_later(&self, name: &str, event: &serde_json::Value) -> Result<(), BatchError> {
        let request = self.client().invoke().function_name(name).invocation_type(InvocationType::Event);
        match request.payload(Blob::new(event.to_string())).send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(super::batch_error(format!("Invoke {name}"), &error)),
        }
    }
}

fn mapping(configuration: &EventSourceMappingConfiguration) -> Option<Mapping> {
    let state = configuration.state().unwrap_or_default();
    Some(Mapping {
        uuid: configuration.uuid()?.to_owned(),
        enabled: matches!(state, "Enabled" | "Enabling" | "Creating" | "Updating"),
        maximum_concurrency: configuration.scaling_config().and_then(ScalingConfig::maximum_concurrency),
        parallelization_factor: configuration.parallelization_factor(),
        in_transition: !matches!(state, "Enabled" | "Disabled"),
    })
}
