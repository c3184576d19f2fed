//! The records of a stream in one invocation: the common part of Kinesis and Kafka.
//!
//! In: records in the order of their shard or partitions, and the undelivered ones among them. Out: their bytes, and
//! the first record of a range that has to be redelivered. The partial answers of both services need that record.
//! Deliberately absent: the content of a record.

use std::{borrow::Cow, collections::BTreeSet, fmt, ops::Range, sync::Arc};

use base64_simd::STANDARD;
use serde::{Deserialize, Deserializer, de};

use pipeline::record::Origin;

/// Records of one shard or topic.
#[derive(Debug)]
pub struct Batch {
    /// The names of the records.
    pub origin: Arc<Origin>,
    /// In the order in which `origin` names them.
    pub records: Records,
}

/// Records, decoded into one buffer one after another. An invocation has thousands of them, and one allocation per
/// record would cost as much as decoding.
#[derive(Debug, Default)]
pub struct Records {
    bytes: Vec<u8>,
    records: Vec<Decoded>,
}

#[derive(Debug)]
struct Decoded {
    range: Range<usize>,
    is_base64: bool,
    time_ms: i64,
}

/// One record.
#[derive(Debug, PartialEq, Eq)]
pub struct Record<'r> {
    /// Its data.
    pub data: Data<'r>,
    /// When it arrived, in milliseconds since 1970.
    pub time_ms: i64,
}

/// The bytes of a record, decoded from base64.
#[derive(Debug, PartialEq, Eq)]
pub enum Data<'r> {
    /// The bytes that the producer sent.
    Bytes(&'r [u8]),
    /// The text of a record that is not base64. The service never sends one. Only the record fails, not its batch.
    NotBase64(&'r [u8]),
}

impl Records {
    /// Reserves room for the decoded form of this many bytes of base64. Growth by doubling would touch twice the
    /// memory.
    pub fn reserve(&mut self, base64_bytes: usize) {
        self.bytes.reserve_exact(base64_bytes / 4 * 3);
    }

    /// Adds a record from its `base64`.
    pub fn push(&mut self, base64: &[u8], time_ms: i64) {
        let start = self.bytes.len();
        // Four times as fast as the crate base64. It takes a twentieth of a record's time (docs/PERFORMANCE.md).
        let is_base64 = STANDARD.decode_append(base64, &mut self.bytes).is_ok();
        if !is_base64 {
            self.bytes.truncate(start);
            self.bytes.extend_from_slice(base64);
        }
        self.records.push(Decoded { range: start..self.bytes.len(), is_base64, time_ms });
    }

    /// The number of records.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there are no records.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The total bytes of all records.
    pub fn byte_len(&self) -> usize {
        self.bytes.len()
    }

    /// The time of each record, in order.
    pub fn times_ms(&self) -> Vec<i64> {
        self.records.iter().map(|record| record.time_ms).collect()
    }

    /// Each record, in order.
    pub fn iter(&self) -> impl Iterator<Item = Record<'_>> {
        self.records.iter().map(|Decoded { range, is_base64, time_ms }| {
            let bytes = &self.bytes[range.clone()];
            Record { data: if *is_base64 { Data::Bytes(bytes) } else { Data::NotBase64(bytes) }, time_ms: *time_ms }
        })
    }
}

/// A string of an invocation, borrowed from it unless it contains escapes.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Text<'i>(#[serde(borrow)] pub(super) Cow<'i, str>);

/// The same as bytes. UTF-8 is not checked, because decoding base64 checks every byte. Not derived: the error of serde would
/// ask for a byte array.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Base64<'i>(pub(super) Cow<'i, [u8]>);

impl<'de: 'i, 'i> Deserialize<'de> for Base64<'i> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Base64<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text in base64")
            }

            fn visit_borrowed_bytes<E: de::Error>(self, bytes: &'de [u8]) -> Result<Base64<'de>, E> {
                Ok(Base64(Cow::Borrowed(bytes)))
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Base64<'de>, E> {
                Ok(Base64(Cow::Owned(bytes.to_owned())))
            }
        }
        deserializer.deserialize_bytes(Visitor)
    }
}

/// The undelivered records of a batch: single ones, and all from one on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    /// The records that have undelivered events.
    pub records: BTreeSet<u32>,
    /// The first record that was not read to its end. The records after it were not read either.
    pub from: u32,
}

impl Undelivered {
    /// The first record of a range that has to be redelivered. All records before it in the range are settled.
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
        let mut records = Records::default();
        for (text, time_ms) in [("e30=", 1), ("e3=%", 2), ("", 3), ("e30=", 4)] {
            records.push(text.as_bytes(), time_ms);
        }
        let expected =
            [(Data::Bytes(b"{}"), 1), (Data::NotBase64(b"e3=%"), 2), (Data::Bytes(b""), 3), (Data::Bytes(b"{}"), 4)];
        assert_eq!(records.iter().collect::<Vec<_>>(), expected.map(|(data, time_ms)| Record { data, time_ms }));
        assert_eq!((records.len(), records.byte_len()), (4, 8));
    }

    #[test]
    fn an_escaped_text_is_read_too() {
        let texts: Vec<Text<'_>> = serde_json::from_str(r#"["a/b", "a\/b"]"#).unwrap();
        assert_eq!(texts[0], texts[1]);
        assert!(matches!((&texts[0].0, &texts[1].0), (Cow::Borrowed(_), Cow::Owned(_))));
        let data: Vec<Base64<'_>> = serde_json::from_str(r#"["a/b", "a\/b"]"#).unwrap();
        assert_eq!((&data[0], data[0].0.as_ref()), (&data[1], b"a/b".as_slice()));
        assert!(matches!((&data[0].0, &data[1].0), (Cow::Borrowed(_), Cow::Owned(_))));
    }

    proptest! {
        #[test]
        fn all_records_before_the_first_undelivered_one_are_delivered(
            records in proptest::collection::btree_set(0_u32..40, 0..6), from in 0_u32..45, start in 0_u32..40, length in 0_u32..20,
        ) {
            let (undelivered, range) = (Undelivered { records, from }, start..start + length);
            let is_undelivered = |record: &u32| undelivered.records.contains(record) || *record >= from;
            prop_assert_eq!(undelivered.first_in(range.clone()), range.clone().find(is_undelivered));
        }
    }
}
