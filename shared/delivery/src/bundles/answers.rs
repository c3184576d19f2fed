//! Divides the answers to a shared request among the bodies.

use crate::cluster::Part;
use pipeline::bulk::{Attribution, ItemResult, ItemVerdict, attribute};

/// The answers to the items of one body.
#[derive(Debug)]
pub(crate) struct Answers {
    pub(crate) results: Vec<ItemResult>,
    pub(crate) attribution: Attribution,
}

/// Divides the answers among the parts. Answers that may belong to another part, and differ, are unattributed in every
/// part that has such an answer.
pub(super) fn divide(parts: &[&Part], mut results: Vec<ItemResult>) -> Vec<Answers> {
    let items: Vec<(usize, u32)> =
        parts.iter().enumerate().flat_map(|(part, of)| of.items.iter().map(move |item| (part, *item))).collect();
    let id_of = |place: usize| {
        let (part, item) = items[place];
        parts[part].body.id_of(item as usize)
    };
    let attribution = match attribute(&mut results, id_of) {
        // A dead letter has the words of its answer.
        Attribution::Alike if words_differ(&results) => {
            Attribution::Unknown { has_ids: results.iter().any(|result| !result.is_accepted() && result.id.is_some()) }
        }
        attribution => attribution,
    };
    let mut results = results.into_iter();
    let answers = |part: &&Part| {
        let results: Vec<_> = results.by_ref().take(part.items.len()).collect();
        let is_known = results.iter().all(ItemResult::is_accepted);
        Answers { results, attribution: if is_known { Attribution::Known } else { attribution } }
    };
    parts.iter().map(answers).collect()
}

/// Whether answers that make dead letters have different reasons.
pub(crate) fn words_differ(results: &[ItemResult]) -> bool {
    let is_rejection =
        |result: &&ItemResult| matches!(result.verdict(), ItemVerdict::BadRequest | ItemVerdict::ServerError);
    let mut errors = results.iter().filter(is_rejection).map(|result| &result.error);
    errors.next().is_some_and(|first| errors.any(|other| other != first))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use pipeline::{
        bulk::{Body, ItemError},
        record::ItemPosition,
    };

    /// The items of a body, each with an id if there is one.
    fn part(ids: &[Option<&str>]) -> Part {
        let mut body = Body::new(10_000);
        for id in ids {
            let id = id.map(|id| format!(r#","_id":"{id}""#)).unwrap_or_default();
            let action = format!("{{\"create\":{{\"_index\":\"i\"{id}}}}}\n");
            body.push(action.as_bytes(), b"{}", None, ItemPosition::default()).unwrap();
        }
        Part { items: (0..u32::try_from(ids.len()).unwrap()).collect(), body: Arc::new(body) }
    }

    fn answer(status: u16, id: Option<&str>, reason: &str) -> ItemResult {
        let error = ItemError { error_type: "x".into(), reason: reason.into(), caused_by: None };
        let error = (status >= 300).then(|| error.into());
        ItemResult { status, id: id.map(Into::into), result: None, error }
    }

    #[test]
    fn answers_go_to_the_bodies_of_their_ids() {
        let (first, second) = (part(&[Some("a"), Some("b")]), part(&[Some("c")]));
        // An engine with an ingest pipeline changed the order.
        let results = vec![answer(400, Some("c"), "of c"), answer(201, Some("b"), ""), answer(400, Some("a"), "of a")];
        let answers = divide(&[&first, &second], results);
        assert!(answers.iter().all(|answers| answers.attribution == Attribution::Known));
        let reasons = |at: usize| answers[at].results[0].error.as_ref().unwrap().reason.clone();
        assert_eq!((reasons(0), reasons(1)), ("of a".to_owned(), "of c".to_owned()));
        assert_eq!((answers[0].results[1].status, answers[1].results.len()), (201, 1));
    }

    #[test]
    fn without_ids_no_body_gets_the_words_or_the_fate_of_another_one() {
        let (first, second, good) = (part(&[None, None]), part(&[None]), part(&[None]));
        let unknown = Attribution::Unknown { has_ids: false };
        for (one, other, expected) in [
            (answer(400, None, "of a"), answer(400, None, "of c"), unknown),
            (answer(400, None, "same"), answer(400, None, "same"), Attribution::Alike),
            (answer(429, None, "of a"), answer(429, None, "of c"), Attribution::Alike),
            (answer(400, None, "of a"), answer(429, None, "of c"), unknown),
        ] {
            let created = answer(201, None, "");
            let results = vec![one.clone(), created.clone(), other.clone(), created];
            let answers = divide(&[&first, &second, &good], results);
            let found: Vec<_> = answers.iter().map(|answers| answers.attribution).collect();
            assert_eq!(found, [expected, expected, Attribution::Known], "{one:?} {other:?}");
        }
    }
}
