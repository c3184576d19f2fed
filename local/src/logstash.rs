//! A Logstash configuration becomes a pipeline.yaml.
//!
//! In: the text of the configuration. Out: the text of pipeline.yaml, and what has no counterpart there, each with its line; or the
//! first place that is no Logstash. Text to text: the file is read and written by the program.
//!
//! # Layout
//! - `scan`, `parse`, `ast`: the text becomes what it says
//! - `input`: where data come from
//! - `filter`: what becomes of the fields, which `fields` follows under the names that they came with
//! - `select`, `query`, `regexp`: conditions become queries
//! - `output`: index and id
//! - `translate`, `dataset`, `yaml`: all of it becomes datasets
//! - `names`, `joda`, `settings`, `note`: the vocabulary of both sides
//!
//! Deliberately absent: running anything; environment variables of the server; any guess at what has no counterpart.

mod ast;
mod dataset;
mod fields;
mod filter;
mod input;
mod joda;
mod names;
mod note;
mod output;
mod parse;
mod query;
mod regexp;
mod scan;
mod select;
mod settings;
mod translate;
mod yaml;

pub use ast::Place;
pub use note::Note;

/// The largest configuration, in bytes; real ones have a few thousand.
pub const MAX_BYTES: usize = 1 << 20;

/// A translated configuration.
#[derive(Debug)]
pub struct Import {
    /// The text of pipeline.yaml; `None` where no input and output of it has a counterpart.
    pub yaml: Option<String>,
    /// What there is to know, in the order of the file.
    pub notes: Vec<Note>,
}

/// The first place that is no Logstash configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {message}")]
pub struct SyntaxError {
    /// Where.
    pub at: Place,
    /// What is expected there.
    pub message: String,
}

/// Translates a configuration; `file_name` is for the head of pipeline.yaml.
///
/// # Errors
/// A [`SyntaxError`] where the text is no Logstash configuration, or larger than [`MAX_BYTES`]: the user corrects it.
pub fn import(file_name: &str, text: &str) -> Result<Import, SyntaxError> {
    if text.len() > MAX_BYTES {
        let message = format!("{} bytes; a configuration has at most {MAX_BYTES}", text.len());
        return Err(SyntaxError { at: Place { line: 1, column: 1 }, message });
    }
    Ok(translate::translate(&parse::parse(text)?, file_name))
}

#[cfg(test)]
mod tests;
