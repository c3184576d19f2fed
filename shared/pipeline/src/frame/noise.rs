//! Noise between two values: white space, NUL bytes, a byte order mark, a lone comma.
//!
//! A machine that lost power leaves NUL bytes. Concatenated files leave a byte order mark in the middle. An array whose
//! brackets were cut off leaves its commas. What counts as noise depends on the bytes after it, never on those before.
//! A resumed reading therefore gets the same result. Deliberately absent: anything inside a value or a line of text.

use std::io::Read;

use super::{
    error::FrameError,
    frames::Frames,
    scan::Scanner,
    white_space::{BOM, is_blank, is_white_space, significant, trim_end},
};

impl<R: Read> Frames<R> {
    /// Skips noise, and with `commas` every comma. Returns `false` at the end of the input.
    pub(super) fn skip_noise(&mut self, commas: bool) -> Result<bool, FrameError> {
        loop {
            let Some(at) = self.buffer.unread().iter().position(|&byte| !is_blank(byte)) else {
                self.buffer.clear();
                if !self.fill()? {
                    return Ok(false);
                }
                continue;
            };
            self.buffer.pos += at;
            let first = self.buffer.unread()[0];
            match first {
                b',' if commas || self.is_lone_comma()? => self.buffer.pos += 1,
                0xef if self.begins_with(BOM)? => self.buffer.pos += BOM.len(),
                _ => return Ok(true),
            }
        }
    }

    /// Whether the next bytes are these.
    pub(super) fn begins_with(&mut self, bytes: &[u8]) -> Result<bool, FrameError> {
        while self.buffer.unread().len() < bytes.len() {
            if !self.fill()? {
                return Ok(false);
            }
        }
        Ok(self.buffer.unread().starts_with(bytes))
    }

    /// Whether nothing or a value follows the current comma in its line.
    pub(super) fn is_lone_comma(&mut self) -> Result<bool, FrameError> {
        let mut seen = 1;
        loop {
            let rest = &self.buffer.unread()[seen..];
            match rest.iter().position(|&byte| !matches!(byte, b' ' | b'\t' | b'\r' | 0)) {
                Some(at) if seen + at > self.max => return Ok(true),
                Some(at) if rest[at] == 0xef && rest.len() - at < BOM.len() => {}
                Some(at) => return Ok(matches!(rest[at], b'\n' | b'{' | b'[') || rest[at..].starts_with(BOM)),
                None => seen += rest.len(),
            }
            if seen > self.max {
                return Ok(true);
            }
            if !self.fill()? {
                return Ok(seen == self.buffer.unread().len());
            }
        }
    }

    /// Whether the current bracket opens an array that holds objects at any depth, or an empty array. With `in_line`,
    /// only the current line counts. Text may begin with a bracket too.
    pub(super) fn opens_array(&mut self, in_line: bool) -> Result<bool, FrameError> {
        loop {
            let unread = self.buffer.unread();
            if let Some(opens) = opens_array(&unread[..unread.len().min(self.max.saturating_add(1))], in_line) {
                return Ok(opens);
            }
            // Longer than any text that is kept. The values in it may fit.
            if unread.len() > self.max {
                return Ok(true);
            }
            if !self.fill()? {
                // An empty array at the end of the input.
                return Ok(!in_line && trim_end(self.buffer.unread()).ends_with(b"]"));
            }
        }
    }
}

/// Whether these bytes, which begin with a bracket, begin an array that holds objects at any depth, or an empty array.
/// `None` if more bytes are needed.
pub(super) fn opens_array(bytes: &[u8], in_line: bool) -> Option<bool> {
    let blank = |&byte: &u8| is_white_space(byte) && !(in_line && byte == b'\n');
    let trim = |bytes: &'_ [u8]| bytes.iter().position(|byte| !blank(byte));
    let mut at = 1;
    let mut depth = 1_u64;
    let mut is_empty = true;
    let mut is_nested = false;
    loop {
        at += trim(bytes.get(at..)?)?;
        let rest = &bytes[at..];
        match rest[0] {
            b'{' => return begins_object(rest),
            b'[' => {
                depth += 1;
                at += 1;
                (is_empty, is_nested) = (false, true);
                continue;
            }
            // In a line, an empty array is one value that is not an event.
            b']' if is_empty => return if in_line { Some(false) } else { ends_line(&rest[1..]) },
            b']' if bytes[..at].ends_with(b"[") || bytes[..at].trim_ascii_end().ends_with(b"[") => {}
            first => {
                let Some(mut scanner) = Scanner::for_value(first) else { return Some(false) };
                let length = scanner.scan(rest)?;
                if serde_json::from_slice::<serde::de::IgnoredAny>(&rest[..length]).is_err() {
                    return Some(false);
                }
                at += length;
                is_empty = false;
            }
        }
        // After a value: closing brackets, then a comma.
        loop {
            at += trim(bytes.get(at..)?)?;
            if bytes[at] != b']' {
                break;
            }
            depth -= 1;
            if depth == 0 {
                // Text does not close its bracket in another line with only values between.
                return match &bytes[at + 1..] {
                    _ if in_line => Some(false),
                    rest if bytes[..at].contains(&b'\n') => ends_line(rest),
                    rest if is_nested => trim(rest).map(|end| rest[..end].contains(&b'\n')),
                    _ => Some(false),
                };
            }
            at += 1;
        }
        if bytes[at] != b',' {
            return Some(false);
        }
        at += 1;
    }
}

/// Whether a brace begins an object: a name or the closing brace follows.
fn begins_object(bytes: &[u8]) -> Option<bool> {
    significant(&bytes[1..]).map(|at| matches!(bytes[1 + at], b'"' | b'}'))
}

/// Whether the rest of the line can follow an array.
fn ends_line(rest: &[u8]) -> Option<bool> {
    let at = rest.iter().position(|&byte| !matches!(byte, b' ' | b'\t' | b'\r' | 0));
    at.map(|at| matches!(rest[at], b'\n' | b',' | b'[' | b'{'))
}

/// Whether the rest of a line is text that begins with a bracket, such as `[INFO]`.
fn is_text(rest: &[u8]) -> bool {
    rest.first() == Some(&b'[') && opens_array(rest, true) == Some(false) && is_closed_text(rest).unwrap_or(true)
}

/// Whether the bytes from a bracket to where it closes are no JSON. `None` if it is not closed in the line.
pub(super) fn is_closed_text(line: &[u8]) -> Option<bool> {
    let length = Scanner::at_object().scan(line)?;
    Some(serde_json::from_slice::<serde::de::IgnoredAny>(&line[..length]).is_err())
}

/// Whether a line is more than one value. Each has to be an object or an array, with only noise before, between and
/// after them.
pub(super) fn is_values_and_noise(line: &[u8]) -> bool {
    let after = skip_in_line(line);
    let Some(&first @ (b'{' | b'[')) = line.get(after) else { return false };
    let Some(end) = Scanner::for_value(first).and_then(|mut scanner| scanner.scan(&line[after..])) else {
        // The rest after the noise is one broken value.
        return after > 0;
    };
    if is_text(&line[after..]) {
        return false;
    }
    let rest = &line[after + end..];
    let next = skip_in_line(rest);
    match rest.get(next) {
        Some(byte) => matches!(byte, b'{' | b'[') && !is_text(&rest[next..]),
        None => after > 0 || rest.iter().any(|&byte| !is_white_space(byte)),
    }
}

/// How many bytes of noise this part of a line begins with. The noise may contain one comma.
pub(super) fn skip_in_line(line: &[u8]) -> usize {
    let mut at = 0;
    let mut commas = 1;
    while let Some(&byte) = line.get(at) {
        match byte {
            0xef if line[at..].starts_with(BOM) => at += BOM.len(),
            b',' if commas > 0 => {
                commas -= 1;
                at += 1;
            }
            _ if is_blank(byte) => at += 1,
            _ => break,
        }
    }
    // A comma before text belongs to the text.
    match line.get(at) {
        Some(b'{' | b'[') | None => at,
        Some(_) => line[..at].iter().position(|&byte| byte == b',').unwrap_or(at),
    }
}
