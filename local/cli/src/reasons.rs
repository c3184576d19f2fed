//! The reasons why a delivery makes no progress, from the function's log, shown as soon as they are logged.
//!
//! In: the lines of the function's log. Out: each warning or error once, and the reason why an invocation or a message
//! failed. Deliberately absent: messages below the level WARN, and receipts.

use std::collections::HashSet;

use emulator::function::{Function, Output};
use serde_json::Value;

use crate::progress::Progress;

/// The largest number of different reasons shown in one run. A domain that names the document in each refusal gives one
/// reason per document.
const MOST_SHOWN: usize = 20;

/// The warnings and errors of a function.
#[derive(Debug)]
pub struct Reasons {
    output: Output,
    seen_lines: usize,
    shown: HashSet<String>,
    /// The errors of the current invocation, in the order of the log: the message id, if any, and the reason.
    failures: Vec<(Option<String>, String)>,
    /// The last warning or error of the current invocation.
    last: Option<String>,
}

impl Reasons {
    /// Reads the log of a function from now on.
    pub fn of(function: &Function) -> Self {
        let output = function.output();
        let seen_lines = output.line_count();
        Self { output, seen_lines, shown: HashSet::new(), failures: Vec::new(), last: None }
    }

    #[cfg(test)]
    pub(crate) fn without_lines() -> std::io::Result<Self> {
        let output = Output::new()?;
        Ok(Self { output, seen_lines: 0, shown: HashSet::new(), failures: Vec::new(), last: None })
    }

    /// Starts a new invocation.
    pub fn begin(&mut self) {
        self.failures.clear();
        self.last = None;
    }

    /// Shows the warnings and errors that the function logged since the last call.
    pub fn show(&mut self, progress: &Progress) {
        let lines = self.output.lines_from(self.seen_lines);
        self.seen_lines += lines.len();
        for line in lines {
            let Some(text) = self.take(&line) else { continue };
            if self.shown.len() < MOST_SHOWN && self.shown.insert(text.clone()) {
                progress.failed(&text);
            }
        }
    }

    /// Reads one line. Returns the text to show if the line is a warning or an error.
    fn take(&mut self, line: &str) -> Option<String> {
        let line: Value = serde_json::from_str(line).ok()?;
        let text = |name: &str| line[name].as_str().filter(|text| !text.is_empty());
        let level = text("level").filter(|level| matches!(*level, "WARN" | "ERROR"))?;
        let reason = ["reason", "error"].into_iter().find_map(text);
        let message = text("message").unwrap_or("the function");
        let shown = match (text("what"), reason) {
            (Some(what), Some(reason)) => format!("{what}: {reason} ({message})"),
            (None, Some(reason)) => format!("{reason} ({message})"),
            (_, None) => message.to_owned(),
        };
        // For a refused item the log has the status in a separate field.
        let status = line["status"].as_u64().map_or_else(String::new, |status| format!("{status} "));
        let (shown, why) = (status.clone() + &shown, status + reason.unwrap_or(message));
        if level == "ERROR" {
            self.failures.push((text("message_id").map(str::to_owned), why.clone()));
        }
        self.last = Some(why);
        Some(shown)
    }

    /// The reason why this message failed. Without a `message_id`, the reason why the invocation failed.
    pub fn why(&self, message_id: Option<&str>) -> String {
        let own = self.failures.iter().rev().find(|(id, _)| message_id.is_some() && id.as_deref() == message_id);
        let any = self.failures.last().filter(|_| message_id.is_none());
        let why = own.or(any).map(|(_, why)| why).or(self.last.as_ref());
        why.map_or_else(|| "the function does not say why".to_owned(), Clone::clone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reasons(lines: &[&str]) -> (Reasons, Vec<String>) {
        let mut reasons = Reasons::without_lines().unwrap();
        let shown = lines.iter().filter_map(|line| reasons.take(line)).collect();
        (reasons, shown)
    }

    #[test]
    fn a_warning_is_shown_with_its_reason_and_a_message_has_its_own() {
        let (reasons, shown) = reasons(&[
            r#"{"level":"INFO","message":"receipt","reason":"x"}"#,
            r#"{"level":"WARN","message":"sending again","what":"POST https://d/_bulk","reason":"invalid peer certificate: UnknownIssuer"}"#,
            r#"{"level":"ERROR","message":"the message failed and will be redelivered","message_id":"1","reason":"POST https://d/_bulk: 403 no"}"#,
            r#"{"level":"ERROR","message":"the message failed and will be redelivered","message_id":"2","reason":"other"}"#,
            "a panic",
        ]);
        let expected = [
            "POST https://d/_bulk: invalid peer certificate: UnknownIssuer (sending again)",
            "POST https://d/_bulk: 403 no (the message failed and will be redelivered)",
            "other (the message failed and will be redelivered)",
        ];
        assert_eq!(shown, expected);
        assert_eq!(reasons.why(Some("1")), "POST https://d/_bulk: 403 no");
        assert_eq!(reasons.why(Some("2")), "other");
        assert_eq!(reasons.why(None), "other");
        assert_eq!(reasons.why(Some("3")), "other", "better than nothing");
    }

    #[test]
    fn a_function_without_a_log_has_no_reason() {
        assert_eq!(reasons(&[]).0.why(None), "the function does not say why");
    }
}
