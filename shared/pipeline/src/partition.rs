//! The values of the keys for Firehose's dynamic partitioning.

use crate::decode::{Event, Path, Scalar, Value};

/// Maximum number of bytes of a partition key's value. It becomes part of an S3 key, which has at most 1,024 bytes
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>).
const MAX_KEY_VALUE_BYTES: usize = 1024;

/// The values of the partition keys of one record.
#[derive(Debug, Default)]
pub struct PartitionValues {
    /// Empty before the first event.
    values: Vec<String>,
    /// The next value.
    value: String,
}

impl PartitionValues {
    /// Starts the next record.
    pub fn clear(&mut self) {
        self.values.clear();
    }

    /// The values, in the order of the keys. None remain.
    pub fn drain(&mut self) -> impl Iterator<Item = String> + '_ {
        self.values.drain(..)
    }

    /// The values, in the order of the keys.
    pub(crate) fn values(&self) -> &[String] {
        &self.values
    }

    /// Reads the values of the next event. They must equal those of the events before it, because Firehose writes a whole record
    /// under one prefix. The error is its name and its reason: a field is missing, is not a scalar, is too long, or differs from the
    /// events before.
    pub(crate) fn read(&mut self, keys: &[(String, Path)], event: &Event<'_>) -> Result<(), (&'static str, String)> {
        let Self { values, value } = self;
        let is_first = values.is_empty();
        for (ordinal, (name, path)) in keys.iter().enumerate() {
            let fault = match event.get(path) {
                None => Some("is missing"),
                Some(found) => text(event, found, value).err(),
            };
            if let Some(fault) = fault {
                let reason = format!("the field `{path}` of the partition key `{name}` {fault}");
                return Err(("invalid_partition_key", reason));
            }
            if is_first {
                values.push(value.clone());
            } else if values.get(ordinal) != Some(value) {
                let reason = format!(
                    "the record holds events with different values of `{path}`, but Firehose stores a record under \
                     one value of the partition key `{name}`: turn on the delivery stream's multi-record deaggregation"
                );
                return Err(("mixed_partition_keys", reason));
            }
        }
        Ok(())
    }
}

/// A value as text. An error is a description of the fault.
fn text<'e>(event: &Event<'e>, value: Value<'e>, out: &mut String) -> Result<(), &'static str> {
    const TOO_LONG: &str = "has more than 1,024 bytes";
    out.clear();
    match value.scalar().ok_or("is an array or an object")? {
        Scalar::String(text) => out.push_str(text),
        Scalar::Number(number) => {
            let mut digits = Vec::new();
            event.push_exact(value, number, MAX_KEY_VALUE_BYTES, &mut digits).map_err(|_| TOO_LONG)?;
            out.push_str(&String::from_utf8_lossy(&digits));
        }
        Scalar::Bool(value) => out.push_str(if value { "true" } else { "false" }),
        Scalar::Null => return Err("is null"),
    }
    match out.len() {
        0 => Err("is empty"),
        1..=MAX_KEY_VALUE_BYTES => Ok(()),
        _ => Err(TOO_LONG),
    }
}
