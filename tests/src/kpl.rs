//! KPL frames: many user records in one Kinesis record.
//!
//! In: user records. Out: frames. Amazon's own library makes them (scripts/kpl). A short implementation here makes them
//! if a million are needed. A test compares the two. Deliberately absent: reading frames.
//!
//! <https://github.com/awslabs/amazon-kinesis-producer/blob/master/aggregation-format.md>

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use base64_simd::STANDARD;
use md5::{Digest, Md5};
use serde_json::json;

use crate::place;

const MAGIC: [u8; 4] = [0xf3, 0x89, 0x9a, 0xc2];

/// One of the records that a producer aggregated.
#[derive(Debug, Clone)]
pub struct UserRecord {
    /// Its partition key.
    pub key: String,
    /// Its explicit hash key.
    pub hash_key: Option<String>,
    /// Its data.
    pub data: Vec<u8>,
}

impl UserRecord {
    /// A record under the partition key `k`.
    pub fn new(data: impl Into<Vec<u8>>) -> Self {
        Self { key: "k".into(), hash_key: None, data: data.into() }
    }
}

/// One frame.
pub fn frame(records: &[UserRecord]) -> Vec<u8> {
    let table = |keys: &mut dyn Iterator<Item = &String>| {
        keys.fold(Vec::<String>::new(), |mut table, key| {
            if !table.contains(key) {
                table.push(key.clone());
            }
            table
        })
    };
    let keys = table(&mut records.iter().map(|record| &record.key));
    let hash_keys = table(&mut records.iter().filter_map(|record| record.hash_key.as_ref()));
    let index =
        |table: &[String], key: &str| table.iter().position(|other| other == key).expect("taken from it") as u64;
    let mut message = Vec::new();
    for (number, table) in [(1, &keys), (2, &hash_keys)] {
        for key in table {
            field(&mut message, number, key.as_bytes());
        }
    }
    for record in records {
        let mut inner = vec![1 << 3];
        varint(&mut inner, index(&keys, &record.key));
        if let Some(hash_key) = &record.hash_key {
            inner.push(2 << 3);
            varint(&mut inner, index(&hash_keys, hash_key));
        }
        field(&mut inner, 3, &record.data);
        field(&mut message, 3, &inner);
    }
    let digest = Md5::digest(&message);
    [&MAGIC[..], &message, &digest].concat()
}

/// A field of type bytes.
fn field(message: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    message.push(number << 3 | 2);
    varint(message, bytes.len() as u64);
    message.extend_from_slice(bytes);
}

fn varint(message: &mut Vec<u8>, mut value: u64) {
    loop {
        let low = u8::try_from(value & 0x7f).expect("seven bits");
        value >>= 7;
        message.push(if value == 0 { low } else { low | 0x80 });
        if value == 0 {
            return;
        }
    }
}

/// Frames of `a_frame` records each, from Amazon's own library; `None` after [`place::missing`] has reported it.
///
/// # Panics
/// If the library was installed but does not work.
pub fn by_amazon(records: &[UserRecord], a_frame: usize) -> Option<Vec<Vec<u8>>> {
    static INSTALLED: OnceLock<Result<(), String>> = OnceLock::new();
    let script = place::root().join("scripts/kpl/kpl.sh");
    let install = || {
        let build = Command::new("bash").arg(&script).arg("build").stdin(Stdio::null()).output();
        let build = build.map_err(|error| format!("bash does not start: {error}"))?;
        if build.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&build.stderr).into_owned()) }
    };
    if let Err(why) = INSTALLED.get_or_init(install) {
        place::missing("aws_kinesis_agg (Python)", why);
        return None;
    }
    let mut command = Command::new("bash");
    command.arg(&script).args(["run", &a_frame.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("bash starts");
    let mut stdin = child.stdin.take().expect("it was piped");
    let lines: String = records
        .iter()
        .map(|record| json!([record.key, record.hash_key, STANDARD.encode_to_string(&record.data)]).to_string() + "\n")
        .collect();
    let writing = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = child.wait_with_output().expect("its output is read");
    writing.join().expect("no panic").expect("it reads its input");
    assert!(output.status.success(), "{:?}", output.status);
    let frames = std::str::from_utf8(&output.stdout).expect("base64 is text").lines();
    Some(frames.map(|line| STANDARD.decode_to_vec(line).expect("base64")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_frames_are_the_bytes_of_amazons() {
        let mut random = fastrand::Rng::with_seed(4);
        let records: Vec<_> = (0..500)
            .map(|number| UserRecord {
                key: format!("key-{}", number % 7),
                hash_key: (number % 3 == 0).then(|| format!("{}", number % 2 * 12_345)),
                data: (0..random.usize(0..2000)).map(|_| random.u8(..)).collect(),
            })
            .collect();
        let Some(frames) = by_amazon(&records, 50) else { return };
        assert_eq!(frames, records.chunks(50).map(frame).collect::<Vec<_>>());
    }
}
