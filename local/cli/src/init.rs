//! `millrace init`: writes pipeline.yaml, a mapping file and the settings of a deployment.
//!
//! In: sample files, and answers: options, or lines in a terminal. Out: files that pass `millrace check` and `millrace test`, or
//! none. Deliberately absent: any request to a domain or to AWS, and rules that a sample cannot show (`select`, `retention`).

mod chosen;
mod dataset;
mod deploy;
mod mapping;
mod masked;
pub mod options;
mod profile;
mod questions;
mod rule_tests;
mod sample;
mod time;
mod write;

use std::{
    io::{self, BufRead, Write},
    path::{Path, PathBuf},
};

pub use questions::Questions;

use crate::{check, files};
use chosen::Chosen;
use dataset::Dataset;
use deploy::Deployment;
use mapping::Mapping;
use options::{InitOptions, Tool};
use profile::Profile;
use rule_tests::Tests;
use sample::Sample;
use write::Staged;

/// How many fields are named in the notes about them.
const MAX_NAMED: usize = 10;

/// What was written.
#[derive(Debug)]
pub struct Written {
    /// The files, pipeline.yaml last.
    pub files: Vec<PathBuf>,
    /// What the user has to know, one sentence each.
    pub notes: Vec<String>,
    /// The next commands.
    pub next: Vec<String>,
}

/// Asks, looks at the samples and writes. `now_ms`: no event is more than a day later.
///
/// # Errors
/// An answer is missing or wrong, a sample cannot be read, or a file exists already. Then nothing was written.
pub fn init<R: BufRead, W: Write>(
    options: &InitOptions,
    questions: &mut Questions<R, W>,
    now_ms: i64,
) -> io::Result<Written> {
    if options.deployment.region.is_some() && options.tool != Tool::Sam {
        return Err(io::Error::other("--region has an effect only with --for sam"));
    }
    let place = Place::of(options);
    let rules = |name: &str| Path::new(place.rules).join(name);
    let tool_file = PathBuf::from(options.tool.file_name());
    // Before anything is asked.
    let certain = [rules("pipeline.yaml"), tool_file.clone()].map(|file| options.output.join(file));
    write::refuse_existing(&certain, options.force)?;
    let samples = files::collect(&options.samples, &std::env::current_dir()?)?;
    if samples.is_empty() && !options.samples.is_empty() {
        return Err(io::Error::other("the samples are folders without files; name files with events"));
    }
    let (sample, format) = sample::read(&samples, options.format.as_deref())?;
    if sample.events.is_empty() && !samples.is_empty() {
        let nothing = if sample.is_whole {
            "the files are empty"
        } else {
            "the first 16 MiB of a file have no whole event, which has 1 MiB at most"
        };
        let reason = sample.first_refused.unwrap_or_else(|| nothing.into());
        return Err(io::Error::other(format!("no event in the samples: {reason}")));
    }
    let profile = Profile::of(&sample.events);
    let deployment = Deployment::ask(&options.deployment, questions)?;
    let chosen = Chosen::ask(options, &deployment.prefix, &profile, &sample, questions, now_ms)?;
    let mut dataset = Dataset {
        name: chosen.name,
        bucket: deployment.bucket.clone(),
        prefix: deployment.prefix.clone(),
        format,
        timestamp: chosen.timestamp,
        point: chosen.point,
        index: chosen.index,
        mapping: None,
    };
    let mapping = Mapping::of(&profile, &dataset.mapped_fields());
    if mapping.fields > 0 {
        dataset.mapping = Some(format!("mappings/{}.json", dataset.name));
    }
    let tests = rule_tests::tests(&dataset, &sample.events);
    let yaml = dataset.file(&head(&sample, &place), &tests.texts);
    let mut files = Vec::new();
    files.extend(dataset.mapping.as_ref().map(|file| (rules(file), mapping.text())));
    files.push((tool_file, deployment.text(options.tool)));
    files.push((rules("pipeline.yaml"), yaml));
    let staged = Staged::new(&options.output, &files)?;
    checked(&staged.path(&rules("pipeline.yaml")))?;
    let files = staged.publish(options.force)?;
    let mut notes = chosen.notes;
    notes.extend(deployment.note());
    notes.extend(notes_of(&sample, &profile, &mapping, &tests, !samples.is_empty()));
    let next = next(options, &place, files.last());
    Ok(Written { files, notes, next })
}

/// Where the files go.
struct Place {
    /// The folder of pipeline.yaml below that of the output.
    rules: &'static str,
    /// Whether the output is a clone of Millrace, whose build takes the rules from `infra`.
    is_clone: bool,
}

impl Place {
    fn of(options: &InitOptions) -> Self {
        let is_clone = options.output.join("template.yaml").is_file()
            && options.output.join("infra/pipeline.schema.json").is_file();
        Self { rules: if is_clone { "infra" } else { "" }, is_clone }
    }
}

impl Dataset {
    /// The fields that `setup` maps by the rules of the dataset.
    fn mapped_fields(&self) -> Vec<&str> {
        let is_mapped = |timestamp: &&dataset::TimestampField| time::is_read_by_the_engine(&timestamp.format);
        self.timestamp.iter().filter(is_mapped).map(|timestamp| timestamp.field.as_str()).collect()
    }
}

/// The comments at the top of pipeline.yaml.
fn head(sample: &Sample, place: &Place) -> String {
    let schema = if place.is_clone { "# yaml-language-server: $schema=pipeline.schema.json\n" } else { "" };
    let from = match sample.events.len() {
        0 => "without a sample".to_owned(),
        events => format!("from {events} events of samples"),
    };
    format!("{schema}# Written by `millrace init` {from}. docs/PIPELINE.md explains every key.\n\n")
}

/// Whether the complete files pass the checks of `millrace check`, with its tests.
fn checked(pipeline: &Path) -> io::Result<()> {
    let faults = match check::datasets(pipeline) {
        Ok(datasets) => check::deployed(&datasets, pipeline).faults,
        Err(error) => error.faults,
    };
    if faults.is_empty() {
        return Ok(());
    }
    let faults: Vec<String> = faults.iter().map(|fault| format!("\n  {}: {}", fault.place, fault.message)).collect();
    Err(io::Error::other(format!("these answers make no valid pipeline.yaml; nothing was written:{}", faults.concat())))
}

fn notes_of(sample: &Sample, profile: &Profile, mapping: &Mapping, tests: &Tests, has_files: bool) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(first) = &sample.first_refused {
        let refused = sample.refused;
        notes.push(format!(
            "Values of the samples that are no events: {refused}. They would become dead letters. The first: {first}"
        ));
    }
    if has_files && !sample.is_whole {
        notes.push(format!("Of the samples, only {} events in {} files were read.", sample.events.len(), sample.files));
    }
    for (field, kinds) in mapping.conflicts.iter().take(MAX_NAMED) {
        notes.push(format!(
            "`{}` has {kinds}, so the mapping file leaves it out: the first event of an index decides its type.",
            chosen::shown(field)
        ));
    }
    if let Some(more) = mapping.conflicts.len().checked_sub(MAX_NAMED).filter(|more| *more > 0) {
        notes.push(format!("Further fields with values of several types: {more}."));
    }
    if mapping.left_out > 0 || profile.is_cut {
        let count = if profile.is_cut { "many".to_owned() } else { mapping.left_out.to_string() };
        notes.push(format!(
            "Fields that are not in the mapping file: {count}, for their names, their depth or their number."
        ));
    }
    if tests.of_sample > 0 {
        notes.push(format!(
            "The tests in pipeline.yaml hold {} of the samples: read them before you commit the file.",
            if tests.of_sample == 1 { "an event".to_owned() } else { format!("{} events", tests.of_sample) }
        ));
    } else if has_files {
        notes.push("No event of the samples is short and simple enough for a test, so the tests have examples.".into());
    }
    if tests.texts.len() < 3 {
        notes.push(format!("Only {} tests could be made: see the key `tests`.", tests.texts.len()));
    }
    if !tests.masked.is_empty() {
        let names = tests.masked.iter().filter(|name| !name.is_empty()).take(MAX_NAMED);
        let names: Vec<String> = names.map(|name| chosen::shown(name)).collect();
        let of = if names.is_empty() { String::new() } else { format!(" of {}", names.join(", ")) };
        notes.push(format!(
            "In the tests, what looks like a secret or an e-mail address is replaced by `{}`{of}.",
            masked::MASK
        ));
    }
    notes
}

fn next(options: &InitOptions, place: &Place, pipeline: Option<&PathBuf>) -> Vec<String> {
    let pipeline = pipeline.map(|path| path.display().to_string()).unwrap_or_default();
    let deploy = match (options.tool, place.is_clone) {
        (Tool::Sam, true) => "make build && sam deploy",
        (Tool::Sam, false) => {
            "make build && sam deploy   # in a clone of Millrace, with samconfig.toml there, and pipeline.yaml and mappings in its infra"
        }
        (Tool::Cdk, _) => "cdk deploy   # in your app, with the lines of millrace.ts",
        (Tool::Terraform, _) => {
            "terraform init && terraform apply   # with the release and the rules named in millrace.tf"
        }
    };
    vec![format!("millrace test {pipeline}"), deploy.to_owned()]
}

#[cfg(test)]
mod tests;
