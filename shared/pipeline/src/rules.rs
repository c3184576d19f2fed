//! pipeline.yaml: the user's decisions about the data.
//!
//! In: the file's text. Out: [`Datasets`], compiled and ready for events, or a [`ConfigError`] with all faults at once,
//! each with its line and column. A dataset whose `from` is a Firehose delivery stream becomes a [`Transform`]; any
//! other becomes a [`Dataset`]. Deliberately absent: defaults for decisions about data (a dataset without a `from` or an
//! `index` is a fault), and ignored keys. An unknown key is a fault. So is a key that a later release adds, or a key without
//! meaning for this kind of `from`.

mod overlap;
mod read;

use std::{collections::BTreeSet, fmt, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use globset::GlobMatcher;
use sha2::{Digest, Sha256};

use crate::dead_letter;
use crate::decode::{Embedded, Path};
use crate::frame::{Format, Records};
use crate::outcome::{ConfigError, Fault};
use crate::route::Router;
use crate::select::Select;
use crate::shape::{FieldRule, HashKey, Making, Metadata, Shape};

/// The rules for one kind of data on its way to the domain.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// The name, unique in the file. It is the dimension of the metrics.
    pub name: String,
    /// Which objects or records belong to the dataset.
    pub from: From,
    /// How values follow one another in an object or a record.
    pub format: Format,
    /// Which array of an object holds the events, in the format `records`.
    pub records: Records,
    /// Which strings of an event are JSON. They are unfolded before any rule reads the event.
    pub embedded: Option<Embedded>,
    /// Which events are wanted. All if absent.
    pub select: Option<Select>,
    /// The changes to the events.
    pub shape: Shape,
    /// The index and id of the events.
    pub router: Router,
    /// How long the events are kept.
    pub keep: Keep,
    /// The settings of the indices.
    pub template: Template,
}

/// How long the indices of a dataset are kept. The time counts from the end of the period that an index holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Keep {
    /// The maximum time. For ever if absent.
    pub retention: Option<Duration>,
    /// The minimum time, even if storage runs short. The same as `retention` if absent.
    pub keep_at_least: Option<Duration>,
    /// Whether an index is deleted only after a snapshot of it succeeded.
    pub snapshot: bool,
}

/// The settings of a dataset's indices that do not follow from its other rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Template {
    /// The file with the mapping, relative to pipeline.yaml.
    pub mapping: Option<String>,
    /// Primary shards of an index. The domain's default if absent.
    pub shards: Option<u32>,
    /// Replicas of each shard. The domain's default if absent.
    pub replicas: Option<u32>,
    /// The maximum number of fields in an index (`index.mapping.total_fields.limit`). The domain's default if absent.
    pub total_fields_limit: Option<u32>,
}

impl Dataset {
    /// Events before this time have expired: their indices ended `retention` ago. The time is on the clock of the index. `None` if
    /// everything is kept.
    pub fn keep_from_ms(&self, now_ms: i64) -> Option<i64> {
        self.period_from_ms(self.keep.retention?, now_ms)
    }

    /// Whether its rules ask for keys or headers of records.
    pub fn wants_facts(&self) -> bool {
        let asks = |member: &str| matches!(member, "partition_key" | "key" | "key_base64" | "headers");
        self.shape.rules().iter().any(|rule| {
            matches!(rule, FieldRule::Make { from: Making::Metadata(Metadata::Member(member)), .. } if asks(member))
        })
    }

    /// The start of the first period for events that are not older than `ago`, on the clock of the index. `None` if the index has no date.
    pub fn period_from_ms(&self, ago: Duration, now_ms: i64) -> Option<i64> {
        let ago_ms = i64::try_from(ago.as_millis()).unwrap_or(i64::MAX);
        self.router.index().first_period_from(now_ms.saturating_sub(ago_ms))
    }
}

/// The rules for the records of a Firehose delivery stream. Firehose chooses the destination, so there is no router.
#[derive(Debug, Clone)]
pub struct Transform {
    /// The name, unique in the file. It is the dimension of the metrics.
    pub name: String,
    /// The delivery streams that belong to it, by name.
    pub(crate) delivery_stream: GlobMatcher,
    /// How values follow one another in a record.
    pub format: Format,
    /// Which array of an object holds the events, in the format `records`.
    pub records: Records,
    /// Which strings of an event are JSON. They are unfolded before any rule reads the event.
    pub embedded: Option<Embedded>,
    /// Which events are wanted. All if absent.
    pub select: Option<Select>,
    /// The changes to the events.
    pub shape: Shape,
    /// The keys of Firehose's dynamic partitioning, with the fields for their values. Empty if Firehose does not partition.
    pub partition_keys: Vec<(String, Path)>,
}

/// The source of a dataset.
#[derive(Debug, Clone)]
pub enum From {
    /// Objects of S3.
    S3(S3From),
    /// Kinesis data streams, by name.
    Stream(GlobMatcher),
    /// Kafka topics, by name.
    Topic(GlobMatcher),
}

impl From {
    /// The S3 objects, if this is the kind.
    pub fn s3(&self) -> Option<&S3From> {
        if let Self::S3(from) = self { Some(from) } else { None }
    }
}

impl fmt::Display for From {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::S3(from) => write!(f, "key {} of bucket {}", from.key_glob(), from.bucket_glob()),
            Self::Stream(name) => write!(f, "stream {}", name.glob()),
            Self::Topic(name) => write!(f, "topic {}", name.glob()),
        }
    }
}

impl Transform {
    /// The glob of the delivery streams' names.
    pub fn delivery_stream(&self) -> &str {
        self.delivery_stream.glob().glob()
    }
}

/// The S3 objects of a dataset, by globs. `*` and `?` stay within a folder; `**` matches across folders.
#[derive(Debug, Clone)]
pub struct S3From {
    pub(crate) bucket: GlobMatcher,
    pub(crate) key: GlobMatcher,
    /// Keys that this dataset does not take, and that no other dataset has to take.
    pub(crate) exclude: Vec<GlobMatcher>,
}

impl S3From {
    /// Whether the dataset takes an object.
    pub fn matches(&self, bucket: &str, key: &str) -> bool {
        self.bucket.is_match(bucket) && self.matches_key(key)
    }

    /// Whether the dataset takes an object with that key, if the bucket matches.
    pub fn matches_key(&self, key: &str) -> bool {
        self.key.is_match(key) && !self.excludes_key(key)
    }

    /// Whether this dataset leaves an object out on purpose.
    pub fn excludes(&self, bucket: &str, key: &str) -> bool {
        self.bucket.is_match(bucket) && self.excludes_key(key)
    }

    fn excludes_key(&self, key: &str) -> bool {
        self.exclude.iter().any(|glob| glob.is_match(key))
    }

    /// The glob of the bucket's name.
    pub fn bucket_glob(&self) -> &str {
        self.bucket.glob().glob()
    }

    /// The glob of the key.
    pub fn key_glob(&self) -> &str {
        self.key.glob().glob()
    }

    /// Whether the dataset could take the key of some dead letter below `prefix`.
    fn could_match(&self, bucket: &str, prefix: &str) -> bool {
        self.bucket.is_match(bucket) && overlap::could_match(&self.key, &self.exclude, &dead_letter::keys_below(prefix))
    }
}

/// All datasets, in the order of the file.
#[derive(Debug, Clone)]
pub struct Datasets {
    to_domain: Vec<Arc<Dataset>>,
    to_firehose: Vec<Arc<Transform>>,
    hash: String,
}

/// One dataset of the file.
enum Entry {
    Dataset(Arc<Dataset>),
    Transform(Arc<Transform>),
}

impl Datasets {
    /// Reads pipeline.yaml from its text. `file_name` appears in the locations of faults. Without a `key`, a rule that needs one is
    /// a fault.
    ///
    /// # Errors
    /// A [`ConfigError`] with every fault: initialisation fails.
    pub fn parse(file_name: &str, yaml: &str, key: Option<&HashKey>) -> Result<Self, ConfigError> {
        let entries = read::datasets(file_name, yaml, key).map_err(|faults| ConfigError { faults })?;
        let mut all = Self { to_domain: Vec::new(), to_firehose: Vec::new(), hash: hash(yaml.as_bytes()) };
        for entry in entries {
            match entry {
                Entry::Dataset(dataset) => all.to_domain.push(dataset),
                Entry::Transform(transform) => all.to_firehose.push(transform),
            }
        }
        Ok(all)
    }

    /// Reads the file at `path`, as [`Self::parse`] does.
    ///
    /// # Errors
    /// A [`ConfigError`] if the file cannot be read or has faults: initialisation fails.
    pub fn load(path: &std::path::Path, key: Option<&HashKey>) -> Result<Self, ConfigError> {
        let place = path.display().to_string();
        let unreadable = |message: String| ConfigError { faults: vec![Fault { place: place.clone(), message }] };
        let bytes = std::fs::read(path).map_err(|error| {
            unreadable(format!("cannot be read: {error}; it is the file with the datasets, named by MILLRACE_PIPELINE"))
        })?;
        let text = std::str::from_utf8(&bytes).map_err(|error| {
            unreadable(format!("is not UTF-8 from byte {} on; save it as UTF-8", error.valid_up_to()))
        })?;
        let name = path.file_name().map_or_else(|| place.clone(), |name| name.to_string_lossy().into_owned());
        Self::parse(&name, text, key)
    }

    /// The dataset of an S3 object: the first whose `from` matches. `key` is decoded.
    pub fn find_s3(&self, bucket: &str, key: &str) -> Option<&Arc<Dataset>> {
        self.find(|from| matches!(from, From::S3(from) if from.matches(bucket, key)))
    }

    /// Whether some dataset leaves an object out on purpose.
    pub fn excludes_s3(&self, bucket: &str, key: &str) -> bool {
        self.iter().any(|dataset| dataset.from.s3().is_some_and(|from| from.excludes(bucket, key)))
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
        self.iter().map(|dataset| dataset.router.index().wildcard()).collect()
    }

    /// All [`Transform`]s, in the order of the file.
    pub fn transforms(&self) -> std::slice::Iter<'_, Arc<Transform>> {
        self.to_firehose.iter()
    }

    /// A short hash of the file's bytes. A continuation runs only under the rules with which it began.
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

fn hash(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(&Sha256::digest(bytes)[..9])
}

#[cfg(test)]
mod tests;
