//! `millrace PATH…` ingests the user's files into a domain, as objects of S3 or as records of a stream. `millrace demo` does
//! the same with samples. `millrace init` writes the files of a new deployment. `millrace check` shows the effect of pipeline.yaml on files. `millrace test` runs its tests. `millrace import-logstash` makes a
//! pipeline.yaml. `millrace doctor`, `millrace setup`, `millrace adopt`, `millrace replay` and `millrace audit` work on a deployment.
//!
//! In: arguments. Out: progress on standard error, the report on standard output, exit code 1 if something is
//! undelivered. All other work is done by the library.

mod arguments;
mod commands;

use std::{io, process::ExitCode};

use clap::Parser;
use millrace::{picture, schema};

use arguments::{Arguments, Command};

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().with_env_filter("warn,s3s=off").with_writer(io::stderr).init();
    let arguments = Arguments::parse();
    let run = tokio::select! {
        // Comes first, so that `--keep` can handle Ctrl-C itself.
        biased;
        run = run(&arguments) => run,
        // Dropping the run also ends the child process and deletes the temporary folder.
        _ = tokio::signal::ctrl_c() => Err(io::Error::new(io::ErrorKind::Interrupted, "interrupted")),
    };
    match run {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the command. Returns whether all went well.
async fn run(arguments: &Arguments) -> io::Result<bool> {
    match &arguments.command {
        Some(Command::Demo { events, output }) => commands::demo(*events, output).await,
        Some(Command::Init(options)) => commands::init(options),
        Some(Command::Check { samples, pipeline, bucket, json }) => {
            commands::check(samples, pipeline.as_deref(), bucket.as_deref(), *json)
        }
        Some(Command::Test { file, json }) => commands::test_rules(file.clone(), *json),
        Some(Command::Schema) => {
            print!("{}", schema::schema()?);
            Ok(true)
        }
        Some(Command::ImportLogstash { file, output, accept_losses }) => {
            commands::import_logstash(file, output.as_deref(), *accept_losses)
        }
        Some(Command::Doctor { pipeline, json }) => commands::doctor(pipeline.clone(), *json).await,
        Some(Command::Setup { take_over, remove, json }) => commands::setup(*take_over, *remove, *json).await,
        Some(Command::Adopt(options)) => commands::adopt(options).await,
        Some(Command::Audit { place, receipts, pipeline, json }) => {
            commands::audit(place, receipts, pipeline.clone(), *json).await
        }
        // Boxed, since the futures are large: the compiler has a limit for the depth of nested futures.
        Some(Command::Replay(options)) => Box::pin(commands::replay(options)).await,
        Some(Command::Picture(options)) => Box::pin(picture::draw(options)).await,
        None => commands::ingest(&arguments.run).await,
    }
}
