//! The domain's answer to each item.

use serde::Deserialize;

/// Why an item failed, in the domain's words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "ReceivedError")]
pub struct ItemError {
    /// The exception's type, such as `mapper_parsing_exception`.
    pub error_type: String,
    /// Its reason.
    pub reason: String,
    /// The cause of this error.
    pub caused_by: Option<Box<ItemError>>,
}

impl ItemError {
    /// The error in the answer to a whole request. `None` if the answer has not the engine's form, such as that of a proxy.
    pub fn of_request(answer: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Refused {
            error: ItemError,
        }
        serde_json::from_slice::<Refused>(answer).ok().map(|refused| refused.error)
    }
}

/// An error as received: an object in which any part may be null, or only a text from a component in between. One error of an
/// unknown form must not make the answers to all other items unreadable.
#[derive(Deserialize)]
#[serde(untagged)]
enum ReceivedError {
    Error {
        #[serde(rename = "type", default)]
        error_type: Option<String>,
        #[serde(default)]
        reason: Option<String>,
        #[serde(default)]
        caused_by: Option<Box<ItemError>>,
    },
    Text(String),
    Other(serde::de::IgnoredAny),
}

impl From<ReceivedError> for ItemError {
    fn from(received: ReceivedError) -> Self {
        match received {
            ReceivedError::Error { error_type, reason, caused_by } => {
                Self { error_type: error_type.unwrap_or_default(), reason: reason.unwrap_or_default(), caused_by }
            }
            ReceivedError::Text(reason) => Self { reason, ..Self::default() },
            ReceivedError::Other(_) => Self::default(),
        }
    }
}

impl std::fmt::Display for ItemError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.reason)?;
        match &self.caused_by {
            Some(cause) => write!(f, ": {cause}"),
            None => Ok(()),
        }
    }
}

/// The domain's answer to one item.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ItemResult {
    /// The HTTP status of this item.
    pub status: u16,
    /// The document's id. Present only if it was requested.
    #[serde(rename = "_id", default)]
    pub id: Option<Box<str>>,
    /// The result, such as `created`. Present only if it was requested.
    #[serde(default)]
    pub result: Option<Box<str>>,
    /// Why it failed.
    #[serde(default)]
    pub error: Option<Box<ItemError>>,
}

impl ItemResult {
    /// Whether the domain is overloaded.
    pub fn is_overload(&self) -> bool {
        self.status == 429
    }

    /// The type of its error.
    pub fn error_type(&self) -> &str {
        self.error.as_ref().map_or("", |error| error.error_type.as_str())
    }
}

/// A response with status 200 that does not give the result of each item. No part of it can be trusted.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("unreadable _bulk response: {0}")]
pub struct UnreadableResponse(String);

#[derive(Deserialize)]
struct Response {
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(alias = "index")]
    create: ItemResult,
}

/// Reads the answers to a request of `sent` items, in their order.
///
/// # Errors
/// [`UnreadableResponse`] if it is not JSON of the expected form, or does not hold exactly `sent` items. The caller counts them as
/// undelivered.
pub fn read(body: &[u8], sent: usize) -> Result<Vec<ItemResult>, UnreadableResponse> {
    if is_all_created(body, sent) {
        return Ok(vec![ItemResult { status: 201, id: None, result: None, error: None }; sent]);
    }
    parse(body, sent)
}

fn parse(body: &[u8], sent: usize) -> Result<Vec<ItemResult>, UnreadableResponse> {
    let response: Response = serde_json::from_slice(body).map_err(|error| UnreadableResponse(error.to_string()))?;
    if response.items.len() != sent {
        return Err(UnreadableResponse(format!("{} items sent, {} answered", sent, response.items.len())));
    }
    Ok(response.items.into_iter().map(|item| item.create).collect())
}

/// Whether this is the answer of an engine that has created every document, byte by byte, as `filter_path` leaves it. Most answers
/// are, and a parser takes longer for them than for all else that happens to a response.
fn is_all_created(body: &[u8], sent: usize) -> bool {
    const CREATED: &[u8] = br#"{"create":{"status":201}}"#;
    let items = body.strip_prefix(br#"{"errors":false,"items":["#).and_then(|rest| rest.strip_suffix(b"]}"));
    let Some(items) = items else { return false };
    // Each item but the last has a comma after it.
    let mut items = items.chunks(CREATED.len() + 1);
    items.len() == sent
        && items.next_back().is_some_and(|last| last == CREATED)
        && items.all(|item| item.strip_suffix(b",") == Some(CREATED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_that_counts_other_items_is_unreadable() {
        let body = br#"{"errors":false,"items":[{"create":{"status":201}}]}"#;
        assert_eq!(read(body, 1).unwrap()[0].status, 201);
        assert_eq!(read(body, 2), Err(UnreadableResponse("2 items sent, 1 answered".into())));
        assert!(read(b"<html>", 1).is_err());
    }

    #[test]
    fn an_answer_is_read_without_a_parser_only_if_the_parser_would_read_the_same() {
        for sent in 0..4 {
            let items = vec![r#"{"create":{"status":201}}"#; sent].join(",");
            let created = format!(r#"{{"errors":false,"items":[{items}]}}"#).into_bytes();
            assert_eq!(is_all_created(&created, sent), sent > 0);
            for at in 0..created.len() {
                let (before, after) = created.split_at(at);
                let mut bodies = vec![before.to_vec(), [before, &after[1..]].concat()];
                for byte in *b"0 ,}]{[\"e\\" {
                    bodies.push([before, &[byte], after].concat());
                    bodies.push([before, &[byte], &after[1..]].concat());
                }
                for body in bodies {
                    for count in [sent.saturating_sub(1), sent, sent + 1] {
                        assert_eq!(read(&body, count), parse(&body, count), "{}", String::from_utf8_lossy(&body));
                    }
                }
            }
        }
    }

    #[test]
    fn a_reason_names_its_cause() {
        let body = br#"{"errors":true,"items":[{"create":{"status":400,"error":{"type":"mapper_parsing_exception","reason":"failed to parse field [n]","caused_by":{"type":"number_format_exception","reason":"For input string: \"x\""}}}}]}"#;
        let results = read(body, 1).unwrap();
        assert_eq!(
            results[0].error.as_ref().unwrap().to_string(),
            "failed to parse field [n]: For input string: \"x\""
        );
    }

    #[test]
    fn an_error_of_an_unknown_form_hides_no_other_answer() {
        for (error, error_type, reason) in [
            (r#""mapper_parsing_exception""#, "", "mapper_parsing_exception"),
            (r#"{"type":null,"reason":null}"#, "", ""),
            (r#"{"type":"a","caused_by":null}"#, "a", ""),
            (r#"{"type":{"a":1}}"#, "", ""),
            ("[1]", "", ""),
        ] {
            let body =
                format!(r#"{{"items":[{{"create":{{"status":400,"error":{error}}}}},{{"create":{{"status":201}}}}]}}"#);
            let results = read(body.as_bytes(), 2).unwrap();
            let known = results[0].error.clone().unwrap();
            assert_eq!((known.error_type.as_str(), known.reason.as_str()), (error_type, reason), "{error}");
            assert_eq!(results[1].status, 201);
        }
    }
}
