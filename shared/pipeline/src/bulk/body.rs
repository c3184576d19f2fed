//! A body of items, with the span of each.
//!
//! A body is also the unit of accounting: it counts the events that were read, dropped and rejected while it was filled.

use serde::Deserialize;

use crate::{
    dead_letter::Letters,
    outcome::{Outcome, Rejection},
    record::{ItemPosition, Origin},
};

/// Maximum number of items in one body. It keeps the bookkeeping below 0.4 MiB.
pub const MAX_ITEMS: usize = 10_000;

/// The body has no room for this item: seal it, and push the item into the next.
#[derive(Debug, PartialEq, Eq)]
pub struct Full;

/// The position of one item, in the body and in its source.
#[derive(Debug, Clone, Copy)]
struct Item {
    at: ItemPosition,
    action: u32,
    document: u32,
    end: u32,
    original: u32,
    original_end: u32,
}

/// A `_bulk` request body under construction, of events of one origin.
#[derive(Debug)]
pub struct Body {
    bytes: Vec<u8>,
    originals: Vec<u8>,
    items: Vec<Item>,
    max_bytes: usize,
    /// Events that were rejected while this body was filled, encoded and counted.
    pub letters: Letters,
    /// Events that were read, dropped and expired while this body was filled. Settlement adds the other fates.
    pub produced: Outcome,
    /// Number of values that a rule of `fields` could not make while this body was filled.
    pub left_out: u64,
    /// Every event before this position is accounted for in this body or an earlier one.
    pub end: ItemPosition,
}

impl Body {
    /// Creates an empty body for `max_bytes` of items, originals and letters together. A first item always fits.
    pub fn new(max_bytes: usize) -> Self {
        Self {
            bytes: Vec::new(),
            originals: Vec::new(),
            items: Vec::new(),
            max_bytes,
            letters: Letters::default(),
            produced: Outcome::default(),
            left_out: 0,
            end: ItemPosition::default(),
        }
    }

    /// Clears everything but keeps the allocations.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.originals.clear();
        self.items.clear();
        self.letters.clear();
        self.produced = Outcome::default();
        self.left_out = 0;
        self.end = ItemPosition::default();
    }

    /// Moves the content into a body of exactly its size. This one is empty afterwards, with its allocations.
    #[must_use]
    pub fn compacted(&mut self) -> Self {
        let compact = Self {
            bytes: self.bytes.as_slice().to_vec(),
            originals: self.originals.as_slice().to_vec(),
            items: self.items.as_slice().to_vec(),
            max_bytes: self.max_bytes,
            letters: self.letters.clone(),
            produced: self.produced,
            left_out: self.left_out,
            end: self.end,
        };
        self.clear();
        compact
    }

    /// Appends one item. `action` is a whole line and `document` is one JSON object. `original` is the received event if a rule changed
    /// it; it is kept for the dead letters. A line break between the tokens of a document becomes a space.
    ///
    /// # Errors
    /// [`Full`]: nothing was appended.
    #[inline]
    pub fn push(
        &mut self,
        action: &[u8],
        document: &[u8],
        original: Option<&[u8]>,
        at: ItemPosition,
    ) -> Result<(), Full> {
        let needed = action.len() + document.len() + 1 + original.map_or(0, <[u8]>::len);
        if self.items.len() >= MAX_ITEMS || (!self.is_empty() && self.used() + needed > self.max_bytes) {
            return Err(Full);
        }
        if self.bytes.capacity() == 0 {
            self.bytes.reserve_exact(self.max_bytes);
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(action);
        let document_start = self.bytes.len();
        self.bytes.extend_from_slice(document);
        // A JSON string holds no raw line break, so every one in a valid document lies between tokens.
        let mut rest = document_start;
        while let Some(at) = memchr::memchr(b'\n', &self.bytes[rest..]) {
            self.bytes[rest + at] = b' ';
            rest += at + 1;
        }
        self.bytes.push(b'\n');
        let original_start = self.originals.len();
        self.originals.extend_from_slice(original.unwrap_or_default());
        self.items.push(Item {
            at,
            action: position(start),
            document: position(document_start),
            end: position(self.bytes.len()),
            original: position(original_start),
            original_end: position(self.originals.len()),
        });
        Ok(())
    }

    /// Adds a rejected event to the letters of this body. `payload` is the received event, or its head.
    ///
    /// # Errors
    /// [`Full`]: nothing was added.
    pub fn reject(
        &mut self,
        origin: &Origin,
        dataset: &str,
        rejection: &Rejection,
        payload: &[u8],
        length: u64,
    ) -> Result<(), Full> {
        self.has_room_for(payload)?;
        self.letters.push(origin, dataset, rejection, payload, length);
        Ok(())
    }

    /// Adds a rejected event to the letters of this body, by the whole record that contains it.
    ///
    /// # Errors
    /// [`Full`]: nothing was added.
    pub fn reject_by_record(
        &mut self,
        origin: &Origin,
        dataset: &str,
        rejection: &Rejection,
        record: &[u8],
    ) -> Result<(), Full> {
        self.has_room_for(record)?;
        self.letters.push_record(origin, dataset, rejection, record);
        Ok(())
    }

    fn has_room_for(&self, payload: &[u8]) -> Result<(), Full> {
        let is_full = !self.is_empty() && self.used() + payload.len() > self.max_bytes;
        if is_full { Err(Full) } else { Ok(()) }
    }

    /// The memory that a compacted body takes.
    pub fn compact_bytes(&self) -> usize {
        self.used() + self.items.len() * size_of::<Item>()
    }

    /// The bytes of its items, originals and letters.
    pub fn used(&self) -> usize {
        self.bytes.len() + self.originals.len() + self.letters.len()
    }

    /// Whether the body holds neither an item nor a letter.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty() && self.letters.is_empty()
    }

    /// Number of items.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// All items, in the form that the domain accepts.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes of one item: action line and document line.
    pub fn item(&self, index: usize) -> &[u8] {
        let item = &self.items[index];
        &self.bytes[item.action as usize..item.end as usize]
    }

    /// The action line of one item.
    pub fn action(&self, index: usize) -> &[u8] {
        let item = &self.items[index];
        &self.bytes[item.action as usize..item.document as usize]
    }

    /// The document of one item, without its newline.
    pub fn document(&self, index: usize) -> &[u8] {
        let item = &self.items[index];
        &self.bytes[item.document as usize..item.end as usize - 1]
    }

    /// The limit of its items, originals and letters together.
    pub fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    /// The index of an item, as its action line writes it.
    pub fn index_of(&self, index: usize) -> &[u8] {
        let name = self.item(index).strip_prefix(br#"{"create":{"_index":""#).unwrap_or_default();
        &name[..memchr::memchr(b'"', name).unwrap_or(name.len())]
    }

    /// The id in an item's action line, if there is one.
    pub fn id_of(&self, index: usize) -> Option<String> {
        let action = self.action(index);
        let at = br#"{"create":{"_index":""#.len() + self.index_of(index).len();
        let id = action.get(at..)?.strip_prefix(br#"","_id":"#)?;
        // The routing and the pipeline may follow.
        serde_json::Deserializer::from_slice(id).into_iter().next()?.ok()
    }

    /// Whether an item's action line has an id.
    pub fn has_id(&self, index: usize) -> bool {
        let at = br#"{"create":{"_index":""#.len() + self.index_of(index).len();
        self.action(index).get(at..).is_some_and(|rest| rest.starts_with(br#"","_id":"#))
    }

    /// The routing in an item's action line, if there is one.
    pub fn routing_of(&self, index: usize) -> Option<String> {
        #[derive(Deserialize)]
        struct Action {
            create: Parameters,
        }
        #[derive(Deserialize)]
        struct Parameters {
            routing: Option<String>,
        }
        serde_json::from_slice::<Action>(self.action(index)).ok()?.create.routing
    }

    /// The received event of an item.
    pub fn original(&self, index: usize) -> &[u8] {
        let item = &self.items[index];
        if item.original == item.original_end {
            self.document(index)
        } else {
            &self.originals[item.original as usize..item.original_end as usize]
        }
    }

    /// The position of an item's event in its origin.
    pub fn at(&self, index: usize) -> ItemPosition {
        self.items[index].at
    }
}

/// Cannot overflow: the settings limit bodies to 95 MiB and events to 64 MiB.
fn position(n: usize) -> u32 {
    u32::try_from(n).expect("a body is far below 4 GiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: ItemPosition = ItemPosition::in_object(0);

    #[test]
    fn an_item_is_two_lines_and_its_original_is_what_came() {
        let mut body = Body::new(1000);
        body.push(b"{\"create\":{}}\n", b"{\"a\":\n1}", None, START).unwrap();
        body.push(b"{\"create\":{}}\n", b"{}", Some(b"{\"drop\":1}"), ItemPosition::in_object(9)).unwrap();
        assert_eq!(body.bytes(), b"{\"create\":{}}\n{\"a\": 1}\n{\"create\":{}}\n{}\n");
        assert_eq!((body.original(0), body.original(1)), (&b"{\"a\": 1}"[..], &b"{\"drop\":1}"[..]));
        assert_eq!((body.item(1), body.at(1).offset), (&b"{\"create\":{}}\n{}\n"[..], 9));
    }

    #[test]
    fn index_and_id_of_an_item_stand_in_its_action_line() {
        let mut body = Body::new(1000);
        body.push(b"{\"create\":{\"_index\":\"logs-2026.11.22\",\"_id\":\"a-1\"}}\n", b"{}", None, START).unwrap();
        body.push(b"{\"create\":{\"_index\":\"logs\"}}\n", b"{}", None, START).unwrap();
        assert_eq!((body.index_of(0), body.index_of(1)), (&b"logs-2026.11.22"[..], &b"logs"[..]));
        assert_eq!((body.id_of(0).as_deref(), body.id_of(1)), (Some("a-1"), None));
        let action = b"{\"create\":{\"_index\":\"a\",\"_id\":\"x\\\"y\",\"routing\":\"r\",\"pipeline\":\"p\"}}\n";
        body.push(action, b"{}", None, START).unwrap();
        body.push(b"{\"create\":{\"_index\":\"a\",\"routing\":\"r\"}}\n", b"{}", None, START).unwrap();
        assert_eq!((body.id_of(2).as_deref(), body.id_of(3)), (Some("x\"y"), None));
        assert_eq!([0, 1, 2, 3].map(|index| body.has_id(index)), [true, false, true, false]);
        let routing = [0, 1, 2, 3].map(|index| body.routing_of(index));
        assert_eq!(routing, [None, None, Some("r".into()), Some("r".into())]);
    }

    #[test]
    fn a_full_body_takes_nothing_more_but_an_empty_one_takes_any_item() {
        let mut body = Body::new(10);
        assert_eq!(body.push(b"{}\n", &[b' '; 50], None, START), Ok(()));
        assert_eq!(body.push(b"{}\n", b"{}", None, START), Err(Full));
        assert_eq!(body.len(), 1);
        body.clear();
        assert_eq!(body.push(b"{}\n", b"{}", None, START), Ok(()));
    }

    #[test]
    fn a_compacted_body_has_the_content_and_the_other_one_is_empty() {
        let mut body = Body::new(1000);
        body.push(b"{\"create\":{}}\n", b"{\"a\":1}", Some(b"{\"drop\":1}"), ItemPosition::in_object(9)).unwrap();
        (body.produced.read, body.left_out, body.end) = (3, 2, ItemPosition::in_object(40));
        let used = body.used();
        let compact = body.compacted();
        assert_eq!(
            (compact.item(0), compact.original(0), compact.at(0).offset, compact.used()),
            (&b"{\"create\":{}}\n{\"a\":1}\n"[..], &b"{\"drop\":1}"[..], 9, used)
        );
        assert_eq!((compact.produced.read, compact.left_out, compact.end.offset), (3, 2, 40));
        assert!(body.is_empty() && body.produced == Outcome::default() && body.left_out == 0);
    }

    #[test]
    fn a_body_takes_no_more_than_its_maximum_of_items() {
        let mut body = Body::new(1 << 20);
        for offset in 0..MAX_ITEMS as u64 {
            body.push(b"{}\n", b"{}", None, ItemPosition::in_object(offset)).unwrap();
        }
        assert_eq!(body.push(b"{}\n", b"{}", None, START), Err(Full));
    }
}
