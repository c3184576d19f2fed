//! The rows of the fault matrix: every kind of call from a function to another service.
//!
//! In: the head of a request. Out: a name such as `s3-put-state` or `domain-put-index_template-x`. Rows come from the
//! calls that the functions make. A new call becomes a new row without a change here.

use super::request::Request;

/// The services that a function calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Service {
    /// Objects, dead letters, state.
    S3,
    /// Messages.
    Sqs,
    /// The domain's password and the key of pseudonyms.
    Secrets,
    /// Event source mappings.
    Lambda,
    /// The domain.
    Domain,
    /// Lambda's runtime API.
    Runtime,
}

impl Service {
    /// Every service.
    pub const ALL: [Self; 6] = [Self::S3, Self::Sqs, Self::Secrets, Self::Lambda, Self::Domain, Self::Runtime];
}

/// The row of the invocation itself. Lambda delivers it, possibly twice or out of order.
pub const INVOCATION: &str = "invocation";
/// The row of the answer to Lambda's runtime API.
pub const ANSWER: &str = "runtime-answer";
/// The row of the domain's `_bulk`.
pub const BULK: &str = "domain-bulk";

/// The row of a request; `None` if the request has no row, such as the wait for the next invocation.
pub fn of(service: Service, request: &Request) -> Option<String> {
    let path = request.path();
    match service {
        Service::S3 => Some(s3(request)),
        Service::Sqs => Some(format!("sqs-{}", operation(request))),
        Service::Secrets => Some("secrets-get".into()),
        Service::Lambda => Some(lambda(request)),
        Service::Domain if path.ends_with("/_bulk") => Some(BULK.into()),
        Service::Domain => Some(named("domain", &request.method, path)),
        Service::Runtime => (request.method == "POST" && path.contains("/invocation/")).then(|| ANSWER.into()),
    }
}

fn s3(request: &Request) -> String {
    let method = request.method.to_lowercase();
    let key = request.path().trim_start_matches('/').split_once('/').map_or("", |(_, key)| key);
    if key.is_empty() || request.target.contains("list-type=2") {
        return "s3-list".into();
    }
    let kind = ["state", "letters", "answers"].into_iter().find(|kind| key.starts_with(&format!("{kind}/")));
    // A resumed read of an object is a different call from the first read.
    let kind = kind.or_else(|| request.header("range").map(|_| "range"));
    kind.map_or_else(|| format!("s3-{method}"), |kind| format!("s3-{method}-{kind}"))
}

/// `AmazonSQS.SendMessage` is `sendmessage`.
fn operation(request: &Request) -> String {
    let target = request.header("x-amz-target").unwrap_or_default();
    target.rsplit('.').next().unwrap_or_default().to_lowercase()
}

fn lambda(request: &Request) -> String {
    let path = request.path().trim_matches('/');
    let kind = path.split('/').nth(1).unwrap_or_default();
    let is_one = path.split('/').count() > 2;
    match (kind, is_one) {
        ("event-source-mappings", false) => "lambda-get-mappings".into(),
        ("event-source-mappings", true) => format!("lambda-{}-mapping", request.method.to_lowercase()),
        ("functions", _) => "lambda-invoke".into(),
        (kind, _) => format!("lambda-{}-{kind}", request.method.to_lowercase()),
    }
}

/// Method and path, with an `x` for every name that a user or the deployment chose.
fn named(service: &str, method: &str, path: &str) -> String {
    let segments = path.trim_matches('/').split('/').filter(|segment| !segment.is_empty());
    let segments = segments.enumerate().map(|(at, segment)| match segment.strip_prefix('_') {
        Some(api) if at < 2 => api.to_owned(),
        _ if is_word(segment) => segment.to_owned(),
        _ => "x".to_owned(),
    });
    let name: Vec<String> = [service.to_owned(), method.to_lowercase()].into_iter().chain(segments).collect();
    name.join("-").replace(',', "_")
}

/// A word of the API in the second segment or later, such as `write` in `/INDEX/_block/write`.
fn is_word(segment: &str) -> bool {
    let of_indices = ["write", "indices", "shards", "settings", "state", "metadata", "stats"];
    let of_others = ["health", "nodes", "allocation", "api", "roles", "rolesmapping"];
    of_indices.contains(&segment) || of_others.contains(&segment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_named_by_its_kind_and_not_by_what_it_is_about() {
        for (service, method, target, name) in [
            (Service::S3, "GET", "/t-a/in/b.json?x-id=GetObject", "s3-get"),
            (Service::S3, "GET", "/t-a?list-type=2&prefix=in", "s3-list"),
            (Service::S3, "GET", "/t-a/?list-type=2", "s3-list"),
            (Service::S3, "PUT", "/dead-a/state/brake.json?x-id=PutObject", "s3-put-state"),
            (Service::S3, "PUT", "/dead-a/letters/a/b.ndjson", "s3-put-letters"),
            (Service::S3, "HEAD", "/t-a/b", "s3-head"),
            (Service::Lambda, "GET", "/2015-03-31/event-source-mappings/?FunctionName=a", "lambda-get-mappings"),
            (Service::Lambda, "PUT", "/2015-03-31/event-source-mappings/u-1", "lambda-put-mapping"),
            (Service::Lambda, "DELETE", "/2017-03-31/tags/arn%3Aa?tagKeys=b", "lambda-delete-tags"),
            (Service::Lambda, "POST", "/2015-03-31/functions/a/invocations", "lambda-invoke"),
            (Service::Domain, "POST", "/_bulk?filter_path=a", "domain-bulk"),
            (Service::Domain, "GET", "/", "domain-get"),
            (Service::Domain, "GET", "/_cat/indices?h=a", "domain-get-cat-indices"),
            (Service::Domain, "PUT", "/_index_template/millrace-a", "domain-put-index_template-x"),
            (Service::Domain, "PUT", "/a-2026.11.22/_block/write", "domain-put-x-block-write"),
            (Service::Domain, "DELETE", "/a-2026.11.22", "domain-delete-x"),
            (
                Service::Domain,
                "PUT",
                "/_plugins/_security/api/rolesmapping/a",
                "domain-put-plugins-security-api-rolesmapping-x",
            ),
        ] {
            let request = Request { method: method.into(), target: target.into(), ..Request::default() };
            assert_eq!(of(service, &request).as_deref(), Some(name), "{method} {target}");
        }
        let headers = vec![("range".into(), "bytes=9-".into())];
        let rest = Request { method: "GET".into(), target: "/t-a/in/b.json".into(), headers, ..Request::default() };
        assert_eq!(of(Service::S3, &rest).as_deref(), Some("s3-get-range"));
        let next = Request { method: "GET".into(), target: "/a/invocation/next".into(), ..Request::default() };
        assert_eq!(of(Service::Runtime, &next), None);
    }
}
