//! The engine of a domain and its version.

use std::fmt;

use super::client::Admin;
use delivery::lambda::Deadline;
use pipeline::outcome::BatchError;

/// The two families of engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distribution {
    /// OpenSearch.
    OpenSearch,
    /// Elasticsearch, and Amazon's service under that name.
    Elasticsearch,
}

/// An engine and its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// The family.
    pub distribution: Distribution,
    /// For example 2 in 2.19.
    pub major: u32,
    /// For example 19 in 2.19.
    pub minor: u32,
}

impl Version {
    /// Reads the response to `GET /`.
    pub fn read(answer: &serde_json::Value) -> Option<Self> {
        let version = &answer["version"];
        let mut numbers = version["number"].as_str()?.split('.').map(str::parse);
        let distribution = match version["distribution"].as_str() {
            Some("opensearch") => Distribution::OpenSearch,
            _ => Distribution::Elasticsearch,
        };
        Some(Self { distribution, major: numbers.next()?.ok()?, minor: numbers.next()?.ok()? })
    }

    /// Whether it has composable index templates: Elasticsearch from 7.8 on
    /// (<https://www.elastic.co/guide/en/elasticsearch/reference/7.8/release-highlights.html>), every OpenSearch.
    pub fn has_composable_templates(self) -> bool {
        self.distribution == Distribution::OpenSearch || (self.major, self.minor) >= (7, 8)
    }

    /// Whether `_bulk` wants a type: Elasticsearch 6.
    pub fn has_types(self) -> bool {
        self.distribution == Distribution::Elasticsearch && self.major < 7
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.distribution {
            Distribution::OpenSearch => "OpenSearch",
            Distribution::Elasticsearch => "Elasticsearch",
        };
        write!(f, "{name} {}.{}", self.major, self.minor)
    }
}

impl Admin {
    /// Requests the engine's version from the domain.
    ///
    /// # Errors
    /// As [`Self::ask`]. Permanent if the response contains no version.
    pub async fn version(&self, deadline: Deadline) -> Result<Version, BatchError> {
        let answer = self.ask("GET", "/", None, deadline).await?;
        Version::read(&answer).ok_or_else(|| {
            BatchError::permanent("GET /", "the answer names no version: is this the endpoint of a domain?")
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn engines_are_told_apart_and_so_are_their_templates() {
        for (version, shown, composable) in [
            (json!({"number": "2.19.6", "distribution": "opensearch"}), "OpenSearch 2.19", true),
            (json!({"number": "1.0.0", "distribution": "opensearch"}), "OpenSearch 1.0", true),
            (json!({"number": "7.10.2", "build_flavor": "oss"}), "Elasticsearch 7.10", true),
            (json!({"number": "7.7.1"}), "Elasticsearch 7.7", false),
            (json!({"number": "6.8.0"}), "Elasticsearch 6.8", false),
            (json!({"number": "8.19.21"}), "Elasticsearch 8.19", true),
        ] {
            let read = Version::read(&json!({ "version": version })).unwrap();
            assert_eq!((read.to_string().as_str(), read.has_composable_templates()), (shown, composable));
        }
        assert_eq!(Version::read(&json!({ "tagline": "?" })), None);
    }
}
