//! Keyed pseudonyms: HMAC-SHA-256 of a value, in hexadecimal.
//!
//! The same value has the same pseudonym in all events as long as the key is the same. Without the key, the value cannot be found by
//! trying. Logstash's `fingerprint` filter produces the same result from the same key and text.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Minimum number of bytes of a key. An attacker who can try all keys can try all values.
const MIN_KEY_BYTES: usize = 16;

/// A key, ready for use. Its `Debug` output does not reveal it.
#[derive(Clone)]
pub struct HashKey(Hmac<Sha256>);

/// A key of less than 16 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key for `hash` has at least {MIN_KEY_BYTES} bytes")]
pub struct WeakKey;

impl HashKey {
    /// A key of these bytes.
    ///
    /// # Errors
    /// [`WeakKey`]: the configuration is refused.
    pub fn new(bytes: &[u8]) -> Result<Self, WeakKey> {
        if bytes.len() < MIN_KEY_BYTES {
            return Err(WeakKey);
        }
        Hmac::new_from_slice(bytes).map(Self).map_err(|_| WeakKey)
    }

    /// Appends the 64 digits of a value's pseudonym.
    pub(super) fn write(&self, value: &[u8], out: &mut Vec<u8>) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut mac = self.0.clone();
        mac.update(value);
        for byte in mac.finalize().into_bytes() {
            out.extend([DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 0xf)]]);
        }
    }
}

impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pseudonym_is_hmac_sha_256_in_hexadecimal() {
        // RFC 4231, test case 3.
        let key = HashKey::new(&[0xaa; 20]).unwrap();
        let mut out = Vec::new();
        key.write(&[0xdd; 50], &mut out);
        assert_eq!(out, b"773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
        assert_eq!(format!("{key:?}"), "HashKey");
        assert_eq!(HashKey::new(&[1; 15]).map(|_| ()), Err(WeakKey));
    }
}
