//! Strict parsing of responses: an unreadable response is an error, never an empty result.
//!
//! In: responses of a domain. Out: the lists and objects in them, or the fault. Otherwise a proxy's page, a truncated
//! body or a refusal would look like a domain without aliases, data streams and templates.

use serde_json::{Map, Value};

use super::response::AdminResponse;
use pipeline::outcome::BatchError;

impl AdminResponse {
    /// Whether the engine itself reports that the thing does not exist. A 404 from a proxy says nothing about the
    /// domain.
    pub fn is_missing(&self) -> bool {
        let Value::Object(body) = &self.body else { return false };
        // For a missing legacy template the engine sends an empty object; for a missing role the security plugin sends
        // `{"status": "NOT_FOUND", …}`.
        self.status == 404
            && (body.is_empty() || body.contains_key("error") || body.get("status") == Some(&"NOT_FOUND".into()))
    }

    /// Whether the engine reports that it does not have this API. A node without a plugin sends 400 `no handler found`,
    /// Elasticsearch 405.
    pub fn is_unknown_api(&self) -> bool {
        let is_engine = self.body.get("error").is_some();
        let reason = self.body["error"].as_str().unwrap_or_default();
        let no_handler = reason.contains("no handler found") || reason.contains("Incorrect HTTP method");
        // An old engine reads the path as an index name, which must not begin with an underscore.
        let no_index = self.body["error"]["type"] == "invalid_index_name_exception";
        let no_such_index = self.status == 404 && self.body["error"]["type"] == "index_not_found_exception";
        is_engine && (matches!(self.status, 400 | 405) && (no_handler || no_index) || no_such_index)
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
        BatchError::Permanent {
            what: what.to_owned(),
            reason: format!("the answer is not {expected}: {}", self.summary),
        }
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
    fn only_the_engine_says_that_something_is_missing() {
        let engine = json!({ "error": { "type": "index_not_found_exception" }, "status": 404 });
        for (status, body, is_missing) in [
            (404, engine.clone(), true),
            (404, json!({}), true),
            (404, json!({ "status": "NOT_FOUND", "message": "Resource 'x' not found." }), true),
            (404, Value::Null, false),
            (404, json!({ "message": "Not Found" }), false),
            (403, engine.clone(), false),
            (200, json!({}), false),
        ] {
            assert_eq!(response(status, body.clone()).is_missing(), is_missing, "{status} {body}");
        }
    }

    #[test]
    fn an_api_is_unknown_only_where_the_engine_says_so() {
        let no_handler = json!({ "error": "no handler found for uri [/_x] and method [GET]" });
        for (status, body, is_unknown) in [
            (400, no_handler.clone(), true),
            (405, json!({ "error": "Incorrect HTTP method for uri [/_x] and method [GET], allowed: [POST]" }), true),
            (400, json!({ "error": { "type": "invalid_index_name_exception" } }), true),
            (404, json!({ "error": { "type": "index_not_found_exception" } }), true),
            (400, json!({ "error": { "type": "illegal_argument_exception" } }), false),
            (403, no_handler, false),
            (404, Value::Null, false),
            (200, json!({}), false),
        ] {
            assert_eq!(response(status, body.clone()).is_unknown_api(), is_unknown, "{status} {body}");
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
