//! Filters, in their order, for the events of one input.
//!
//! In: the statements, and what is known of the events so far. Out: what becomes of the fields, which events are wanted, and where
//! their time stands. A rule under a condition has no counterpart, unless the condition says no more than what the rule
//! needs anyway (`if [lat] { … "%{lat}" … }`), or is known beforehand (`if [type] == "app"`, where the input sets it).

pub(super) mod common;
mod date;
mod fingerprint;
mod json;
mod mutate;
mod prune;

use super::{
    ast::{Branch, Condition, Operand, Place, Plugin, Statement},
    fields::Fields,
    note::Notes,
    query::{MAX_TERMS, Query},
    select,
    settings::Settings,
};

/// What filters make of the events of one input.
pub(super) struct Filtered<'n> {
    pub(super) notes: &'n mut Notes,
    pub(super) fields: Fields,
    /// Which events are left.
    pub(super) wanted: Query,
    /// Whether `message` is still the record itself.
    pub(super) is_text: bool,
    pub(super) json: Json,
    /// Where the event's time stands.
    pub(super) timestamp: Option<(String, Vec<String>)>,
    /// Fields that were given another type, which a mapping does.
    pub(super) converted: Vec<(Place, String)>,
}

/// What is unfolded.
#[derive(Default)]
pub(super) struct Json {
    pub(super) joining: Option<String>,
    pub(super) renamed: Vec<(String, String)>,
}

/// The conditions that a statement stands under.
#[derive(Clone)]
pub(super) enum Under {
    /// None, or none that could be false.
    Nothing,
    /// These fields are there: what needs them all anyway needs no condition.
    Presence(Vec<String>),
    /// Which events; and the only field that it is about, if there is but one.
    Events { query: Option<Query>, about: Option<String> },
}

impl Under {
    /// Whether a rule that does nothing without the fields `needs` is the same without the condition.
    pub(super) fn permits(&self, needs: &[&str]) -> bool {
        match self {
            Self::Nothing => true,
            Self::Presence(fields) => fields.iter().all(|field| needs.contains(&field.as_str())),
            Self::Events { .. } => false,
        }
    }
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
        // What none of the branches before took; unknown where a condition cannot be said.
        let mut left = Some(Query::Always);
        for branch in branches {
            if left == Some(Query::Never) {
                return;
            }
            let this = match &branch.condition {
                None => Some(Query::Always),
                Some(condition) => match self.query(condition) {
                    Ok(query) => Some(query),
                    Err(error) => {
                        self.notes.lost(branch.at, format!("the condition cannot be said as a query: {error}"));
                        None
                    }
                },
            };
            if this != Some(Query::Never) {
                let query = left.clone().zip(this.clone()).map(|(left, this)| Query::all([left, this]));
                let inner = self.under(branch, left == Some(Query::Always), query, under);
                self.statements(&branch.body, &inner);
            }
            left = left.zip(this).map(|(left, this)| Query::all([left, this.not()]));
            left = left.filter(|left| left.terms() <= MAX_TERMS);
        }
    }

    /// The condition of a branch; of the record as a whole, as a text, nothing can be asked.
    pub(super) fn query(&self, condition: &Condition) -> Result<Query, String> {
        if self.is_text && about(condition).is_some_and(|fields| fields.contains(&"message")) {
            return Err("`message` is the record itself here, before it is read as JSON".into());
        }
        select::query(condition, &self.fields)
    }

    fn under(&self, branch: &Branch, is_first: bool, query: Option<Query>, outer: &Under) -> Under {
        if query == Some(Query::Always) {
            return outer.clone();
        }
        let present = branch.condition.as_ref().filter(|_| is_first).and_then(presence);
        match (present, outer) {
            (Some(fields), Under::Nothing) => return Under::Presence(fields),
            (Some(mut fields), Under::Presence(others)) => {
                fields.extend(others.iter().cloned());
                return Under::Presence(fields);
            }
            _ => {}
        }
        let outer_query = match outer {
            Under::Nothing => Some(Query::Always),
            Under::Presence(fields) => {
                let holds = |field: &String| Condition::Holds(field.clone());
                select::query(&Condition::All(fields.iter().map(holds).collect()), &self.fields).ok()
            }
            Under::Events { query, .. } => query.clone(),
        };
        let query = query.zip(outer_query).map(|(query, outer)| Query::all([outer, query]));
        let about = branch.condition.as_ref().and_then(about).and_then(|fields| match fields.as_slice() {
            [first, rest @ ..] if is_first && rest.iter().all(|field| field == first) => Some((*first).to_owned()),
            _ => None,
        });
        let about = about.filter(|_| matches!(outer, Under::Nothing));
        Under::Events { query: query.filter(|query| query.terms() <= MAX_TERMS), about }
    }

    fn plugin(&mut self, plugin: &Plugin, under: &Under) {
        let settings = Settings::of(plugin);
        match plugin.name.as_str() {
            "drop" => self.drop(plugin, settings, under),
            "json" => self.json(plugin, settings, under),
            "mutate" => self.mutate(plugin, settings, under),
            "date" => self.date(plugin, settings, under),
            "prune" => self.prune(plugin, settings, under),
            "fingerprint" => self.fingerprint(plugin, settings, under),
            name => self.notes.lost(plugin.at, format!("filter `{name}`: {}", advice(name))),
        }
    }

    /// Notes that a rule stands under a condition; false where it does.
    fn is_permitted(&mut self, at: Place, what: &str, under: &Under, needs: &[&str]) -> bool {
        let permitted = under.permits(needs);
        if !permitted {
            let text = format!("{what} under a condition: rules about fields hold for every event of a dataset");
            self.notes.lost(at, text);
        }
        permitted
    }

    fn drop(&mut self, plugin: &Plugin, mut settings: Settings<'_>, under: &Under) {
        settings.lose(&["percentage"], "no part of the events is chosen by chance; all of them go", self.notes);
        settings.end(self.notes);
        let query = match under {
            Under::Nothing => Some(Query::Always),
            Under::Presence(fields) => {
                let holds = |field: &String| Condition::Holds(field.clone());
                select::query(&Condition::All(fields.iter().map(holds).collect()), &self.fields).ok()
            }
            Under::Events { query, .. } => query.clone(),
        };
        let query = query.filter(|query| self.wanted.terms() + query.terms() <= MAX_TERMS);
        match query.map(|query| Query::all([self.wanted.clone(), query.not()])) {
            Some(wanted) => self.wanted = wanted,
            None => self.notes.lost(
                plugin.at,
                "`drop` under a condition that `select` cannot say: these events are indexed; write your own `select`",
            ),
        }
    }

    fn keep_error(&mut self, result: Result<(), String>, at: Place, what: &str) {
        if let Err(error) = result {
            self.notes.lost(at, format!("{what}: {error}"));
        }
    }
}

/// The fields of a condition that says no more than that they are there.
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

/// The fields that a condition is about; `None` where that is nothing to rely on.
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

/// What to do where a filter has no counterpart.
fn advice(name: &str) -> &'static str {
    match name {
        "geoip" => {
            "no addresses are looked up; of `lat` and `lon` in the event `geo_point` makes a point, and the domain's \
                    ip2geo processor looks addresses up"
        }
        "grok" | "dissect" | "kv" | "csv" | "xml" | "urldecode" | "syslog_pri" => {
            "no text is taken apart; let the producer write JSON, or use an ingest pipeline of the domain"
        }
        "useragent" => "no text is taken apart; use the domain's user_agent processor",
        "ruby" | "javascript" => "no code is run; what `fields` cannot say, an ingest pipeline of the domain may",
        "split" => "one event becomes no more than one; for arrays in an object there is `format: array` or `records`",
        "clone" | "aggregate" | "elapsed" | "throttle" | "metrics" => {
            "an event is looked at alone, and becomes one document"
        }
        "translate" | "elasticsearch" | "jdbc_streaming" | "jdbc_static" | "memcached" | "http" | "dns" | "cidr" => {
            "nothing is looked up; use the domain's enrichment, or an ingest pipeline"
        }
        "uuid" => "no id is made by chance; `id: position` makes one that stays the same at a second delivery",
        "sleep" => "the function adapts to the domain by itself",
        _ => "it has no counterpart",
    }
}
