//! `millrace init`: asks, looks at samples, and writes the files of a new deployment.

use std::io::{self, IsTerminal, stderr, stdin};

use millrace::init::{Questions, Written, init as write_files, options::InitOptions};

/// Whether the files were written.
pub(crate) fn init(options: &InitOptions) -> io::Result<bool> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a field holds the time of events if its values are not in the future"
    )]
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let mut questions = if stdin().is_terminal() && stderr().is_terminal() {
        Questions::in_terminal(stdin().lock(), stderr())
    } else {
        Questions::without_terminal()
    };
    let Written { files, notes, next } = write_files(options, &mut questions, now_ms)?;
    for file in files {
        println!("wrote {}", file.display());
    }
    for note in notes {
        println!("  {note}");
    }
    println!("\nNext:");
    for command in next {
        println!("  {command}");
    }
    Ok(true)
}
