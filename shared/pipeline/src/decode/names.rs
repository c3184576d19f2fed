//! Which of a few known names a key is. Asked of every key of every event, and mostly the answer is none.

/// Names, each with what it stands for.
#[derive(Debug, Clone)]
pub(crate) struct Names<T> {
    /// In the order of their lengths.
    entries: Vec<(Box<str>, T)>,
    /// Where the names of each length begin; the last length stands for all longer ones too.
    starts: [u16; LENGTHS + 1],
    /// Which lengths and [`mark`]s there are: most keys of an event are told by these to be none of the names.
    lengths: u64,
    marks: u64,
}

/// Lengths that are told apart.
const LENGTHS: usize = 64;

impl<T> Default for Names<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), starts: [0; LENGTHS + 1], lengths: 0, marks: 0 }
    }
}

impl<T> Names<T> {
    /// Adds a name, or puts another value in the place of its value. At most 65,535 names.
    pub(crate) fn insert(&mut self, name: &str, value: T) {
        if let Some((_, existing)) = self.entries.iter_mut().find(|(known, _)| **known == *name) {
            *existing = value;
            return;
        }
        self.lengths |= 1 << (name.len() % 64);
        self.marks |= mark(name);
        let length = length(name);
        self.entries.insert(usize::from(self.starts[length + 1]), (name.into(), value));
        for start in &mut self.starts[length + 1..] {
            *start += 1;
        }
    }

    /// What a name stands for.
    #[inline]
    pub(crate) fn get(&self, name: &str) -> Option<&T> {
        if self.lengths >> (name.len() % 64) & 1 == 0 || self.marks & mark(name) == 0 {
            return None;
        }
        let length = length(name);
        let same_length = &self.entries[usize::from(self.starts[length])..usize::from(self.starts[length + 1])];
        same_length.iter().find(|(known, _)| **known == *name).map(|(_, value)| value)
    }

    /// Whether there is none.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// One bit of 64, by length and the bytes at both ends.
#[inline]
fn mark(name: &str) -> u64 {
    let (first, last) = match name.as_bytes() {
        [] => (0, 0),
        [first, .., last] => (*first, *last),
        [only] => (*only, *only),
    };
    1 << ((name.len() ^ usize::from(first) << 2 ^ usize::from(last)) % 64)
}

#[inline]
fn length(name: &str) -> usize {
    name.len().min(LENGTHS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_and_no_other() {
        let long = "x".repeat(100);
        let known = ["a", "b", "ab", "", "é", "device", "country", &long, &long[1..], "a.b"];
        let mut names = Names::default();
        for (value, name) in known.iter().enumerate() {
            names.insert(name, 0);
            names.insert(name, value);
        }
        for (value, name) in known.iter().enumerate() {
            assert_eq!(names.get(name), Some(&value), "{name}");
        }
        for other in ["c", "ba", "e", "devices", "Device", &long[2..], &format!("{long}x")] {
            assert_eq!(names.get(other), None, "{other}");
        }
    }
}
