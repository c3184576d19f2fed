//! `drop`: excludes the events for which the conditions around it hold, and lists where that differs from Logstash.

use super::{state::Filtered, under::Under};
use crate::{
    ast::{Branch, Place},
    difference::{self, Difference},
    note::Effect,
    query::{MAX_TERMS, Query},
};

impl Filtered<'_> {
    /// Lists the differences between conditions here and in Logstash. With `drops`, events for which the conditions
    /// hold are dropped, else kept.
    pub(crate) fn list_differences(&mut self, differences: &[(Place, Difference)], drops: bool) {
        for (at, difference) in differences {
            let (effect, consequence) = match difference.holds {
                None => (Effect::Assumed, ""),
                Some(holds) if holds == drops => (Effect::Drops, "; such an event is dropped, and Logstash keeps it"),
                Some(_) => (Effect::Keeps, "; such an event is kept, and Logstash drops it"),
            };
            self.notes.add(*at, effect, format!("{}{consequence}", difference.text));
        }
    }

    /// `drop`: excludes the events for which the conditions hold.
    pub(super) fn drop_under(&mut self, at: Place, under: &Under) {
        let query = under.query.as_ref().map(Query::exact);
        let query = query.filter(|query| self.wanted.terms() + query.terms() <= MAX_TERMS);
        let Some(query) = query else {
            let text = "`drop` under a condition that no query says: the events are kept; write your own `select`";
            return self.notes.add(at, Effect::Keeps, text);
        };
        if query != Query::Never {
            self.list_differences(&under.differences, true);
        }
        self.wanted = Query::all([self.wanted.clone(), query.not()]);
    }

    /// The differences between the condition of a branch here and in Logstash. With `is_negated`, those of its
    /// negation.
    pub(crate) fn differences(&self, branch: &Branch, is_negated: bool) -> Vec<(Place, Difference)> {
        let Some(condition) = &branch.condition else { return Vec::new() };
        let found = difference::of(condition, is_negated, &self.fields);
        found.into_iter().map(|difference| (branch.at, difference)).collect()
    }
}
