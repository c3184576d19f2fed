//! The bodies that a producer makes of bytes, without a domain.

use std::{collections::BTreeSet, sync::Arc};

use proptest::prelude::*;
use tokio::sync::mpsc;

use super::*;
use crate::{deliveries::Sealed, pool::Pool, settle::Settlement};
use pipeline::{
    frame::{Checkpoint, Format},
    outcome::POSITION_NOT_FOUND,
    rules::Datasets,
};

/// The bodies that `work` fills for one object of a dataset `app`, and how reading ends.
pub(crate) fn produced(
    format: &str,
    origin: &Origin,
    work: impl FnOnce(&mut Producer<'_>, &Dataset) -> (End, ItemPosition),
) -> (End, Vec<Body>) {
    let yaml = format!("datasets:\n  - name: app\n    from: {{ key: \"**\" }}\n    index: app\n    format: {format}\n");
    let datasets = Datasets::parse("pipeline.yaml", &yaml, None).unwrap();
    let dataset = datasets.by_name("app").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (sealed, mut bodies) = mpsc::unbounded_channel();
    let (pool, seat) = (Arc::new(Pool::new(64, 1 << 20)), Arc::default());
    let filling = Bodies::new(pool, Arc::default(), seat, sealed, runtime.handle().clone());
    let end = Producer::run(filling, dataset, origin, |producer| work(producer, dataset));
    (end, std::iter::from_fn(|| bodies.try_recv().ok()).collect())
}

/// The type and offset of each letter, in their order.
pub(crate) fn letters(bodies: &[Body]) -> Vec<(String, u64)> {
    let lines = bodies.iter().flat_map(|body| body.letters.ndjson().split_inclusive(|byte| *byte == b'\n'));
    let mut letters: Vec<(String, u64)> = lines
        .map(|line| {
            let letter: serde_json::Value = serde_json::from_slice(line).unwrap();
            (letter["error_type"].as_str().unwrap().to_owned(), letter["position"]["offset"].as_u64().unwrap())
        })
        .collect();
    letters.sort();
    letters
}

/// The positions of the indexed events, and the letters.
fn read(content: &str, only: Option<&Only>) -> (Vec<u64>, Vec<(String, u64)>) {
    let origin = Origin::s3("b", "k", "e");
    let (end, bodies) = produced("array", &origin, |producer, _| {
        producer.read_only(only, 0);
        let mut frames = Frames::new(content.as_bytes(), Format::Array, 1000);
        producer
            .fill(&mut frames, RecordContext { at: ItemPosition::default(), id_prefix: "p", time_ms: 0, bytes: &[] })
    });
    assert!(matches!(end, End::Whole), "{end:?}");
    let indexed: Vec<u64> = bodies.iter().flat_map(|body| (0..body.len()).map(|at| body.at(at).offset)).collect();
    let letters = letters(&bodies);
    let read: u64 = bodies.iter().map(|body| body.produced.read).sum();
    assert_eq!(read, (indexed.len() + letters.len()) as u64);
    (indexed, letters)
}

/// The positions of the indexed events of an attempt, and its letters. Also where the next attempt begins if nothing
/// was settled.
fn attempt(
    format: Format,
    content: &str,
    only: &Only,
    begun: Option<&Checkpoint>,
) -> (Vec<u64>, Vec<(String, u64)>, Checkpoint) {
    let origin = Origin::s3("b", "k", "e");
    let start = begun.map_or(0, |begun| begun.offset);
    let mut frames = match begun {
        Some(begun) => {
            let from = usize::try_from(begun.member.compressed).unwrap();
            Frames::resume(&content.as_bytes()[from..], begun, 1000)
        }
        None => Frames::new(content.as_bytes(), format, 1000),
    };
    let (end, bodies) = produced("auto", &origin, |producer, _| {
        producer.read_only(Some(only), start);
        producer
            .fill(&mut frames, RecordContext { at: ItemPosition::default(), id_prefix: "p", time_ms: 0, bytes: &[] })
    });
    assert!(matches!(end, End::Whole), "{end:?}");
    let indexed: Vec<u64> = bodies.iter().flat_map(|body| (0..body.len()).map(|at| body.at(at).offset)).collect();
    let mut settlement = Settlement::new(ItemPosition::in_object(start));
    for body in &bodies {
        settlement.add(&Sealed::of(body).lost("the deadline came first".into()));
    }
    (indexed, letters(&bodies), frames.checkpoint(settlement.settled_to()))
}

#[test]
fn a_letter_within_a_value_that_is_not_written_in_time_makes_no_event_of_the_rest_of_the_value() {
    let array = r#"[{"n":0},{"a":{"n":1}},{"n":2}]"#;
    let lines = "{\"n\":0}\n{\"a\":{\"n\":1}}\n{\"n\":2}\n";
    for (format, content, within, value) in [(Format::Array, array, 14, 9), (Format::Ndjson, lines, 13, 8)] {
        let only = Only::events([within]);
        let (indexed, letters, next) = attempt(format, content, &only, None);
        assert_eq!((&indexed[..], &letters[..]), (&[][..], &[(POSITION_NOT_FOUND.to_owned(), within)][..]));
        assert_eq!(next.offset, value, "{format:?}");
        let again = attempt(format, content, &only, Some(&next));
        assert_eq!((again.0, again.1), (indexed, letters), "{format:?}");
    }
}

#[test]
fn a_rest_that_breaks_stands_only_for_what_was_asked_for() {
    let broken = r#"[{"n":0},{"n":1} {"#;
    let only = |text: &str| serde_json::from_str::<Only>(text).unwrap();
    for (text, indexed, letters) in [
        (r#"{"at":[1]}"#, &[1][..], &[][..]),
        (r#"{"at":[9,40]}"#, &[9], &[("position_not_found", 40)]),
        (r#"{"at":[40]}"#, &[], &[("position_not_found", 40)]),
        (r#"{"at":[5],"from":12}"#, &[], &[("position_not_found", 5), ("truncated", 17)]),
        (r#"{"at":[5],"from":5000}"#, &[], &[("position_not_found", 5), ("truncated", 5000)]),
        (r#"{"from":9}"#, &[9], &[("truncated", 17)]),
        (r#"{"from":5000}"#, &[], &[("truncated", 5000)]),
    ] {
        let expected: Vec<(String, u64)> = letters.iter().map(|(name, at)| ((*name).to_owned(), *at)).collect();
        assert_eq!(read(broken, Some(&only(text))), (indexed.to_vec(), expected), "{text}");
    }
    assert_eq!(read(broken, None), (vec![1, 9], vec![("truncated".to_owned(), 17)]));
}

/// The letters of one record of a stream, each with whether it holds the whole record.
fn of_record(content: &str, only: Option<&str>) -> Vec<(String, bool)> {
    let origin = Origin::kinesis("arn:s/app", "s", vec!["1".into()]).with_times_ms(vec![3]);
    let (_, bodies) = produced("ndjson", &origin, |producer, _| {
        producer.read_only(only.map(|only| serde_json::from_str(only).unwrap()).as_ref(), 0);
        let mut frames = Frames::new(content.as_bytes(), Format::Ndjson, 1000);
        let at = ItemPosition::default();
        producer.fill(&mut frames, RecordContext { at, id_prefix: "p", time_ms: 3, bytes: content.as_bytes() })
    });
    let lines = bodies.iter().flat_map(|body| body.letters.ndjson().split_inclusive(|byte| *byte == b'\n'));
    lines
        .map(|line| {
            let letter: serde_json::Value = serde_json::from_slice(line).unwrap();
            let is_whole = letter["payload_of"] == "record" && letter["payload"] == content;
            (letter["error_type"].as_str().unwrap().to_owned(), is_whole)
        })
        .collect()
}

#[test]
fn letters_hold_the_record_that_exists_nowhere_else() {
    // A position that is not found again must not take the place of the only copy of its record.
    let not_found = of_record("{\"n\":1}\n{\"n\":2}\n", Some(r#"{"at":[3,8]}"#));
    assert_eq!(not_found, [(POSITION_NOT_FOUND.to_owned(), true)]);
    // The size of the letters is bounded by a number of copies.
    let long = format!("{{\"n\":\"{}\"}}\n", "x".repeat(70 << 10));
    let too_large = of_record(&long.repeat(10), None);
    assert_eq!(too_large.len(), 10);
    assert_eq!(too_large.iter().filter(|(_, is_whole)| *is_whole).count(), 8);
}

proptest! {
    #[test]
    fn each_event_that_is_asked_for_has_one_fate_and_no_other_has_any(
        events in 0_u64..6, at in proptest::collection::btree_set(0_u64..80, 0..6), from in proptest::option::of(0_u64..80),
        is_broken: bool,
    ) {
        // Each takes eight bytes with its comma, so they begin at 1, 9, 17, ...
        let values: Vec<String> = (0..events).map(|number| format!(r#"{{"n":{number}}}"#)).collect();
        let content = format!("[{}{}", values.join(","), if is_broken { " {" } else { "]" });
        let only = serde_json::from_value(serde_json::json!({ "at": at, "from": from })).unwrap();
        let (indexed, letters) = read(&content, Some(&only));

        let begins: BTreeSet<u64> = (0..events).map(|number| 1 + number * 8).collect();
        let in_rest = |offset: u64| from.is_some_and(|from| offset >= from);
        let asked = |offset: &u64| at.contains(offset) || in_rest(*offset);
        prop_assert_eq!(indexed, begins.iter().copied().filter(asked).collect::<Vec<_>>());
        let missed = at.iter().filter(|offset| !in_rest(**offset) && !begins.contains(offset));
        let missed: BTreeSet<u64> = missed.copied().collect();
        let of_type = |name: &str| letters.iter().filter(|(kind, _)| kind == name).map(|(_, at)| *at).collect::<Vec<_>>();
        let mut not_found = of_type("position_not_found");
        if !is_broken && let Some(from) = from && from > content.len() as u64 {
            prop_assert_eq!(not_found.pop(), Some(from));
        }
        prop_assert_eq!(not_found, missed.into_iter().collect::<Vec<_>>());
        let rest = of_type("truncated");
        let is_over = from.is_none() && at.iter().all(|offset| begins.contains(offset));
        prop_assert!(rest.len() <= usize::from(is_broken && from.is_some() && !is_over), "{rest:?}");
        if let (true, Some(from)) = (is_broken, from) {
            let is_there = rest.iter().all(|rest| *rest >= from && begins.iter().all(|begin| begin < rest || *begin >= from));
            prop_assert!(rest.len() == 1 && is_there, "{rest:?} from {from}");
        }
    }
    #[test]
    fn an_attempt_of_which_nothing_was_settled_is_repeated_as_it_was(
        values in proptest::collection::vec((0_u8..3, any::<bool>()), 0..6),
        at in proptest::collection::btree_set(0_u64..90, 0..6),
        from in proptest::option::of(0_u64..90),
        is_array: bool,
    ) {
        let value = |kind: u8| [r#"{"n":1}"#, r#"{"a":{"n":1}}"#, r#"{"a":[{"n":1}, {"n":2}]}"#][usize::from(kind)];
        let content = if is_array {
            format!("[{}]", values.iter().map(|(kind, _)| value(*kind)).collect::<Vec<_>>().join(", "))
        } else {
            // Some lines hold several values.
            values.iter().flat_map(|(kind, is_last)| [value(*kind), if *is_last { "\n" } else { "" }]).collect()
        };
        let format = if is_array { Format::Array } else { Format::Ndjson };
        let only = serde_json::from_value(serde_json::json!({ "at": at, "from": from })).unwrap();
        let (indexed, letters, next) = attempt(format, &content, &only, None);
        prop_assert!(next.offset <= content.len() as u64);
        if !indexed.is_empty() || !letters.is_empty() {
            let again = attempt(format, &content, &only, Some(&next));
            prop_assert_eq!((again.0, again.1), (indexed, letters));
        }
    }
}
