//! The source of a dataset, as all inputs make it.

use crate::{
    ast::Place,
    fields::Fields,
    note::{Effect, Notes},
};

/// The source of the data, and the known facts about every event before the first filter.
pub(crate) struct Source {
    pub(crate) at: Place,
    pub(crate) from: From,
    pub(crate) format: &'static str,
    /// Globs of keys to exclude.
    pub(crate) exclude: Vec<String>,
    /// Whether `message` is the whole record, not a field of it.
    pub(crate) is_text: bool,
    pub(crate) fields: Fields,
}

pub(crate) enum From {
    S3 { bucket: Option<String>, prefix: String },
    Stream(String),
    Topic(String),
}

pub(super) fn keep_error(result: Result<(), String>, at: Place, notes: &mut Notes) {
    if let Err(error) = result {
        notes.differs(at, error);
    }
}

/// A valid name without environment variables. The environment of the Logstash server is not known here.
pub(super) fn known(at: Place, name: &str, what: &str, notes: &mut Notes) -> Option<String> {
    if name.contains("${") || name.contains("%{") {
        let text = format!("{what} `{name}` is a variable; write the name into `from`, where `*` stands for any now");
        notes.add(at, Effect::Unknown, text);
        return None;
    }
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if what != "prefix" && (name.is_empty() || !name.chars().all(is_of_name)) {
        let text = format!(
            "{what} `{name}` is none that there can be; write its name into `from`, where `*` stands for any now"
        );
        notes.add(at, Effect::Unknown, text);
        return None;
    }
    Some(name.to_owned())
}

/// A glob that matches only this name or prefix.
pub(crate) fn escaped(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '{' | '}' | '\\' | '!' | ',') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
