//! Records of a stream, as one invocation brings them: what Kinesis and Kafka have in common.
//!
//! In: records in the order of their shard or partitions, and which of them were left undelivered. Out: the first of a range
//! that has to come again, on which both services' partial answers rest. Deliberately absent: what a record holds.

use std::{collections::BTreeSet, fmt, ops::Range, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, de};

use crate::record::Origin;

/// Records of one shard or topic.
#[derive(Debug)]
pub struct Batch {
    /// Names each of the records.
    pub origin: Arc<Origin>,
    /// In the order in which `origin` names them.
    pub records: Vec<Record>,
}

/// One record.
#[derive(Debug)]
pub struct Record {
    /// What it holds.
    pub data: Data,
    /// When it arrived, in milliseconds since 1970.
    pub time_ms: i64,
}

/// The bytes of a record, which came as base64.
#[derive(Debug, PartialEq, Eq)]
pub enum Data {
    /// As the producer sent them.
    Bytes(Vec<u8>),
    /// The text where it is not base64, which the service never sends: it fails alone, not its batch.
    NotBase64(String),
}

impl Data {
    /// How many bytes came.
    pub fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::NotBase64(text) => text.len(),
        }
    }

    /// Whether none came.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Decodes while the invocation is parsed, so that the text is never kept beside the bytes.
impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = Data;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text in base64")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Data, E> {
                Ok(STANDARD.decode(text).map_or_else(|_| Data::NotBase64(text.to_owned()), Data::Bytes))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// What a batch leaves undelivered: single records, and all from one on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    /// The records in which something is undelivered.
    pub records: BTreeSet<u32>,
    /// The first record that was not read to its end; all behind it were not read either.
    pub from: u32,
}

impl Undelivered {
    /// The first record of a range that has to come again. Everything before it in the range may be forgotten.
    pub fn first_in(&self, range: Range<u32>) -> Option<u32> {
        let single = self.records.range(range.clone()).next().copied();
        let unread = Some(self.from.max(range.start)).filter(|from| range.contains(from));
        [single, unread].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_record_that_is_not_base64_fails_alone() {
        let data: Vec<Data> = serde_json::from_str(r#"["e30=", "%", ""]"#).unwrap();
        assert_eq!(data, [Data::Bytes(b"{}".to_vec()), Data::NotBase64("%".into()), Data::Bytes(Vec::new())]);
    }

    proptest! {
        #[test]
        fn whatever_lies_before_the_first_is_delivered(
            records in proptest::collection::btree_set(0_u32..40, 0..6), from in 0_u32..45, start in 0_u32..40, length in 0_u32..20,
        ) {
            let (undelivered, range) = (Undelivered { records, from }, start..start + length);
            let is_undelivered = |record: &u32| undelivered.records.contains(record) || *record >= from;
            prop_assert_eq!(undelivered.first_in(range.clone()), range.clone().find(is_undelivered));
        }
    }
}
