//! Tokens of other languages that are not JSON: `NaN`, `Infinity`, `None`, `0x10`.
//!
//! In: text that is not JSON. Out: its first token that is not JSON, for the reason of a rejection. Deliberately absent: any repair
//! of the text.

use serde::de::IgnoredAny;

/// Maximum number of characters of a token to show.
const SHOWN: usize = 40;

/// The first token outside of strings that is neither punctuation nor a number, `true`, `false` or `null`. Text after an unclosed
/// string is not searched.
pub(super) fn token(text: &[u8]) -> Option<String> {
    let mut at = 0;
    // In text that does not look like JSON at all, this would be the first word.
    if !matches!(text.first(), Some(b'{' | b'[')) {
        return None;
    }
    while at < text.len() {
        match text[at] {
            b'"' => at += end_of_string(&text[at..])?,
            byte if is_delimiter(byte) => at += 1,
            _ => {
                let length = text[at..].iter().position(|&byte| is_delimiter(byte) || byte == b'"');
                let token = &text[at..at + length.unwrap_or(text.len() - at)];
                if serde_json::from_slice::<IgnoredAny>(token).is_err() {
                    return Some(String::from_utf8_lossy(token).chars().take(SHOWN).collect());
                }
                at += token.len();
            }
        }
    }
    None
}

fn is_delimiter(byte: u8) -> bool {
    matches!(byte, b'{' | b'}' | b'[' | b']' | b',' | b':' | b' ' | b'\t' | b'\r' | b'\n')
}

/// The length of a string with its quotes.
fn end_of_string(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_token_that_is_not_json_is_named() {
        for (text, expected) in [
            (r#"{"v":NaN}"#, Some("NaN")),
            (r#"{"v":1.0,"w":[Infinity,2]}"#, Some("Infinity")),
            (r#"{"v":-Infinity}"#, Some("-Infinity")),
            (r#"{"NaN":"NaN","w":nan}"#, Some("nan")),
            (r#"{"a\":NaN":1,"b":None}"#, Some("None")),
            (r#"{"v":0x10}"#, Some("0x10")),
            (r#"{"v":01}"#, Some("01")),
            (r#"{"v":+1}"#, Some("+1")),
            (r#"{"v":.5}"#, Some(".5")),
            (r#"{"v":1.}"#, Some("1.")),
            (r"{'v': 1}", Some("'v'")),
            (r#"{"v":undefined}"#, Some("undefined")),
            (r#"{"v":1}}"#, None),
            (r#"{"v":"cut"#, None),
            (r#"{"v":"\"#, None),
            (r#"{"v":true,"w":false,"x":null,"y":-1.5e3"#, None),
        ] {
            assert_eq!(token(text.as_bytes()).as_deref(), expected, "{text}");
        }
        assert_eq!(token(b"plain text"), None);
        assert_eq!(token(format!("[{}", "é".repeat(100)).as_bytes()).map(|token| token.chars().count()), Some(SHOWN));
    }
}
