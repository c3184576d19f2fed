//! Strict parsing of responses: an unreadable response is an error, never an empty result.
//!
//! In: responses of a domain. Out: the lists and objects in them, or the fault. Otherwise a proxy's page, a truncated
//! body or a refusal would look like a domain without aliases, data streams and templates.

use serde_json::{Map, Value};

use super::response::AdminResponse;
use pipeline::outcome::BatchError;

/// What a response tells about the existence of a thing, or of an API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Existence {
    /// 404 by the security plugin: `{"status": "NOT_FOUND", …}`.
    NoEntry,
    /// 404 by the engine for a name that it reads as an index. An old engine reads the path of an API so.
    NoIndex,
    /// 404 by the engine for another thing: an error, or for a legacy template an empty object.
    NoThing,
    /// 404 by something else, such as a proxy. It tells nothing about the domain.
    Unproven,
    /// The engine has no handler for the path. A node without a plugin sends 400, Elasticsearch 405.
    NoHandler,
    /// An old engine read the path as the name of an index, which must not begin with an underscore.
    NoIndexName(u16),
    /// 405 by something else.
    NotAllowed,
    /// The response tells nothing about existence.
    Other,
}

impl Existence {
    fn of(status: u16, body: &Value) -> Self {
        let error = &body["error"];
        let by_type = error["type"].as_str().unwrap_or_default();
        // The engine gives no type with this error, only a text.
        let text = error.as_str().unwrap_or_default();
        let is_no_handler = text.contains("no handler found") || text.contains("Incorrect HTTP method");
        match (status, body) {
            (404, Value::Object(_)) if body["status"] == "NOT_FOUND" => Self::NoEntry,
            (404, Value::Object(_)) if by_type == "index_not_found_exception" => Self::NoIndex,
            (404, Value::Object(body)) if body.is_empty() || body.contains_key("error") => Self::NoThing,
            (404, _) => Self::Unproven,
            (400 | 405, _) if is_no_handler => Self::NoHandler,
            (400 | 405, _) if by_type == "invalid_index_name_exception" => Self::NoIndexName(status),
            (405, _) => Self::NotAllowed,
            _ => Self::Other,
        }
    }
}

impl AdminResponse {
    fn existence(&self) -> Existence {
        Existence::of(self.status, &self.body)
    }

    /// Whether the engine itself reports that the thing does not exist. A 404 from a proxy says nothing about the
    /// domain.
    pub fn is_missing(&self) -> bool {
        matches!(self.existence(), Existence::NoEntry | Existence::NoIndex | Existence::NoThing)
    }

    /// Whether the security plugin itself reports that it has no such role or mapping. Any other 404 proves nothing: a
    /// mapping wrongly treated as missing would be written without its existing members.
    pub fn is_missing_entry(&self) -> bool {
        self.existence() == Existence::NoEntry
    }

    /// Whether the engine reports that it does not have this API.
    pub fn is_unknown_api(&self) -> bool {
        matches!(self.existence(), Existence::NoHandler | Existence::NoIndexName(_) | Existence::NoIndex)
    }

    /// Whether the domain does not know this path of the security plugin. The plugin answers 404 only for a missing
    /// entry, so any 404 or 405 counts.
    pub fn is_unknown_path(&self) -> bool {
        !matches!(self.existence(), Existence::NoIndexName(400) | Existence::Other)
    }

    /// The body, if the response is a success and the body an object.
    ///
    /// # Errors
    /// Permanent otherwise.
    pub fn object(&self) -> Result<&Map<String, Value>, BatchError> {
        self.accepted()?;
        self.body.as_object().ok_or_else(|| self.unreadable("a JSON object"))
    }

    /// The list with that name in the body.
    ///
    /// # Errors
    /// Permanent if there is none.
    pub fn list(&self, name: &str) -> Result<&Vec<Value>, BatchError> {
        let list = self.object()?.get(name).and_then(Value::as_array);
        list.ok_or_else(|| self.unreadable(&format!("a list `{name}`")))
    }

    /// The body, if the response is a success and the body a list.
    ///
    /// # Errors
    /// Permanent otherwise.
    pub fn rows(&self) -> Result<&Vec<Value>, BatchError> {
        self.accepted()?;
        self.body.as_array().ok_or_else(|| self.unreadable("a JSON list"))
    }

    /// The error for a response that does not have the engine's form. No conclusion can be drawn from it.
    pub fn unreadable(&self, expected: &str) -> BatchError {
        let what = self.summary.split_once(": ").map_or(self.summary.as_str(), |(what, _)| what);
        BatchError::permanent(what, format!("the answer is not {expected}: {}", self.summary))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn response(status: u16, body: Value) -> AdminResponse {
        AdminResponse { status, summary: format!("GET https://d/x: {status}"), body, date_ms: None }
    }

    #[test]
    fn every_kind_of_answer_has_one_meaning() {
        let no_handler = json!({ "error": "no handler found for uri [/_x] and method [GET]" });
        let no_method = json!({ "error": "Incorrect HTTP method for uri [/_x] and method [GET], allowed: [POST]" });
        let engine = |kind: &str| json!({ "error": { "type": kind } });
        let no_name = "invalid_index_name_exception";
        let plugin = json!({ "status": "NOT_FOUND", "message": "Resource 'x' not found." });
        // Whether a thing is missing, an entry is missing, the API is unknown, the path of the plugin is unknown.
        for (status, body, expected) in [
            (404, plugin.clone(), [true, true, false, true]),
            (404, engine("index_not_found_exception"), [true, false, true, true]),
            (404, engine("snapshot_missing_exception"), [true, false, false, true]),
            (404, json!({}), [true, false, false, true]),
            (404, Value::Null, [false, false, false, true]),
            (404, json!({ "message": "Not Found" }), [false, false, false, true]),
            (400, no_handler.clone(), [false, false, true, true]),
            (405, no_method, [false, false, true, true]),
            (400, engine(no_name), [false, false, true, false]),
            (405, engine(no_name), [false, false, true, true]),
            (405, Value::Null, [false, false, false, true]),
            (400, engine("illegal_argument_exception"), [false; 4]),
            (403, plugin, [false; 4]),
            (403, no_handler, [false; 4]),
            (403, engine("index_not_found_exception"), [false; 4]),
            (200, json!({}), [false; 4]),
        ] {
            let answer = response(status, body.clone());
            let found =
                [answer.is_missing(), answer.is_missing_entry(), answer.is_unknown_api(), answer.is_unknown_path()];
            assert_eq!(found, expected, "{status} {body}");
        }
    }

    #[test]
    fn an_answer_that_cannot_be_read_is_an_error() {
        for (status, body) in
            [(200, Value::Null), (200, json!("sign in")), (200, json!({ "a": 1 })), (403, json!({ "a": [] }))]
        {
            assert!(response(status, body.clone()).list("a").is_err(), "{status} {body}");
            assert!(response(status, body.clone()).rows().is_err(), "{status} {body}");
        }
        assert!(response(200, json!({ "a": [] })).list("a").is_ok_and(Vec::is_empty));
        assert!(response(200, json!([])).rows().is_ok_and(Vec::is_empty));
        assert!(response(200, Value::Null).object().unwrap_err().to_string().contains("is not a JSON object"));
    }
}
