//! Detects an invocation in which all requests were refused, for a reason that only writers see.
//!
//! In: the answers to `_bulk`, and to the look-ups before it. Out: the reason, if there was no other answer.
//! Deliberately absent: the recipients of the reason (`delivery`, `operations::brake`).

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use pipeline::bulk::ItemResult;

/// A process that has delivered an item within this time reports no standstill, even if another dataset is refused.
const LATELY: Duration = Duration::from_mins(10);

/// Why the domain refuses all requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// 401 or 403: the role may not write there.
    Permission,
    /// 429: the domain is overloaded, or the capacity of a collection is reached.
    Overload,
}

impl Reason {
    /// Its name in a mark.
    pub fn name(self) -> &'static str {
        match self {
            Self::Permission => "permission",
            Self::Overload => "overload",
        }
    }
}

/// The outcomes of this process's requests.
#[derive(Debug, Default)]
pub struct Met(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    /// The first refusal of this invocation, with the domain's error message.
    refused: Option<(Reason, String)>,
    /// Whether this invocation had any other outcome.
    is_other: bool,
    last_taken: Option<Instant>,
}

impl Met {
    /// Begins a new invocation.
    pub fn begin(&self) {
        let mut state = self.lock();
        state.refused = None;
        state.is_other = false;
    }

    /// Records the status of a whole request without answers to its items ([`Self::items`]). `None`: there was no answer.
    pub fn request(&self, status: Option<u16>, words: impl FnOnce() -> String) {
        let reason = match status {
            Some(401 | 403) => Some(Reason::Permission),
            Some(429) => Some(Reason::Overload),
            _ => None,
        };
        self.lock().note(reason, words);
    }

    /// Records an outcome that is no refusal, such as events that the domain holds already.
    pub fn other(&self) {
        self.lock().note(None, String::new);
    }

    /// Records the answers to the items of a request.
    pub fn items(&self, results: &[ItemResult], now: Instant) {
        let mut state = self.lock();
        for result in results {
            if result.is_accepted() {
                state.last_taken = Some(now);
            }
            let words = || result.error.as_ref().map(ToString::to_string).unwrap_or_default();
            state.note(reason(result), words);
        }
    }

    /// The reason of the refusals, if this invocation had no other outcome.
    pub fn standstill(&self, now: Instant) -> Option<(Reason, String)> {
        let state = self.lock();
        let is_taken_lately = state.last_taken.is_some_and(|at| now.saturating_duration_since(at) < LATELY);
        if state.is_other || is_taken_lately { None } else { state.refused.clone() }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    fn note(&mut self, reason: Option<Reason>, words: impl FnOnce() -> String) {
        match reason {
            Some(reason) if self.refused.is_none() => self.refused = Some((reason, words())),
            Some(_) => {}
            None => self.is_other = true,
        }
    }
}

fn reason(result: &ItemResult) -> Option<Reason> {
    match result.status {
        403 if result.error_type() == "security_exception" => Some(Reason::Permission),
        429 => Some(Reason::Overload),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline::bulk::ItemError;

    fn item(status: u16, error_type: &str) -> ItemResult {
        let error = ItemError { error_type: error_type.into(), reason: "no".into(), caused_by: None };
        ItemResult { status, id: None, result: None, error: (status >= 300).then_some(error.into()) }
    }

    fn standstill(met: &Met, now: Instant) -> Option<Reason> {
        met.standstill(now).map(|(reason, _)| reason)
    }

    #[test]
    fn only_an_invocation_that_met_nothing_else_stands_still() {
        let now = Instant::now();
        for (statuses, items, expected) in [
            (&[Some(403), Some(403)][..], &[][..], Some(Reason::Permission)),
            (&[Some(429)], &[], Some(Reason::Overload)),
            (&[], &[(403, "security_exception"), (403, "security_exception")], Some(Reason::Permission)),
            (&[Some(429)], &[(429, "rejected_execution_exception")], Some(Reason::Overload)),
            // A full disk, a faulty document, a domain that is gone, and no request at all.
            (&[], &[(403, "cluster_block_exception")], None),
            (&[Some(403)], &[(400, "mapper_parsing_exception")], None),
            (&[Some(403), Some(503)], &[], None),
            (&[Some(403), None], &[], None),
            (&[], &[], None),
        ] {
            let met = Met::default();
            met.begin();
            for status in statuses {
                met.request(*status, String::new);
            }
            let items: Vec<_> = items.iter().map(|(status, name)| item(*status, name)).collect();
            met.items(&items, now);
            assert_eq!(standstill(&met, now), expected, "{statuses:?} {items:?}");
        }
    }

    #[test]
    fn a_process_that_delivers_for_another_dataset_is_not_at_a_standstill() {
        let (met, now) = (Met::default(), Instant::now());
        met.items(&[item(201, "")], now);
        met.begin();
        met.request(Some(403), || "no permissions".into());
        assert_eq!(standstill(&met, now + Duration::from_mins(1)), None);
        assert_eq!(standstill(&met, now + LATELY), Some(Reason::Permission));
        met.begin();
        assert_eq!(standstill(&met, now + LATELY), None);
    }
}
