//! The effect of the filters so far on the events of one input, for all filters.

use super::{
    common,
    condition::about,
    under::{Rules, Under},
};
use crate::{
    ast::{Condition, Place, Plugin},
    fields::{Fields, Seen, Time},
    note::Notes,
    query::Query,
    select,
    settings::Settings,
};

/// The effect of the filters on the events of one input.
pub(crate) struct Filtered<'n> {
    pub(crate) notes: &'n mut Notes,
    pub(crate) fields: Fields,
    /// The events that are not dropped.
    pub(crate) wanted: Query,
    /// Whether `message` is still the whole record.
    pub(crate) is_text: bool,
    /// The value of `is_text` before the first filter.
    pub(crate) is_text_at_first: bool,
    pub(crate) json: Json,
    /// The format that a filter requires. It takes precedence over that of the codec.
    pub(crate) format: Option<String>,
    /// The source of the event's time: the place of the filter, and the way to read it.
    pub(crate) timestamp: Option<(Place, Time)>,
    /// Fields with a converted type. Here a mapping does that.
    pub(crate) converted: Vec<(Place, String)>,
}

/// The JSON fields that are unfolded.
#[derive(Default)]
pub(crate) struct Json {
    pub(crate) joining: Option<String>,
    pub(crate) renamed: Vec<(String, String)>,
}

impl Filtered<'_> {
    /// The query for the condition of a branch. While the record is one text, conditions cannot use its fields.
    pub(crate) fn query(&self, condition: &Condition) -> Result<Query, String> {
        let Some(fields) = about(condition) else { return Err("it names no field".into()) };
        for field in fields {
            self.fields.settled(field)?;
            if self.is_text && matches!(self.fields.look(field), Ok(Seen::Field(_))) {
                return Err(format!("the record is a text here and has no `{field}` before it is read as JSON"));
            }
        }
        select::query(condition, &self.fields)
    }

    /// Whether a rule is possible under its conditions. If not, this is noted.
    pub(super) fn is_permitted(
        &mut self,
        at: Place,
        what: &str,
        under: &Under,
        needs: &[&str],
        makes: &[&str],
    ) -> bool {
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
    pub(super) fn suspect_common(&mut self, plugin: &Plugin) {
        for field in common::changed(&mut Settings::of(plugin)) {
            self.fields.suspect(Some(&field), plugin.at, &format!("`{}`, which is left out", plugin.name));
        }
    }

    pub(super) fn keep_error(&mut self, result: Result<(), String>, at: Place, what: &str, makes: &[&str]) {
        if let Err(error) = result {
            self.notes.differs(at, format!("{what}: {error}"));
            for name in makes.iter().filter(|name| !name.is_empty()) {
                self.fields.suspect(Some(name), at, "a rule without a counterpart");
            }
        }
    }
}
