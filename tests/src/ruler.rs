//! event-ruler, the library that decides for EventBridge which events match a pattern.
//!
//! In: patterns, each with events, all JSON. Out: the events that match, or the reason why the library refuses the
//! pattern.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::place;

/// A pattern, and events to compare with it.
#[derive(Debug, Clone)]
pub struct Question {
    /// The pattern's JSON.
    pub pattern: String,
    /// The events' JSON.
    pub events: Vec<String>,
}

/// The library's answer for each question; `None` after [`place::missing`] has reported it.
///
/// # Panics
/// If the library was installed but does not work.
pub fn answers(questions: &[Question]) -> Option<Vec<Result<Vec<bool>, String>>> {
    static INSTALLED: OnceLock<Result<(), String>> = OnceLock::new();
    let script = place::root().join("scripts/ruler/ruler.sh");
    let install = || {
        let build = Command::new("bash").arg(&script).arg("build").stdin(Stdio::null()).output();
        let build = build.map_err(|error| format!("bash does not start: {error}"))?;
        if build.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&build.stderr).into_owned()) }
    };
    if let Err(why) = INSTALLED.get_or_init(install) {
        place::missing("event-ruler (Java)", why);
        return None;
    }
    let mut command = Command::new("bash");
    command.arg(&script).arg("run").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("bash starts");
    let mut stdin = child.stdin.take().expect("it was piped");
    let mut lines = String::new();
    for question in questions {
        // Tabs separate the parts. JSON may hold raw tabs only between tokens, and the tests write none there.
        let parts = [std::slice::from_ref(&question.pattern), &question.events].concat();
        assert!(!parts.iter().any(|part| part.contains(['\t', '\n', '\r'])), "{parts:?}");
        lines += &(parts.join("\t") + "\n");
    }
    let writing = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = child.wait_with_output().expect("its output is read");
    writing.join().expect("no panic").expect("it reads its input");
    assert!(output.status.success(), "{:?}", output.status);
    let said = String::from_utf8(output.stdout).expect("text");
    let answers: Vec<_> = said
        .lines()
        .map(|line| match line.strip_prefix("E ") {
            Some(why) => Err(why.to_owned()),
            None => Ok(line.chars().map(|answer| answer == '1').collect()),
        })
        .collect();
    assert_eq!(answers.len(), questions.len());
    Some(answers)
}
