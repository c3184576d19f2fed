//! `_bulk`: the lines of a body become operations. Each operation becomes one item of the answer.

use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Map, Value, json};

use super::{
    error::EngineError,
    store::{Applied, Store},
};

/// The engine's limit of an id, in bytes.
const MAX_ID_BYTES: usize = 512;
/// The parameters of an action line besides index and id. OpenSearch 2 removed `_type`.
const PARAMETERS: [&str; 16] = [
    "_index",
    "_id",
    "routing",
    "_routing",
    "op_type",
    "version",
    "_version",
    "version_type",
    "_version_type",
    "if_seq_no",
    "if_primary_term",
    "retry_on_conflict",
    "pipeline",
    "_source",
    "require_alias",
    "_require_alias",
];

/// The kind of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    Create,
    Index,
    Delete,
}

impl Op {
    fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Index => "index",
            Self::Delete => "delete",
        }
    }
}

/// One operation of a body.
#[derive(Debug)]
pub(super) struct Operation<'b> {
    pub(super) op: Op,
    pub(super) index: String,
    pub(super) id: String,
    pub(super) source: &'b [u8],
    /// The error of a bad source.
    pub(super) fault: Option<EngineError>,
}

/// The result of one operation.
#[derive(Debug)]
pub(super) struct Item {
    op: Op,
    index: String,
    id: String,
    pub(super) fate: Result<Applied, EngineError>,
}

/// Reads a body. A malformed action line fails the whole request, as in the engine. So do a missing index or id, an id
/// that is too long, a missing last newline, and a body without operations. A bad source fails only its own item.
pub(super) fn parse<'b>(body: &'b [u8], default_index: Option<&str>) -> Result<Vec<Operation<'b>>, EngineError> {
    let invalid = |reason: String| EngineError::new(400, "illegal_argument_exception", reason);
    if body.is_empty() {
        return Err(EngineError::new(400, "parse_exception", "request body is required"));
    }
    if body.last() != Some(&b'\n') {
        return Err(invalid("The bulk request must be terminated by a newline [\\n]".into()));
    }
    let mut operations = Vec::new();
    let mut lines = body[..body.len() - 1].split(|&byte| byte == b'\n').zip(1..);
    while let Some((line, number)) = lines.next() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let (op, parameters) = action(line, number)?;
        let index = match parameters.get("_index").and_then(Value::as_str).or(default_index) {
            Some(index) => index.to_owned(),
            None => return Err(validation("index is missing")),
        };
        let id = match parameters.get("_id") {
            Some(Value::String(id)) => id.clone(),
            Some(Value::Number(id)) => id.to_string(),
            _ if op == Op::Delete => return Err(validation("id is missing")),
            _ => automatic_id(),
        };
        if id.len() > MAX_ID_BYTES {
            let length = id.len();
            return Err(validation(&format!(
                "id [{id}] is too long, must be no longer than {MAX_ID_BYTES} bytes but was: {length}"
            )));
        }
        let source = match op {
            Op::Delete => &[][..],
            Op::Create | Op::Index => match lines.next() {
                Some((source, _)) => source,
                // The engine ignores an action without a source at the very end.
                None => break,
            },
        };
        let fault = if op == Op::Delete { None } else { fault_of(source) };
        operations.push(Operation { op, index, id, source, fault });
    }
    if operations.is_empty() {
        return Err(validation("no requests added"));
    }
    Ok(operations)
}

fn validation(what: &str) -> EngineError {
    EngineError::new(400, "action_request_validation_exception", format!("Validation Failed: 1: {what};"))
}

fn action(line: &[u8], number: usize) -> Result<(Op, Map<String, Value>), EngineError> {
    let invalid = |reason: String| EngineError::new(400, "illegal_argument_exception", reason);
    let value: Value = serde_json::from_slice(line)
        .map_err(|error| EngineError::new(400, "json_parse_exception", format!("line {number}: {error}")))?;
    let Value::Object(action) = value else {
        return Err(invalid(format!(
            "Malformed action/metadata line [{number}], expected START_OBJECT or END_OBJECT but found [VALUE]"
        )));
    };
    let mut actions = action.into_iter();
    let (Some((name, parameters)), None) = (actions.next(), actions.next()) else {
        return Err(invalid(format!("Malformed action/metadata line [{number}], expected one action")));
    };
    let op = match name.as_str() {
        "create" => Op::Create,
        "index" => Op::Index,
        "delete" => Op::Delete,
        "update" => return Err(invalid("this domain does not take updates".into())),
        _ => {
            return Err(invalid(format!(
                "Malformed action/metadata line [{number}], expected field [create], [delete], [index] or [update] but \
                 found [{name}]"
            )));
        }
    };
    let Value::Object(parameters) = parameters else {
        return Err(invalid(format!(
            "Malformed action/metadata line [{number}], expected START_OBJECT but found [VALUE]"
        )));
    };
    if let Some(unknown) = parameters.keys().find(|name| !PARAMETERS.contains(&name.as_str())) {
        return Err(invalid(format!("Action/metadata line [{number}] contains an unknown parameter [{unknown}]")));
    }
    Ok((op, parameters))
}

/// The mapper's error for a source that is not a JSON object.
fn fault_of(source: &[u8]) -> Option<EngineError> {
    if let Err(error) = std::str::from_utf8(source) {
        return Some(EngineError::unparsable(&format!("Invalid UTF-8: {error}")));
    }
    let mut json = serde_json::Deserializer::from_slice(source);
    let whole = IgnoredAny::deserialize(&mut json).and_then(|_| json.end());
    if let Err(error) = whole {
        return Some(EngineError::unparsable(&error.to_string()));
    }
    let object = source.trim_ascii_start().first() == Some(&b'{');
    (!object).then(|| EngineError::new(400, "mapper_parsing_exception", "Malformed content, must start with an object"))
}

/// An id of 20 characters, like the engine's.
fn automatic_id() -> String {
    std::iter::repeat_with(fastrand::alphanumeric).take(20).collect()
}

/// Carries out an operation, or gives it the error `refused`.
pub(super) fn apply(store: &mut Store, operation: Operation<'_>, refused: Option<EngineError>) -> Item {
    let Operation { op, index, id, source, fault } = operation;
    let keep_sources = store.keep_sources;
    let carry_out = || -> Result<Applied, EngineError> {
        if let Some(refused) = refused {
            return Err(refused);
        }
        let target = store.writable(&index)?;
        if let Some(fault) = fault {
            return Err(fault);
        }
        let source = || keep_sources.then(|| source.into());
        match op {
            Op::Create => target
                .create(&id, source())
                .map_err(|version| EngineError::conflict(&index, &target.uuid, &id, version)),
            Op::Index => Ok(target.index(&id, source())),
            Op::Delete => Ok(target.delete(&id)),
        }
    };
    let fate = carry_out();
    Item { op, index, id, fate }
}

impl Item {
    fn status(&self) -> u16 {
        match &self.fate {
            Ok(applied) => applied.status,
            Err(error) => error.status,
        }
    }

    fn json(&self) -> Value {
        let body = match &self.fate {
            Ok(Applied { status, result, version, seq_no }) => json!({
                "_index": self.index, "_id": self.id, "_version": version, "result": result,
                "_shards": {"total": 2, "successful": 1, "failed": 0},
                "_seq_no": seq_no, "_primary_term": 1, "status": status,
            }),
            Err(error) => {
                json!({"_index": self.index, "_id": self.id, "status": self.status(), "error": error.item()})
            }
        };
        json!({ self.op.name(): body })
    }
}

/// The answer to a whole body.
pub(super) fn answer(items: &[Item], took_ms: u128) -> Value {
    let errors = items.iter().any(|item| item.fate.is_err());
    let took = u64::try_from(took_ms).unwrap_or(u64::MAX);
    json!({"took": took, "errors": errors, "items": items.iter().map(Item::json).collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(body: &str) -> (u16, &'static str) {
        let error = parse(body.as_bytes(), None).unwrap_err();
        (error.status, error.error_type)
    }

    #[test]
    fn a_malformed_action_line_fails_the_whole_request() {
        let source = "{}\n";
        for (action, error_type) in [
            ("[]", "illegal_argument_exception"),
            ("{\"creat\":{\"_index\":\"a\"}}", "illegal_argument_exception"),
            ("{\"create\":{\"_index\":\"a\",\"_type\":\"b\"}}", "illegal_argument_exception"),
            ("{\"create\":{\"_index\":\"a\"}", "json_parse_exception"),
            ("{\"create\":{}}", "action_request_validation_exception"),
        ] {
            assert_eq!(error_of(&format!("{action}\n{source}")), (400, error_type), "{action}");
        }
        assert_eq!(error_of(""), (400, "parse_exception"));
        assert_eq!(error_of("{\"create\":{\"_index\":\"a\"}}\n{}"), (400, "illegal_argument_exception"));
    }

    #[test]
    fn a_source_that_is_no_object_fails_alone() {
        let body = b"{\"create\":{\"_index\":\"a\"}}\n{\"a\":1}\n{\"create\":{\"_index\":\"a\"}}\n[1]\n\
            {\"create\":{\"_index\":\"a\"}}\n{\"a\":\n{\"create\":{\"_index\":\"a\"}}\n{\"a\":\"\xff\"}\n";
        let operations = parse(body, None).unwrap();
        let faults: Vec<_> = operations.iter().map(|operation| operation.fault.is_some()).collect();
        assert_eq!(faults, [false, true, true, true]);
    }

    #[test]
    fn lone_surrogates_and_huge_numbers_pass() {
        assert_eq!(fault_of(br#"{"a":"\ud800","b":1e400,"c":123456789012345678901234567890}"#), None);
    }
}
