//! Finds out which answer belongs to which item.
//!
//! An engine answers in the order of the request, except for items that an ingest pipeline failed or dropped. OpenSearch 2.19
//! changes the order of the answers to those items (measured; docs/adr/0011). By order alone, a failed event could count as
//! dropped. In: items and answers. Out: the answers by item, or that they cannot be attributed. Answers that have the same
//! meaning do not need to be distinguished. Other answers are matched by `_id`.

use std::collections::{HashMap, hash_map::Entry};

use super::{response::ItemResult, verdict::ItemVerdict};

/// Whether the answers to a request are attributed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attribution {
    /// Each answer is now at the index of its item.
    Known,
    /// For items that were not accepted, the answers have the same meaning, but their words may be those of another of these items.
    Alike,
    /// For items that were not accepted, it is unknown which answer belongs to which item. All other answers are at the right index.
    Unknown {
        /// Whether the answers carry ids. If they do, asking for ids does not help.
        has_ids: bool,
    },
}

/// Sorts the answers by their items, as far as necessary. `id_of` returns the id of the item at a place, if it was sent with
/// one.
pub fn attribute(results: &mut [ItemResult], id_of: impl Fn(usize) -> Option<String>) -> Attribution {
    let places: Vec<usize> = (0..results.len()).filter(|place| !results[*place].is_accepted()).collect();
    if places.len() < 2 {
        return Attribution::Known;
    }
    let is_sorted = by_id(results, &places, id_of);
    let kind = |place: &usize| Kind::of(&results[*place]);
    let first = kind(&places[0]);
    if is_sorted {
        return Attribution::Known;
    }
    if places.iter().all(|place| kind(place) == first) {
        return Attribution::Alike;
    }
    Attribution::Unknown { has_ids: places.iter().any(|place| results[*place].id.is_some()) }
}

/// Sorts the answers at these places by their ids. Every answer must have an id, and the ids must be unique.
fn by_id(results: &mut [ItemResult], places: &[usize], id_of: impl Fn(usize) -> Option<String>) -> bool {
    let mut answers = HashMap::with_capacity(places.len());
    for place in places {
        let Some(id) = &results[*place].id else { return false };
        match answers.entry(id.clone()) {
            Entry::Vacant(entry) => _ = entry.insert(results[*place].clone()),
            Entry::Occupied(_) => return false,
        }
    }
    let sorted: Option<Vec<_>> = places.iter().map(|place| answers.remove(id_of(*place)?.as_str())).collect();
    let Some(sorted) = sorted else { return false };
    for (place, result) in places.iter().zip(sorted) {
        results[*place] = result;
    }
    true
}

/// The effect of an answer, in just enough detail to see whether attribution matters.
#[derive(PartialEq, Eq)]
struct Kind<'r>(ItemVerdict, &'r str);

impl<'r> Kind<'r> {
    fn of(result: &'r ItemResult) -> Self {
        let verdict = result.verdict();
        Self(verdict, if verdict == ItemVerdict::ServerError { result.error_type() } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{ItemError, body::Body, response},
        *,
    };
    use crate::record::ItemPosition;

    fn body(ids: &[&str]) -> Body {
        let mut body = Body::new(10_000);
        for id in ids {
            let id = if id.is_empty() { String::new() } else { format!(r#","_id":"{id}""#) };
            let action = format!("{{\"create\":{{\"_index\":\"i\"{id}}}}}\n");
            body.push(action.as_bytes(), b"{}", None, ItemPosition::default()).unwrap();
        }
        body
    }

    fn attribute(body: &Body, items: &[u32], results: &mut [ItemResult]) -> Attribution {
        super::attribute(results, |place| body.id_of(items[place] as usize))
    }

    fn answers(answers: &[(u16, Option<&str>)]) -> Vec<ItemResult> {
        let answer = |(status, id): &(u16, Option<&str>)| ItemResult {
            status: *status,
            id: id.map(Into::into),
            result: (*status == 200).then(|| "noop".into()),
            error: (*status >= 400)
                .then(|| ItemError { error_type: status.to_string(), ..ItemError::default() }.into()),
        };
        answers.iter().map(answer).collect()
    }

    /// The ids of the statuses, in the order of the items.
    fn statuses(results: &[ItemResult]) -> Vec<u16> {
        results.iter().map(|result| result.status).collect()
    }

    #[test]
    fn answers_in_the_wrong_order_are_matched_by_their_ids() {
        // OpenSearch 2.19.6 answers like this if the second document fails a grok, the third fails a `fail`, and the fourth is dropped.
        let answer = br#"{"errors":true,"items":[{"create":{"_id":"1","status":201}},{"create":{"_id":"4","result":"noop","status":200}},{"create":{"_id":"3","status":500,"error":{"type":"fail_processor_exception"}}},{"create":{"_id":"2\u00e9","status":400,"error":{"type":"illegal_argument_exception"}}}]}"#;
        let mut results = response::read(answer, 4).unwrap();
        let body = body(&["1", "2\\u00e9", "3", "4"]);
        assert_eq!(attribute(&body, &[0, 1, 2, 3], &mut results), Attribution::Known);
        assert_eq!(statuses(&results), [201, 400, 500, 200]);
    }

    #[test]
    fn without_ids_only_answers_that_mean_the_same_are_believed() {
        let no_ids = body(&["", "", "", ""]);
        let all: [u32; 4] = [0, 1, 2, 3];
        for (given, expected) in [
            (answers(&[(201, None), (400, None), (400, None), (201, None)]), Attribution::Alike),
            (answers(&[(201, None), (400, None), (201, None), (201, None)]), Attribution::Known),
            (answers(&[(201, None), (429, None), (503, None), (201, None)]), Attribution::Alike),
            (answers(&[(201, None), (400, None), (200, None), (201, None)]), Attribution::Unknown { has_ids: false }),
            (answers(&[(201, None), (400, None), (500, None), (201, None)]), Attribution::Unknown { has_ids: false }),
            (
                answers(&[(201, Some("x")), (400, None), (200, Some("auto-generated")), (201, None)]),
                Attribution::Unknown { has_ids: true },
            ),
        ] {
            let mut results = given.clone();
            assert_eq!(attribute(&no_ids, &all, &mut results), expected, "{given:?}");
            assert_eq!(results, given);
        }
    }

    #[test]
    fn two_items_with_one_id_cannot_be_told_apart() {
        let body = body(&["a", "a"]);
        let mut results = answers(&[(400, Some("a")), (200, Some("a"))]);
        assert_eq!(attribute(&body, &[0, 1], &mut results), Attribution::Unknown { has_ids: true });
    }

    #[test]
    fn an_id_that_was_not_sent_belongs_to_no_item() {
        let mut results = answers(&[(400, Some("a")), (200, Some("c"))]);
        assert_eq!(attribute(&body(&["a", "b"]), &[0, 1], &mut results), Attribution::Unknown { has_ids: true });
    }
}
