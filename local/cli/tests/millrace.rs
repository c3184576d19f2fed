//! The program with the real functions, and the deliveries of its library.

#![expect(clippy::unwrap_used, reason = "a test ends where it meets what it does not expect")]
#![expect(clippy::disallowed_methods, reason = "signatures and deadlines follow the clock")]

#[path = "millrace/init.rs"]
mod init;
#[path = "millrace/picture.rs"]
mod picture;
#[path = "millrace/program.rs"]
mod program;
#[path = "millrace/rules.rs"]
mod rules;
#[path = "millrace/stream.rs"]
mod stream;
#[path = "millrace/terminal.rs"]
mod terminal;
