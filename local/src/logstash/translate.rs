//! The whole configuration becomes the whole of pipeline.yaml: a dataset for each input that data come from.
//!
//! An object or record has one dataset, the first whose `from` matches, and a dataset one index. So of several outputs
//! that events of an input may come to the first is taken, and the others have no counterpart.

use std::collections::HashSet;

use super::{
    Import,
    ast::{Config, Statement},
    dataset,
    filter::{Filtered, Json, Under},
    input::{self, From, Source},
    note::{Note, Notes},
    query::Query,
    yaml::is_printable,
};

/// Inputs that are translated: each goes through all filters anew.
const MAX_INPUTS: usize = 64;

pub(super) fn translate(config: &Config, file_name: &str) -> Import {
    let mut notes = Notes::default();
    let mut sources = Vec::new();
    read_sources(&config.inputs, &mut sources, &mut notes);
    if let Some(first) = sources.get(MAX_INPUTS) {
        notes.lost(first.at, format!("more than {MAX_INPUTS} inputs: split the configuration"));
        sources.truncate(MAX_INPUTS);
    }
    note_overlaps(&sources, &mut notes);
    let mut names = HashSet::new();
    let mut datasets = String::new();
    for source in &sources {
        let name = name(source, &sources, &mut names);
        datasets.push_str(&one(config, source, &name, &mut notes).unwrap_or_default());
    }
    let notes = notes.into_vec();
    let yaml = if datasets.is_empty() { None } else { Some(head(file_name, &notes) + "datasets:\n" + &datasets) };
    Import { yaml, notes }
}

/// Inputs stand in no branches.
fn read_sources(statements: &[Statement], sources: &mut Vec<Source>, notes: &mut Notes) {
    for statement in statements {
        match statement {
            Statement::Plugin(plugin) => sources.extend(input::source(plugin, notes)),
            Statement::Branches(branches) => {
                let text = "a condition around an input; what stands in it is translated as if it held";
                branches.first().into_iter().for_each(|branch| notes.lost(branch.at, text));
                for branch in branches {
                    read_sources(&branch.body, sources, notes);
                }
            }
        }
    }
}

fn one(config: &Config, source: &Source, name: &str, notes: &mut Notes) -> Option<String> {
    let mut filtered = Filtered {
        notes,
        fields: source.fields.clone(),
        wanted: Query::Always,
        is_text: source.is_text,
        json: Json::default(),
        timestamp: None,
        converted: Vec::new(),
    };
    filtered.statements(&config.filters, &Under::Nothing);
    if filtered.is_text {
        let text = "the records stay text in Logstash: neither codec nor filter reads them as JSON. Only JSON is read here; let \
                    the producer write it";
        filtered.notes.lost(source.at, text);
    }
    let mut outputs = Vec::new();
    filtered.outputs(&config.outputs, &Query::Always, &mut outputs);
    let mut outputs = outputs.into_iter();
    let Some(output) = outputs.next() else {
        filtered.notes.lost(source.at, "no output to a domain takes the events of this input");
        return None;
    };
    for other in outputs {
        let text = format!(
            "a second output for the events of the input of line {}: one dataset takes an object or record, and has one \
             index. Let the index follow from a field, such as `logs-%{{type}}`, or write the kinds under different keys",
            source.at.line
        );
        filtered.notes.lost(other.at, text);
    }
    Some(dataset::write(name, source, &mut filtered, &output))
}

/// Of two inputs of the same data Logstash takes an object twice.
fn note_overlaps(sources: &[Source], notes: &mut Notes) {
    for (ordinal, source) in sources.iter().enumerate() {
        let covers = |earlier: &&Source| match (&earlier.from, &source.from) {
            (From::S3 { bucket, prefix }, From::S3 { bucket: other, prefix: longer }) => {
                (bucket.is_none() || bucket == other) && longer.starts_with(prefix)
            }
            (From::Stream(name), From::Stream(other)) | (From::Topic(name), From::Topic(other)) => {
                name == other || name == "*"
            }
            _ => false,
        };
        if let Some(earlier) = sources[..ordinal].iter().find(covers) {
            let text = format!(
                "the input of line {} takes the same data: the first dataset that matches takes an object or record; put the \
                 narrower one first",
                earlier.at.line
            );
            notes.lost(source.at, text);
        }
    }
}

/// A name of what the data are called where they come from, unique.
fn name(source: &Source, all: &[Source], names: &mut HashSet<String>) -> String {
    const MAX_CHARS: usize = 56;
    let base = match &source.from {
        From::S3 { bucket, prefix } => {
            let same = |other: &&Source| matches!(&other.from, From::S3 { bucket: other, .. } if other == bucket);
            let bucket = slug(bucket.as_deref().unwrap_or("s3"));
            let last = slug(prefix.trim_end_matches('/').rsplit('/').next().unwrap_or_default());
            if all.iter().filter(same).count() > 1 && !last.is_empty() { format!("{bucket}-{last}") } else { bucket }
        }
        From::Stream(name) | From::Topic(name) => slug(name),
    };
    let base: String = base.chars().take(MAX_CHARS).collect();
    let base = if base.is_empty() { "events".to_owned() } else { base };
    let numbered = (1..).map(|number| if number == 1 { base.clone() } else { format!("{base}-{number}") });
    let name = numbered.into_iter().find(|name| !names.contains(name)).unwrap_or_default();
    names.insert(name.clone());
    name
}

/// Lower case, with `-` for what a name does not have.
fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.chars().take(64).map(|c| c.to_ascii_lowercase()) {
        match c {
            'a'..='z' | '0'..='9' | '_' => slug.push(c),
            _ if !slug.ends_with('-') => slug.push('-'),
            _ => {}
        }
    }
    slug.trim_matches(['-', '_']).to_owned()
}

/// What stands above the datasets: where they come from, and what has no counterpart.
fn head(file_name: &str, notes: &[Note]) -> String {
    let printable = |text: &str| -> String { text.chars().map(|c| if is_printable(c) { c } else { ' ' }).collect() };
    let mut head = format!("# From {}, by `local import-logstash`.\n", printable(file_name));
    let lost: Vec<&Note> = notes.iter().filter(|note| note.is_lost).collect();
    if !lost.is_empty() {
        head.push_str("#\n# Without a counterpart, by line:\n");
    }
    for note in lost {
        head.extend([format!("#   {}: ", note.at), printable(&note.text), "\n".into()]);
    }
    head
}
