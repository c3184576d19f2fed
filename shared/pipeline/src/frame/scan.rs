//! Finds the end of a JSON value without interpreting it.
//!
//! In: the bytes of a value from its first byte on, in pieces of any size. Out: where it ends. One number counts the
//! open brackets outside strings, so nesting needs neither stack nor heap. Deliberately absent: validation, which is
//! decode's. A value with the wrong brackets ends where the count reaches zero.

/// The classes of bytes outside strings.
const OTHER: u8 = 0;
const OPEN: u8 = 1;
const CLOSE: u8 = 2;
const QUOTE: u8 = 3;

/// Ends a number or a literal.
const DELIMITER: u8 = 4;

const STRUCTURE: [u8; 256] = {
    let mut table = [OTHER; 256];
    table[b'{' as usize] = OPEN;
    table[b'[' as usize] = OPEN;
    table[b'}' as usize] = CLOSE;
    table[b']' as usize] = CLOSE;
    table[b'"' as usize] = QUOTE;
    table
};

const TOKEN_END: [u8; 256] = {
    let mut table = STRUCTURE;
    let mut delimiters: &[u8] = b" \t\r\n,:";
    while let [byte, rest @ ..] = delimiters {
        table[*byte as usize] = DELIMITER;
        delimiters = rest;
    }
    table
};

/// The state of a scan between two pieces of a value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scanner {
    depth: u64,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Structure,
    String,
    /// After a backslash.
    Escape,
    /// A number or a literal, which ends before a delimiter.
    Token,
}

impl Scanner {
    /// A scanner for the value that begins with this byte. `None` if no value begins with it.
    pub(super) fn for_value(first: u8) -> Option<Self> {
        let state = match first {
            b'{' | b'[' | b'"' => State::Structure,
            b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => State::Token,
            _ => return None,
        };
        Some(Self { depth: 0, state })
    }

    /// A scanner for an object, from its brace on.
    pub(super) const fn at_object() -> Self {
        Self { depth: 0, state: State::Structure }
    }

    /// A scanner for the rest of an object, after its opening brace.
    pub(super) const fn inside_object() -> Self {
        Self::inside_objects(1)
    }

    /// A scanner for the rest of `depth` nested objects.
    pub(super) const fn inside_objects(depth: u64) -> Self {
        Self { depth, state: State::Structure }
    }

    /// Scans the next piece. Returns how many of its bytes belong to the value, or `None` if all do and the value may
    /// continue.
    pub(super) fn scan(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < bytes.len() {
            match self.state {
                State::Structure => {
                    let found = bytes[at..].iter().position(|&byte| STRUCTURE[usize::from(byte)] != OTHER)?;
                    at += found + 1;
                    match STRUCTURE[usize::from(bytes[at - 1])] {
                        OPEN => self.depth += 1,
                        CLOSE => {
                            self.depth = self.depth.saturating_sub(1);
                            if self.depth == 0 {
                                return Some(at);
                            }
                        }
                        _ => self.state = State::String,
                    }
                }
                State::String => {
                    at += string_part(&bytes[at..])? + 1;
                    if bytes[at - 1] == b'\\' {
                        self.state = State::Escape;
                    } else if self.depth == 0 {
                        return Some(at);
                    } else {
                        self.state = State::Structure;
                    }
                }
                State::Escape => {
                    at += 1;
                    self.state = State::String;
                }
                State::Token => {
                    return bytes[at..].iter().position(|&byte| TOKEN_END[usize::from(byte)] != OTHER).map(|n| at + n);
                }
            }
        }
        None
    }
}

/// The index of the next quote or backslash. Most strings are so short that a vector search would cost more than it
/// saves.
fn string_part(bytes: &[u8]) -> Option<usize> {
    const SHORT: usize = 16;
    let near = &bytes[..bytes.len().min(SHORT)];
    match near.iter().position(|&byte| byte == b'"' || byte == b'\\') {
        None if bytes.len() > SHORT => memchr::memchr2(b'"', b'\\', &bytes[SHORT..]).map(|found| found + SHORT),
        found => found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The end that is found if the value comes in two pieces, cut at `cut`.
    fn end(bytes: &[u8], cut: usize) -> Option<usize> {
        let mut scanner = Scanner::for_value(bytes[0])?;
        scanner.scan(&bytes[..cut]).or_else(|| scanner.scan(&bytes[cut..]).map(|n| n + cut))
    }

    #[test]
    fn finds_the_end_of_a_value_wherever_its_pieces_are_cut() {
        let cases = [
            ("{}x", 2),
            (r#"{"a":[1,{"b":"}]"}]},"#, 20),
            (r#""plain" "#, 7),
            (r#""a\"b\\"{"#, 8),
            (r#"["\\\"]",{}]]"#, 12),
            (r#"{"long":"0123456789abcdef0123456789abcdef\"}"}{"#, 46),
            ("-12.5e+3,", 8),
            ("true]", 4),
            ("null\n", 4),
            ("7{", 1),
            ("{\"é😀\":\"日本語\"}\n", 22),
        ];
        for (text, expected) in cases {
            for cut in 0..=text.len() {
                assert_eq!(end(text.as_bytes(), cut), Some(expected), "{text} cut at {cut}");
            }
        }
    }

    #[test]
    fn an_unclosed_value_goes_on() {
        for text in [r#"{"a":"}"#, "[[[]]", r#"{"a":"\"}"#, r#""abc\""#, "123"] {
            assert_eq!(end(text.as_bytes(), 1), None, "{text}");
        }
    }

    #[test]
    fn depth_costs_nothing() {
        let mut text = vec![b'['; 1_000_000];
        text.resize(2_000_000, b']');
        assert_eq!(end(&text, 999_999), Some(2_000_000));
    }
}
