//! The source of a dataset: globs of its objects, streams or topics.

use std::fmt;

use globset::GlobMatcher;

use super::overlap;
use crate::dead_letter;

/// The ends of names that S3 keeps for access points, so that no bucket has them
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>).
const ACCESS_POINTS: [&str; 4] = ["-s3alias", "--ol-s3", "--xa-s3", ".mrap"];

/// Whether a name that is given instead of a bucket's is an access point: its ARN or its alias. Document ids are made from
/// the bucket's name, so an event that was read under another name would be indexed twice.
pub fn is_access_point(bucket: &str) -> bool {
    bucket.starts_with("arn:") || ACCESS_POINTS.iter().any(|end| bucket.ends_with(end))
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

/// The S3 objects of a dataset, by globs. `*` and `?` stay within a folder; `**` matches across folders.
#[derive(Debug, Clone)]
pub struct S3From {
    pub(crate) bucket: GlobMatcher,
    pub(crate) key: GlobMatcher,
    /// Keys that this dataset does not take, and that no other dataset has to take.
    pub(crate) exclude: Vec<GlobMatcher>,
    /// The account that must own the bucket, by its 12 digits.
    pub(crate) owner: Option<String>,
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

    /// Whether the dataset takes objects of a bucket.
    pub fn takes_bucket(&self, bucket: &str) -> bool {
        self.bucket.is_match(bucket)
    }

    /// The account that must own every bucket whose objects the dataset reads, also one that the rules no longer match.
    /// `None` if the rules do not name one.
    pub fn owner(&self) -> Option<&str> {
        self.owner.as_deref()
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

#[cfg(test)]
mod tests {
    use crate::rules::Datasets;

    fn parse(from: &str) -> Result<Datasets, String> {
        let yaml = format!("datasets:\n  - {{ name: a, from: {{ {from} }}, index: a }}\n");
        Datasets::parse("pipeline.yaml", &yaml, None).map_err(|error| error.to_string())
    }

    #[test]
    fn an_owner_is_given_with_and_without_quotes() {
        // Without quotes too, although other readers of YAML would take the second one for an octal number.
        for owner in ["\"111122223333\"", "012345670123", "'000000000000'"] {
            let datasets = parse(&format!("bucket: logs-*, key: '**', owner: {owner}")).unwrap();
            let from = datasets.by_name("a").unwrap().from.s3().unwrap().clone();
            assert_eq!(from.owner(), Some(owner.trim_matches(['"', '\''])), "{owner}");
        }
        let from = parse("key: '**'").unwrap().by_name("a").unwrap().from.s3().unwrap().clone();
        assert_eq!(from.owner(), None);
    }

    #[test]
    fn an_owner_is_twelve_digits_and_a_bucket_is_no_access_point() {
        for (from, says) in [
            (
                "key: a, owner: 11112222333",
                "`owner: 11112222333` is not the id of an account; write `owner: \"111122223333\"`",
            ),
            ("key: a, owner: 1111222233334", "12 digits"),
            ("key: a, owner: 1111-2222-3333", "12 digits"),
            ("key: a, owner: 1.1111111111", "12 digits"),
            ("key: a, owner: '１11122223333'", "12 digits"),
            ("key: a, owner: [111122223333]", "`owner` is a list"),
            ("key: a, owner: ''", "12 digits"),
            ("key: a, owner:", "`owner` is nothing"),
            ("owner: '111122223333'", "`from` without a `key`"),
            ("stream: a, owner: '111122223333'", "exactly one kind"),
            ("key: a, bucket: app-1234-s3alias", "is an access point; give the bucket's name"),
            ("key: a, bucket: 'arn:aws:s3:eu-west-1:111122223333:accesspoint/app'", "is an access point"),
            ("key: a, bucket: app--ol-s3", "is an access point"),
            ("key: a, bucket: m1.mrap", "is an access point"),
        ] {
            let error = parse(from).unwrap_err();
            assert!(error.contains(says), "{from}: {error}");
        }
        for bucket in ["s3alias", "logs-s3alias-1", "'*'", "arn", "\"{a,b}\""] {
            assert!(parse(&format!("key: a, bucket: {bucket}")).is_ok(), "{bucket}");
        }
    }
}
