//! Whether deliveries stand still for a reason that only the deliveries show: a missing permission, or the capacity of
//! a collection.
//!
//! In: the marks of the functions and the number of written documents, both compared with the previous run. Out: the
//! reason, for a few runs. Then the sources are on for one run as a trial, and only a new mark pauses them again. So a
//! run without the marks or without its stored state releases the sources. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use delivery::aws::marks::Mark;

/// The sources stay off for this many runs: a quarter of an hour by the schedule. Then the trial follows.
const RUNS: u32 = 3;

/// The marks that could be read, by function, each with its entity tag.
pub(super) type Marked = BTreeMap<String, Option<(String, Mark)>>;

/// The state that one run stores for the next.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Deliveries {
    /// The entity tag of each function's mark, by function. Empty if there was none.
    seen: BTreeMap<String, String>,
    /// The number of documents written to the indices of all datasets; unknown for a collection.
    written: Option<u64>,
    /// The sources stay off for this many more runs.
    runs_left: u32,
    reason: String,
}

impl Deliveries {
    /// Evaluates one run, and returns the reason to turn the sources off. `functions` is the number of functions that
    /// deliver events.
    pub(super) fn look(&mut self, marked: &Marked, functions: usize, written: Option<u64>) -> Option<String> {
        let new = self.new_marks(marked);
        // A stored state from another writer keeps the sources off no longer than one of ours.
        self.runs_left = self.runs_left.min(RUNS);
        // A lower count comes from a restart or a deletion. It does not prove that nothing is written.
        let is_written = self.written.zip(written).map(|(before, now)| before != now);
        for (function, mark) in marked {
            self.seen.insert(function.clone(), mark.as_ref().map(|(etag, _)| etag.clone()).unwrap_or_default());
        }
        self.written = written;
        if self.runs_left > 0 {
            self.runs_left -= 1;
        } else if is_standstill(&new, functions, is_written) {
            self.runs_left = RUNS;
            self.reason = new.first().map(|(function, mark)| reason(function, mark)).unwrap_or_default();
        }
        (self.runs_left > 0).then(|| self.reason.clone())
    }

    /// The marks that have changed since the previous run. A mark that this state sees for the first time may have any
    /// age.
    fn new_marks<'m>(&self, marked: &'m Marked) -> Vec<(&'m String, &'m Mark)> {
        let new = |(function, mark): (&'m String, &'m Option<(String, Mark)>)| {
            let (etag, mark) = mark.as_ref()?;
            self.seen.get(function).is_some_and(|seen| seen != etag).then_some((function, mark))
        };
        marked.iter().filter_map(new).collect()
    }
}

/// Whether nothing is delivered. If the number of written documents is unknown, every function must have a new mark: a
/// function without one may still deliver.
fn is_standstill(new: &[(&String, &Mark)], functions: usize, is_written: Option<bool>) -> bool {
    match is_written {
        Some(is_written) => !new.is_empty() && !is_written,
        None => !new.is_empty() && new.len() == functions,
    }
}

fn reason(function: &str, Mark { reason, message, .. }: &Mark) -> String {
    format!("every delivery of {function} is refused ({reason}): {message}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(etags: &[(&str, &str)]) -> Marked {
        let mark = Mark { reason: "permission".into(), message: "no permissions".into(), at_ms: 1 };
        let one = |(function, etag): &(&str, &str)| {
            ((*function).to_owned(), (!etag.is_empty()).then(|| ((*etag).to_owned(), mark.clone())))
        };
        etags.iter().map(one).collect()
    }

    #[test]
    fn a_new_mark_pauses_for_a_few_runs_and_then_there_is_a_trial() {
        let mut deliveries = Deliveries::default();
        let mut run = |etag: &str, written| deliveries.look(&marked(&[("s3", etag)]), 1, Some(written)).is_some();
        assert!(!run("old", 5), "of unknown age");
        assert!(!run("old", 5), "the same");
        assert!(!run("new", 6), "something was written meanwhile");
        assert!(run("newer", 6));
        // Late marks from invocations that had started before.
        assert!(run("late", 6) && run("late", 6));
        assert!(!run("late", 6), "the trial");
        assert!(!run("late", 6), "nothing is refused any more");
        assert!(run("again", 6));
        assert!(run("again", 6) && run("again", 6) && !run("again", 6));
        assert!(run("refused in the trial", 6));
    }

    #[test]
    fn it_never_pauses_for_longer_than_its_runs_without_a_new_mark() {
        for (written, now) in [(None, None), (Some(3), None), (None, Some(3)), (Some(3), Some(3))] {
            let mut deliveries = Deliveries::default();
            deliveries.look(&marked(&[("s3", "")]), 1, written);
            deliveries.look(&marked(&[("s3", "a")]), 1, now);
            let off = (0..100).filter(|_| deliveries.look(&marked(&[("s3", "a")]), 1, now).is_some()).count();
            assert!(off <= 3, "{off}");
        }
    }

    #[test]
    fn a_foreign_memory_keeps_the_sources_off_no_longer() {
        let mut deliveries: Deliveries = serde_json::from_str(r#"{"runs_left": 4294967295}"#).unwrap();
        assert!((0..10).filter(|_| deliveries.look(&marked(&[]), 1, Some(1)).is_some()).count() <= 3);
    }

    #[test]
    fn if_the_written_documents_are_unknown_every_function_has_to_be_refused() {
        let mut deliveries = Deliveries::default();
        let mut run = |etags: &[(&str, &str)], functions| deliveries.look(&marked(etags), functions, None).is_some();
        assert!(!run(&[("kinesis", ""), ("s3", "")], 2));
        assert!(!run(&[("kinesis", "1"), ("s3", "")], 2), "the other may deliver");
        assert!(!run(&[("kinesis", "2")], 2), "the other's mark could not be read");
        assert!(run(&[("kinesis", "3"), ("s3", "1")], 2));
        assert!(Deliveries::default().look(&marked(&[]), 0, None).is_none());
    }

    #[test]
    fn a_memory_that_is_lost_or_of_the_release_before_releases() {
        let mut deliveries: Deliveries = serde_json::from_str("{}").unwrap();
        assert_eq!(deliveries.look(&marked(&[("s3", "a")]), 1, Some(1)), None);
        assert!(deliveries.look(&marked(&[("s3", "b")]), 1, Some(1)).is_some());
        let text = serde_json::to_string(&deliveries).unwrap();
        assert_eq!(serde_json::from_str::<Deliveries>(&text).unwrap(), deliveries);
    }
}
