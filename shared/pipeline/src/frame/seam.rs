//! Decides where a value that was never closed ends and the next one begins.
//!
//! In: the bytes of a value from its first byte on, in pieces of any size. Out: whether a line that begins with `{` can
//! be part of that value. It can if a value is expected there: after `[` and `:`, and after `,` in an array. Otherwise
//! the first value was cut, and the line begins another one. It is used only for a value that is not closed before such
//! a line, so intact data pay nothing. Deliberately absent: validation of the bytes between brackets and strings.

/// The number of levels for which the kind of bracket is kept. A value counts as broken if it is nested deeper and not
/// closed before a line that begins with `{`.
const LEVELS: u32 = 64;

/// The structure of a value so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seam {
    depth: u32,
    /// One bit per open bracket, the innermost lowest: 1 for an array.
    arrays: u64,
    /// Inside a string: whether a backslash precedes.
    in_string: Option<bool>,
    /// This cannot be a value: a bracket closed another kind, or a string contained a line break or stood beside
    /// another value.
    is_broken: bool,
    /// A bracket opened beside another value, without a comma. The brackets still show where such a value ends, but not
    /// that it continues at a line.
    is_beside: bool,
    /// The last byte outside strings that is not white space.
    last: u8,
}

impl Seam {
    /// Before the first byte of a value.
    pub(super) const fn new() -> Self {
        Self { depth: 0, arrays: 0, in_string: None, is_broken: false, is_beside: false, last: 0 }
    }

    /// After the bracket that closes an array, inside `depth` objects.
    pub(super) fn after_array(depth: u64) -> Self {
        let depth = u32::try_from(depth).unwrap_or(LEVELS).min(LEVELS);
        Self { depth, last: b']', ..Self::new() }
    }

    /// Takes the next bytes of the value.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        let mut at = 0;
        while at < bytes.len() && !self.is_broken {
            // Most bytes are those of strings, and a string may be endless.
            if self.in_string == Some(false) {
                let Some(plain) = memchr::memchr3(b'"', b'\\', b'\n', &bytes[at..]) else { return };
                at += plain;
            }
            self.step(bytes[at]);
            at += 1;
        }
    }

    fn step(&mut self, byte: u8) {
        if let Some(is_escaped) = self.in_string {
            match byte {
                _ if is_escaped => self.in_string = Some(false),
                b'\\' => self.in_string = Some(true),
                b'"' => self.in_string = None,
                b'\n' => self.is_broken = true,
                _ => {}
            }
            return;
        }
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => return,
            // Either a quote is missing or there is one too many. From here on, strings and the bytes between them are
            // confused.
            _ if self.last == b'"' && !matches!(byte, b':' | b',' | b'}' | b']') => self.is_broken = true,
            b'"' => {
                self.is_broken |= !matches!(self.last, 0 | b'{' | b'[' | b',' | b':');
                self.in_string = Some(false);
            }
            b'{' | b'[' => {
                self.is_broken |= self.depth == LEVELS;
                self.is_beside |= !matches!(self.last, 0 | b'[' | b',' | b':');
                self.depth += 1;
                self.arrays = self.arrays << 1 | u64::from(byte == b'[');
            }
            b'}' | b']' => {
                self.is_broken |= self.depth == 0 || self.is_in_array() != (byte == b']');
                self.depth = self.depth.saturating_sub(1);
                self.arrays >>= 1;
            }
            _ => {}
        }
        self.last = byte;
    }

    fn is_in_array(&self) -> bool {
        self.arrays & 1 == 1
    }

    /// Whether the brackets and strings so far cannot belong to a value.
    pub(super) fn is_broken(&self) -> bool {
        self.is_broken
    }

    /// Whether a value may follow as part of this one.
    pub(super) fn expects_value(&self) -> bool {
        let expects = match self.last {
            b'[' => true,
            b':' => !self.is_in_array(),
            b',' => self.is_in_array(),
            _ => false,
        };
        expects && !self.is_broken && !self.is_beside && self.in_string.is_none() && self.depth > 0
    }
}

/// The starts of lines at which another value may begin. Each line break is searched for only once.
#[derive(Debug, Default)]
pub(super) struct LineStarts {
    /// No start except `found` precedes this offset.
    searched: u64,
    /// The offset of the brace or bracket.
    found: Option<u64>,
}

impl LineStarts {
    /// The index after `from` of the first brace that begins a line, or of the bracket before such a brace. `base` is
    /// the offset of the first byte. `None` if more bytes are needed.
    pub(super) fn next(&mut self, bytes: &[u8], base: u64, from: usize) -> Option<usize> {
        let index = |offset: u64| usize::try_from(offset.saturating_sub(base)).unwrap_or(usize::MAX);
        if let Some(found) = self.found.filter(|&found| found > base + from as u64) {
            return Some(index(found));
        }
        let start = index(self.searched.max(base + from as u64)).min(bytes.len());
        self.found = line_start(&bytes[start..]).map(|at| base + (start + at) as u64);
        // A line start may be incomplete in the last bytes. The rest of it is still to come.
        let until = match self.found {
            Some(found) => found,
            None => base + bytes.len().saturating_sub(2).max(start) as u64,
        };
        self.searched = until;
        self.found.map(index)
    }
}

/// Whether a line in these bytes begins with `{` where no value is allowed. The bytes start at the first byte of a
/// value.
pub(super) fn holds_cut(bytes: &[u8]) -> bool {
    let mut seam = Seam::new();
    let mut at = 0;
    while let Some(line) = line_start(&bytes[at..]) {
        seam.take(&bytes[at..at + line]);
        if !seam.expects_value() {
            return true;
        }
        at += line;
    }
    false
}

/// The index of the first brace after a line break, or of the bracket before such a brace.
fn line_start(bytes: &[u8]) -> Option<usize> {
    let brace = memchr::memmem::find(bytes, b"\n{").map(|at| at + 1);
    let until = brace.unwrap_or(bytes.len());
    memchr::memmem::find(&bytes[..until], b"\n[{").map(|at| at + 1).or(brace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_begins_with_a_brace_is_part_of_a_value_only_where_one_is_expected() {
        for (before, expects) in [
            ("{\"a\":[", true),
            ("{\"a\":[1,", true),
            ("{\"a\":[{},\n\n", true),
            ("{\"a\": \r\n", true),
            ("[{\"a\":[]},", true),
            ("{\"a\":1", false),
            ("{\"a\":1,", false),
            ("{\"a\":[1]", false),
            ("{\"a\":[1],", false),
            ("{\"a", false),
            ("{\"a\":\"[", false),
            ("{\"a\":\"\\\"[", false),
            ("{\"a\":\"\n", false),
            ("{\"a\":{\"b\":[1},[", false),
            ("{}", false),
            ("{", false),
            ("{\"\"a\":[", false),
            ("{\"a\"\":[", false),
            ("{\"a\":b\":[", false),
            ("{\"a\":[{}\n[", false),
            ("{\"a\":[1 [", false),
            ("{\"a\":NaN,\"b\":[", true),
        ] {
            let mut seam = Seam::new();
            for byte in before.as_bytes() {
                seam.take(&[*byte]);
            }
            assert_eq!(seam.expects_value(), expects, "{before}");
        }
        let mut deep = Seam::new();
        deep.take("[".repeat(64).as_bytes());
        assert!(deep.expects_value());
        deep.take(b"[");
        assert!(!deep.expects_value());
    }

    #[test]
    fn the_starts_of_lines_are_found_wherever_the_bytes_are_cut() {
        let text = b"{\n {\n[1]\n[{\n{a\n\n[\n{";
        let expected = [9, 12, 18];
        for cut in 0..=text.len() {
            let mut starts = LineStarts::default();
            let mut found = Vec::new();
            let mut from = 0;
            for end in [cut, text.len()] {
                while let Some(at) = starts.next(&text[..end], 100, from) {
                    found.push(at);
                    from = at;
                }
            }
            assert_eq!(found, expected, "{cut}");
        }
    }
}
