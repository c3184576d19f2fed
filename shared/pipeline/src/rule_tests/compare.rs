//! Compares the results that a test expects with the actual ones.

use super::{
    difference::{Difference, NOTHING},
    document,
    result::EventResult,
};
use crate::rules::{Expected, ExpectedDocument};

/// Compares the results of an input, event by event.
pub(super) fn compare(expected: &[Expected], actual: &[EventResult]) -> Vec<Difference> {
    let mut differences = Vec::new();
    let is_one = expected.len() == 1 && actual.len() == 1;
    for ordinal in 0..expected.len().max(actual.len()) {
        let before = differences.len();
        match (expected.get(ordinal), actual.get(ordinal)) {
            (Some(expected), Some(actual)) => compare_one(expected, actual, &mut differences),
            (Some(expected), None) => differences.push(Difference::new("result", &described(expected), NOTHING)),
            (None, Some(actual)) => differences.push(Difference::new("result", NOTHING, &actual.to_string())),
            (None, None) => {}
        }
        if !is_one {
            for difference in &mut differences[before..] {
                difference.field = format!("event {}, {}", ordinal + 1, difference.field);
            }
        }
    }
    differences
}

fn compare_one(expected: &Expected, actual: &EventResult, differences: &mut Vec<Difference>) {
    match (expected, actual) {
        (Expected::Dropped, EventResult::Dropped) | (Expected::Expired, EventResult::Expired) => {}
        (Expected::Rejected(expected), EventResult::Rejected { error_type, .. }) if expected == error_type => {}
        (Expected::Document(expected), EventResult::Document { document, index, id, partition_keys }) => {
            if let Some(expected) = &expected.document {
                document::compare("document", expected, document, differences);
            }
            let mut compare_text = |field: &str, expected: &Option<String>, actual: Option<&str>| {
                if let Some(expected) = expected
                    && Some(expected.as_str()) != actual
                {
                    differences.push(Difference::new(field, expected, actual.unwrap_or(NOTHING)));
                }
            };
            compare_text("index", &expected.index, index.as_deref());
            compare_text("id", &expected.id, id.as_deref());
            for (name, value) in expected.partition_keys.iter().flatten() {
                let actual = partition_keys.get(name).map(String::as_str);
                compare_text(&format!("partition_keys.{name}"), &Some(value.clone()), actual);
            }
            if let Some(expected) = &expected.partition_keys {
                for (name, value) in partition_keys.iter().filter(|(name, _)| !expected.contains_key(*name)) {
                    differences.push(Difference::new(&format!("partition_keys.{name}"), NOTHING, value));
                }
            }
        }
        _ => differences.push(Difference::new("result", &described(expected), &actual.to_string())),
    }
}

fn described(expected: &Expected) -> String {
    match expected {
        Expected::Dropped => "dropped".to_owned(),
        Expected::Expired => "expired".to_owned(),
        Expected::Rejected(reason) => format!("rejected: {reason}"),
        Expected::Document(ExpectedDocument { document: Some(document), .. }) => format!("the document {document}"),
        Expected::Document(ExpectedDocument { index: Some(index), .. }) => format!("a document in {index}"),
        Expected::Document(_) => "a document".to_owned(),
    }
}
