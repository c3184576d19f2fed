//! Gives each file its position in the stream.
//!
//! In: files. Out: the same files with their positions, sorted by position. A position depends on key and content only.
//! So a file has the same sequence numbers and offsets in every run, whatever other files are delivered. Ids are made
//! from these numbers, so a second delivery is harmless. If files were numbered in order, another file could get the
//! ids of this one.

use std::{fs, io};

use emulator::s3;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::files::File;

/// A file with its position in a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    /// The file.
    pub file: File,
    /// The position of the file. The sequence numbers and offsets of its records begin with it.
    pub place: u64,
    /// The time of its last change, in milliseconds. It is the arrival time of its records.
    pub modified_ms: i64,
}

impl Put {
    /// The arrival time of its records, in milliseconds.
    pub(super) fn arrived_ms(&self) -> u64 {
        u64::try_from(self.modified_ms).unwrap_or_default()
    }
}

/// The bits of a position that do not fit into a Kafka offset. An offset has 63 bits, and 32 of them number the records
/// of a file.
pub(super) const BEYOND_OFFSETS: u32 = 33;

/// Gives each file its position.
///
/// # Errors
/// A file can't be read; the error names it.
pub fn put(files: &[File]) -> io::Result<Vec<Put>> {
    let mut put: Vec<Put> = files.iter().map(one).collect::<io::Result<_>>()?;
    put.sort_by(|left, right| (left.place, &left.file.key).cmp(&(right.place, &right.file.key)));
    // Two files have the same position in one of 2^31 pairs. Then the second one moves up.
    for next in 1..put.len() {
        let taken = put[next - 1].place >> BEYOND_OFFSETS;
        if put[next].place >> BEYOND_OFFSETS <= taken {
            put[next].place = (taken + 1) << BEYOND_OFFSETS;
        }
    }
    Ok(put)
}

fn one(file: &File) -> io::Result<Put> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", file.path.display()));
    let modified = fs::metadata(&file.path).and_then(|metadata| metadata.modified()).map_err(named)?;
    let modified = Timestamp::try_from(modified).map_err(|error| named(io::Error::other(error)))?;
    let hash = Sha256::digest(format!("{}\n{}", file.key, s3::etag(&file.path).map_err(named)?));
    let place = hash[..8].iter().fold(0, |place, &byte| place << 8 | u64::from(byte));
    Ok(Put { file: file.clone(), place, modified_ms: modified.as_millisecond() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files;

    #[test]
    fn a_place_depends_only_on_key_and_content() {
        let folder = tempfile::TempDir::new().unwrap();
        let names: Vec<String> = (0..20).map(|n| format!("{n}.json")).collect();
        for name in &names {
            fs::write(folder.path().join(name), "{}\n").unwrap();
        }
        let all = put(&files::collect(&[folder.path().to_owned()], folder.path()).unwrap()).unwrap();
        assert!(all.is_sorted_by(|one, next| one.place >> BEYOND_OFFSETS < next.place >> BEYOND_OFFSETS));
        let alone = |name: &str| {
            let path = folder.path().join(name);
            put(&files::collect(&[path], folder.path()).unwrap()).unwrap().remove(0)
        };
        for one in &all {
            assert_eq!(alone(&one.file.key), *one);
        }
        let before = alone("7.json");
        fs::write(folder.path().join("7.json"), "{}\n{}\n").unwrap();
        assert_ne!(alone("7.json").place, before.place);
    }
}
