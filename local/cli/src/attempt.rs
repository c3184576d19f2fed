//! One invocation of the function after another, with the progress, the reasons and the receipts of each.

use std::{io, time::Duration};

use emulator::{
    function::{self, Answer, Function},
    s3::S3,
};
use serde_json::Value;

use crate::{machine::Machine, progress::Progress, reasons::Reasons};

/// The invocations of a delivery so far.
#[derive(Debug)]
pub struct Attempts {
    /// The warnings and errors of the last one.
    pub reasons: Reasons,
    /// Their number.
    pub count: u64,
    seen_lines: usize,
}

impl Attempts {
    /// No invocation yet.
    pub fn of(function: &Function) -> Self {
        Self { reasons: Reasons::of(function), count: 0, seen_lines: function.line_count() }
    }

    /// Invokes the function. `sent` is the number of bytes sent so far. Returns the answer and the receipts.
    ///
    /// # Errors
    /// The function can't be started, or reports that its configuration is wrong.
    pub async fn invoke(
        &mut self,
        machine: &mut Machine,
        event: &Value,
        timeout: Duration,
        progress: &Progress,
        sent: impl Fn(&S3) -> u64,
    ) -> io::Result<(Answer, Vec<Value>)> {
        self.count += 1;
        self.reasons.begin();
        let Machine { s3, domain, function, .. } = machine;
        let answer = {
            let mut invocation = std::pin::pin!(function.invoke(event, timeout));
            let mut tick = tokio::time::interval(Duration::from_millis(100));
            loop {
                tokio::select! {
                    answer = &mut invocation => break answer?,
                    _ = tick.tick() => {
                        self.reasons.show(progress);
                        progress.at(sent(s3), domain.as_ref().map(|domain| domain.stats().created));
                    }
                }
            }
        };
        self.reasons.show(progress);
        if let Answer::InitError { error_type, message } = answer {
            return Err(io::Error::other(format!("the function does not start: {error_type}: {message}")));
        }
        let lines = function.lines_from(self.seen_lines);
        self.seen_lines += lines.len();
        Ok((answer, function::receipts(&lines)))
    }
}
