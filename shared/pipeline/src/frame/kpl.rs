//! An aggregated record of the Kinesis Producer Library becomes its user records.
//!
//! In: the data of one Kinesis record. Out: [`UserRecords`], borrowed from it, or `None` where it is an ordinary record:
//! another magic number, another MD5, or a message that is no sound protobuf. Deliberately absent: a choice by hash keys, for which Lambda does not tell the shard's range.
//!
//! The format: <https://github.com/awslabs/amazon-kinesis-producer/blob/master/aggregation-format.md>.

use std::iter::FusedIterator;

use md5::{Digest, Md5};

const MAGIC: [u8; 4] = [0xf3, 0x89, 0x9a, 0xc2];
const CHECKSUM: usize = 16;

/// Levels of groups in unknown fields, as the reference implementations take them.
const MAX_GROUPS: usize = 100;

/// One user record of an aggregated record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserRecord<'b> {
    /// Its place in the aggregated record, from 0 on.
    pub index: u32,
    /// What the producer put.
    pub data: &'b [u8],
}

/// The user records of an aggregated record, in its order.
#[derive(Debug, Clone)]
pub struct UserRecords<'b> {
    message: Fields<'b>,
    next: u32,
    count: u32,
}

/// Takes an aggregated record apart, or says by `None` that it is an ordinary one. All of it is checked before the first
/// user record is handed out.
pub fn user_records(data: &[u8]) -> Option<UserRecords<'_>> {
    let (message, checksum) = data.strip_prefix(&MAGIC)?.split_last_chunk::<CHECKSUM>()?;
    let count = count_records(message)?;
    (Md5::digest(message)[..] == *checksum).then_some(UserRecords { message: Fields(message), next: 0, count })
}

/// The partition key of each user record of an aggregated record; `None` for one whose key is not in the table or no text.
pub fn partition_keys(data: &[u8]) -> Option<Vec<Option<&str>>> {
    let UserRecords { message: Fields(message), .. } = user_records(data)?;
    let (mut table, mut indices) = (Vec::new(), Vec::new());
    for field in Fields(message) {
        match field? {
            (PARTITION_KEY_TABLE, Value::Bytes(key)) => table.push(partition_key(key)),
            (AGGREGATED_RECORDS, Value::Bytes(record)) => indices.push(key_index(record)?),
            _ => {}
        }
    }
    let key = |index: u64| usize::try_from(index).ok().and_then(|index| table.get(index).copied().flatten());
    Some(indices.into_iter().map(key).collect())
}

/// The place of a `Record`'s key in the table: of a field that is there twice, the last counts.
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

/// A key that Kinesis would take. Each user record keeps its own copy, so a huge one would be copied thousands of times.
fn partition_key(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes)
        .ok()
        .filter(|key| key.chars().take(LONGEST_PARTITION_KEY + 1).count() <= LONGEST_PARTITION_KEY)
}

/// Characters of a partition key at the most (<https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecord.html>).
const LONGEST_PARTITION_KEY: usize = 256;

/// The fields of the schema that count.
const PARTITION_KEY_TABLE: u32 = 1;
const AGGREGATED_RECORDS: u32 = 3;
const RECORD_PARTITION_KEY_INDEX: u32 = 1;
const RECORD_DATA: u32 = 3;
const RECORD_TAGS: u32 = 4;
const TAG_KEY: u32 = 1;

/// The number of records in a sound `AggregatedRecord`.
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

/// The data of a sound `Record`: of a field that is there twice, the last counts.
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

/// `None` where it is no `Tag`.
fn check_tag(message: &[u8]) -> Option<()> {
    let mut key = None;
    for field in Fields(message) {
        if let (TAG_KEY, Value::Bytes(bytes)) = field? {
            key = Some(bytes);
        }
    }
    key.map(|_| ())
}

/// The fields of one protobuf message, number and value; `None` for what is none, and nothing behind it.
#[derive(Debug, Clone)]
struct Fields<'b>(&'b [u8]);

/// A field of another type than its name in the schema has is an unknown field.
enum Value<'b> {
    Varint(u64),
    Bytes(&'b [u8]),
    /// Of a type that no field we know has.
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

    /// Groups may lie within one another: counted, not recursed into.
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
            // What does not fit is cut off, as the reference implementations do.
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
