//! Scalars of YAML, quoted if YAML would read them as something else.

/// A text as a value in a block map.
pub fn block(text: &str) -> String {
    if is_plain(text, |c| {
        matches!(c, '{' | '}' | '%' | '(' | ')' | '*' | '<' | '>' | '=' | ',' | '/' | ' ' | '+' | '|')
    }) {
        text.to_owned()
    } else {
        quoted(text)
    }
}

/// A text inside `{ … }` or `[ … ]`.
pub fn flow(text: &str) -> String {
    if is_plain(text, |_| false) { text.to_owned() } else { quoted(text) }
}

fn is_plain(text: &str, also: impl Fn(char) -> bool) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let is_reserved = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
        .iter()
        .any(|reserved| text.eq_ignore_ascii_case(reserved));
    // A `:` without a space after it has no meaning in YAML. Queries contain many of them.
    let colons = |(at, c): (usize, char)| {
        is_word(c) || also(c) || (c == ':' && also(' ') && text[at + 1..].starts_with(|c: char| !c.is_whitespace()))
    };
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && !text.ends_with(' ')
        && !is_reserved
        && text.char_indices().all(colons)
}

/// Whether a character may be written unescaped in a line of YAML.
pub fn is_printable(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// The text in single quotes if it contains double quotes, else in double quotes with unprintable characters escaped.
fn quoted(text: &str) -> String {
    if text.contains(['"', '\\']) && text.chars().all(is_printable) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            _ if !is_printable(c) => out.extend(["\\u".to_owned(), format!("{:04x}", u32::from(c))]),
            _ => out.push(c),
        }
    }
    out.push('"');
    out
}
