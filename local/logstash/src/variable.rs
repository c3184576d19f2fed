//! Environment variables, `${NAME}` and `${NAME:default}`, in the values of settings and in conditions.
//!
//! Deliberately absent: the values of the variables, which only the Logstash server has.

/// The variables of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Variables {
    /// The variables as written, `${NAME}`.
    pub(super) written: Vec<String>,
    /// Whether every variable has a default, which was inserted into the text.
    pub(super) is_known: bool,
}

/// The text with defaults inserted for variables, and the variables.
pub(super) fn resolve(text: &str) -> (String, Option<Variables>) {
    let (mut out, mut rest) = (String::new(), text);
    let mut variables = Variables { written: Vec::new(), is_known: true };
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let Some((written, default)) = variable(from) else {
            out.push_str("${");
            rest = &from[2..];
            continue;
        };
        if let Some(default) = default {
            out.push_str(default);
        } else {
            out.push_str(written);
            variables.is_known = false;
        }
        variables.written.push(written.to_owned());
        rest = &from[written.len()..];
    }
    out.push_str(rest);
    let is_any = !variables.written.is_empty();
    (out, is_any.then_some(variables))
}

/// Whether a text contains a variable.
pub(super) fn is_in(text: &str) -> bool {
    text.match_indices("${").any(|(at, _)| variable(&text[at..]).is_some())
}

/// The variable at the beginning of a text, and its default.
fn variable(text: &str) -> Option<(&str, Option<&str>)> {
    let end = text.find('}')?;
    let inner = text.get(2..end)?;
    let (name, default) = match inner.split_once(':') {
        Some((name, default)) => (name, Some(default)),
        None => (inner, None),
    };
    let is_first = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '.');
    let is_name = name.starts_with(is_first) && name.chars().all(|c| is_first(c) || c.is_ascii_digit());
    is_name.then_some((&text[..=end], default))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_becomes_its_default_or_stays_unknown() {
        for (text, resolved, written, is_known) in [
            ("${A}", "${A}", &["${A}"][..], false),
            ("x-${A:b}-y", "x-b-y", &["${A:b}"], true),
            ("${A:}", "", &["${A:}"], true),
            ("${A:b:c}${B}", "b:c${B}", &["${A:b:c}", "${B}"], false),
        ] {
            let written = written.iter().map(|&one| one.to_owned()).collect();
            assert_eq!(resolve(text), (resolved.to_owned(), Some(Variables { written, is_known })), "{text}");
            assert!(is_in(text));
        }
        for text in ["", "$A", "${", "${}", "${1}", "${a b}", "%{a}", "^x${"] {
            assert_eq!(resolve(text), (text.to_owned(), None));
            assert!(!is_in(text));
        }
    }
}
