//! The tests of a dataset's rules, as the file has them.

use std::collections::BTreeMap;

/// One test: an input, and what becomes of its events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleTest {
    /// The name of its dataset.
    pub dataset: String,
    /// The location, `FILE:LINE:COLUMN`.
    pub place: String,
    /// The input.
    pub input: Input,
    /// The key of the S3 object that holds the input. It has to be one that the dataset takes.
    pub key: Option<String>,
    /// The bucket of that object.
    pub bucket: Option<String>,
    /// The time at which the input is read, in milliseconds since 1970.
    pub at_ms: Option<i64>,
    /// The result for each event of the input.
    pub results: Vec<Expected>,
}

/// The input of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The JSON of one event, as `format` cuts it out of an object or record.
    Event(String),
    /// The content of an object or record. The dataset's `format` says which events it holds.
    Line(String),
}

/// What becomes of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// It is indexed, or delivered.
    Document(ExpectedDocument),
    /// `select` does not want it.
    Dropped,
    /// It is older than `retention`.
    Expired,
    /// It can never be indexed, for the reason with this name.
    Rejected(String),
}

/// A document. What is absent is not compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExpectedDocument {
    /// The whole document, as JSON.
    pub document: Option<String>,
    /// Its index.
    pub index: Option<String>,
    /// Its id.
    pub id: Option<String>,
    /// The partition keys of its record.
    pub partition_keys: Option<BTreeMap<String, String>>,
}
