//! The bodies of one delivery: the one that came, and those with other forms of its documents.
//!
//! Items are numbered through all of them, so that the rest of the delivery need not know in which body an item is.

use std::{ops::Range, sync::Arc};

use crate::{cluster::Part, work::Work};
use pipeline::{bulk::Body, record::ItemPosition};

/// The bodies, in the order of their numbers.
pub(super) struct Bodies(Vec<Numbered>);

struct Numbered {
    items: Range<u32>,
    body: Arc<Body>,
}

impl Bodies {
    pub(super) fn new(first: Body) -> Self {
        let mut bodies = Self(Vec::new());
        bodies.push(first);
        bodies
    }

    /// The body that came. Its letters, counts and positions are those of the delivery.
    pub(super) fn first(&self) -> &Arc<Body> {
        &self.0[0].body
    }

    /// The body that came, unless a request still holds it.
    pub(super) fn into_first(self) -> Option<Body> {
        self.0.into_iter().next().and_then(|first| Arc::try_unwrap(first.body).ok())
    }

    /// Adds a body, and returns the numbers of its items.
    pub(super) fn push(&mut self, body: Body) -> Range<u32> {
        let start = self.0.last().map_or(0, |last| last.items.end);
        let items = start..start + u32::try_from(body.len()).unwrap_or(u32::MAX - start);
        self.0.push(Numbered { items: items.clone(), body: Arc::new(body) });
        items
    }

    /// Drops the bodies with other forms none of whose items waits for a fate. Returns the number of those that are left.
    pub(super) fn keep_those_of(&mut self, work: &Work) -> usize {
        let mut left = 0;
        for numbered in self.0.iter_mut().skip(1).filter(|numbered| !numbered.body.is_empty()) {
            if work.items().any(|item| numbered.items.contains(&item)) {
                left += 1;
            } else {
                numbered.body = Arc::new(Body::new(0));
            }
        }
        left
    }

    fn numbered(&self, item: u32) -> &Numbered {
        self.0.iter().find(|numbered| numbered.items.contains(&item)).unwrap_or(&self.0[0])
    }

    /// The body of an item, and its place there.
    fn of(&self, item: u32) -> (&Body, usize) {
        let numbered = self.numbered(item);
        (&numbered.body, (item - numbered.items.start) as usize)
    }

    /// Items of one body, as a part of a request.
    pub(super) fn part(&self, items: &Arc<[u32]>) -> Part {
        let Numbered { items: numbers, body } = self.numbered(items[0]);
        // Nearly all items are of the body that came, whose numbers are their places.
        let places = if numbers.start == 0 {
            Arc::clone(items)
        } else {
            items.iter().map(|item| item - numbers.start).collect()
        };
        Part { body: Arc::clone(body), items: places }
    }

    /// The action line and document of an item.
    pub(super) fn item(&self, item: u32) -> &[u8] {
        let (body, place) = self.of(item);
        body.item(place)
    }

    pub(super) fn index_of(&self, item: u32) -> &[u8] {
        let (body, place) = self.of(item);
        body.index_of(place)
    }

    pub(super) fn id_of(&self, item: u32) -> Option<String> {
        let (body, place) = self.of(item);
        body.id_of(place)
    }

    pub(super) fn routing_of(&self, item: u32) -> Option<String> {
        let (body, place) = self.of(item);
        body.routing_of(place)
    }

    pub(super) fn at(&self, item: u32) -> ItemPosition {
        let (body, place) = self.of(item);
        body.at(place)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn body(documents: &[&str]) -> Body {
        let mut body = Body::new(1_000);
        for (at, document) in (0..).zip(documents) {
            let action = format!("{{\"create\":{{\"_index\":\"i\",\"_id\":{document}}}}}\n");
            body.push(action.as_bytes(), document.as_bytes(), None, ItemPosition::in_object(at)).unwrap();
        }
        body
    }

    #[test]
    fn items_are_numbered_through_all_bodies_and_a_part_is_of_one() {
        let mut bodies = Bodies::new(body(&[r#""a""#, r#""b""#]));
        assert_eq!((bodies.push(body(&[r#""c""#])), bodies.push(body(&[r#""d""#, r#""e""#]))), (2..3, 3..5));
        let ids: Vec<_> = (0..5).filter_map(|item| bodies.id_of(item)).collect();
        assert_eq!(ids, ["a", "b", "c", "d", "e"]);
        assert_eq!((bodies.at(4), bodies.index_of(2)), (ItemPosition::in_object(1), &b"i"[..]));
        let part = bodies.part(&[4].into());
        assert_eq!((part.body.len(), &*part.items), (2, &[1][..]));
        assert_eq!(&*bodies.part(&[0, 1].into()).items, [0, 1]);
    }

    #[test]
    fn a_body_without_unsettled_items_takes_no_memory_but_the_first_one_stays() {
        let mut bodies = Bodies::new(body(&[r#""a""#]));
        bodies.push(body(&[r#""b""#, r#""c""#]));
        let mut work = Work::all(3, Instant::now());
        assert_eq!(bodies.keep_those_of(&work), 1);
        work.answered();
        work.push(vec![2], Instant::now());
        assert_eq!((bodies.keep_those_of(&work), bodies.id_of(2).as_deref()), (1, Some("c")));
        work.answered();
        assert_eq!(
            (bodies.keep_those_of(&work), bodies.push(body(&[r#""d""#]))),
            (0, 3..4),
            "numbers are never reused"
        );
        assert_eq!(bodies.into_first().map(|first| first.len()), Some(1));
    }
}
