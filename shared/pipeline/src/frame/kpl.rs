//! Splits aggregated records of the Kinesis Producer Library into their user records.
//!
//! In: the data of Kinesis records. Out: [`UserRecords`] of each, borrowed from it, or `None` for an ordinary record. A
//! record is ordinary if its magic number or MD5 differs, or if its message is not valid protobuf. Deliberately absent:
//! a selection by hash keys, since Lambda does not pass on the shard's range.
//!
//! The format: <https://github.com/awslabs/amazon-kinesis-producer/blob/master/aggregation-format.md>.

mod checksums;

use std::iter::FusedIterator;

const MAGIC: [u8; 4] = [0xf3, 0x89, 0x9a, 0xc2];
const CHECKSUM: usize = 16;

/// The deepest nesting of groups in unknown fields, as in the reference implementations.
const MAX_GROUPS: usize = 100;

/// One user record of an aggregated record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserRecord<'b> {
    /// Its index in the aggregated record, from 0 on.
    pub index: u32,
    /// The data from the producer.
    pub data: &'b [u8],
}

/// The user records of an aggregated record, in their order.
#[derive(Debug, Clone)]
pub struct UserRecords<'b> {
    message: Fields<'b>,
    next: u32,
    count: u32,
}

/// Splits each aggregated record. `None` for an ordinary one. Every record is checked before the first user record is
/// returned: many checksums together take a quarter of the time.
pub fn split<'b>(records: impl Iterator<Item = &'b [u8]>) -> Vec<Option<UserRecords<'b>>> {
    let candidates: Vec<_> = records.map(candidate).collect();
    let messages: Vec<_> = candidates.iter().flatten().map(|(users, _)| users.message.0).collect();
    let mut sums = checksums::md5(&messages).into_iter();
    let mut check =
        |(users, checksum): (UserRecords<'b>, &[u8; CHECKSUM])| (sums.next()? == *checksum).then_some(users);
    candidates.into_iter().map(|candidate| candidate.and_then(&mut check)).collect()
}

/// Splits one aggregated record, or returns `None` for an ordinary one.
pub fn user_records(data: &[u8]) -> Option<UserRecords<'_>> {
    split(std::iter::once(data)).pop().flatten()
}

/// The user records of an aggregated record if this is the checksum of its message.
fn candidate(data: &[u8]) -> Option<(UserRecords<'_>, &[u8; CHECKSUM])> {
    let (message, checksum) = data.strip_prefix(&MAGIC)?.split_last_chunk()?;
    let users = UserRecords { message: Fields(message), next: 0, count: count_records(message)? };
    Some((users, checksum))
}

impl<'b> UserRecords<'b> {
    /// The partition key of each user record, if none of them was taken yet. `None` for a key that is not in the table or
    /// not text.
    pub fn partition_keys(&self) -> Option<Vec<Option<&'b str>>> {
        let (mut table, mut indices) = (Vec::new(), Vec::new());
        for field in self.message.clone() {
            match field? {
                (PARTITION_KEY_TABLE, Value::Bytes(key)) => table.push(partition_key(key)),
                (AGGREGATED_RECORDS, Value::Bytes(record)) => indices.push(key_index(record)?),
                _ => {}
            }
        }
        let key = |index: u64| usize::try_from(index).ok().and_then(|index| table.get(index).copied().flatten());
        Some(indices.into_iter().map(key).collect())
    }
}

/// The index of a `Record`'s key in the table. If the field occurs twice, the last one counts.
fn key_index(message: &[u8]) -> Option<u64> {
    let mut key = None;
    for field in Fields(message) {
        if let (RECORD_PARTITION_KEY_INDEX, Value::Varint(index)) = field? {
            key = Some(index);
        }
    }
    key
}

impl<'b> Iterator for UserRecords<'b> {
    type Item = UserRecord<'b>;

    fn next(&mut self) -> Option<UserRecord<'b>> {
        loop {
            let field = self.message.next()??;
            if let (AGGREGATED_RECORDS, Value::Bytes(message)) = field {
                let index = self.next;
                self.next += 1;
                return Some(UserRecord { index, data: record_data(message)? });
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = (self.count - self.next) as usize;
        (left, Some(left))
    }
}

impl ExactSizeIterator for UserRecords<'_> {}
impl FusedIterator for UserRecords<'_> {}

/// A key that Kinesis would accept. Each user record keeps its own copy, so a huge key would be copied thousands of
/// times.
fn partition_key(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes)
        .ok()
        .filter(|key| key.chars().take(LONGEST_PARTITION_KEY + 1).count() <= LONGEST_PARTITION_KEY)
}

/// The largest number of characters in a partition key
/// (<https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecord.html>).
const LONGEST_PARTITION_KEY: usize = 256;

/// The fields of the schema that are used.
const PARTITION_KEY_TABLE: u32 = 1;
const AGGREGATED_RECORDS: u32 = 3;
const RECORD_PARTITION_KEY_INDEX: u32 = 1;
const RECORD_DATA: u32 = 3;
const RECORD_TAGS: u32 = 4;
const TAG_KEY: u32 = 1;

/// The number of records in a valid `AggregatedRecord`.
fn count_records(message: &[u8]) -> Option<u32> {
    let mut count: u32 = 0;
    for field in Fields(message) {
        if let (AGGREGATED_RECORDS, Value::Bytes(record)) = field? {
            record_data(record)?;
            count = count.checked_add(1)?;
        }
    }
    Some(count)
}

/// The data of a valid `Record`. If a field occurs twice, the last one counts.
fn record_data(message: &[u8]) -> Option<&[u8]> {
    let (mut key, mut data) = (None, None);
    for field in Fields(message) {
        match field? {
            (RECORD_PARTITION_KEY_INDEX, Value::Varint(index)) => key = Some(index),
            (RECORD_DATA, Value::Bytes(bytes)) => data = Some(bytes),
            (RECORD_TAGS, Value::Bytes(tag)) => check_tag(tag)?,
            _ => {}
        }
    }
    key.and(data)
}

/// Returns `None` if this is not a `Tag`.
fn check_tag(message: &[u8]) -> Option<()> {
    let mut key = None;
    for field in Fields(message) {
        if let (TAG_KEY, Value::Bytes(bytes)) = field? {
            key = Some(bytes);
        }
    }
    key.map(|_| ())
}

/// The fields of one protobuf message: number and value. `None` for invalid bytes, and nothing after it.
#[derive(Debug, Clone)]
struct Fields<'b>(&'b [u8]);

/// The value of a field. A field whose type differs from the schema is an unknown field.
enum Value<'b> {
    Varint(u64),
    Bytes(&'b [u8]),
    /// A type that none of the known fields has.
    Other,
}

impl<'b> Iterator for Fields<'b> {
    type Item = Option<(u32, Value<'b>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field)
    }
}

impl<'b> Fields<'b> {
    fn field(&mut self) -> Option<(u32, Value<'b>)> {
        let (number, wire) = self.tag()?;
        let value = match wire {
            Wire::StartGroup => {
                self.skip_group(number)?;
                Value::Other
            }
            Wire::EndGroup => return None,
            wire => self.value(wire)?,
        };
        Some((number, value))
    }

    /// Skips a group. Groups may be nested: they are counted, without recursion.
    fn skip_group(&mut self, number: u32) -> Option<()> {
        let mut open = [0; MAX_GROUPS];
        open[0] = number;
        let mut depth = 1;
        while depth > 0 {
            match self.tag()? {
                (number, Wire::StartGroup) => {
                    *open.get_mut(depth)? = number;
                    depth += 1;
                }
                (number, Wire::EndGroup) if number == open[depth - 1] => depth -= 1,
                (_, Wire::EndGroup) => return None,
                (_, wire) => {
                    self.value(wire)?;
                }
            }
        }
        Some(())
    }

    fn tag(&mut self) -> Option<(u32, Wire)> {
        let tag = u32::try_from(self.varint()?).ok()?;
        let wire = match tag & 7 {
            0 => Wire::Varint,
            1 => Wire::Fixed64,
            2 => Wire::Bytes,
            3 => Wire::StartGroup,
            4 => Wire::EndGroup,
            5 => Wire::Fixed32,
            _ => return None,
        };
        (tag >> 3 != 0).then_some((tag >> 3, wire))
    }

    fn value(&mut self, wire: Wire) -> Option<Value<'b>> {
        let length = match wire {
            Wire::Varint => return self.varint().map(Value::Varint),
            Wire::Bytes => {
                let length = usize::try_from(self.varint()?).ok()?;
                return self.take(length).map(Value::Bytes);
            }
            Wire::Fixed64 => 8,
            Wire::Fixed32 => 4,
            Wire::StartGroup | Wire::EndGroup => return None,
        };
        self.take(length).map(|_| Value::Other)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            // Bits that do not fit are dropped, as in the reference implementations.
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}

#[derive(Clone, Copy)]
enum Wire {
    Varint,
    Fixed64,
    Bytes,
    StartGroup,
    EndGroup,
    Fixed32,
}

#[cfg(test)]
mod tests;
