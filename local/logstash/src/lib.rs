//! Translates a Logstash configuration into a pipeline.yaml.
//!
//! In: the text of the configuration. Out: the text of pipeline.yaml, and a note for everything without an exact
//! counterpart, with its line and its effect on events; or the first syntax error. The program reads and writes the
//! files. Pure: no runtime, no network, no AWS.
//!
//! # Layout
//! - `scan`, `parse`, `ast`: from text to syntax tree
//! - `input`: the source of the data
//! - `filter`: the effect of filters on fields; `fields` tracks it by the names in the original event
//! - `select`, `query`, `regexp`: from conditions to queries; `difference`: events for which a query differs from its
//!   condition
//! - `output`: index and id
//! - `translate`, `dataset`, `yaml`: from all of these to datasets
//! - `names`, `joda`, `settings`, `variable`, `note`: the vocabulary of both sides
//!
//! Deliberately absent: running anything; environment variables of the server; guesses about settings without a
//! counterpart.

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
pub mod yaml;

pub use ast::Place;
pub use note::{Effect, Note};
pub use scan::SyntaxError;
pub use translate::Import;

/// The largest configuration, in bytes. Real ones have a few thousand.
pub const MAX_BYTES: usize = 1 << 20;

/// Translates a configuration. `file_name` is written at the top of pipeline.yaml.
///
/// # Errors
/// A [`SyntaxError`] if the text is not a valid Logstash configuration, or is larger than [`MAX_BYTES`]. The user has to
/// correct it.
pub fn import(file_name: &str, text: &str) -> Result<Import, SyntaxError> {
    import_files(file_name, &[(file_name, text)])
}

/// Translates a configuration of several files, given as pairs of name and text, in this order.
///
/// # Errors
/// As [`import`]; the place includes the file.
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
