//! Translates the whole configuration into the whole pipeline.yaml: one dataset for each input.
//!
//! An object or record has one dataset, the first whose `from` matches. A dataset has one index. If events of an input
//! may reach several outputs, the index of one output is used for the events of all. No event is lost by that.

use std::{collections::HashSet, fmt::Write as _};

use super::{
    ast::{Config, Statement},
    dataset, dotted,
    filter::{Filtered, Json, Under},
    input::{self, From, Source},
    note::{Effect, Note, Notes},
    output::{Output, Path},
    query::{MAX_TERMS, Query},
    yaml::is_printable,
};

/// A translated configuration.
#[derive(Debug)]
pub struct Import {
    /// The text of pipeline.yaml; `None` if no pair of input and output has a counterpart.
    pub yaml: Option<String>,
    /// All notes, in the order of the file.
    pub notes: Vec<Note>,
}

impl Import {
    /// The notes about events that are lost here and kept by Logstash.
    pub fn losses(&self) -> impl Iterator<Item = &Note> {
        self.notes.iter().filter(|note| note.effect.is_loss())
    }
}

/// The largest number of translated inputs. All filters are translated again for each input.
const MAX_INPUTS: usize = 64;

pub(super) fn translate(config: &Config, title: &str, files: &[&str]) -> Import {
    let mut notes = Notes::default();
    let mut sources = Vec::new();
    read_sources(&config.inputs, &mut sources, &mut notes);
    if let Some(first) = sources.get(MAX_INPUTS) {
        let text =
            format!("more than {MAX_INPUTS} inputs: the events of further ones are not read; split the configuration");
        notes.add(first.at, Effect::Drops, text);
        sources.truncate(MAX_INPUTS);
    }
    note_overlaps(&sources, &mut notes);
    dotted::note(config, &mut notes);
    let mut names = HashSet::new();
    let mut datasets = String::new();
    for source in &sources {
        let name = name(source, &sources, &mut names);
        datasets.push_str(&one(config, source, &name, &mut notes).unwrap_or_default());
    }
    let notes = notes.into_vec();
    let yaml = if datasets.is_empty() { None } else { Some(head(title, files, &notes) + "datasets:\n" + &datasets) };
    Import { yaml, notes }
}

/// Reads the inputs. A condition around an input is noted and treated as true.
fn read_sources(statements: &[Statement], sources: &mut Vec<Source>, notes: &mut Notes) {
    for statement in statements {
        match statement {
            Statement::Plugin(plugin) => sources.extend(input::source(plugin, notes)),
            Statement::Branches(branches) => {
                let text = "a condition around an input; the input is translated as if the condition were true";
                branches.first().into_iter().for_each(|branch| notes.add(branch.at, Effect::Unknown, text));
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
        is_text_at_first: source.is_text,
        json: Json::default(),
        format: None,
        timestamp: None,
        converted: Vec::new(),
    };
    filtered.statements(&config.filters, &Under::nothing());
    if filtered.is_text {
        let text = "the records stay text in Logstash: neither codec nor filter reads them as JSON. Here a record that is no JSON \
                    is a dead letter; let the producer write JSON";
        filtered.notes.add(source.at, Effect::Rejects, text);
    }
    let mut outputs = Vec::new();
    filtered.outputs(&config.outputs, &Path::open(), &mut outputs);
    filtered.fields.list_overlays(filtered.notes);
    filtered.note_envelope(source.at);
    let takes_own = outputs.iter().any(|output| output.wanted.exact() != Query::Never);
    let Some(mut output) = the_one(&mut filtered, source, outputs) else {
        let text = "no output to a domain takes the events of this input, so no dataset is made of it";
        if takes_own {
            let text = format!(
                "{text}: events that already had fields which the input sets, and that an output takes because of \
                 them, are not read"
            );
            filtered.notes.add(source.at, Effect::Drops, text);
        } else {
            filtered.notes.add(source.at, Effect::Beside, text);
        }
        return None;
    };
    note_event(&mut filtered, &output);
    if !matches!(output.wanted.exact(), Query::Always) {
        let differences = std::mem::take(&mut output.differences);
        filtered.list_differences(&differences, false);
    }
    Some(dataset::write(name, source, &mut filtered, &output))
}

/// The output for the dataset, with the events of all outputs: the first that takes every event, else the first that
/// takes any.
fn the_one(filtered: &mut Filtered<'_>, source: &Source, outputs: Vec<Output>) -> Option<Output> {
    let wanted = if outputs.len() > MAX_TERMS {
        let text = format!("more than {MAX_TERMS} outputs: the events are kept, whichever conditions are true");
        filtered.notes.add(source.at, Effect::Keeps, text);
        Query::Always
    } else {
        Query::any(outputs.iter().map(|output| output.wanted.clone()))
    };
    let (mut reached, others): (Vec<Output>, Vec<Output>) =
        outputs.into_iter().partition(|output| output.wanted.assume() != Query::Never);
    if reached.is_empty() {
        return None;
    }
    // An output that takes every event has the right index for every event.
    let first = reached.iter().position(|output| output.wanted.assume() == Query::Always).unwrap_or(0);
    let mut output = reached.remove(first);
    for (ordinal, other) in reached.iter().enumerate() {
        let mut before = reached[..ordinal].iter().chain([&output]);
        if before.any(|before| before.wanted.assume().may_hold_with(&other.wanted.assume())) {
            let text = "an event that another output takes too is there once; Logstash writes it to both";
            filtered.notes.add(other.at, Effect::Drops, text);
        }
    }
    for other in reached {
        let text = format!(
            "a second output for the events of the input of line {}: they are kept, all in the index of the output of line {}, and an \
             event for both is there once. A dataset has one index; let it follow from a field, such as `logs-%{{type}}`, or write the kinds under \
             different keys",
            source.at.line, output.at.line
        );
        filtered.notes.differs(other.at, text);
        if wanted != Query::Always {
            output.differences.extend(other.differences);
        }
    }
    output.differences.extend(others.into_iter().flat_map(|other| other.differences));
    output.wanted = wanted;
    Some(output)
}

/// Notes the fields that Logstash adds to every event.
fn note_event(filtered: &mut Filtered<'_>, output: &Output) {
    let is_gone = |name: &str| filtered.fields.gone.contains_key(name) && !filtered.fields.targets.contains_key(name);
    let is_made = filtered.fields.targets.contains_key("@timestamp");
    let mut names: Vec<&str> = Vec::new();
    names.extend((!is_gone("@version")).then_some("`@version`"));
    names.extend((!is_gone("@timestamp") && !is_made).then_some("`@timestamp`"));
    if !names.is_empty() {
        let text = format!("Logstash puts {} into every document; here a document is the event", names.join(" and "));
        filtered.notes.differs(output.at, text);
    }
}

/// Notes inputs with the same data. Logstash reads an object twice for two such inputs.
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
            notes.differs(source.at, text);
        }
    }
}

/// A unique name for a dataset, from the name of its bucket, stream or topic.
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

/// The text in lower case, with `-` for characters that are not allowed in a name.
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

/// The comment above the datasets: the source files, and all notes about inexact lines.
fn head(name: &str, files: &[&str], notes: &[Note]) -> String {
    let printable = |text: &str| -> String { text.chars().map(|c| if is_printable(c) { c } else { ' ' }).collect() };
    let mut head = format!("# From {}, by `millrace import-logstash`.\n", printable(name));
    let (lossy, others): (Vec<&Note>, Vec<&Note>) =
        notes.iter().filter(|note| note.is_inexact()).partition(|note| note.effect.is_loss());
    for (title, notes) in [
        ("Events that Logstash keeps are dropped or rejected here, by line:", lossy),
        ("Without an exact counterpart, by line:", others),
    ] {
        if !notes.is_empty() {
            head.extend(["#\n# ", title, "\n"]);
        }
        for note in notes {
            let file = match files.get(note.at.file) {
                Some(file) if files.len() > 1 => format!("{}:", printable(file)),
                _ => String::new(),
            };
            let _ = writeln!(head, "#   {file}{}: {}: {}", note.at, note.effect.label(), printable(&note.text));
        }
    }
    head
}
