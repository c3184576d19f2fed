//! The form of the lines: JSON, which is at once a record of the CloudWatch embedded metric format.

use std::{
    fmt::{Debug, Display},
    io::Write,
};

use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    lambda::{Failed, FailedBy},
    settings::function_name,
};

/// The CloudWatch namespace of all metrics.
pub const NAMESPACE: &str = "Millrace";

/// Metrics of an object that no dataset takes, by the function's name, since there is no dataset.
pub const UNMATCHED: [(&str, &str); 1] = [("unmatched", "Count")];

/// The report of a function that does not ingest events: one document that is also a metric record, by the function's
/// name.
pub fn document(message: &str, is_whole: bool, about: &impl Serialize, metrics: &[(&str, &str)]) -> Value {
    let mut document = json!({
        "message": message,
        "level": if is_whole { "INFO" } else { "ERROR" },
        "function": function_name(),
        "_aws": { "Timestamp": crate::lambda::now_ms(), "CloudWatchMetrics": [Directive::new("function", metrics)] },
    });
    if let (Some(line), Ok(Value::Object(fields))) = (document.as_object_mut(), serde_json::to_value(about)) {
        line.extend(fields);
    }
    document
}

pub(super) fn line(
    receipt: &impl Serialize,
    balances: bool,
    is_sound: bool,
    metrics: &[(&str, &str)],
    alarmed: &[(&str, &str)],
    now_ms: i64,
) -> String {
    let line = Line {
        message: "receipt",
        level: if is_sound { "INFO" } else { "ERROR" },
        balances,
        unbalanced: u8::from(!balances),
        function: function_name(),
        receipt,
        aws: Aws {
            timestamp: now_ms,
            metrics: [Directive::new("dataset", metrics), Directive::new("function", alarmed)],
        },
    };
    serde_json::to_string(&line).expect("a receipt has text keys")
}

/// The line of a receipt. It is written without a tree of values in between, because an invocation may print hundreds.
#[derive(Serialize)]
struct Line<'r, R> {
    message: &'static str,
    level: &'static str,
    balances: bool,
    unbalanced: u8,
    function: String,
    #[serde(flatten)]
    receipt: &'r R,
    #[serde(rename = "_aws")]
    aws: Aws<'r>,
}

#[derive(Serialize)]
struct Aws<'r> {
    #[serde(rename = "Timestamp")]
    timestamp: i64,
    #[serde(rename = "CloudWatchMetrics")]
    metrics: [Directive<'r>; 2],
}

/// Which fields of a line are metrics.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive<'r> {
    namespace: &'static str,
    dimensions: [[&'r str; 1]; 1],
    metrics: Vec<Metric<'r>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metric<'r> {
    name: &'r str,
    unit: &'r str,
}

impl<'r> Directive<'r> {
    fn new(dimension: &'r str, metrics: &'r [(&'r str, &'r str)]) -> Self {
        let metrics = metrics.iter().map(|(name, unit)| Metric { name, unit }).collect();
        Self { namespace: NAMESPACE, dimensions: [[dimension]], metrics }
    }
}

/// The counts of a receipt do not add up: a fault of Millrace. The receipt was printed, with this as a metric.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the receipt of {of} does not balance: {counts}")]
pub struct Unbalanced {
    of: String,
    counts: String,
}

impl From<Unbalanced> for Failed {
    fn from(error: Unbalanced) -> Self {
        FailedBy::Unbalanced.because(error.to_string())
    }
}

/// Prints the line of a receipt, and only then checks whether its counts balance.
pub(super) fn show(line: &str, balances: bool, of: &impl Display, counts: &impl Debug) -> Result<(), Unbalanced> {
    print(line);
    if balances { Ok(()) } else { Err(Unbalanced { of: of.to_string(), counts: format!("{counts:?}") }) }
}

/// Prints one line to standard output, where Lambda's log collector reads it.
pub fn print(line: &str) {
    // If standard output is closed, safe events must not fail.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

#[cfg(test)]
pub(super) fn assert_is_metric_record(line: &serde_json::Value) {
    for (directive, dimension) in [(0, "dataset"), (1, "function")] {
        let directive = &line["_aws"]["CloudWatchMetrics"][directive];
        assert_eq!(directive["Dimensions"], json!([[dimension]]));
        assert!(line[dimension].is_string());
        for metric in directive["Metrics"].as_array().unwrap() {
            assert!(line[metric["Name"].as_str().unwrap()].is_u64(), "{metric} is a number of the line");
        }
    }
}
