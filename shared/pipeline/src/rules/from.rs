//! The source of a dataset: globs of its objects, streams or topics.

use std::fmt;

use globset::GlobMatcher;

use super::overlap;
use crate::dead_letter;

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
    pub(super) fn could_match(&self, bucket: &str, prefix: &str) -> bool {
        self.bucket.is_match(bucket) && overlap::could_match(&self.key, &self.exclude, &dead_letter::keys_below(prefix))
    }
}
