//! A query string as typed into Discover, by the rules of Lucene's classic parser.
//!
//! In: the text. Out: conditions on fields and the expression over them. There is no mapping to ask, so the event's value determines
//! the type of a field: keyword, number, date, boolean or IP address.

mod characters;
mod conditions;
mod error;
mod field;
mod parse;
mod scan;
mod slash;

pub use error::SelectError;
pub(super) use parse::{Query, compile};

#[cfg(test)]
mod tests;
