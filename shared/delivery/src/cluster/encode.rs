//! The bytes on the wire: compressed or not, with their SHA-256 if requests are signed.

use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use pipeline::bulk::Body;

/// The payload of one attempt.
#[derive(Debug, Clone)]
pub struct Payload {
    /// The body.
    pub bytes: Bytes,
    /// Whether it is gzipped.
    pub gzip: bool,
    /// The hash of `bytes` in hexadecimal, if requests are signed.
    pub sha256: Option<String>,
    /// The length before compression.
    pub plain_bytes: usize,
}

/// Items of one body.
#[derive(Debug, Clone)]
pub struct Part {
    /// The body.
    pub body: Arc<Body>,
    /// The indices of the items.
    pub items: Arc<[u32]>,
}

impl Part {
    fn is_whole(&self) -> bool {
        self.items.len() == self.body.len()
    }

    fn items(&self) -> impl Iterator<Item = &[u8]> {
        self.items.iter().map(|index| self.body.item(*index as usize))
    }

    /// The bytes of its items.
    pub fn bytes(&self) -> usize {
        if self.is_whole() { self.body.bytes().len() } else { self.items().map(<[u8]>::len).sum() }
    }

    /// Its items, in as few pieces as possible.
    fn pieces(&self) -> Vec<&[u8]> {
        if self.is_whole() { vec![self.body.bytes()] } else { self.items().collect() }
    }
}

/// Lets the HTTP client send a body without a copy. The body can be reused after the client has dropped it.
struct Shared(Arc<Body>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        self.0.bytes()
    }
}

impl Payload {
    /// Encodes the items of all parts, with their hash if `signed` is set. Slow: call it on a blocking thread.
    pub fn of(parts: &[Part], gzip: bool, signed: bool) -> Self {
        let plain_bytes = parts.iter().map(Part::bytes).sum();
        let pieces = || parts.iter().flat_map(Part::pieces);
        let bytes = match parts {
            _ if gzip => gzip::compress(pieces(), plain_bytes).into(),
            [part] if part.is_whole() => Bytes::from_owner(Shared(Arc::clone(&part.body))),
            _ => pieces().collect::<Vec<_>>().concat().into(),
        };
        let sha256 = signed.then(|| sha256(&bytes));
        Self { bytes, gzip, sha256, plain_bytes }
    }
}

impl Payload {
    /// A request of one document that no engine stores: the name of its index ends in a character that no index has. It
    /// begins with the name of an index of events, so it needs no other permission than they do.
    pub fn impossible(index: &[u8]) -> Self {
        let bytes: Bytes = [br#"{"create":{"_index":""#, index, b"#\"}}\n{}\n"].concat().into();
        Self { sha256: None, plain_bytes: bytes.len(), gzip: false, bytes }
    }
}

/// The hash of a body in the form of signatures.
pub fn sha256(body: &[u8]) -> String {
    hex::encode(Sha256::digest(body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline::record::ItemPosition;
    use std::io::Read;

    fn body() -> Arc<Body> {
        let mut body = Body::new(1000);
        for n in 0..3 {
            body.push(
                format!("{{\"create\":{{\"_id\":\"{n}\"}}}}\n").as_bytes(),
                b"{}",
                None,
                ItemPosition::in_object(n),
            )
            .unwrap();
        }
        Arc::new(body)
    }

    fn part(body: &Arc<Body>, items: &[u32]) -> Part {
        Part { body: Arc::clone(body), items: items.into() }
    }

    #[test]
    fn only_the_chosen_items_are_sent_in_their_order() {
        let body = body();
        let payload = Payload::of(&[part(&body, &[0, 2])], false, false);
        assert_eq!(&payload.bytes[..], b"{\"create\":{\"_id\":\"0\"}}\n{}\n{\"create\":{\"_id\":\"2\"}}\n{}\n");
        let zipped = Payload::of(&[part(&body, &[0, 2])], true, false);
        let mut text = Vec::new();
        flate2::read::MultiGzDecoder::new(&zipped.bytes[..]).read_to_end(&mut text).unwrap();
        assert_eq!(text, payload.bytes);
        assert_eq!((zipped.plain_bytes, payload.plain_bytes), (text.len(), text.len()));
    }

    #[test]
    fn the_parts_of_several_bodies_follow_each_other() {
        let (first, second) = (body(), body());
        let parts = [part(&first, &[0, 1, 2]), part(&second, &[1])];
        let payload = Payload::of(&parts, false, false);
        assert_eq!(payload.bytes, [first.bytes(), second.item(1)].concat());
        let mut text = Vec::new();
        let zipped = Payload::of(&parts, true, false);
        flate2::read::MultiGzDecoder::new(&zipped.bytes[..]).read_to_end(&mut text).unwrap();
        assert_eq!((text.as_slice(), zipped.plain_bytes), (&payload.bytes[..], payload.bytes.len()));
    }

    #[test]
    fn an_impossible_document_is_for_no_index_of_events() {
        let payload = Payload::impossible(b"logs-2026.11.29");
        assert_eq!(&payload.bytes[..], b"{\"create\":{\"_index\":\"logs-2026.11.29#\"}}\n{}\n");
        assert_eq!(payload.plain_bytes, payload.bytes.len());
    }

    #[test]
    fn a_whole_body_is_shared_and_comes_back() {
        let body = body();
        let payload = Payload::of(&[part(&body, &[0, 1, 2])], false, false);
        assert_eq!(&payload.bytes[..], body.bytes());
        drop(payload);
        assert!(Arc::try_unwrap(body).is_ok());
    }

    #[test]
    fn the_hash_is_of_the_bytes_that_are_sent_if_they_are_signed() {
        let body = body();
        for gzip in [false, true] {
            let payload = Payload::of(&[part(&body, &[0, 2])], gzip, true);
            assert_eq!(payload.sha256, Some(sha256(&payload.bytes)));
            assert_eq!(Payload::of(&[part(&body, &[0, 2])], gzip, false).sha256, None);
        }
        assert_eq!(sha256(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
