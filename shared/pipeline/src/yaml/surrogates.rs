//! JSON writes a character beyond U+FFFF as two escapes, `\uD83D\uDE00`. YAML has no such pair and writes `\U0001F600`.
//!
//! In: a text, and the position of a quoted scalar in which the parser found an invalid character escape. Out: the text with that
//! scalar's pairs in YAML notation. Deliberately absent: the beginnings of scalars, which only the parser knows.

use super::location::{Complaint, Location};

/// The parser's message for an invalid character escape. It gives the position of the scalar.
const INFO: &str = "found invalid Unicode character escape code";
/// How many characters the YAML escape is shorter than the pair.
const SHORTER: usize = "\\uD83D\\uDE00".len() - "\\U0001F600".len();

/// A text with its pairs in YAML notation, and the resulting shift of locations.
#[derive(Debug)]
pub(super) struct Unpaired {
    pub(super) text: String,
    /// Locations in `text` directly after a rewritten pair.
    moved: Vec<Location>,
}

impl Unpaired {
    pub(super) fn new(text: &str) -> Self {
        Self { text: text.to_owned(), moved: Vec::new() }
    }

    /// The location in the original text.
    pub(super) fn original(&self, place: Location) -> Location {
        let before = self.moved.iter().filter(|moved| moved.line == place.line && moved.column <= place.column).count();
        Location { column: place.column + before * SHORTER, ..place }
    }

    /// Rewrites the pairs of the scalar that the parser refused. Returns whether there were any, so that parsing can be retried.
    /// Returns `Err` if half of a pair stands alone.
    pub(super) fn rewrite(&mut self, error: &saphyr_parser::ScanError) -> Result<bool, Complaint> {
        if !error.info().contains(INFO) {
            return Ok(false);
        }
        let mut place = Location { line: error.marker().line().max(1), column: error.marker().col() + 1 };
        let Some((start, '"')) = self.text.char_indices().nth(error.marker().index()) else { return Ok(false) };
        let scalar = self.text.split_off(start + 1);
        place.column += 1;
        let (mut rest, mut found) = (scalar.as_str(), false);
        while let Some(c) = rest.chars().next() {
            let taken = if let Some(pair) = pair(rest) {
                self.text.extend(["\\U", &format!("{:08X}", u32::from(pair))]);
                place.column += "\\U0001F600".len();
                self.moved.push(place);
                found = true;
                "\\uD83D\\uDE00".len()
            } else if unit(rest).is_some_and(|unit| (0xD800..=0xDFFF).contains(&unit)) {
                return Err((self.original(place), half(&rest[..6])));
            } else {
                // Other escapes are read as a unit: the second `\` of `\\` does not begin an escape.
                let chars = if c == '\\' { 2 } else { 1 };
                let these: String = rest.chars().take(chars).collect();
                place = after(place, &these);
                self.text += &these;
                these.len()
            };
            rest = &rest[taken..];
            if c == '"' {
                break;
            }
        }
        self.text += rest;
        Ok(found)
    }
}

fn after(place: Location, text: &str) -> Location {
    text.chars().fold(place, |Location { line, column }, c| match c {
        '\n' => Location { line: line + 1, column: 1 },
        _ => Location { line, column: column + 1 },
    })
}

fn half(escape: &str) -> String {
    format!("`{escape}` is half of a character: JSON writes one beyond U+FFFF as a pair, such as `\\uD83D\\uDE00`")
}

/// The UTF-16 unit of an escape `\uXXXX` at the beginning of a text.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u16::from_str_radix(digits, 16).ok())?
}

/// The character of two escapes.
fn pair(text: &str) -> Option<char> {
    let units = [unit(text)?, unit(text.get(6..)?)?];
    let mut chars = char::decode_utf16(units);
    chars.next()?.ok().filter(|c| c.len_utf16() == 2)
}
