//! `CloudFormation`'s custom resource: the event that it sends, and the response that it expects at a URL.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html>

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::Error;
use delivery::{
    cluster::put_json,
    lambda::Deadline,
    retry::{UNLIMITED, retry},
};
use pipeline::outcome::BatchError;

/// The response may have 4,096 bytes. The rest of it takes fewer bytes than this limit.
const MAX_REASON_BYTES: usize = 2_000;
/// The timeout of one attempt to send the response.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The resource's own id. It never changes: a new id would make `CloudFormation` delete the old resource.
const PHYSICAL_ID: &str = "millrace-setup";

/// The event.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct StackEvent {
    request_type: String,
    #[serde(rename = "ResponseURL")]
    response_url: String,
    stack_id: String,
    request_id: String,
    logical_resource_id: String,
    #[serde(default)]
    physical_resource_id: Option<String>,
    #[serde(default)]
    resource_properties: Value,
}

/// The action that an event requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// Only respond.
    Answer,
    /// Prepare the domain.
    Run,
    /// Remove what was created.
    Remove,
}

impl StackEvent {
    /// Reads an event; `None` for an event of another kind.
    pub(super) fn read(event: &Value) -> Option<Self> {
        serde_json::from_value(event.clone()).ok()
    }

    /// The requested action. Data outlive their stack, and so do resources that an operator wanted to create manually.
    pub(super) fn action(&self) -> Action {
        match (self.resource_properties["Run"] == "false", self.request_type.as_str()) {
            (true, _) => Action::Answer,
            (false, "Delete") => Action::Remove,
            (false, _) => Action::Run,
        }
    }

    /// Sends the response to the URL of `CloudFormation`, until it is accepted or the function ends.
    ///
    /// # Errors
    /// The last failure, after as many attempts as the time allowed.
    pub(super) async fn answer(&self, result: &Result<Value, Error>, deadline: Deadline) -> Result<(), BatchError> {
        let body = self.body(result).to_string();
        // The query of the URL is a permission, so no message holds it.
        let what = "PUT the response to CloudFormation";
        let put = || put_json(&self.response_url, body.clone(), TIMEOUT);
        retry(deadline.end, UNLIMITED, what, put).await
    }

    fn body(&self, result: &Result<Value, Error>) -> Value {
        let mut body = json!({
            "Status": if result.is_ok() { "SUCCESS" } else { "FAILED" },
            "PhysicalResourceId": self.physical_resource_id.as_deref().unwrap_or(PHYSICAL_ID),
            "StackId": self.stack_id,
            "RequestId": self.request_id,
            "LogicalResourceId": self.logical_resource_id,
        });
        if let Err(error) = result {
            let reason = error.to_string();
            let end = reason.floor_char_boundary(MAX_REASON_BYTES);
            body["Reason"] = reason[..end].into();
        }
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: &str) -> Value {
        json!({
            "RequestType": kind, "ServiceToken": "arn", "ResponseURL": "http://127.0.0.1/a?signature", "StackId": "s",
            "RequestId": "r", "LogicalResourceId": "Setup", "ResourceType": "Custom::Setup", "ResourceProperties": {},
        })
    }

    #[test]
    fn a_deletion_removes_unless_the_operator_does_it_by_hand() {
        for (kind, run, action) in [
            ("Create", "true", Action::Run),
            ("Update", "true", Action::Run),
            ("Delete", "true", Action::Remove),
            ("Create", "false", Action::Answer),
            ("Delete", "false", Action::Answer),
        ] {
            let mut event = event(kind);
            event["ResourceProperties"]["Run"] = json!(run);
            assert_eq!(StackEvent::read(&event).unwrap().action(), action, "{kind} {run}");
        }
        assert_eq!(StackEvent::read(&event("Delete")).unwrap().action(), Action::Remove);
    }

    #[test]
    fn an_answer_names_the_request_and_a_reason_fits_it() {
        let request = StackEvent::read(&event("Create")).unwrap();
        let body = request.body(&Ok(Value::Null));
        assert_eq!((&body["Status"], &body["PhysicalResourceId"]), (&json!("SUCCESS"), &json!(PHYSICAL_ID)));
        assert_eq!(
            (&body["StackId"], &body["RequestId"], &body["LogicalResourceId"]),
            (&json!("s"), &json!("r"), &json!("Setup"))
        );
        let body = request.body(&Err(Error::Unfinished("é".repeat(5_000))));
        assert_eq!(body["Status"], "FAILED");
        assert!(body.to_string().len() < 4_096);
        let mut update = event("Update");
        update["PhysicalResourceId"] = json!("what it was");
        assert_eq!(StackEvent::read(&update).unwrap().body(&Ok(Value::Null))["PhysicalResourceId"], "what it was");
        assert!(StackEvent::read(&json!({})).is_none() && StackEvent::read(&Value::Null).is_none());
    }
}
