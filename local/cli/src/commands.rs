//! The subcommands, one file each. Each returns whether all went well, which decides the exit code.

mod adopt;
mod audit;
mod check;
mod delivery;
mod demo;
mod doctor;
mod import_logstash;
mod ingest;
mod init;
mod print;
mod replay;
mod rules_file;
mod setup;
mod test_rules;

pub(crate) use adopt::adopt;
pub(crate) use audit::audit;
pub(crate) use check::check;
pub(crate) use demo::demo;
pub(crate) use doctor::doctor;
pub(crate) use import_logstash::import_logstash;
pub(crate) use ingest::ingest;
pub(crate) use init::init;
pub(crate) use replay::replay;
pub(crate) use setup::setup;
pub(crate) use test_rules::test_rules;
