//! Matches `*` and `?` against a string. In the worst case the time is proportional to the pattern's length times the string's length.

/// A pattern with at least one wildcard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wildcard {
    /// `abc*`
    Prefix(String),
    Any(Vec<Piece>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Exactly this character.
    Exactly(char),
    /// `?`: any one character.
    One,
    /// `*`: any number of characters.
    Many,
}

impl Wildcard {
    pub(crate) fn new(mut pieces: Vec<Piece>) -> Self {
        pieces.dedup_by(|later, earlier| *later == Piece::Many && *earlier == Piece::Many);
        if let Some((Piece::Many, prefix)) = pieces.split_last() {
            let prefix: Option<String> =
                prefix.iter().map(|piece| if let Piece::Exactly(c) = piece { Some(*c) } else { None }).collect();
            if let Some(prefix) = prefix {
                return Self::Prefix(prefix);
            }
        }
        Self::Any(pieces)
    }

    /// Whether it matches the whole text.
    pub(crate) fn matches(&self, text: &str) -> bool {
        match self {
            Self::Prefix(prefix) => text.starts_with(prefix.as_str()),
            Self::Any(pieces) => matches(pieces, text),
        }
    }
}

/// Backtracks only to the last `*`. The parts before it matched as early as possible, which leaves the longest rest.
fn matches(pieces: &[Piece], text: &str) -> bool {
    let mut piece = 0;
    let mut rest = text.chars();
    let mut last_many: Option<(usize, std::str::Chars<'_>)> = None;
    loop {
        let before = rest.clone();
        match (pieces.get(piece), rest.next()) {
            (Some(Piece::Many), _) => {
                piece += 1;
                rest = before.clone();
                last_many = Some((piece, before));
            }
            (None, None) => return true,
            (Some(Piece::One), Some(_)) => piece += 1,
            (Some(Piece::Exactly(expected)), Some(found)) if *expected == found => piece += 1,
            (_, at_end) => {
                // At the end of the text, a longer `*` cannot help.
                let (Some((after, mut from)), Some(_)) = (last_many.take(), at_end) else { return false };
                from.next();
                piece = after;
                rest = from.clone();
                last_many = Some((after, from));
            }
        }
    }
}
