//! Helpers for printed results.

/// Removes the members that make a document a CloudWatch metric. They are useless here.
pub(crate) fn without_metric(done: &mut serde_json::Value) {
    for name in ["_aws", "level", "message", "function"] {
        if let Some(done) = done.as_object_mut() {
            done.remove(name);
        }
    }
}

pub(crate) fn plural(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
