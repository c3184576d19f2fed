//! The progress of a delivery on standard error: a bar on a terminal, else a line for each receipt.

use std::{io::IsTerminal, sync::Arc};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;

use crate::page::live::Live;

/// The fates of an event, by their names in receipts.
pub const EVENT_FATES: [&str; 6] = ["dropped", "expired", "indexed", "duplicates", "rejected", "undelivered"];

/// The progress of one delivery.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    lines: bool,
    sent_before: u64,
    created_before: u64,
    /// The page that shows it too.
    live: Option<Arc<Live>>,
}

impl Progress {
    /// Starts the progress of `bytes` bytes. Bytes that S3 sent before and documents that the domain created before are
    /// not counted.
    pub fn new(bytes: u64, sent_before: u64, created_before: u64) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let target = if terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let style = ProgressStyle::with_template("  {bar:30} {bytes}/{total_bytes}  {msg}  {elapsed}");
        let bar = ProgressBar::with_draw_target(Some(bytes), target)
            .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar, lines: !terminal, sent_before, created_before, live: None }
    }

    /// Reports to a page too.
    #[must_use]
    pub fn shown_by(mut self, live: Option<Arc<Live>>) -> Self {
        if let Some(live) = &live {
            live.begin(self.bar.length().unwrap_or_default());
        }
        self.live = live;
        self
    }

    /// Updates the bar: the bytes sent by S3 and the documents created so far.
    pub fn at(&self, sent: u64, created: Option<u64>) {
        self.bar.set_position(sent - self.sent_before);
        if let Some(live) = &self.live {
            live.at(sent - self.sent_before);
        }
        if let Some(created) = created {
            self.bar.set_message(format!("{} new documents", created - self.created_before));
        }
    }

    /// Prints the result for one object or file, if there is no bar.
    pub fn settled(&self, what: &str, receipt: &Value, fates: &[&str]) {
        if self.lines {
            let count = |name: &str| receipt[name].as_u64().unwrap_or_default();
            let known: Vec<String> =
                fates.iter().filter(|fate| count(fate) > 0).map(|fate| format!("{} {fate}", count(fate))).collect();
            let known = if known.is_empty() { "nothing".to_owned() } else { known.join(", ") };
            eprintln!("{what}: {} read: {known}", count("read"));
        }
    }

    /// An attempt at an object, or at records of a file, has a receipt.
    pub fn received(&self, key: &str, receipt: &Value) {
        if let Some(live) = &self.live {
            live.receipt(key, receipt);
        }
    }

    /// Prints a failure. The message or batch may be redelivered.
    pub fn failed(&self, line: &str) {
        if self.lines {
            eprintln!("{line}");
        } else {
            self.bar.println(line);
        }
    }

    /// Removes the bar.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
        if let Some(live) = &self.live {
            live.end();
        }
    }
}
