//! Where in the stream each file lies.
//!
//! In: files. Out: the same with their places, in the order of these. A place follows from key and content, so that
//! a file has the same sequence numbers and offsets in every run, whatever else is carried with it: ids follow from
//! these, and again is harmless. Were files numbered as they come, another file would get the ids of this one.

use std::{fs, io};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::{files::File, s3};

/// A file in a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    /// The file.
    pub file: File,
    /// What its records' sequence numbers and offsets begin with.
    pub place: u64,
    /// When it was changed, in milliseconds: when its records arrived.
    pub modified_ms: i64,
}

/// Bits of a place that an offset of Kafka's, which has 63, has no room for: 32 are for the records of a file.
pub(super) const BEYOND_OFFSETS: u32 = 33;

/// Puts files into a stream.
///
/// # Errors
/// A file can't be read; it is named.
pub fn put(files: &[File]) -> io::Result<Vec<Put>> {
    let mut put: Vec<Put> = files.iter().map(one).collect::<io::Result<_>>()?;
    put.sort_by(|left, right| (left.place, &left.file.key).cmp(&(right.place, &right.file.key)));
    // Two that fall together, one in 2^31 pairs.
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
    fn a_place_follows_from_key_and_content_and_from_nothing_else() {
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
