//! Runs through the filters, in their order, for the events of one input.
//!
//! In: the statements, and the known facts about the events. Out: the changes of the fields, the query for the wanted
//! events, and the field with their time. A rule under a condition has no counterpart, with two exceptions: the
//! condition only requires fields that the rule needs anyway (`if [lat] { … "%{lat}" … }`), or its result is known
//! beforehand (`if [type] == "app"`, if the input sets it).

mod advice;
pub(super) mod common;
mod condition;
mod date;
mod drop;
mod fingerprint;
mod json;
mod mutate;
mod prune;
mod split;
mod state;
mod under;

pub(super) use state::{Filtered, Json};
pub(super) use under::Under;

use super::{
    ast::{Branch, Place, Plugin, Statement},
    note::Effect,
    query::{MAX_TERMS, Query},
    settings::Settings,
};
use under::Rules;

impl Filtered<'_> {
    pub(super) fn statements(&mut self, statements: &[Statement], under: &Under) {
        for statement in statements {
            match statement {
                Statement::Plugin(plugin) => self.plugin(plugin, under),
                Statement::Branches(branches) => self.branches(branches, under),
            }
        }
    }

    fn branches(&mut self, branches: &[Branch], under: &Under) {
        // The events that no earlier branch took; unknown after a condition that no query can express.
        let mut left = Some(Query::Always);
        let mut differences = Vec::new();
        for branch in branches {
            if left == Some(Query::Never) {
                return;
            }
            let this = match &branch.condition {
                None => Some(Query::Always),
                Some(condition) => match self.query(condition) {
                    Ok(query) => Some(query),
                    Err(error) => {
                        let text = format!(
                            "the condition cannot be said as a query: {error}; what stands under it is listed by itself"
                        );
                        self.notes.add(branch.at, Effect::Unknown, text);
                        None
                    }
                },
            };
            let contrary = self.differences(branch, true);
            if this != Some(Query::Never) {
                let mut here = if left.is_some() { differences.clone() } else { Vec::new() };
                here.extend(self.differences(branch, false));
                let inner = under.and(branch, left.as_ref(), this.as_ref(), &here);
                if has_rules(&branch.body) {
                    self.note_presence(branch.at, under, &inner);
                }
                self.statements(&branch.body, &inner);
            }
            if left.is_some() {
                differences.extend(contrary);
            }
            left = left.zip(this).map(|(left, this)| Query::all([left, this.not()]));
            left = left.filter(|left| left.terms() <= MAX_TERMS);
        }
    }

    /// Notes a difference of rules that are translated without their `if [field]`: Logstash does not run them if the
    /// field is false, empty or `null`.
    fn note_presence(&mut self, at: Place, outer: &Under, inner: &Under) {
        let new: Vec<&String> = inner.present().iter().filter(|field| !outer.present().contains(field)).collect();
        if !new.is_empty() {
            let names = new.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let text = format!(
                "{names}: for `null`, \"\", false or \"false\" there Logstash does nothing; here the rules hold for every event with such a field"
            );
            self.notes.differs(at, text);
        }
    }

    fn plugin(&mut self, plugin: &Plugin, under: &Under) {
        let mut settings = Settings::of(plugin);
        if under.rules == Rules::Silent && plugin.name != "drop" {
            return;
        }
        match plugin.name.as_str() {
            "drop" => {
                if settings.take("percentage").is_empty() {
                    self.drop_under(plugin.at, under);
                } else {
                    let text =
                        "`percentage` of `drop`: no part of the events is chosen by chance; all of them are kept";
                    self.notes.add(plugin.at, Effect::Keeps, text);
                }
                settings.end(self.notes);
            }
            "json" => self.json(plugin, settings, under),
            "mutate" => self.mutate(plugin, settings, under),
            "date" => self.date(plugin, settings, under),
            "prune" => self.prune(plugin, settings, under),
            "fingerprint" => self.fingerprint(plugin, settings, under),
            "split" => self.split(plugin, settings, under),
            _ => self.without_counterpart(plugin, settings),
        }
    }
}

/// Whether a branch contains anything except `drop`.
fn has_rules(body: &[Statement]) -> bool {
    body.iter().any(|statement| match statement {
        Statement::Plugin(plugin) => plugin.name != "drop",
        Statement::Branches(branches) => branches.iter().any(|branch| has_rules(&branch.body)),
    })
}
