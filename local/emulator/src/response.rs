//! The answer of a function to a batch, as Lambda's event source mappings of queues and streams read it.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>,
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-batchfailurereporting.html>

use serde_json::Value;

use crate::function::{Answer, NoResponse};

/// The failure of a whole batch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BatchFailure {
    /// The function gave no response.
    #[error(transparent)]
    NoResponse(#[from] NoResponse),
    /// Lambda does not understand this response.
    #[error("the answer names nothing of the batch, or is not JSON: {0}")]
    Misunderstood(String),
}

/// The items of a batch that the answer reports as failed. `position` finds an item by its identifier.
///
/// # Errors
/// The whole batch has failed: there is no response, it is not JSON, or one of its identifiers is missing, empty or not
/// of the batch.
pub fn reported(answer: &Answer, position: impl Fn(&Value) -> Option<usize>) -> Result<Vec<usize>, BatchFailure> {
    let body = answer.response()?;
    let misunderstood = || BatchFailure::Misunderstood(String::from_utf8_lossy(body).into_owned());
    let response: Value = serde_json::from_slice(body).map_err(|_| misunderstood())?;
    match &response["batchItemFailures"] {
        // No list, like an empty list, is a success.
        Value::Null => Ok(Vec::new()),
        Value::Array(failures) => {
            failures.iter().map(|failure| position(&failure["itemIdentifier"]).ok_or_else(misunderstood)).collect()
        }
        _ => Err(misunderstood()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(answer: &Answer) -> Vec<usize> {
        let position = |identifier: &Value| ["1", "2"].iter().position(|known| identifier == known);
        reported(answer, position).unwrap_or_else(|_| vec![0, 1])
    }

    #[test]
    fn failures_are_what_lambda_takes_for_failures() {
        for (answer, expected) in [
            (r#"{"batchItemFailures":[]}"#, vec![]),
            (r#"{"batchItemFailures":null}"#, vec![]),
            ("{}", vec![]),
            ("null", vec![]),
            (r#"{"batchItemFailures":[{"itemIdentifier":"2"}]}"#, vec![1]),
            (r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#, vec![0, 1]),
            (r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#, vec![0, 1]),
            (r#"{"batchItemFailures":[{"id":"1"}]}"#, vec![0, 1]),
            (r#"{"batchItemFailures":[{"itemIdentifier":"3"}]}"#, vec![0, 1]),
            (r#"{"batchItemFailures":"1"}"#, vec![0, 1]),
            ("no JSON", vec![0, 1]),
        ] {
            assert_eq!(failed(&Answer::Response(answer.into())), expected, "{answer}");
        }
        assert_eq!(failed(&Answer::TimedOut), [0, 1]);
    }
}
