//! What the subcommands do, a file each. Whether all went well becomes the exit code.

mod carry;
mod check;
mod demo;
mod import_logstash;
mod ingest;

pub(crate) use check::check;
pub(crate) use demo::demo;
pub(crate) use import_logstash::import_logstash;
pub(crate) use ingest::ingest;

pub(crate) fn plural(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
