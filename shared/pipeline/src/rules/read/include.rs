//! `include` of the file: other files with datasets.

use super::reader::Reader;
use crate::{rules::text_file::Unreadable, yaml::Node};

const INCLUDE_FORM: &str = "write `include: [team-a.yaml, team-b.yaml]`, files beside pipeline.yaml, named by `a-z`, `A-Z`, `0-9`, \
                            `.`, `_` and `-`, which is all that the deployment copies";

/// A file that is included.
pub(super) struct Included {
    pub(super) name: String,
    pub(super) text: String,
}

/// Returns the text of a file beside pipeline.yaml.
pub(in crate::rules) type ReadFile<'r> = &'r dyn Fn(&str) -> Result<String, Unreadable>;

impl Reader<'_> {
    /// Reads the files of the list, in its order.
    pub(super) fn include(&mut self, list: &Node, read: ReadFile<'_>) -> Vec<Included> {
        let mut included: Vec<Included> = Vec::new();
        for node in self.list(list, "include", INCLUDE_FORM) {
            let Some(name) = self.text(node, "include", INCLUDE_FORM).map(|text| text.value.clone()) else { continue };
            if !is_copied(&name) {
                self.complain(node.place, format!("`include: {name}`: {INCLUDE_FORM}"));
            } else if included.iter().any(|earlier| earlier.name == name) {
                self.complain(node.place, format!("`include: {name}` is in the list already"));
            } else {
                match read(&name) {
                    Ok(text) => included.push(Included { name, text }),
                    Err(reason) => self.complain(node.place, format!("`include: {name}` {reason}")),
                }
            }
        }
        included
    }
}

/// Whether the layer of the functions holds the file (infra/Makefile).
fn is_copied(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric();
    name.strip_suffix(".yaml").is_some_and(|stem| {
        stem.starts_with(is_plain) && stem.chars().all(|c| is_plain(c) || matches!(c, '.' | '_' | '-'))
    })
}
