//! Lambda: the event source mappings of a function, and invoking a function.
//!
//! In: names and settings. Out: the few operations that `brake` and `replay` need, as signed requests
//! (`functions::client`).

mod client;

use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use client::Client;
use delivery::{aws::Aws, cluster::http::segment};
use pipeline::outcome::BatchError;

/// The client of Lambda. It connects at the first request, since most invocations send none.
#[derive(Debug, Clone)]
pub struct Functions {
    client: Client,
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

/// One page of `ListEventSourceMappings`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    event_source_mappings: Option<Vec<Configuration>>,
    next_marker: Option<String>,
}

/// A mapping as Lambda describes it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Configuration {
    #[serde(rename = "UUID")]
    uuid: Option<String>,
    state: Option<String>,
    scaling_config: Option<ScalingConfig>,
    parallelization_factor: Option<i32>,
    event_source_mapping_arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ScalingConfig {
    maximum_concurrency: Option<i32>,
}

impl Functions {
    /// A client of the configuration's endpoint.
    pub fn new(aws: &Aws) -> Self {
        Self { client: Client::new(aws) }
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
        let what = format!("ListEventSourceMappings of {}", name.unwrap_or("all functions"));
        let mut mappings = Vec::new();
        let mut marker = None;
        loop {
            let query = [("FunctionName", name), ("Marker", marker.as_deref())];
            let query = query.into_iter().filter_map(|(key, value)| Some(format!("{key}={}", segment(value?))));
            let query = query.collect::<Vec<_>>().join("&");
            let mark = if query.is_empty() { "" } else { "?" };
            let path = format!("/2015-03-31/event-source-mappings{mark}{query}");
            let page = self.client.request(&what, Method::GET, &path, None).await?;
            let page: Page = serde_json::from_value(page)
                .map_err(|error| BatchError::retryable(&what, format!("not the answer of Lambda: {error}")))?;
            mappings.extend(page.event_source_mappings.into_iter().flatten().filter_map(mapping));
            let next = page.next_marker.filter(|next| !next.is_empty());
            if next.is_none() || next == marker {
                return Ok(mappings);
            }
            marker = next;
        }
    }

    /// Turns a mapping on or off without a change of its other settings. The change takes a while.
    ///
    /// # Errors
    /// Any failure of the call. A mapping that is changing to another state refuses (`ResourceInUseException`): retryable.
    pub async fn set_enabled(&self, mapping: &Mapping, enabled: bool) -> Result<(), BatchError> {
        self.update(&mapping.uuid, &json!({ "Enabled": enabled })).await
    }

    /// Turns a mapping on with the caller's concurrency.
    ///
    /// # Errors
    /// As [`Self::set_enabled`].
    pub async fn enable_with_concurrency(&self, mapping: &Mapping) -> Result<(), BatchError> {
        let mut settings = json!({ "Enabled": true });
        if let Some(most) = mapping.maximum_concurrency {
            settings["ScalingConfig"] = json!({ "MaximumConcurrency": most });
        }
        if let Some(factor) = mapping.parallelization_factor {
            settings["ParallelizationFactor"] = json!(factor);
        }
        self.update(&mapping.uuid, &settings).await
    }

    async fn update(&self, uuid: &str, settings: &Value) -> Result<(), BatchError> {
        let what = format!("UpdateEventSourceMapping {uuid}");
        let path = format!("/2015-03-31/event-source-mappings/{}", segment(uuid));
        match self.client.request(&what, Method::PUT, &path, Some(settings)).await {
            Err(error) if error.code() == "ResourceInUseException" => {
                Err(BatchError::retryable(what, "it is changing already"))
            }
            result => result.map(drop),
        }
    }

    /// The value of the tag `millrace:paused`. `None` if a mapping has no such tag, or no known ARN.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn paused_tag(&self, mapping: &Mapping) -> Result<Option<String>, BatchError> {
        let Some(arn) = &mapping.arn else { return Ok(None) };
        let answer = self.client.request(&format!("ListTags {arn}"), Method::GET, &tags(arn), None).await?;
        Ok(answer["Tags"][PAUSED].as_str().map(str::to_owned))
    }

    /// Sets or removes the tag `millrace:paused`.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn set_paused_tag(&self, mapping: &Mapping, value: Option<&str>) -> Result<(), BatchError> {
        let Some(arn) = &mapping.arn else { return Ok(()) };
        let result = if let Some(value) = value {
            let body = json!({ "Tags": { PAUSED: value } });
            self.client.request(&format!("TagResource {arn}"), Method::POST, &tags(arn), Some(&body)).await
        } else {
            let path = format!("{}?tagKeys={}", tags(arn), segment(PAUSED));
            self.client.request(&format!("UntagResource {arn}"), Method::DELETE, &path, None).await
        };
        result.map(drop)
    }

    /// Invokes a function without waiting for it.
    ///
    /// # Errors
    /// Any failure of the call. Lambda may have accepted the invocation nevertheless.
    pub async fn invoke_later(&self, name: &str, event: &Value) -> Result<(), BatchError> {
        let path = format!("/2015-03-31/functions/{}/invocations", segment(name));
        let headers = [("x-amz-invocation-type", "Event")];
        self.client.request_with(&format!("Invoke {name}"), Method::POST, &path, Some(event), &headers).await.map(drop)
    }
}

/// The path of the tags of a mapping.
fn tags(arn: &str) -> String {
    format!("/2017-03-31/tags/{}", segment(arn))
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

fn mapping(configuration: Configuration) -> Option<Mapping> {
    let state = configuration.state.unwrap_or_default();
    Some(Mapping {
        uuid: configuration.uuid?,
        enabled: matches!(state.as_str(), "Enabled" | "Enabling" | "Creating" | "Updating"),
        maximum_concurrency: configuration.scaling_config.and_then(|scaling| scaling.maximum_concurrency),
        parallelization_factor: configuration.parallelization_factor,
        in_transition: !matches!(state.as_str(), "Enabled" | "Disabled"),
        is_updating: state == "Updating",
        arn: configuration.event_source_mapping_arn,
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
