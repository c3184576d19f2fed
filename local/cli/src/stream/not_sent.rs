//! The parts of files that could not be delivered.

/// The largest number of records that are listed as not sent.
const NAMED_NOT_SENT: usize = 100;

/// The records, ends of files and files that were not delivered to the function.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NotSent {
    /// Their number.
    pub count: u64,
    /// The first of them, with their reasons.
    pub first: Vec<String>,
}

impl NotSent {
    /// Adds one.
    pub fn add(&mut self, what: String) {
        self.count += 1;
        if self.first.len() < NAMED_NOT_SENT {
            self.first.push(what);
        }
    }
}
