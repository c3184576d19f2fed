//! Where an event lies, and the document id that follows from it.
//!
//! In: the identity of a source (for S3: bucket, key, ETag). Out: an [`Origin`] that names it in logs and dead
//! letters, and gives every byte offset in it an id. Deliberately absent: the clock, the version of an object (it only
//! chooses what is read; a listing knows no version), and any hash of an event's content.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// Characters of an [`Origin::id_prefix`]: 96 bits in base64url.
pub const ID_PREFIX_LEN: usize = 16;

/// One source of events, such as one S3 object at one ETag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// The bucket's name.
    pub bucket: String,
    /// The object's key, decoded.
    pub key: String,
    /// The entity tag without its quotes.
    pub etag: String,
    /// What all ids of this origin begin with.
    #[serde(skip)]
    pub id_prefix: String,
}

impl Origin {
    /// The origin of an S3 object. `etag` may carry its quotes.
    ///
    /// A cryptographic hash, since whoever chooses keys could otherwise make two objects collide, and the events of
    /// the second would pass for duplicates. It is computed once an object.
    pub fn s3(bucket: &str, key: &str, etag: &str) -> Self {
        let etag = etag.trim_matches('"');
        let mut hash = Sha256::new();
        for part in ["s3", bucket, key, etag] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let id_prefix = URL_SAFE_NO_PAD.encode(&hash.finalize()[..12]);
        Self { bucket: bucket.into(), key: key.into(), etag: etag.into(), id_prefix }
    }

    /// The position of the value whose first byte is at `offset` of the concatenated decompressed stream.
    pub fn at(&self, offset: u64) -> Position<'_> {
        Position { origin: self, offset }
    }
}

/// Where one event lies. Displayed as `s3://bucket/key@offset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Position<'o> {
    /// The source that holds it.
    #[serde(flatten)]
    pub origin: &'o Origin,
    /// The byte offset of the value in the decompressed stream.
    pub offset: u64,
}

impl std::fmt::Display for Position<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "s3://{}/{}@{}", self.origin.bucket, self.origin.key, self.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_follows_from_bucket_key_and_etag_alone() {
        let origin = Origin::s3("logs", "a/b.json", "\"abc\"");
        assert_eq!(origin, Origin::s3("logs", "a/b.json", "abc"));
        assert_eq!(origin.id_prefix.len(), ID_PREFIX_LEN);
        for other in [Origin::s3("logsa", "/b.json", "abc"), Origin::s3("logs", "a/b.json", "abd")] {
            assert_ne!(origin.id_prefix, other.id_prefix);
        }
    }

    #[test]
    fn the_prefix_never_changes_between_releases() {
        // A changed prefix would index every replayed event a second time.
        assert_eq!(Origin::s3("b", "k", "e").id_prefix, "YpmpyUCVaPqRfgWs");
    }
}
