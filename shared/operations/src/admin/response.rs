//! The response of a domain.

use serde_json::Value;

use delivery::cluster::http::Answer;
use pipeline::outcome::BatchError;

/// The response of a domain, for the caller to judge.
#[derive(Debug, Clone, PartialEq)]
pub struct AdminResponse {
    /// The HTTP status: a success, or a refusal that a retry would get again.
    pub status: u16,
    /// The body; null if it is not JSON.
    pub body: Value,
    /// Request, status and the beginning of the body, for an error message.
    pub summary: String,
    /// The domain's own clock, in milliseconds since the epoch, if the response has a date.
    pub date_ms: Option<i64>,
}

impl AdminResponse {
    /// Whether the request succeeded.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Returns an error with the text of the response unless the request succeeded.
    ///
    /// # Errors
    /// Permanent: a retry would have the same result.
    pub fn accepted(&self) -> Result<(), BatchError> {
        if self.is_success() {
            return Ok(());
        }
        let (what, reason) = self.summary.split_once(": ").unwrap_or((&self.summary, ""));
        Err(BatchError::permanent(what, reason))
    }
}

/// The answer, unless a retry may change it.
pub(super) fn usable(answer: Answer) -> Result<Answer, BatchError> {
    // A caller might mistake a redirect for a meaningful refusal, such as "it does not exist".
    if let 300..=399 | 408 | 429 | 500..=599 = answer.status.as_u16() {
        return Err(answer.success().err().unwrap_or_else(|| unreachable!("it is no success")));
    }
    Ok(answer)
}

impl From<Answer> for AdminResponse {
    fn from(answer: Answer) -> Self {
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let status = answer.status.as_u16();
        let reason = error_text(&body).map_or_else(|| answer.reason(), |text| format!("{status} {text}"));
        Self { status, summary: format!("{}: {reason}", answer.what), body, date_ms: answer.date_ms }
    }
}

/// The engine's error message with all causes: the innermost cause names the fault.
fn error_text(body: &Value) -> Option<String> {
    let error = &body["error"];
    let mut text = format!("{}: {}", error["type"].as_str()?, error["reason"].as_str()?);
    let mut cause = &error["caused_by"];
    while let Some(reason) = cause["reason"].as_str() {
        text = format!("{text}: {reason}");
        cause = &cause["caused_by"];
    }
    Some(text)
}
