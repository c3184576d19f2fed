//! `millrace replay`: the work of the function `replay`, from a terminal and with a progress bar.
//!
//! It uses the same state as the function, so each can continue the work of the other. Progress goes to standard error,
//! the final state to standard output.

use std::{io, time::Duration};

use delivery::lambda::Deadline;
use indicatif::{ProgressBar, ProgressStyle};
use operations::replay::{Phase, Progress, Replay, Request, Step};
use serde_json::{Value, json};

use crate::arguments::{Known, Planned, ReplayOptions};

/// The longest run at a time: the time limit of a Lambda invocation. The next run follows at once.
const STRETCH: Duration = Duration::from_mins(15);

/// Whether the replay has finished. It uses the environment of the function.
pub(crate) async fn replay(options: &ReplayOptions) -> io::Result<bool> {
    let replay = Replay::from_env().await.map_err(io::Error::other)?;
    let event = event(options);
    let mut state = match Request::read(&event).map_err(io::Error::other)? {
        Request::Begin(what, id) => replay.begin(what, id, Deadline::after(STRETCH)).await,
        Request::Continue(id) => replay.to_continue(&id).await,
        Request::Next(id) => replay.known(&id).await,
        Request::Progress(_) | Request::Stop(_) | Request::Plan(..) => {
            let progress = replay.handle(&event, "", Deadline::after(STRETCH)).await.map_err(io::Error::other)?;
            println!("{progress:#}");
            return Ok(true);
        }
    }
    .map_err(io::Error::other)?;
    let shown = Shown::new(&state.value);
    let begun = state.value.clone();
    let work = async {
        loop {
            match replay.work(&mut state, Deadline::after(STRETCH), |progress| shown.at(progress)).await {
                Ok(Step::TimedOut) => {}
                result => return result,
            }
        }
    };
    // Counting lists a thousand objects per request. It is far ahead of the sending, and gives the total for the
    // progress bar.
    let count = async {
        if shown.is_seen()
            && let Err(error) = replay.count(&begun, |count| shown.bar.set_length(count)).await
        {
            tracing::info!(%error, "the objects could not be counted: the progress has no total");
        }
        std::future::pending().await
    };
    let step = tokio::select! {
        step = work => step,
        never = count => never,
    };
    shown.bar.finish_and_clear();
    let id = state.value.id.clone();
    let go_on = format!("continue with `millrace replay --continue {id}`");
    let step = step.map_err(|error| io::Error::other(format!("{error}; {go_on}")))?;
    let progress =
        replay.handle(&json!({ "progress": id }), "", Deadline::after(STRETCH)).await.map_err(io::Error::other)?;
    println!("{progress:#}");
    if step == Step::Superseded {
        eprintln!("it was stopped, or another invocation is running it: see `millrace replay --progress {id}`");
    }
    Ok(step == Step::Finished && progress["phase"] == json!(Phase::Done))
}

/// The event that starts the same work in the function.
fn event(options: &ReplayOptions) -> Value {
    let ReplayOptions { place, dead_letters, reason, dataset, since, until, rate, recreate, planned, known } = options;
    let Planned { dry_run, plan, without_snapshot } = planned;
    let Known { continued, progress, stop } = known;
    let place_is = if *dead_letters { "dead_letters" } else { "from" };
    let given = [
        (place_is, json!(place)),
        ("reason", json!(reason)),
        ("dataset", json!(dataset)),
        ("since", json!(since)),
        ("until", json!(until)),
        ("rate", json!(rate)),
        ("recreate", json!(recreate.then_some(true))),
        ("dry_run", json!(dry_run.then_some(true))),
        ("plan", json!(plan)),
        ("without_snapshot", json!(without_snapshot.then_some(true))),
        ("continue", json!(continued)),
        ("progress", json!(progress)),
        ("stop", json!(stop)),
    ];
    given.into_iter().filter(|(_, value)| !value.is_null()).map(|(key, value)| (key.to_owned(), value)).collect()
}

/// A progress bar on a terminal; elsewhere a line for each phase.
struct Shown {
    bar: ProgressBar,
    phase: std::cell::Cell<Option<Phase>>,
}

impl Shown {
    fn new(progress: &Progress) -> Self {
        let style =
            ProgressStyle::with_template("  {bar:30} {human_pos} of {human_len} objects  {msg}  {per_sec}  ETA {eta}");
        // The bar goes to standard error. It is hidden if that is not a terminal.
        let bar = ProgressBar::no_length()
            .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
            .with_position(progress.listed);
        eprintln!("replay {}", progress.id);
        Self { bar, phase: std::cell::Cell::new(None) }
    }

    fn is_seen(&self) -> bool {
        !self.bar.is_hidden()
    }

    fn at(&self, progress: &Progress) {
        let phase = match progress.phase {
            Phase::Pausing => "pausing the sources",
            Phase::Snapshotting => "taking a snapshot",
            Phase::Recreating => "deleting indices",
            Phase::Releasing => "releasing the sources",
            Phase::Sending | Phase::Done => "sending",
            Phase::Stopped => "stopped",
        };
        self.bar.set_position(progress.listed);
        self.bar.set_message(format!("{phase}, {} sent", progress.sent));
        if self.phase.replace(Some(progress.phase)) != Some(progress.phase) && !self.is_seen() {
            eprintln!("{phase}");
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::arguments::{Arguments, Command};

    fn asked(arguments: &[&str]) -> Result<Value, String> {
        let parsed = Arguments::try_parse_from([&["millrace", "replay"], arguments].concat());
        match parsed.map_err(|error| error.to_string())?.command {
            Some(Command::Replay(options)) => Ok(event(&options)),
            other => Err(format!("{other:?}")),
        }
    }

    #[test]
    fn arguments_are_the_event_that_the_function_takes() {
        for (arguments, event) in [
            (&["s3://b/p"][..], json!({ "from": "s3://b/p" })),
            (
                &["s3://b/p", "--dataset", "a", "--since", "2026-11-22", "--rate", "5"],
                json!({ "from": "s3://b/p", "dataset": "a", "since": "2026-11-22", "rate": 5.0 }),
            ),
            (
                &["--recreate", "--dataset", "a", "--since", "2026-11-22", "--dry-run"],
                json!({ "dataset": "a", "since": "2026-11-22", "recreate": true, "dry_run": true }),
            ),
            (
                &["--recreate", "--dataset", "a", "--plan", "1-2", "--without-snapshot"],
                json!({ "dataset": "a", "recreate": true, "plan": "1-2", "without_snapshot": true }),
            ),
            (
                &["s3://d/letters", "--dead-letters", "--reason", "invalid_json"],
                json!({ "dead_letters": "s3://d/letters", "reason": "invalid_json" }),
            ),
            (&["--continue", "1-2"], json!({ "continue": "1-2" })),
            (&["--progress", "1-2"], json!({ "progress": "1-2" })),
            (&["--stop", "1-2"], json!({ "stop": "1-2" })),
        ] {
            assert_eq!(asked(arguments), Ok(event.clone()), "{arguments:?}");
            Request::read(&event).expect("the function takes it");
        }
        for arguments in [
            &[][..],
            &["s3://b", "--stop", "1-2"],
            &["--stop", "1-2", "--continue", "1-2"],
            &["s3://b", "--recreate"],
            &["--recreate", "--dataset", "a"],
            &["--recreate", "--dataset", "a", "--dry-run", "--plan", "1-2"],
            &["s3://b", "--dry-run"],
            &["s3://b", "--plan", "1-2"],
            &["s3://b", "--reason", "a"],
            &["s3://b", "--dead-letters", "--dataset", "a"],
        ] {
            assert!(asked(arguments).is_err(), "{arguments:?}");
        }
    }
}
