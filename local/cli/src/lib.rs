//! The program `millrace`: the whole path of an event on your own machine, and the commands for a deployment.
//!
//! # Layout
//! In the order of a run: [`binary`] finds the function, [`files`] or [`sample`] the objects. [`machine`] connects the
//! services of [`emulator`]. [`deliver`] delivers the notifications of the objects to the function, and [`stream`] the
//! records of a stream; [`attempt`] is one invocation. [`progress`], [`reasons`] and [`report`] show the result, and
//! [`page`] shows it in a browser while events arrive.
//!
//! Other modules need none of these services: [`check`] tries the rules on files, [`schema`] describes the rules to
//! editors. [`picture`] draws the data of a domain. [`init`] writes the first rules and the settings of a deployment. The package [`logstash`] makes rules from a Logstash configuration.
//!
//! Deliberately absent: any other way to ingest. All documents in the domain come through a function.

pub mod attempt;
pub mod binary;
pub mod check;
pub mod deliver;
pub mod files;
pub mod init;
pub mod machine;
pub mod page;
pub mod picture;
pub mod progress;
pub mod reasons;
pub mod report;
pub mod sample;
pub mod schema;
pub mod stream;
