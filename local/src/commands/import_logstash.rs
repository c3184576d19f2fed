//! `local import-logstash`: a Logstash configuration becomes a pipeline.yaml.

use std::{
    io::{self, Read},
    path::Path,
};

use local::logstash;

/// Whether there is a pipeline.yaml, and it was written.
pub(crate) fn import_logstash(file: &Path, output: Option<&Path>) -> io::Result<bool> {
    let mut text = String::new();
    // One byte more than there may be is enough to say so.
    let opened = std::fs::File::open(file);
    opened
        .and_then(|opened| opened.take(logstash::MAX_BYTES as u64 + 1).read_to_string(&mut text))
        .map_err(|error| io::Error::other(format!("{}: {error}", file.display())))?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let import =
        logstash::import(&name, &text).map_err(|error| io::Error::other(format!("{}:{error}", file.display())))?;
    for note in &import.notes {
        let kind = if note.is_lost { "no counterpart" } else { "note" };
        eprintln!("{}:{}: {kind}: {}", file.display(), note.at, note.text);
    }
    let Some(yaml) = import.yaml else {
        return Err(io::Error::other(format!("{}: no input and output in it become a dataset", file.display())));
    };
    match output {
        Some(output) => {
            std::fs::write(output, yaml).map_err(|error| io::Error::other(format!("{}: {error}", output.display())))?;
        }
        None => print!("{yaml}"),
    }
    Ok(true)
}
