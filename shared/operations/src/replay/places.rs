//! The places of all objects of a dataset: every bucket and key prefix that its `from` names.
//!
//! In: the globs. Out: places to list. No object of the dataset lies outside them. Buckets must be named: buckets of
//! other accounts appear in no list that could be requested. Pure.

use serde::{Deserialize, Serialize};

use crate::error::Refused;
use pipeline::rules::S3From;

/// The maximum number of alternatives of one glob. With more, the whole bucket is listed.
const MOST: usize = 100;

/// A bucket and a key prefix.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The bucket's name.
    pub bucket: String,
    /// The prefix of the keys.
    pub prefix: String,
}

impl Place {
    /// Whether this place contains all of `other`.
    pub fn holds(&self, other: &Self) -> bool {
        self.bucket == other.bucket && other.prefix.starts_with(&self.prefix)
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.prefix)
    }
}

/// The places of a dataset, without repetition. None lies within another.
///
/// # Errors
/// The buckets are not named.
pub(super) fn places(from: &S3From) -> Result<Vec<Place>, Refused> {
    let buckets = alternatives(from.bucket_glob());
    if let Some(glob) = buckets.iter().find(|bucket| literal(bucket).len() < bucket.len()) {
        return Err(Refused(format!(
            "`bucket: \"{glob}\"` may match many buckets, and `recreate` deletes the events of all of them. Name the \
             buckets in pipeline.yaml, such as \
             `bucket: \"{{logs,more-logs}}\"`"
        )));
    }
    let mut places: Vec<Place> = Vec::new();
    for bucket in &buckets {
        for key in alternatives(from.key_glob()) {
            places.push(Place { bucket: bucket.clone(), prefix: literal(&key).to_owned() });
        }
    }
    places.sort();
    // A prefix sorts before the keys that it contains.
    let mut apart: Vec<Place> = Vec::new();
    for place in places {
        if !apart.iter().any(|known| known.holds(&place)) {
            apart.push(place);
        }
    }
    Ok(apart)
}

/// The alternatives of a glob's `{a,b}`; the glob itself if they are too complex.
fn alternatives(glob: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut rest = glob;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((inner, after)) = after.split_once('}') else { return vec![glob.into()] };
        if before.contains(['\\', '[', ']']) || inner.contains(['{', '\\', '[']) {
            return vec![glob.into()];
        }
        let made = |start: &String| -> Vec<String> {
            inner.split(',').map(|alternative| format!("{start}{before}{alternative}")).collect()
        };
        all = all.iter().flat_map(made).collect();
        if all.len() > MOST {
            return vec![glob.into()];
        }
        rest = after;
    }
    all.iter().map(|start| format!("{start}{rest}")).collect()
}

/// The literal text before the first wildcard of a glob.
fn literal(glob: &str) -> &str {
    glob.find(['*', '?', '[', '{', '\\']).map_or(glob, |at| &glob[..at])
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline::rules::Datasets;

    fn of(bucket: &str, key: &str) -> Result<Vec<String>, Refused> {
        let yaml = format!(
            "datasets:\n  - name: d\n    from: {{ bucket: '{bucket}', key: '{key}' }}\n    timestamp: t\n    index: d-%{{+YYYY}}\n"
        );
        let datasets = Datasets::parse("pipeline.yaml", &yaml, None).unwrap();
        let from = datasets.by_name("d").unwrap().from.s3().unwrap().clone();
        Ok(places(&from)?.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn every_object_of_a_dataset_lies_in_a_place() {
        for (bucket, key, expected) in [
            ("logs", "**", &["s3://logs/"][..]),
            ("logs", "in/*.json", &["s3://logs/in/"]),
            ("{a,b}", "x/**", &["s3://a/x/", "s3://b/x/"]),
            ("logs", "{in,out}/**", &["s3://logs/in/", "s3://logs/out/"]),
            ("logs", "{in,in/deep}/**", &["s3://logs/in/"]),
            ("logs", "a{b,c}d{e,f}/*", &["s3://logs/abde/", "s3://logs/abdf/", "s3://logs/acde/", "s3://logs/acdf/"]),
            ("logs", "[ab]{c,d}/**", &["s3://logs/"]),
            ("logs", "one.json", &["s3://logs/one.json"]),
        ] {
            let expected: Vec<_> = expected.iter().map(ToString::to_string).collect();
            assert_eq!(of(bucket, key), Ok(expected), "{bucket} {key}");
        }
        for bucket in ["*", "logs-*", "{a,b*}", "log[s]", "log?"] {
            assert!(of(bucket, "**").unwrap_err().0.contains("Name the buckets"), "{bucket}");
        }
    }
}
