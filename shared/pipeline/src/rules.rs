//! pipeline.yaml: the user's decisions about the data.
//!
//! In: the file's text. Out: [`Datasets`], compiled and ready for events, or a [`ConfigError`] with all faults at once,
//! each with its line and column. A dataset whose `from` is a Firehose delivery stream becomes a [`Transform`]; any
//! other becomes a [`Dataset`]. Deliberately absent: defaults for decisions about data (a dataset without a `from` or an
//! `index` is a fault), and ignored keys. An unknown key is a fault. So is a key that a later release adds, or a key without
//! meaning for this kind of `from`. The tests of the rules are read, but not run ([`rule_tests`](crate::rule_tests)).

mod dataset;
mod from;
mod layout;
mod overlap;
mod read;
mod rule_test;
pub mod settings;
mod text_file;
mod transform;

use std::{collections::BTreeSet, io, path::Path, sync::Arc};

use base64_simd::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::outcome::{ConfigError, Fault};
use crate::shape::HashKey;
pub use dataset::{Dataset, Keep, OnConflict, Template};
pub use from::{From, S3From, is_access_point};
pub use layout::{FIRST_OF_ALIAS, Layout, Rollover};
use read::{Content, Entry};
pub use rule_test::{Expected, ExpectedDocument, Input, RuleTest};
pub use text_file::Unreadable;
pub use transform::Transform;

/// All datasets, in the order of the file.
#[derive(Debug, Clone)]
pub struct Datasets {
    to_domain: Vec<Arc<Dataset>>,
    to_firehose: Vec<Arc<Transform>>,
    tests: Arc<[RuleTest]>,
    hash: String,
}

impl Datasets {
    /// Reads pipeline.yaml from its text. `file_name` appears in the locations of faults. Without a `key`, a rule that needs one is
    /// a fault. So is an `include`, because there are no other files.
    ///
    /// # Errors
    /// A [`ConfigError`] with every fault: initialisation fails.
    pub fn parse(file_name: &str, yaml: &str, key: Option<&HashKey>) -> Result<Self, ConfigError> {
        Self::parse_with(file_name, yaml, key, &|_| Err(io::Error::other("only one text is known").into()))
    }

    /// As [`Self::parse`]. `read` returns the text of an included file, or why there is none.
    ///
    /// # Errors
    /// A [`ConfigError`] with every fault of all files: initialisation fails.
    pub fn parse_with(
        file_name: &str,
        yaml: &str,
        key: Option<&HashKey>,
        read: &dyn Fn(&str) -> Result<String, Unreadable>,
    ) -> Result<Self, ConfigError> {
        let content = read::content(file_name, yaml, key, read).map_err(|faults| ConfigError { faults })?;
        let Content { entries, tests, included } = content;
        let mut all =
            Self { to_domain: Vec::new(), to_firehose: Vec::new(), tests: tests.into(), hash: hash(yaml, &included) };
        for entry in entries {
            match entry {
                Entry::Dataset(dataset) => all.to_domain.push(dataset),
                Entry::Transform(transform) => all.to_firehose.push(transform),
            }
        }
        Ok(all)
    }

    /// Reads the file at `path`, as [`Self::parse`] does, and the files beside it that it includes.
    ///
    /// # Errors
    /// A [`ConfigError`] if a file cannot be read or has faults: initialisation fails.
    pub fn load(path: &Path, key: Option<&HashKey>) -> Result<Self, ConfigError> {
        let place = path.display().to_string();
        let text = text_file::read(path).map_err(|reason| {
            let message = format!("{reason}; it is the file with the datasets, named by MILLRACE_PIPELINE");
            ConfigError { faults: vec![Fault { place: place.clone(), message }] }
        })?;
        let name = path.file_name().map_or_else(|| place.clone(), |name| name.to_string_lossy().into_owned());
        let folder = path.parent().unwrap_or(Path::new("."));
        Self::parse_with(&name, &text, key, &|name| text_file::read(&folder.join(name)))
    }

    /// The tests of all datasets, in the order of the files. [`rule_tests`](crate::rule_tests) runs them.
    pub fn tests(&self) -> &[RuleTest] {
        &self.tests
    }

    /// The dataset of an S3 object: the first whose `from` matches. `key` is decoded.
    pub fn find_s3(&self, bucket: &str, key: &str) -> Option<&Arc<Dataset>> {
        self.find(|from| matches!(from, From::S3(from) if from.matches(bucket, key)))
    }

    /// Whether some dataset leaves an object out on purpose.
    pub fn excludes_s3(&self, bucket: &str, key: &str) -> bool {
        self.iter().any(|dataset| dataset.from.s3().is_some_and(|from| from.excludes(bucket, key)))
    }

    /// The account that must own a bucket when its objects are listed: the one that all datasets name which could take an
    /// object of it, or the dataset `only`. `None` if they do not agree.
    pub fn owner_of_listing(&self, bucket: &str, only: Option<&str>) -> Option<&str> {
        let mut owners = self
            .iter()
            .filter(|dataset| only.is_none_or(|only| only == dataset.name))
            .filter_map(|dataset| dataset.from.s3().filter(|from| from.takes_bucket(bucket)))
            .map(S3From::owner);
        let first = owners.next()??;
        owners.all(|owner| owner == Some(first)).then_some(first)
    }

    /// The dataset of a Kinesis data stream: the first whose `from` matches.
    pub fn find_stream(&self, stream_name: &str) -> Option<&Arc<Dataset>> {
        self.find(|from| matches!(from, From::Stream(name) if name.is_match(stream_name)))
    }

    /// The dataset of a Kafka topic: the first whose `from` matches.
    pub fn find_topic(&self, topic: &str) -> Option<&Arc<Dataset>> {
        self.find(|from| matches!(from, From::Topic(name) if name.is_match(topic)))
    }

    /// The rules of a Firehose delivery stream: the first whose `from` matches.
    pub fn find_delivery_stream(&self, name: &str) -> Option<&Arc<Transform>> {
        self.to_firehose.iter().find(|transform| transform.delivery_stream.is_match(name))
    }

    fn find(&self, takes: impl Fn(&From) -> bool) -> Option<&Arc<Dataset>> {
        self.to_domain.iter().find(|dataset| takes(&dataset.from))
    }

    /// The dataset with this name. Does not find a [`Transform`].
    pub fn by_name(&self, name: &str) -> Option<&Arc<Dataset>> {
        self.to_domain.iter().find(|dataset| dataset.name == name)
    }

    /// All datasets, in the order of the file, without the [`Transform`]s.
    pub fn iter(&self) -> std::slice::Iter<'_, Arc<Dataset>> {
        self.to_domain.iter()
    }

    /// The patterns of all indices in the engine's syntax, sorted and without duplicates.
    pub fn wildcards(&self) -> BTreeSet<String> {
        self.iter().map(|dataset| dataset.wildcard()).collect()
    }

    /// All [`Transform`]s, in the order of the file.
    pub fn transforms(&self) -> std::slice::Iter<'_, Arc<Transform>> {
        self.to_firehose.iter()
    }

    /// A short hash of the bytes of all files. A continuation carries it: if the rules have changed since, a warning is logged.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The datasets whose `from` could take a dead letter below `key_prefix`. They would process their own dead letters.
    pub fn could_match_s3(&self, bucket: &str, key_prefix: &str) -> Vec<&str> {
        let could_take =
            |dataset: &&Arc<Dataset>| dataset.from.s3().is_some_and(|from| from.could_match(bucket, key_prefix));
        self.to_domain.iter().filter(could_take).map(|dataset| dataset.name.as_str()).collect()
    }
}

impl<'d> IntoIterator for &'d Datasets {
    type Item = &'d Arc<Dataset>;
    type IntoIter = std::slice::Iter<'d, Arc<Dataset>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Every key that any map of the file may have.
pub fn keys() -> impl Iterator<Item = &'static str> {
    read::keys().flat_map(|keys| keys.known.iter().copied())
}

/// Without included files, this is the hash of the file alone.
fn hash(text: &str, included: &[String]) -> String {
    let mut hash = Sha256::new_with_prefix(text);
    for text in included {
        hash.update([0_u8]);
        hash.update(text);
    }
    URL_SAFE_NO_PAD.encode_to_string(&hash.finalize()[..9])
}

#[cfg(test)]
mod tests;
