//! Lone surrogates in a payload that could not be parsed.
//!
//! JavaScript writes a cut emoji as `"\ud83d"`. simd-json refuses it, but the engine accepts it. Deliberately absent: any
//! change of the document. Only the parsed scratch copy has U+FFFD in such a place.

/// Replaces the escape of every lone surrogate by `\ufffd`, which has the same length. Returns whether there was one.
#[cold]
pub(super) fn replace_lone(json: &mut [u8]) -> bool {
    let mut at = 0;
    while let Some(found) = find_lone(json, at) {
        at = found + 6;
        json[found..at].copy_from_slice(b"\\ufffd");
    }
    at > 0
}

/// The position of the first escape of a lone surrogate at or after `at`, where no escape may have begun before.
pub(super) fn find_lone(json: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr::memchr(b'\\', json.get(at..)?)?;
        match unit(json, at) {
            Some(0xD800..=0xDBFF) if matches!(unit(json, at + 6), Some(0xDC00..=0xDFFF)) => at += 12,
            Some(0xD800..=0xDFFF) => return Some(at),
            Some(_) => at += 6,
            None => at += 2,
        }
    }
}

/// The UTF-16 unit that `\uXXXX` at `at` stands for.
fn unit(json: &[u8], at: usize) -> Option<u16> {
    let escape = json.get(at..at + 6)?;
    if !escape.starts_with(b"\\u") {
        return None;
    }
    escape[2..].iter().try_fold(0, |unit: u16, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some(unit << 4 | u16::try_from(digit).ok()?)
    })
}
