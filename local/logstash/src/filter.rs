//! Runs through the filters, in their order, for the events of one input.
//!
//! In: the statements, and the known facts about the events. Out: the changes of the fields, the query for the wanted
//! events, and the field with their time. A rule under a condition has no counterpart, with two exceptions: the
//! condition only requires fields that the rule needs anyway (`if [lat] { … "%{lat}" … }`), or its result is known
//! beforehand (`if [type] == "app"`, if the input sets it).

mod advice;
pub(super) mod common;
mod date;
mod fingerprint;
mod json;
mod mutate;
mod prune;
mod split;
mod under;

pub(super) use under::Under;

use super::{
    ast::{Branch, Condition, Operand, Place, Plugin, Statement},
    fields::{Fields, Seen, Time},
    note::{Effect, Notes},
    query::{MAX_TERMS, Query},
    select,
    settings::Settings,
};
use under::Rules;

/// The effect of the filters on the events of one input.
pub(super) struct Filtered<'n> {
    pub(super) notes: &'n mut Notes,
    pub(super) fields: Fields,
    /// The events that are not dropped.
    pub(super) wanted: Query,
    /// Whether `message` is still the whole record.
    pub(super) is_text: bool,
    /// The value of `is_text` before the first filter.
    pub(super) is_text_at_first: bool,
    pub(super) json: Json,
    /// The format that a filter requires. It takes precedence over that of the codec.
    pub(super) format: Option<String>,
    /// The source of the event's time: the place of the filter, and the way to read it.
    pub(super) timestamp: Option<(Place, Time)>,
    /// Fields with a converted type. Here a mapping does that.
    pub(super) converted: Vec<(Place, String)>,
}

/// The JSON fields that are unfolded.
#[derive(Default)]
pub(super) struct Json {
    pub(super) joining: Option<String>,
    pub(super) renamed: Vec<(String, String)>,
}

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

    /// The query for the condition of a branch. While the record is one text, conditions cannot use its fields.
    pub(super) fn query(&self, condition: &Condition) -> Result<Query, String> {
        let Some(fields) = about(condition) else { return Err("it is about no field".into()) };
        for field in fields {
            self.fields.settled(field)?;
            if self.is_text && matches!(self.fields.look(field), Ok(Seen::Field(_))) {
                return Err(format!("the record is a text here and has no `{field}` before it is read as JSON"));
            }
        }
        select::query(condition, &self.fields)
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

    /// Whether a rule is possible under its conditions. If not, this is noted.
    fn is_permitted(&mut self, at: Place, what: &str, under: &Under, needs: &[&str], makes: &[&str]) -> bool {
        let permitted = under.permits(needs);
        if !permitted && under.rules != Rules::Silent {
            let text = format!(
                "{what} under a condition: rules about fields hold for every event of a dataset, and this one is left out"
            );
            self.notes.differs(at, text);
            for name in needs.iter().chain(makes).filter(|name| !name.is_empty()) {
                self.fields.suspect(Some(name), at, "a rule under a condition");
            }
        }
        permitted
    }

    /// Marks the fields that the common settings of a left-out filter would change.
    fn suspect_common(&mut self, plugin: &Plugin) {
        for field in common::changed(&mut Settings::of(plugin)) {
            self.fields.suspect(Some(&field), plugin.at, &format!("`{}`, which is left out", plugin.name));
        }
    }

    fn keep_error(&mut self, result: Result<(), String>, at: Place, what: &str, makes: &[&str]) {
        if let Err(error) = result {
            self.notes.differs(at, format!("{what}: {error}"));
            for name in makes.iter().filter(|name| !name.is_empty()) {
                self.fields.suspect(Some(name), at, "a rule without a counterpart");
            }
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

/// The fields of a condition that only requires fields to exist.
fn presence(condition: &Condition) -> Option<Vec<String>> {
    match condition {
        Condition::Holds(path) => Some(vec![path.clone()]),
        Condition::All(all) => {
            let fields: Option<Vec<Vec<String>>> = all.iter().map(presence).collect();
            fields.map(|fields| fields.concat())
        }
        _ => None,
    }
}

/// The fields that a condition uses; `None` if these cannot be determined.
fn about(condition: &Condition) -> Option<Vec<&str>> {
    match condition {
        Condition::All(all) | Condition::Any(all) => {
            let fields: Option<Vec<Vec<&str>>> = all.iter().map(about).collect();
            fields.map(|fields| fields.concat())
        }
        Condition::Either(both) => Some([about(&both[0])?, about(&both[1])?].concat()),
        Condition::Not(inner) => about(inner),
        Condition::Holds(path) => Some(vec![path]),
        Condition::Compare { left, right, .. } => match (left, right) {
            (Operand::Field(left), Operand::Field(right)) => Some(vec![left, right]),
            (Operand::Field(field), _) | (_, Operand::Field(field)) => Some(vec![field]),
            _ => None,
        },
        Condition::Matches { field, .. } => Some(vec![field]),
        Condition::In { item, list, .. } => match (item, list) {
            (Operand::Field(left), Operand::Field(right)) => Some(vec![left, right]),
            (Operand::Field(field), _) | (_, Operand::Field(field)) => Some(vec![field]),
            _ => None,
        },
    }
}
