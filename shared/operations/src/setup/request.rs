//! The manual requests to `setup`, besides preparing the domain.

use serde::Deserialize;
use serde_json::Value;

use crate::error::Refused;

const FORMS: &str = "give {}, {\"take_over\": true}, {\"remove\": true}, or {\"adopt\": true} or {\"adopt\": [INDEX, \
                     …]} with optional `from` and `dry_run`";

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Request {
    /// Prepare the domain. `take_over`: also replace resources of other owners.
    Run { take_over: bool },
    /// Remove this deployment's templates and roles.
    Remove,
    /// Mark indices as this deployment's.
    Adopt(Adopt),
}

/// The indices to adopt.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Adopt {
    /// Only these. Without names: all that the datasets could have created.
    pub(super) indices: Option<Vec<String>>,
    /// Also those of this stack.
    pub(super) from: Option<String>,
    /// Only list them.
    pub(super) dry_run: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Members {
    take_over: bool,
    remove: bool,
    adopt: Option<Chosen>,
    from: Option<String>,
    dry_run: bool,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Chosen {
    All(bool),
    Some(Vec<String>),
}

impl Request {
    /// Reads an event. Unknown members are ignored, such as those of a schedule.
    pub(super) fn read(event: &Value) -> Result<Self, Refused> {
        if !event.is_object() {
            return Ok(Self::Run { take_over: false });
        }
        let members: Members =
            serde_json::from_value(event.clone()).map_err(|error| Refused(format!("{error}: {FORMS}")))?;
        let adopt = match members.adopt {
            None | Some(Chosen::All(false)) => None,
            Some(Chosen::All(true)) => Some(None),
            Some(Chosen::Some(indices)) => Some(Some(indices)),
        };
        match (adopt, members.remove, members.take_over) {
            (Some(indices), false, false) => {
                Ok(Self::Adopt(Adopt { indices, from: members.from, dry_run: members.dry_run }))
            }
            (None, _, _) if members.dry_run => Err(Refused(format!("`dry_run` is for `adopt`: {FORMS}"))),
            (None, true, false) => Ok(Self::Remove),
            (None, false, take_over) => Ok(Self::Run { take_over }),
            _ => Err(Refused(format!("one at a time: {FORMS}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_request_is_one_thing_and_a_typo_is_refused() {
        let adopt = |indices: Option<&[&str]>, dry_run| {
            let indices = indices.map(|indices| indices.iter().map(|index| (*index).to_owned()).collect());
            Request::Adopt(Adopt { indices, from: None, dry_run })
        };
        for (event, request) in [
            (json!({}), Some(Request::Run { take_over: false })),
            (Value::Null, Some(Request::Run { take_over: false })),
            (json!({ "source": "aws.events" }), Some(Request::Run { take_over: false })),
            (json!({ "take_over": true }), Some(Request::Run { take_over: true })),
            (json!({ "remove": true }), Some(Request::Remove)),
            (json!({ "adopt": true }), Some(adopt(None, false))),
            (json!({ "adopt": ["a"], "dry_run": true }), Some(adopt(Some(&["a"]), true))),
            (json!({ "adopt": false }), Some(Request::Run { take_over: false })),
            (json!({ "adopt": "a" }), None),
            (json!({ "remove": "yes" }), None),
            (json!({ "remove": true, "dry_run": true }), None),
            (json!({ "remove": true, "adopt": true }), None),
            (json!({ "remove": true, "take_over": true }), None),
        ] {
            assert_eq!(Request::read(&event).ok(), request, "{event}");
        }
    }
}
