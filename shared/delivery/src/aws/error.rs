//! What a failed call means for its caller.

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::{display::DisplayErrorContext, metadata::ProvideErrorMetadata};

use pipeline::outcome::BatchError;

/// An error with its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

/// The HTTP status of a failed call, where there was an answer.
pub(super) fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

/// Classifies a failed call: a refusal by the service is permanent, all else may pass.
pub(super) fn batch_error<E>(what: String, error: &SdkError<E, HttpResponse>) -> BatchError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let code = error.code().unwrap_or_default();
    let reason = match error.message() {
        Some(message) => format!("{code}: {message}"),
        None => DisplayErrorContext(error).to_string(),
    };
    classify(what, code, reason, status(error))
}

/// The same for the parts of a failed call. Without an answer there is no status.
pub fn classify(what: String, code: &str, reason: String, status: Option<u16>) -> BatchError {
    let throttled =
        ["SlowDown", "Throttling", "ThrottlingException", "RequestThrottled", "RequestTimeout", "InternalError"]
            .contains(&code);
    // 408 and 429 pass. 403 may be an expired token, which the client renews, so a lasting 403 is a configuration
    // error.
    match status {
        Some(400..=407 | 409..=428 | 430..=499) if !throttled => {
            BatchError::Permanent { what, code: code.to_owned(), reason }
        }
        _ => BatchError::Retryable { what, code: code.to_owned(), reason, retry_after: None },
    }
}
