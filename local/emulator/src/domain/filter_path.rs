//! The parameter `filter_path` of a request.

use serde_json::Value;

use super::glob::glob;

/// `filter_path`: the parts of an answer on one of the comma-separated paths. `*` matches any one name.
pub(super) fn filter(value: &Value, paths: &str) -> Option<Value> {
    let paths: Vec<Vec<&str>> = paths.split(',').map(|path| path.trim().split('.').collect()).collect();
    let paths: Vec<&[&str]> = paths.iter().map(Vec::as_slice).collect();
    on_paths(value, &paths)
}

fn on_paths(value: &Value, paths: &[&[&str]]) -> Option<Value> {
    if paths.iter().any(|path| path.is_empty()) {
        return Some(value.clone());
    }
    match value {
        Value::Object(fields) => {
            let kept: serde_json::Map<String, Value> = fields
                .iter()
                .filter_map(|(name, field)| {
                    let below: Vec<&[&str]> =
                        paths.iter().filter(|path| glob(path[0], name)).map(|path| &path[1..]).collect();
                    (!below.is_empty()).then(|| on_paths(field, &below))?.map(|field| (name.clone(), field))
                })
                .collect();
            (!kept.is_empty()).then_some(Value::Object(kept))
        }
        // A list adds no level to the path.
        Value::Array(elements) => {
            let kept: Vec<Value> = elements.iter().filter_map(|element| on_paths(element, paths)).collect();
            (!kept.is_empty()).then_some(Value::Array(kept))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn filter_path_keeps_what_is_asked_for() {
        let answer = json!({"took": 1, "errors": false, "items": [{"create": {"_id": "1", "status": 201}}]});
        let filtered = filter(&answer, "errors,items.*.status,items.*.error").unwrap();
        assert_eq!(filtered, json!({"errors": false, "items": [{"create": {"status": 201}}]}));
        assert_eq!(filter(&answer, "none"), None);
    }
}
