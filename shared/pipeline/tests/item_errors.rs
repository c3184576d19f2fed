//! Item errors in the words of eleven engines. Each one means a state of the domain or a possible fault of the
//! document, as the file lists it.
//!
//! `data/item-errors.txt` holds the answers of Elasticsearch 6.8 to 9.2 and OpenSearch 1.3 to 3.8. Each entry is a case
//! and, for each group of engines, the item's status, Millrace's earlier verdict, the exception's type and its reason.

use pipeline::bulk::{ItemError, ItemResult, ItemVerdict};

/// The cases in which a 400 is a state of the domain. Every other 400 is the document's own fault, or has no known
/// cause.
const STATES: [&str; 6] = [
    "closed index",
    "shard limit",
    "default pipeline missing",
    "final pipeline missing",
    "alias without write index",
    "data stream: op index",
];
/// The requests of the file that were not for documents.
const NO_DOCUMENTS: [&str; 3] = ["processors", "GET /_data_stream", "rollover"];

struct Case<'t> {
    name: &'t str,
    status: u16,
    error_type: &'t str,
    reason: &'t str,
}

/// Each answer is one line. Further lines of a reason begin without indentation, and are not needed.
fn cases(text: &str) -> Vec<Case<'_>> {
    let mut name = "";
    let mut cases = Vec::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            name = title;
        } else if let Some(answer) = line.strip_prefix("    ") {
            let mut parts = answer.splitn(3, " | ");
            let (_, words, reason) = (parts.next(), parts.next().expect("a status"), parts.next().unwrap_or_default());
            let mut words = words.split(' ').filter(|word| !["WHOLE", "REQUEST", ""].contains(word));
            let status = words.next().expect("a status").parse().expect("a number");
            let error_type = words.next_back().unwrap_or_default();
            cases.push(Case { name, status, error_type, reason });
        }
    }
    cases.retain(|case| !case.name.starts_with("(setup") && !NO_DOCUMENTS.contains(&case.name));
    cases
}

fn expected(case: &Case<'_>) -> ItemVerdict {
    match case.status {
        201 => ItemVerdict::Indexed,
        200 => ItemVerdict::DroppedByDomain,
        409 => ItemVerdict::Duplicate,
        500 => ItemVerdict::ServerError,
        400 if STATES.contains(&case.name) => ItemVerdict::DomainState,
        400 => ItemVerdict::BadRequest,
        _ => ItemVerdict::DomainState,
    }
}

#[test]
fn every_answer_of_every_engine_has_its_verdict() {
    let bytes = include_bytes!("data/item-errors.txt");
    let text = String::from_utf8_lossy(bytes);
    let cases = cases(&text);
    assert!(cases.len() > 120, "{}", cases.len());
    for case in &cases {
        let error = ItemError {
            error_type: case.error_type.to_owned(),
            // The file writes causes after an arrow.
            reason: case.reason.split(" <- ").next().unwrap_or_default().trim_end().to_owned(),
            caused_by: None,
        };
        let result = ItemResult {
            status: case.status,
            id: None,
            result: (case.status == 200).then(|| "noop".into()),
            error: (case.status >= 300).then(|| error.into()),
        };
        assert_eq!(
            result.verdict(),
            expected(case),
            "{}: {} {} {}",
            case.name,
            case.status,
            case.error_type,
            case.reason
        );
    }
    for state in STATES {
        assert!(cases.iter().any(|case| case.name == state && case.status == 400), "no engine was asked about {state}");
    }
}
