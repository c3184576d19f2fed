//! Event patterns select the events that EventBridge's library selects: its own cases, and random patterns and events.
//!
//! The library puts all values of a pattern into one automaton. In rare combinations this is wrong:
//! `["", {"numeric": ["<=", 1]}, "aBcabc"]` does not match `""`. Then the library contradicts its documentation, by
//! which a list matches if one of its values does. In that case the test uses the library's answers for each
//! single value.

use fastrand::Rng;
use serde_json::Value;
use tests::choice::Choice;
use tests::pattern::Case;
use tests::place::{self, figure};
use tests::ruler::{self, Question};

/// The number of random patterns, and of events for each.
const PATTERNS: u64 = 2_500;
const EVENTS_EACH: usize = 3;

/// The comparison of the library with the function.
#[derive(Default)]
struct Comparison {
    pairs: usize,
    matched: usize,
    /// The numbers of a question and of its event with different answers.
    differing: Vec<(usize, usize)>,
    /// Patterns that one accepts and the other refuses.
    refused_by_one: Vec<String>,
}

/// `None` if the library is missing.
async fn compare(questions: &[Question]) -> Option<Comparison> {
    let theirs = ruler::answers(questions)?;
    let rules: Vec<String> = questions.iter().map(|question| question.pattern.clone()).collect();
    let mut choice = Choice::start(&rules).await;
    let mut comparison = Comparison::default();
    for (number, (question, theirs)) in questions.iter().zip(&theirs).enumerate() {
        let theirs = match (theirs, choice.faults[number].clone()) {
            (Err(_), Some(_)) => continue,
            (Ok(theirs), None) => theirs,
            (theirs, ours) => {
                comparison.refused_by_one.push(format!("{}: theirs {theirs:?} ours {ours:?}", question.pattern));
                continue;
            }
        };
        let ours = choice.of(number, &question.events).await;
        for (event, (ours, theirs)) in ours.into_iter().zip(theirs).enumerate() {
            comparison.pairs += 1;
            comparison.matched += usize::from(*theirs);
            if ours != Some(*theirs) {
                comparison.differing.push((number, event));
            }
        }
    }
    assert!(comparison.refused_by_one.is_empty(), "{:#?}", comparison.refused_by_one);
    Some(comparison)
}

#[test]
fn the_cases_of_the_library_are_decided_as_it_decides_them() {
    let folder = place::data("event-ruler");
    let text = std::fs::read_to_string(folder.join("correctness-cases.json")).expect("the cases");
    let cases: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    let question =
        |case: &Value| Question { pattern: case["rule"].to_string(), events: vec![case["event"].to_string()] };
    let questions: Vec<Question> = cases.iter().map(question).collect();
    assert!(questions.len() > 50, "{}", questions.len());
    place::run(async {
        let Some(Comparison { pairs, matched, differing, .. }) = compare(&questions).await else { return };
        let differing: Vec<&Question> = differing.iter().map(|(number, _)| &questions[*number]).collect();
        assert!(differing.is_empty(), "{differing:#?}");
        assert_eq!(pairs, questions.len());
        figure("event patterns", "the library's own cases; of them match", format!("{pairs}; {matched}"));
    });
}

#[test]
fn random_patterns_choose_the_events_that_the_library_chooses() {
    let mut random = Rng::with_seed(place::seed("patterns"));
    let cases: Vec<Case> = (0..place::event_count(PATTERNS)).map(|_| Case::random(&mut random, EVENTS_EACH)).collect();
    let questions: Vec<Question> = cases.iter().map(|case| case.question.clone()).collect();
    place::run(async {
        let Some(Comparison { pairs, matched, differing, .. }) = compare(&questions).await else { return };
        assert!(pairs >= questions.len() * EVENTS_EACH * 9 / 10, "{pairs}: too many patterns are refused");
        assert!(matched * 5 > pairs && matched * 5 < pairs * 4, "{matched} of {pairs} match: they say little");
        for (number, event) in &differing {
            let event = &questions[*number].events[*event];
            let single = |pattern| Question { pattern, events: vec![event.clone()] };
            let singles: Vec<Question> = cases[*number].multiplied_out().into_iter().map(single).collect();
            let theirs = ruler::answers(&singles).expect("it was there before");
            let matches = theirs.into_iter().any(|answer| answer == Ok(vec![true]));
            let mut choice = Choice::start(std::slice::from_ref(&questions[*number].pattern)).await;
            let ours = choice.of(0, std::slice::from_ref(event)).await;
            let pattern = &questions[*number].pattern;
            assert_eq!(
                ours,
                [Some(matches)],
                "{pattern}\n{event}\nand the library, asked value by value, says {matches}"
            );
        }
        assert!(differing.len() * 200 < pairs, "the library contradicts itself in {} of {pairs}", differing.len());
        figure("event patterns", "random pairs; of them match", format!("{pairs}; {matched}"));
        figure("event patterns", "of them where the library contradicts itself", differing.len());
    });
}
