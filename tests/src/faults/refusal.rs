//! The replies of each service with an error status, in the service's own format.

use super::request::Reply;
use super::row::Service;

/// The error reply of a service.
pub fn of(service: Service, status: u16, retry_after: bool) -> Reply {
    let (code, message) = code(service, status);
    let body = match service {
        Service::S3 => format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>"),
        Service::Domain if matches!(status, 401 | 403) => format!("{{\"message\":\"{message}\"}}"),
        Service::Domain => format!(
            "{{\"error\":{{\"root_cause\":[],\"type\":\"{code}\",\"reason\":\"{message}\"}},\"status\":{status}}}"
        ),
        Service::Runtime => format!("{{\"errorType\":\"{code}\",\"errorMessage\":\"{message}\"}}"),
        Service::Sqs | Service::Secrets | Service::Lambda => {
            format!("{{\"__type\":\"{code}\",\"message\":\"{message}\"}}")
        }
    };
    let kind = if service == Service::S3 { "application/xml" } else { "application/json" };
    let mut headers = vec![("content-type", kind)];
    if matches!(service, Service::Sqs | Service::Secrets | Service::Lambda) {
        headers.push(("x-amzn-errortype", code));
    }
    if retry_after {
        headers.push(("retry-after", "1"));
    }
    Reply::of(status, &headers, &body)
}

fn code(service: Service, status: u16) -> (&'static str, &'static str) {
    match (service, status) {
        (Service::S3, 400) => ("InvalidRequest", "as the matrix says"),
        (Service::S3, 401) => ("InvalidToken", "as the matrix says"),
        (Service::S3, 403) => ("ExpiredToken", "The provided token has expired."),
        (Service::S3, 404) => ("NoSuchKey", "The specified key does not exist."),
        (Service::S3, 409) => ("ConditionalRequestConflict", "as the matrix says"),
        (Service::S3, 412) => ("PreconditionFailed", "as the matrix says"),
        (Service::S3, 413) => ("EntityTooLarge", "as the matrix says"),
        (Service::S3, 429 | 503) => ("SlowDown", "Please reduce your request rate."),
        (Service::S3, _) => ("InternalError", "as the matrix says"),
        (Service::Domain, 400) => ("illegal_argument_exception", "as the matrix says"),
        (Service::Domain, 404) => ("index_not_found_exception", "as the matrix says"),
        (Service::Domain, 409) => ("version_conflict_engine_exception", "as the matrix says"),
        (Service::Domain, 429) => ("rejected_execution_exception", "as the matrix says"),
        (_, 401) => ("UnrecognizedClientException", "The security token included in the request is invalid"),
        (_, 403) => ("ExpiredTokenException", "The security token included in the request is expired"),
        (_, 404) => ("ResourceNotFoundException", "as the matrix says"),
        (Service::Lambda, 409) => ("ResourceInUseException", "as the matrix says"),
        (Service::Lambda, 429) => ("TooManyRequestsException", "as the matrix says"),
        (_, 409) => ("ResourceConflictException", "as the matrix says"),
        (_, 412) => ("PreconditionFailedException", "as the matrix says"),
        (_, 413) => ("RequestTooLargeException", "as the matrix says"),
        (_, 429) => ("ThrottlingException", "Rate exceeded"),
        (_, 400) => ("ValidationException", "as the matrix says"),
        (_, 503) => ("ServiceUnavailableException", "as the matrix says"),
        (_, _) => ("InternalServiceException", "as the matrix says"),
    }
}
