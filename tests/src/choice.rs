//! The events that the real `firehose-transform` selects by many rules. Each rule is the `select` of its own dataset.
//!
//! In: rules as YAML, and events. Out: for each rule the selected events, or the fault for which the function refuses
//! it.

use std::fmt::Write as _;
use std::time::Duration;

use emulator::function::{Answer, Function};

use crate::firehose::{self, Outcome, outcomes};
use crate::place;

const TIMEOUT: Duration = Duration::from_mins(1);

/// The function with the rules that it accepted.
#[derive(Debug)]
pub struct Choice {
    function: Function,
    /// The fault of each rule, if it has one.
    pub faults: Vec<Option<String>>,
    _folder: tempfile::TempDir,
}

impl Choice {
    /// Starts the function with these rules, without those that it refuses.
    ///
    /// # Panics
    /// If the function does not start with the remaining rules.
    pub async fn start(rules: &[String]) -> Self {
        let folder = place::scratch();
        let pipeline = folder.path().join("pipeline.yaml");
        let env = [("MILLRACE_PIPELINE", pipeline.display().to_string())];
        let mut faults = vec![None; rules.len()];
        // The function reports all faults at once, so the second start has none.
        for _ in 0..2 {
            let mut yaml = "datasets:\n  - { name: any, from: { delivery_stream: any } }\n".to_owned();
            for (number, rule) in rules.iter().enumerate() {
                assert!(!rule.contains('\n'), "a rule is one line, so that faults are told apart: {rule}");
                let rule = if faults[number].is_none() { rule } else { "\"a:1\"" };
                let from = format!("{{ delivery_stream: r{number} }}");
                let _ = writeln!(yaml, "  - {{ name: r{number}, from: {from}, select: {rule} }}");
            }
            std::fs::write(&pipeline, yaml).expect("the clone is writable");
            let mut function =
                Function::start(&place::function("firehose-transform"), &env).await.expect("the function starts");
            let event = firehose::event("any", &["{}"]);
            let answer = function.invoke(&event, TIMEOUT).await.expect("the binary starts");
            if let Answer::Response(_) = answer {
                return Self { function, faults, _folder: folder };
            }
            let said = function.lines().join("\n").replace("\\n", "\n");
            for fault in said.lines().filter_map(|line| line.split_once("pipeline.yaml:")).map(|(_, fault)| fault) {
                let (line, message) = fault.split_once(':').expect("a line");
                // The first two lines hold no rules.
                let number = line.parse::<usize>().ok().and_then(|line| line.checked_sub(3));
                let of = number.and_then(|number| faults.get_mut(number)).unwrap_or_else(|| panic!("{fault}"));
                of.get_or_insert_with(|| message.to_owned());
            }
        }
        panic!("the function does not start with the rules that had no fault");
    }

    /// Whether a rule selects each event; `None` if the function cannot decide.
    ///
    /// # Panics
    /// If the function fails.
    pub async fn of<D: AsRef<[u8]>>(&mut self, rule: usize, events: &[D]) -> Vec<Option<bool>> {
        let event = firehose::event(&format!("r{rule}"), events);
        let answer = self.function.invoke(&event, TIMEOUT).await.expect("the function runs");
        let chosen = |outcome| match outcome {
            Outcome::Ok(..) => Some(true),
            Outcome::Dropped => Some(false),
            Outcome::ProcessingFailed => None,
        };
        outcomes(&event, &answer).into_iter().map(chosen).collect()
    }
}
