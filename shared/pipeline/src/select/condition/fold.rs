//! `equals-ignore-case`, with the folding of event-ruler: each character of the pattern is converted to lower and to upper case, and
//! the text must have one of the two. `ß` also matches `SS`, which is its upper case.

/// A text to compare without regard to case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::select) struct Folded(Vec<Cases>);

/// One character of the pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Cases {
    lower: Box<str>,
    upper: Box<str>,
}

impl Folded {
    pub(in crate::select) fn new(text: &str) -> Self {
        Self(text.chars().map(Cases::of).collect())
    }

    /// Whether it is the whole text.
    pub(in crate::select) fn equals(&self, text: &str) -> bool {
        self.begins(text) == Some("")
    }

    /// The rest of a text that begins with it.
    pub(in crate::select) fn begins<'t>(&self, text: &'t str) -> Option<&'t str> {
        self.0.iter().try_fold(text, |rest, Cases { lower, upper }| {
            rest.strip_prefix(&**lower).or_else(|| rest.strip_prefix(&**upper))
        })
    }

    /// Whether a text ends with it.
    pub(in crate::select) fn ends(&self, text: &str) -> bool {
        let before = self.0.iter().rev().try_fold(text, |rest, Cases { lower, upper }| {
            rest.strip_suffix(&**lower).or_else(|| rest.strip_suffix(&**upper))
        });
        before.is_some()
    }
}

impl Cases {
    fn of(c: char) -> Self {
        // The library folds UTF-16 units, so a character of two units has no case.
        if c.len_utf16() == 2 {
            return Self { lower: c.to_string().into(), upper: c.to_string().into() };
        }
        Self { lower: c.to_lowercase().to_string().into(), upper: c.to_uppercase().to_string().into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_character_is_its_lower_or_its_upper_case() {
        for (pattern, text, expected) in [
            ("alice", "ALiCe", true),
            ("ALICE", "alice", true),
            ("alice", "alic", false),
            ("alice", "alice2", false),
            ("straße", "STRASSE", true),
            ("straße", "STRAßE", true),
            ("strasse", "straße", false),
            ("Σ", "σ", true),
            ("σ", "ς", false),
            ("é", "É", true),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(Folded::new(pattern).equals(text), expected, "{pattern} {text}");
        }
        assert_eq!(Folded::new("ab").begins("ABc"), Some("c"));
        assert!(Folded::new("BC").ends("abc") && !Folded::new("bc").ends("ab") && Folded::new("").ends("x"));
    }
}
