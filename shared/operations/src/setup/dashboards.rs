//! The import of saved objects into OpenSearch Dashboards or Kibana, through the HTTP API that both have.
//!
//! In: the file, and a client for their URL. Out: nothing, or a message for a person. Objects with the same ids are
//! overwritten, so an import can be repeated. Deliberately absent: deleting objects from earlier imports.

use serde_json::Value;

use crate::{
    admin::{Admin, AdminResponse},
    error::Error,
};
use delivery::lambda::Deadline;

const PATH: &str = "/api/saved_objects/_import?overwrite=true";
/// The boundary occurs in no line of the file, because each line begins with a brace.
const BOUNDARY: &str = "millrace-saved-objects";

/// Imports `count` objects.
///
/// # Errors
/// The reason why at least one of them was not imported.
pub(super) async fn import(admin: &Admin, ndjson: &str, count: usize, deadline: Deadline) -> Result<(), Error> {
    let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
    let sent = admin.send_bytes("POST", PATH, &content_type, form(ndjson).into(), deadline).await;
    check(&sent?, count)
}

fn form(ndjson: &str) -> String {
    format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"millrace.ndjson\"\r\n\
         Content-Type: application/ndjson\r\n\r\n{ndjson}\r\n--{BOUNDARY}--\r\n"
    )
}

fn check(response: &AdminResponse, count: usize) -> Result<(), Error> {
    if response.status == 404 {
        return Err(Error::Unfinished(format!(
            "there are no dashboards at the URL in MILLRACE_DASHBOARDS: {}",
            response.summary
        )));
    }
    response.accepted()?;
    let Some(imported) = response.body["successCount"].as_u64() else {
        return Err(Error::Unfinished(format!(
            "not the answer to an import, perhaps a login page: {}",
            response.summary
        )));
    };
    let errors: Vec<String> = response.body["errors"].as_array().into_iter().flatten().map(error).collect();
    if !errors.is_empty() {
        return Err(Error::Unfinished(format!("{imported} of {count} objects were imported; {}", errors.join(", "))));
    }
    if response.body["success"] != true || imported != count as u64 {
        return Err(Error::Unfinished(format!("{imported} of {count} objects were imported: {}", response.summary)));
    }
    Ok(())
}

/// The error of a single object, such as `map millrace-logs-X-map-1: unsupported_type`.
fn error(error: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (what, why) = (&error["error"], text(&error["error"]["type"]));
    let more = ["message", "reason"].map(|key| text(&what[key])).concat();
    let missing =
        what["references"].as_array().map(|missing| Value::from(missing.clone()).to_string()).unwrap_or_default();
    let words = [why, more, missing].into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    format!("{} {}: {words}", text(&error["type"]), text(&error["id"]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn response(status: u16, body: Value) -> AdminResponse {
        AdminResponse { status, summary: format!("POST https://d/_import: {status} {body}"), body, date_ms: None }
    }

    #[test]
    fn an_import_is_done_only_where_every_object_is_there() {
        let conflict = json!({ "id": "a", "type": "map", "error": { "type": "unsupported_type" } });
        let missing = json!({ "id": "b", "type": "search", "error": {
            "type": "missing_references", "references": [{ "type": "index-pattern", "id": "c" }] } });
        let unknown = json!({ "id": "d", "type": "dashboard", "error": { "type": "unknown", "message": "no", "statusCode": 500 } });
        for (response, expected) in [
            (response(200, json!({ "success": true, "successCount": 3 })), None),
            (response(200, json!({ "success": true, "successCount": 3, "successResults": [] })), None),
            (response(200, json!({ "success": true, "successCount": 2 })), Some("2 of 3 objects were imported")),
            (
                response(200, json!({ "success": false, "successCount": 2, "errors": [conflict] })),
                Some("map a: unsupported_type"),
            ),
            (
                response(200, json!({ "success": false, "successCount": 1, "errors": [conflict, missing] })),
                Some("search b: missing_references [{"),
            ),
            (
                response(200, json!({ "success": false, "successCount": 2, "errors": [unknown] })),
                Some("dashboard d: unknown no"),
            ),
            (response(200, Value::Null), Some("a login page")),
            (response(404, json!({ "statusCode": 404 })), Some("no dashboards at the URL in MILLRACE_DASHBOARDS")),
            (response(403, json!({ "statusCode": 403 })), Some("403")),
        ] {
            let result = check(&response, 3);
            match expected {
                None => assert!(result.is_ok(), "{response:?}: {result:?}"),
                Some(words) => assert!(result.unwrap_err().to_string().contains(words), "{response:?}"),
            }
        }
    }

    #[test]
    fn the_form_has_the_file_between_its_boundaries() {
        let form = form("{\"a\":1}\n");
        assert!(
            form.starts_with("--millrace-saved-objects\r\n") && form.ends_with("\r\n--millrace-saved-objects--\r\n")
        );
        assert!(form.contains("\r\n\r\n{\"a\":1}\n\r\n--"), "{form}");
    }
}
