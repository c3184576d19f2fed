//! A Logstash configuration becomes a pipeline.yaml.
//!
//! In: the text of the configuration. Out: the text of pipeline.yaml, and what has no exact counterpart there, each with its line and
//! its effect on events; or the first place that is no Logstash. Text to text: files are read and written by the program.
//!
//! # Layout
//! - `scan`, `parse`, `ast`: the text becomes what it says
//! - `input`: where data come from
//! - `filter`: what becomes of the fields, which `fields` follows under the names that they came with
//! - `select`, `query`, `regexp`: conditions become queries; `difference`: where they mean another thing
//! - `output`: index and id
//! - `translate`, `dataset`, `yaml`: all of it becomes datasets
//! - `names`, `joda`, `settings`, `variable`, `note`: the vocabulary of both sides
//!
//! Deliberately absent: running anything; environment variables of the server; any guess at what has no counterpart.

mod ast;
mod dataset;
mod difference;
mod dotted;
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
mod variable;
mod yaml;

pub use ast::Place;
pub use note::{Effect, Note};

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

impl Import {
    /// Where events are lost that Logstash keeps.
    pub fn losses(&self) -> impl Iterator<Item = &Note> {
        self.notes.iter().filter(|note| note.effect.is_loss())
    }
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
    import_files(file_name, &[(file_name, text)])
}

/// Translates a configuration of several files, names and texts, in the order in which they are given.
///
/// # Errors
/// As [`import`]; the place tells the file.
pub fn import_files(name: &str, files: &[(&str, &str)]) -> Result<Import, SyntaxError> {
    let mut length = 0;
    for (file, (_, text)) in files.iter().enumerate() {
        length += text.len();
        if length > MAX_BYTES {
            let message = format!("{length} bytes; a configuration has at most {MAX_BYTES}");
            return Err(SyntaxError { at: Place { file, line: 1, column: 1 }, message });
        }
    }
    let (names, texts): (Vec<&str>, Vec<&str>) = files.iter().copied().unzip();
    Ok(translate::translate(&parse::parse(&texts)?, name, &names))
}

#[cfg(test)]
mod tests;
