//! `millrace import-logstash`: a Logstash configuration, a file or a folder of files, becomes a pipeline.yaml.
//!
//! Exit code 1 if events would be lost that Logstash keeps. These losses are printed first.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use logstash::{Effect, Import, Note};

/// Whether pipeline.yaml was written, and it loses no event that Logstash keeps, or the user accepted the losses.
pub(crate) fn import_logstash(source: &Path, output: Option<&Path>, accept_losses: bool) -> io::Result<bool> {
    let paths = if source.is_dir() { files_in(source)? } else { vec![source.to_owned()] };
    let texts = paths.iter().map(|path| read(path)).collect::<io::Result<Vec<String>>>()?;
    let names: Vec<String> = paths.iter().map(|path| name(path)).collect();
    let files: Vec<(&str, &str)> = names.iter().map(String::as_str).zip(texts.iter().map(String::as_str)).collect();
    let place = |file: usize| paths.get(file).unwrap_or(&paths[0]).display();
    let import = logstash::import_files(&name(source), &files)
        .map_err(|error| io::Error::other(format!("{}:{error}", place(error.at.file))))?;
    tell(&import, |note| format!("{}:{}: {}: {}", place(note.at.file), note.at, note.effect.label(), note.text));
    let has_losses = import.losses().next().is_some();
    let Some(yaml) = import.yaml else {
        return Err(io::Error::other(format!(
            "{}: no pair of input and output in it becomes a dataset",
            source.display()
        )));
    };
    match output {
        Some(output) => {
            fs::write(output, yaml).map_err(|error| io::Error::other(format!("{}: {error}", output.display())))?;
        }
        None => print!("{yaml}"),
    }
    Ok(accept_losses || !has_losses)
}

/// Prints lines on standard error: first the losses of events, then the other notes in the order of the file.
fn tell(import: &Import, line: impl Fn(&Note) -> String) {
    let losses: Vec<&Note> = import.losses().collect();
    if !losses.is_empty() {
        eprintln!("events that Logstash keeps are dropped or rejected here, by {} of its lines:", losses.len());
        for note in &losses {
            eprintln!("{}", line(note));
        }
        eprintln!();
    }
    let is_told = |note: &&Note| !note.effect.is_loss();
    let (notes, others): (Vec<&Note>, Vec<&Note>) =
        import.notes.iter().filter(is_told).partition(|note| note.effect == Effect::None);
    others.iter().chain(&notes).for_each(|note| eprintln!("{}", line(note)));
}

/// The files of a folder in the order in which Logstash reads them. Hidden files and backup copies of editors are
/// skipped.
fn files_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let failed = |error: io::Error| io::Error::other(format!("{}: {error}", folder.display()));
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = name(&path);
        if path.is_file() && !name.starts_with('.') && !name.ends_with('~') {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(failed(io::Error::other("this folder holds no configuration")));
    }
    files.sort();
    Ok(files)
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    // One byte above the limit is enough to report that the file is too large.
    let opened = File::open(path);
    opened
        .and_then(|opened| opened.take(logstash::MAX_BYTES as u64 + 1).read_to_string(&mut text))
        .map_err(|error| io::Error::other(format!("{}: {error}", path.display())))?;
    Ok(text)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
