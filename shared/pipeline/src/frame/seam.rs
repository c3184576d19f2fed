//! Where a value that was never closed gives way to the next one.
//!
//! In: the bytes of a value from its first one on, in pieces of any size. Out: whether a line that begins with `{` can be
//! part of that value: a value has to be expected there, which is so after `[` and `:`, and after `,` in an array. Where
//! it is not, the value before was cut, and the line begins another. Used only once a value is not closed before such a
//! line, so it costs good data nothing. Deliberately absent: validation of what stands between brackets and strings.

/// Levels of which the kind of bracket is kept. A value that is nested deeper, and not closed before a line that begins with `{`, is taken
/// for a broken one.
const LEVELS: u32 = 64;

/// The structure of a value so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seam {
    depth: u32,
    /// A bit for each open bracket, the innermost lowest: 1 for an array.
    arrays: u64,
    /// Within a string, and whether a backslash precedes.
    in_string: Option<bool>,
    /// No value is like that: a bracket closed another kind, a string held a line break, or stood beside another value.
    is_broken: bool,
    /// A bracket opened beside another value, without a comma. Brackets say where such a value ends, but not that it goes on at a line.
    is_beside: bool,
    /// The last byte outside of strings that is not white space.
    last: u8,
}

impl Seam {
    /// Before the first byte of a value.
    pub(super) const fn new() -> Self {
        Self { depth: 0, arrays: 0, in_string: None, is_broken: false, is_beside: false, last: 0 }
    }

    /// After the bracket that closes an array within so many objects.
    pub(super) fn after_array(depth: u64) -> Self {
        let depth = u32::try_from(depth).unwrap_or(LEVELS).min(LEVELS);
        Self { depth, last: b']', ..Self::new() }
    }

    /// Takes the next bytes of the value.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if self.is_broken {
                return;
            }
            self.step(byte);
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
            // Where a quote is missing or one too many, strings and what lies between them are mixed up from there on.
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

    /// Whether the brackets and strings so far are those of no value.
    pub(super) fn is_broken(&self) -> bool {
        self.is_broken
    }

    /// Whether a value may follow, as part of this one.
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

/// The beginnings of lines at which another value may begin: the line breaks before them are found once.
#[derive(Debug, Default)]
pub(super) struct LineStarts {
    /// Before this offset there is none but `found`.
    searched: u64,
    /// The offset of the brace or bracket.
    found: Option<u64>,
}

impl LineStarts {
    /// The index of the first brace, or bracket before a brace, that begins a line after index `from`; `base` is the offset of the
    /// first byte. `None` where more bytes are needed.
    pub(super) fn next(&mut self, bytes: &[u8], base: u64, from: usize) -> Option<usize> {
        let index = |offset: u64| usize::try_from(offset.saturating_sub(base)).unwrap_or(usize::MAX);
        if let Some(found) = self.found.filter(|&found| found > base + from as u64) {
            return Some(index(found));
        }
        let start = index(self.searched.max(base + from as u64)).min(bytes.len());
        self.found = line_start(&bytes[start..]).map(|at| base + (start + at) as u64);
        // The bytes that may complete one are still to come.
        let until = match self.found {
            Some(found) => found,
            None => base + bytes.len().saturating_sub(2).max(start) as u64,
        };
        self.searched = until;
        self.found.map(index)
    }
}

/// Whether these bytes, from the first one of a value on, hold a line that begins with `{` where no value may stand.
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

/// The index of the first brace, or bracket before a brace, that a line break stands before.
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
