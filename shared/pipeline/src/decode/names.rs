//! Looks up a key among a few known names. It runs for every key of every event, and most keys are not known.

/// Names, each with its value.
#[derive(Debug, Clone)]
pub(crate) struct Names<T> {
    /// Sorted by length.
    entries: Vec<(Box<str>, T)>,
    /// Where the names of each length begin. The last length includes all longer names.
    starts: [u16; LENGTHS + 1],
    /// Which lengths and [`mark`]s occur. This test excludes most keys of an event.
    lengths: u64,
    marks: u64,
}

/// Number of lengths that are distinguished.
const LENGTHS: usize = 64;

impl<T> Default for Names<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), starts: [0; LENGTHS + 1], lengths: 0, marks: 0 }
    }
}

impl<T> Names<T> {
    /// Adds a name, or replaces its value. At most 65,535 names.
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

    /// The value of a name.
    #[inline]
    pub(crate) fn get(&self, name: &str) -> Option<&T> {
        if self.lengths >> (name.len() % 64) & 1 == 0 || self.marks & mark(name) == 0 {
            return None;
        }
        let length = length(name);
        let same_length = &self.entries[usize::from(self.starts[length])..usize::from(self.starts[length + 1])];
        same_length.iter().find(|(known, _)| **known == *name).map(|(_, value)| value)
    }

    /// Whether there are no names.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// One bit of 64, from the length and the bytes at both ends.
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
