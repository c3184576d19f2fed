//! The requests to `replay`: begin, continue, show progress, stop.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::Refused;
use pipeline::{route::Zone, time};

const FORMS: &str = "give {\"from\": \"s3://bucket/prefix\"} with optional `dataset`, `since`, `until`, `rate`; \
                     {\"dataset\": NAME, \"recreate\": true} with `since`, `until`, and `dry_run: true` or the `plan` that a dry run gave, \
                     `without_snapshot: true` where there is no repository; \
                     {\"dead_letters\": \"s3://bucket/prefix\"} with `reason`, `rate`; or {\"progress\": ID}, {\"continue\": ID}, {\"stop\": ID}. \
                     `id` names a replay: a second request with the same `id` continues the first";

/// The member that distinguishes the function's own next invocation from a caller's request.
const ITSELF: &str = "itself";

/// One request.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Begin a replay, under the id that the caller gives.
    Begin(What, Option<String>),
    /// Show what `recreate` would do.
    Plan(Objects, Option<String>),
    /// Show the progress.
    Progress(String),
    /// Continue.
    Continue(String),
    /// The function's own next invocation, as `next_invocation` asks for it. A stopped replay ends it.
    Next(String),
    /// Stop.
    Stop(String),
}

/// What is replayed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum What {
    /// Objects.
    Objects(Objects),
    /// Dead letters.
    DeadLetters(DeadLetters),
}

/// Objects of a bucket.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objects {
    /// `s3://bucket/prefix`. Optional with `recreate`: the rules name the places of a dataset's objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Only objects that this dataset takes. Without it: objects that any dataset takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// A date or time: only objects written at or after it. With `recreate`, the first day whose indices are recreated,
    /// in the timezone of the dataset's `index`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// A date or time: only objects written before it. With `recreate`, indices are recreated up to the day before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// The maximum number of objects per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// Whether to delete the dataset's indices first and recreate them by the current rules.
    #[serde(default)]
    pub recreate: bool,
    /// The plan of a dry run, to carry out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// Whether to delete indices without a snapshot of them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub without_snapshot: bool,
}

impl Objects {
    /// The part of the request that a plan depends on. The rate and the plan id do not matter.
    pub(super) fn planned(&self) -> Self {
        Self { rate: None, plan: None, without_snapshot: false, ..self.clone() }
    }

    /// The request as the caller wrote it.
    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Dead letters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeadLetters {
    /// `s3://bucket/prefix`, within the deployment's own dead letters.
    pub dead_letters: String,
    /// Only dead letters with this `error_type`, such as `mapper_parsing_exception`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The maximum number of objects per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
}

impl What {
    /// The place that the request names.
    pub fn at(&self) -> Option<&str> {
        match self {
            Self::Objects(objects) => objects.from.as_deref(),
            Self::DeadLetters(letters) => Some(&letters.dead_letters),
        }
    }

    /// The maximum number of objects per second.
    pub fn rate(&self) -> Option<f64> {
        match self {
            Self::Objects(objects) => objects.rate,
            Self::DeadLetters(letters) => letters.rate,
        }
    }

    /// Whether indices are recreated.
    pub fn recreates(&self) -> bool {
        matches!(self, Self::Objects(objects) if objects.recreate)
    }
}

impl Request {
    /// Reads an event.
    ///
    /// # Errors
    /// The fault, with the accepted forms.
    pub fn read(event: &Value) -> Result<Self, Refused> {
        let Value::Object(members) = event else { return Err(Refused(format!("not an object: {FORMS}"))) };
        let is_itself = members.get(ITSELF) == Some(&Value::Bool(true));
        let continues = if is_itself { Self::Next } else { Self::Continue };
        for (key, made) in
            [("progress", Self::Progress as fn(String) -> Self), ("continue", continues), ("stop", Self::Stop)]
        {
            if let (Some(id), 1) = (members.get(key), members.len() - usize::from(is_itself)) {
                let id = id.as_str().filter(|id| is_id(id));
                return id
                    .map(|id| made(id.to_owned()))
                    .ok_or_else(|| Refused(format!("`{key}` is not the id of a replay: {FORMS}")));
            }
        }
        let refuse = |error: serde_json::Error| Refused(format!("{error}: {FORMS}"));
        let mut members = members.clone();
        let id = match members.remove("id") {
            None => None,
            Some(Value::String(id)) if is_id(&id) => Some(id),
            Some(_) => return Err(Refused(format!("`id` is 1 to 64 letters, digits and `-`: {FORMS}"))),
        };
        let is_dry_run = match members.remove("dry_run") {
            None => false,
            Some(Value::Bool(is_dry_run)) => is_dry_run,
            Some(_) => return Err(Refused(format!("`dry_run` is true or false: {FORMS}"))),
        };
        let is_letters = members.contains_key("dead_letters");
        if !is_letters && !members.contains_key("from") && members.get("recreate") != Some(&Value::Bool(true)) {
            return Err(Refused(format!("neither `from` nor `dead_letters`: {FORMS}")));
        }
        let members = Value::Object(members);
        let what = if is_letters {
            What::DeadLetters(DeadLetters::deserialize(&members).map_err(refuse)?)
        } else {
            What::Objects(Objects::deserialize(&members).map_err(refuse)?)
        };
        match &what {
            What::Objects(objects) if is_dry_run && objects.recreate => {
                return Ok(Self::Plan(objects.clone(), id));
            }
            _ if is_dry_run => return Err(Refused(format!("`dry_run` is for `recreate`: {FORMS}"))),
            What::Objects(Objects { plan: Some(plan), .. }) if !is_id(plan) => {
                return Err(Refused(format!("`plan` is not the id of a plan: {FORMS}")));
            }
            What::Objects(Objects { recreate: false, plan, without_snapshot, .. })
                if plan.is_some() || *without_snapshot =>
            {
                return Err(Refused(format!("`plan` and `without_snapshot` are for `recreate`: {FORMS}")));
            }
            _ => {}
        }
        if what.rate().is_some_and(|rate| !(rate > 0.0 && rate <= 100_000.0)) {
            return Err(Refused(format!(
                "`rate` is a number of objects a second, more than 0 and at most 100000: {FORMS}"
            )));
        }
        Ok(Self::Begin(what, id))
    }
}

/// The event by which the function invokes itself to continue.
pub(super) fn next_invocation(id: &str) -> Value {
    json!({ "continue": id, ITSELF: true })
}

/// Whether a text is a valid id. It becomes part of a key.
pub(super) fn is_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// A date (its midnight) or a time, in milliseconds since 1970. Without an offset it is in `zone`; without a zone it is
/// in UTC.
///
/// # Errors
/// The fault, with the accepted form.
pub(super) fn time_ms(key: &str, text: Option<&str>, zone: Option<&Zone>) -> Result<Option<i64>, Refused> {
    let Some(text) = text else { return Ok(None) };
    let instant = time::parse(text).and_then(|date| match zone {
        Some(zone) if !date.has_offset => zone.instant_ms(date.start_ms),
        _ => Some(date.start_ms),
    });
    match instant {
        Some(instant_ms) => Ok(Some(instant_ms)),
        None => Err(Refused(format!(
            "`{key}: {text}`: give a date such as 2026-11-22, or a time such as 2026-11-22T10:00:00Z"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_understood_or_refused_with_what_is_accepted() {
        let id = || "1795728981772-0a1b2c3d".to_owned();
        assert_eq!(Request::read(&json!({ "progress": id() })), Ok(Request::Progress(id())));
        assert_eq!(Request::read(&json!({ "continue": id() })), Ok(Request::Continue(id())));
        assert_eq!(Request::read(&json!({ "stop": id() })), Ok(Request::Stop(id())));
        assert_eq!(Request::read(&next_invocation(&id())), Ok(Request::Next(id())));
        let begun = Request::read(&json!({ "from": "s3://b/p", "rate": 5, "recreate": true, "dataset": "a" })).unwrap();
        assert!(
            matches!(begun, Request::Begin(what, None) if what.recreates() && what.rate() == Some(5.0) && what.at() == Some("s3://b/p"))
        );
        let begun =
            Request::read(&json!({ "dead_letters": "s3://d/p", "reason": "invalid_json", "id": "mine-1" })).unwrap();
        assert!(matches!(begun, Request::Begin(What::DeadLetters(_), Some(named)) if named == "mine-1"));
        let planned = Request::read(&json!({ "dataset": "a", "recreate": true, "dry_run": true }));
        assert!(matches!(planned, Ok(Request::Plan(objects, None)) if objects.from.is_none()));
        for (event, says) in [
            (json!(null), "not an object"),
            (json!({ "from": "s3://b", "dry_run": true }), "`dry_run` is for `recreate`"),
            (json!({ "from": "s3://b", "plan": "1-2" }), "are for `recreate`"),
            (json!({ "dataset": "a", "recreate": true, "plan": "../x" }), "not the id of a plan"),
            (json!({ "dataset": "a", "recreate": true, "dry_run": 1 }), "`dry_run` is true or false"),
            (json!({}), "neither `from` nor `dead_letters`"),
            (json!({ "progress": "../secret" }), "not the id of a replay"),
            (json!({ "from": "s3://b", "sinse": "2026" }), "unknown field `sinse`"),
            (json!({ "from": "s3://b", "id": "../a" }), "`id` is 1 to 64"),
            (json!({ "from": "s3://b", "id": 5 }), "`id` is 1 to 64"),
            (json!({ "from": "s3://b", "rate": 0 }), "`rate` is a number"),
            (json!({ "dead_letters": "s3://b", "since": "2026" }), "unknown field `since`"),
        ] {
            let error = Request::read(&event).unwrap_err().0;
            assert!(error.contains(says) && error.contains("s3://bucket/prefix"), "{event}: {error}");
        }
    }

    #[test]
    fn a_time_is_a_date_or_a_time() {
        assert_eq!(time_ms("since", Some("1970-01-02"), None), Ok(Some(86_400_000)));
        assert_eq!(time_ms("since", Some("1970-01-01T01:00:00+01:00"), None), Ok(Some(0)));
        assert_eq!(time_ms("since", None, None), Ok(None));
        assert!(time_ms("until", Some("yesterday"), None).unwrap_err().0.starts_with("`until: yesterday`"));
    }
}
