//! A conversation with a program in a terminal. The tests of the deployment (tests/tests/cloud.rs) use this file too.
//!
//! In: a command, and answers to its questions. Out: what the terminal showed. Deliberately absent: a limit of time.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Write},
    process::{Command, Stdio},
};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// A terminal: the side of the person, and the side of the program.
fn terminal() -> (File, File) {
    let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&person).expect("the terminal is this process's own");
    unlockpt(&person).expect("the terminal is this process's own");
    let name = ptsname(&person, Vec::new()).expect("the program's side has a name");
    let program = OpenOptions::new().read(true).write(true).open(name.to_str().expect("a path")).expect("it is there");
    (File::from(person), program)
}

/// Runs a program in a terminal. Each answer is typed when its question is there. Returns whether the program succeeded, and all that
/// the terminal showed.
pub(crate) fn converse(mut command: Command, conversation: &[(&str, &str)]) -> (bool, String) {
    let (mut person, program) = terminal();
    let side = || Stdio::from(program.try_clone().expect("a file"));
    let mut child = command.stdin(side()).stdout(side()).stderr(side()).spawn().expect("the program starts");
    // Only the child holds that side now, so that reading ends with it.
    drop((command, program));
    let mut shown = String::new();
    let mut seen = 0;
    let mut left = conversation.iter();
    let mut next = left.next();
    let mut buffer = [0; 4096];
    // At its end, a terminal reports an error instead of 0 bytes.
    while let Ok(read @ 1..) = person.read(&mut buffer) {
        shown.push_str(&String::from_utf8_lossy(&buffer[..read]));
        while let Some((question, answer)) = next
            && let Some(at) = shown[seen..].find(question)
        {
            seen += at + question.len();
            person.write_all(answer.as_bytes()).expect("the program reads");
            next = left.next();
        }
    }
    let is_done = child.wait().expect("the program ends").success();
    assert_eq!(next, None, "this question was not asked: {shown}");
    (is_done, shown)
}
