//! The parts of a report as text.

use std::fmt::Write as _;

/// The largest number of objects in the table.
const SHOWN_OBJECTS: usize = 100;

/// A row for each object, and a row for their sum if there are several.
pub(super) fn table<'k, const COLUMNS: usize>(
    text: &mut String,
    row: &str,
    head: [&str; COLUMNS],
    objects: impl ExactSizeIterator<Item = (&'k str, [String; COLUMNS])>,
    totals: [String; COLUMNS],
) {
    let count = objects.len();
    let mut rows = vec![(row.to_owned(), head.map(str::to_owned))];
    rows.extend(objects.take(SHOWN_OBJECTS).map(|(key, cells)| (key.to_owned(), cells)));
    if count > 1 {
        rows.push((format!("{count} {row}s"), totals));
    }
    let widest = rows.iter().map(|(key, _)| key.chars().count()).max().unwrap_or_default();
    for (key, cells) in rows {
        let _ = write!(text, "  {key:widest$}");
        for cell in cells {
            let _ = write!(text, " {cell:>11}");
        }
        text.push('\n');
    }
    if let Some(more) = count.checked_sub(SHOWN_OBJECTS).filter(|more| *more > 0) {
        let _ = writeln!(text, "  ({more} {row}s more are in the sum; --json names them all)");
    }
}

pub(super) fn problems(text: &mut String, given_up: &[String], not_sent: &[String], not_sent_count: u64) {
    for line in given_up {
        let _ = writeln!(text, "  given up: {line}");
    }
    for line in not_sent {
        let _ = writeln!(text, "  not sent: {line}");
    }
    if let Some(more) = not_sent_count.checked_sub(not_sent.len() as u64).filter(|more| *more > 0) {
        let _ = writeln!(text, "  ({more} more were not sent)");
    }
}

pub(super) fn cost(text: &mut String, what: &str, seconds: f64, cpu_seconds: f64, peak_memory_bytes: u64) {
    let memory = peak_memory_bytes >> 20;
    let _ = writeln!(
        text,
        "\n{what} in {seconds:.1} s; the function took {cpu_seconds:.2} CPU seconds and {memory} MiB of memory at most"
    );
}
