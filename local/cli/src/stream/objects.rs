//! The objects that Firehose writes to S3, in a folder: wanted records by partition, and failed records.
//!
//! In: the results for the records of one batch. Out: files. The same batch gives the same file names in every run.
//! Deliberately absent: buffering of several batches into one object, compression, format conversion.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

use base64_simd::STANDARD;
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use super::arn::{ACCOUNT, REGION};

/// The function that transforms the records.
pub const FUNCTION: &str = "firehose-transform";

/// The characters of a partition's key and value that are not encoded in the name of a folder.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b' ').remove(b':').remove(b'@');

/// The folder of a delivery stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objects {
    folder: PathBuf,
    delivery_stream: String,
}

/// One batch, identified for the names of its objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchName {
    /// The arrival time of its records, in milliseconds.
    pub arrived_ms: i64,
    /// The position of its file in the stream.
    pub place: u64,
    /// The line of its first record in the file.
    pub number: u64,
}

/// A failed record in the form in which Firehose keeps it
/// (<https://docs.aws.amazon.com/firehose/latest/dev/data-transformation-failure-handling.html>).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FailedRecord {
    /// The number of invocations with this record.
    pub attempts_made: u32,
    /// Its arrival time, in milliseconds.
    pub arrival_timestamp: i64,
    /// The code of the error.
    pub error_code: String,
    /// The message of the error.
    pub error_message: String,
    /// The end of the last attempt, in milliseconds.
    pub attempt_ending_timestamp: i64,
    /// The bytes of the record, in base64.
    pub raw_data: String,
    /// The ARN of the function that failed.
    pub lambda_arn: String,
}

impl Objects {
    /// The folder for the objects of a delivery stream.
    pub fn new(folder: &Path, delivery_stream: &str) -> Self {
        Self { folder: folder.to_owned(), delivery_stream: delivery_stream.to_owned() }
    }

    /// Writes the data of wanted records, one object for each set of partition keys:
    /// `customer=…/country=…/2026/11/22/11/NAME`, as a prefix with `!{partitionKeyFromLambda:…}` gives. Returns the
    /// keys of the objects.
    ///
    /// # Errors
    /// An object can't be written; the error names it.
    pub fn deliver<'d>(
        &self,
        batch: BatchName,
        chosen: impl IntoIterator<Item = (&'d BTreeMap<String, String>, &'d [u8])>,
    ) -> io::Result<Vec<String>> {
        let mut partitions: BTreeMap<&BTreeMap<String, String>, Vec<u8>> = BTreeMap::new();
        for (partition, data) in chosen {
            partitions.entry(partition).or_default().extend_from_slice(data);
        }
        let mut keys = Vec::new();
        for (partition, data) in partitions {
            let mut key = String::new();
            for (name, value) in partition {
                let _ = write!(key, "{}={}/", encoded(name), encoded(value));
            }
            key.push_str(&self.key(batch)?);
            self.write(&key, &data)?;
            keys.push(key);
        }
        Ok(keys)
    }

    /// Writes the failed records of a batch as lines of one object below `processing-failed/`. Returns its key.
    ///
    /// # Errors
    /// The object can't be written; the error names it.
    pub fn keep_failed(&self, batch: BatchName, failed: &[FailedRecord]) -> io::Result<Option<String>> {
        let mut lines = Vec::new();
        for record in failed {
            serde_json::to_writer(&mut lines, record)?;
            lines.push(b'\n');
        }
        if lines.is_empty() {
            return Ok(None);
        }
        let key = format!("processing-failed/{}", self.key(batch)?);
        self.write(&key, &lines)?;
        Ok(Some(key))
    }

    /// A name like Firehose's. Only its end differs, which is random in Firehose.
    fn key(&self, batch: BatchName) -> io::Result<String> {
        let arrived = Timestamp::from_millisecond(batch.arrived_ms).map_err(io::Error::other)?;
        let (folder, time) = (arrived.strftime("%Y/%m/%d/%H"), arrived.strftime("%Y-%m-%d-%H-%M-%S"));
        Ok(format!("{folder}/{}-1-{time}-{:016x}-{:08}", self.delivery_stream, batch.place, batch.number))
    }

    fn write(&self, key: &str, data: &[u8]) -> io::Result<()> {
        let path = self.folder.join(key);
        let write = || {
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::write(&path, data)
        };
        write().map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
    }
}

impl FailedRecord {
    /// A record with these data, whose last attempt failed with this code and message.
    #[expect(clippy::disallowed_methods, reason = "says when an attempt ended")]
    pub fn new(data: &[u8], arrived_ms: i64, attempts: u32, (code, message): (&str, &str)) -> Self {
        Self {
            attempts_made: attempts,
            arrival_timestamp: arrived_ms,
            error_code: code.to_owned(),
            error_message: message.to_owned(),
            attempt_ending_timestamp: Timestamp::now().as_millisecond(),
            raw_data: STANDARD.encode_to_string(data),
            lambda_arn: format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{FUNCTION}"),
        }
    }
}

/// A part of a folder's name. Slashes are encoded, so no value can lead out of the folder.
fn encoded(text: &str) -> String {
    utf8_percent_encode(text, KEPT).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_holds_one_partition_and_no_value_leads_out_of_the_folder() {
        let folder = tempfile::TempDir::new().unwrap();
        let objects = Objects::new(folder.path(), "logs");
        let batch = BatchName { arrived_ms: 1_795_309_207_502, place: 255, number: 7 };
        let partition = |customer: &str, country: &str| -> BTreeMap<String, String> {
            [("customer".to_owned(), customer.to_owned()), ("country".to_owned(), country.to_owned())].into()
        };
        let (kim, evil) = (partition("kim", "KR"), partition("../../../x", ".."));
        let chosen: [(_, &[u8]); 3] = [(&kim, b"1\n"), (&evil, b"2\n"), (&kim, b"3\n")];
        let keys = objects.deliver(batch, chosen).unwrap();
        let name = "2026/11/22/01/logs-1-2026-11-22-01-00-07-00000000000000ff-00000007";
        assert_eq!(
            keys,
            [format!("country=../customer=..%2F..%2F..%2Fx/{name}"), format!("country=KR/customer=kim/{name}")]
        );
        assert_eq!(fs::read(folder.path().join(&keys[1])).unwrap(), b"1\n3\n");
        let plain = objects.deliver(batch, [(&BTreeMap::new(), b"4\n".as_slice())]).unwrap();
        assert_eq!(plain, [name]);
        assert_eq!(objects.deliver(batch, []).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn failed_records_are_written_as_firehose_writes_them() {
        let folder = tempfile::TempDir::new().unwrap();
        let objects = Objects::new(folder.path(), "logs");
        let batch = BatchName { arrived_ms: 0, place: 0, number: 1 };
        let failed = FailedRecord::new(b"no json", 17, 4, ("Lambda.FunctionError", "why"));
        let key = objects.keep_failed(batch, &[failed.clone(), failed]).unwrap().unwrap();
        assert_eq!(key, "processing-failed/1970/01/01/00/logs-1-1970-01-01-00-00-00-0000000000000000-00000001");
        let text = fs::read_to_string(folder.path().join(key)).unwrap();
        assert_eq!(text.lines().count(), 2);
        let line: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert_eq!((&line["attemptsMade"], &line["arrivalTimestamp"]), (&4.into(), &17.into()));
        assert_eq!((&line["errorCode"], &line["errorMessage"]), (&"Lambda.FunctionError".into(), &"why".into()));
        assert_eq!(line["rawData"], STANDARD.encode_to_string("no json"));
        assert_eq!(line["lambdaArn"], "arn:aws:lambda:us-east-1:000000000000:function:firehose-transform");
        assert_eq!(objects.keep_failed(batch, &[]).unwrap(), None);
    }
}
