//! The bytes on the wire: compressed or not, with their SHA-256 if requests are signed.

use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::form::Form;
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
    /// The form of the request.
    pub form: Form,
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

    /// Its items in a form, in as few pieces as possible.
    fn pieces(&self, form: Form) -> Vec<&[u8]> {
        if form.indexes_without_id {
            return self.items.iter().flat_map(|index| self.indexed_without_id(*index as usize)).collect();
        }
        if self.is_whole() { vec![self.body.bytes()] } else { self.items().collect() }
    }

    /// An item in two pieces. Its action is `index` if the item has no id.
    fn indexed_without_id(&self, index: usize) -> [&[u8]; 2] {
        let item = self.body.item(index);
        match item.strip_prefix(br#"{"create":"#) {
            Some(rest) if !self.body.has_id(index) => [br#"{"index":"#, rest],
            _ => [item, b""],
        }
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
    pub fn of(parts: &[Part], form: Form, gzip: bool, signed: bool) -> Self {
        let pieces = || parts.iter().flat_map(|part| part.pieces(form));
        let plain_bytes =
            if form.indexes_without_id { pieces().map(<[u8]>::len).sum() } else { parts.iter().map(Part::bytes).sum() };
        let bytes = match parts {
            _ if gzip => gzip::compress(pieces(), plain_bytes).into(),
            [part] if part.is_whole() && !form.indexes_without_id => Bytes::from_owner(Shared(Arc::clone(&part.body))),
            _ => pieces().collect::<Vec<_>>().concat().into(),
        };
        let sha256 = signed.then(|| sha256(&bytes));
        Self { bytes, gzip, sha256, plain_bytes, form }
    }
}

impl Payload {
    /// A request of one document that no engine stores: the name of its index ends in a character that no index has. It
    /// begins with the name of an index of events, so it needs no other permission than they do.
    pub fn impossible(index: &[u8], form: Form) -> Self {
        // With an id, since not every engine creates a document without one.
        let bytes: Bytes = [br#"{"create":{"_index":""#, index, b"#\",\"_id\":\"0\"}}\n{}\n"].concat().into();
        Self { sha256: None, plain_bytes: bytes.len(), gzip: false, bytes, form }
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
        let payload = Payload::of(&[part(&body, &[0, 2])], Form::default(), false, false);
        assert_eq!(&payload.bytes[..], b"{\"create\":{\"_id\":\"0\"}}\n{}\n{\"create\":{\"_id\":\"2\"}}\n{}\n");
        let zipped = Payload::of(&[part(&body, &[0, 2])], Form::default(), true, false);
        let mut text = Vec::new();
        flate2::read::MultiGzDecoder::new(&zipped.bytes[..]).read_to_end(&mut text).unwrap();
        assert_eq!(text, payload.bytes);
        assert_eq!((zipped.plain_bytes, payload.plain_bytes), (text.len(), text.len()));
    }

    #[test]
    fn the_parts_of_several_bodies_follow_each_other() {
        let (first, second) = (body(), body());
        let parts = [part(&first, &[0, 1, 2]), part(&second, &[1])];
        let payload = Payload::of(&parts, Form::default(), false, false);
        assert_eq!(payload.bytes, [first.bytes(), second.item(1)].concat());
        let mut text = Vec::new();
        let zipped = Payload::of(&parts, Form::default(), true, false);
        flate2::read::MultiGzDecoder::new(&zipped.bytes[..]).read_to_end(&mut text).unwrap();
        assert_eq!((text.as_slice(), zipped.plain_bytes), (&payload.bytes[..], payload.bytes.len()));
    }

    #[test]
    fn only_an_item_without_an_id_is_indexed_where_the_engine_creates_none_without() {
        let mut body = Body::new(1000);
        for action in [
            r#"{"create":{"_index":"a","_id":"1","routing":"r","pipeline":"p"}}"#,
            r#"{"create":{"_index":"a","routing":"_id","pipeline":"p"}}"#,
            r#"{"create":{"_index":"b"}}"#,
        ] {
            let document = br#"{"create":{"_index":"a"}}"#;
            body.push(format!("{action}\n").as_bytes(), document, None, ItemPosition::in_object(0)).unwrap();
        }
        let body = Arc::new(body);
        let form = Form { has_type: false, indexes_without_id: true };
        let expected = [(0, "create"), (1, "index")].map(|(index, action)| {
            let item = String::from_utf8(body.item(index).to_vec()).unwrap();
            item.replacen("create", action, 1)
        });
        for items in [&[0, 1][..], &[1], &[0]] {
            for gzip in [false, true] {
                let payload = Payload::of(&[part(&body, items)], form, gzip, false);
                let mut text = Vec::new();
                if gzip {
                    flate2::read::MultiGzDecoder::new(&payload.bytes[..]).read_to_end(&mut text).unwrap();
                } else {
                    text.extend_from_slice(&payload.bytes);
                }
                let expected: String = items.iter().map(|index| expected[*index as usize].as_str()).collect();
                assert_eq!(String::from_utf8(text).unwrap(), expected);
                assert_eq!(payload.plain_bytes, expected.len());
            }
        }
        let whole = Payload::of(&[part(&body, &[0, 1, 2])], form, false, false);
        assert_eq!(whole.bytes.len(), body.bytes().len() - 2, "two of three items have no id");
    }

    #[test]
    fn an_impossible_document_is_for_no_index_of_events() {
        let payload = Payload::impossible(b"logs-2026.11.29", Form::default());
        assert_eq!(&payload.bytes[..], b"{\"create\":{\"_index\":\"logs-2026.11.29#\",\"_id\":\"0\"}}\n{}\n");
        assert_eq!(payload.plain_bytes, payload.bytes.len());
    }

    #[test]
    fn a_whole_body_is_shared_and_comes_back() {
        let body = body();
        let payload = Payload::of(&[part(&body, &[0, 1, 2])], Form::default(), false, false);
        assert_eq!(&payload.bytes[..], body.bytes());
        drop(payload);
        assert!(Arc::try_unwrap(body).is_ok());
    }

    #[test]
    fn the_hash_is_of_the_bytes_that_are_sent_if_they_are_signed() {
        let body = body();
        for gzip in [false, true] {
            let payload = Payload::of(&[part(&body, &[0, 2])], Form::default(), gzip, true);
            assert_eq!(payload.sha256, Some(sha256(&payload.bytes)));
            assert_eq!(Payload::of(&[part(&body, &[0, 2])], Form::default(), gzip, false).sha256, None);
        }
        assert_eq!(sha256(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
