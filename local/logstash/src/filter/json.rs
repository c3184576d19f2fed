//! `json`: unfolds the JSON text in a field.
//!
//! If the input's codec reads each record as a text, `message` is the whole record, which Millrace reads as JSON
//! anyway. The rule is written nevertheless: it does nothing to records without such a field, and unfolds records that
//! are wrapped in one.

use super::{
    common,
    state::Filtered,
    under::{Rules, Under},
};
use crate::{
    ast::{Place, Plugin},
    fields::{Made, Prefix, Seen, Target},
    names::{path, top},
    note::Effect,
    query::Query,
    settings::Settings,
};

impl Filtered<'_> {
    pub(super) fn json(&mut self, plugin: &Plugin, mut settings: Settings<'_>, under: &Under) {
        let source = settings.text("source").map_or("message", |(_, source)| source);
        let target = settings.text("target");
        settings.ignore(&["skip_on_invalid_json", "tag_on_failure", "ecs_compatibility"]);
        let Some(source) = path(source) else {
            self.fields.suspect(None, plugin.at, "`json`");
            return self.notes.differs(plugin.at, format!("json: `{source}` is no name of a field here"));
        };
        // A text that is not JSON stays unchanged, with the condition or without it.
        let is_about = |field: &Option<String>| field.as_ref() == Some(&source);
        let is_json = matches!(&under.rules, Rules::Refused { about, is_json: true } if is_about(about));
        if is_json {
            let text = format!(
                "json under a condition about `{source}`: JSON in it is taken to begin with `{{`, without a line break"
            );
            self.notes.add(plugin.at, Effect::Assumed, text);
        } else if matches!(&under.rules, Rules::Refused { about, .. } if is_about(about)) {
            let text = format!(
                "json under a condition about `{source}`: every text in it that is JSON is unfolded, whether the condition holds or not"
            );
            self.notes.differs(plugin.at, text);
            // Members may be unfolded here and not in Logstash, so conditions on them are not translated.
            self.fields.suspect(None, plugin.at, "`json` under a condition");
        } else if !self.is_permitted(plugin.at, "json", under, &[&source], &[]) {
            return self.fields.suspect(None, plugin.at, "`json` under a condition");
        }
        let is_record = self.is_text && source == "message";
        let is_source_removed = removes(plugin, &source);
        if is_record {
            let text = "json: a record is taken to be no array, whose elements are events here";
            self.notes.add(plugin.at, Effect::Assumed, text);
        }
        match target {
            None => self.join_members(plugin.at, &source, is_record, is_source_removed),
            Some((at, target)) => self.unfold_value(at, &source, target, is_record, is_source_removed),
        }
        // The source itself needs no rule: unfolding removes it, and it stays if it is not JSON. Logstash also removes
        // fields only after success.
        let removed: Vec<_> = settings.texts("remove_field");
        for (at, name) in removed.into_iter().filter(|(_, name)| path(name).as_ref() != Some(&source)) {
            common::remove(&mut self.fields, name, at, self.notes);
        }
        common::apply(&mut settings, &mut self.fields, self.notes);
        common::note_success(plugin, "the text is JSON", Some(&source), &mut self.fields, self.notes);
        settings.end(self.notes);
        if is_record {
            self.is_text = false;
        }
    }

    /// Notes the differences in order: here JSON is unfolded before all other rules.
    fn note_order(&mut self, at: Place, is_record: bool) {
        if self.wanted != Query::Always && !is_record {
            let text = "json: it is done before all other rules here, so that the conditions above are about its members too; such an event may be dropped, and Logstash keeps it";
            self.notes.add(at, Effect::Drops, text);
            let text = "json: it is done before all other rules here, so that the conditions above are about its members too; such an event may be kept, and Logstash drops it";
            self.notes.add(at, Effect::Keeps, text);
        }
        let is_set_by_input = |(name, target): (&String, &Target)| {
            top(name) == "@metadata" || matches!(target.made, Made::Default(_) | Made::List(_))
        };
        if !self.fields.is_untouched() || !self.fields.targets.iter().all(is_set_by_input) {
            let text = "json: it is done before all other rules here; members may bring back what was renamed or removed before, or be renamed or removed themselves";
            self.notes.differs(at, text);
        }
    }

    fn join_members(&mut self, at: Place, source: &str, is_record: bool, is_source_removed: bool) {
        let result = self.join(source);
        if !is_record && self.fields.prefix.is_some() {
            self.fields.suspect(None, at, "`json`, whose members stand beside the others,");
        }
        if is_record {
            let text =
                format!("json: a record is taken to have no field `{source}` with JSON in it, which is unfolded too");
            self.notes.add(at, Effect::Assumed, text);
        }
        if !is_source_removed {
            self.fields.suspect(Some(source), at, "`json`, which leaves the text there,");
        }
        if is_record {
            self.fields.yield_to_members();
        } else {
            self.fields.suspect_done(at, "`json`, whose members take the place of others,");
        }
        if result.is_ok() {
            self.note_order(at, is_record);
            if is_source_removed && is_record {
                let removed = self.fields.remove(source, at);
                self.keep_error(removed, at, "json", &[source]);
            } else if is_source_removed {
                let text = format!(
                    "json: the JSON in `{source}` is taken to have no member `{source}` itself, which stays here"
                );
                self.notes.add(at, Effect::Assumed, text);
            } else {
                let text =
                    format!("json: the text in `{source}` does not stay beside its members, as it does in Logstash");
                self.notes.differs(at, text);
            }
            if !is_record {
                let text = format!("json: of `{source}` that is no JSON object no tag `_jsonparsefailure` is set");
                self.notes.differs(at, text);
            }
        }
        self.keep_json_error(result, at, is_record);
    }

    fn unfold_value(&mut self, at: Place, source: &str, target: &str, is_record: bool, is_source_removed: bool) {
        let target = path(target).unwrap_or_default();
        if is_record {
            let text = format!(
                "json: the members of a record stand at the top of the document, in Logstash under `{target}`; only of a field \
                 `{source}` in it the JSON goes under `{target}`"
            );
            self.notes.differs(at, text);
            self.fields.prefix = Some(Prefix::alone(target));
            if !is_source_removed {
                self.fields.suspect(Some(source), at, "`json`, which leaves the text there,");
            }
            return;
        }
        let result = self.unfold(source, &target);
        if self.fields.targets.contains_key(&target) || self.fields.gone.contains_key(&target) {
            self.fields.suspect(Some(&target), at, "`json`");
        }
        if result.is_ok() {
            self.note_order(at, is_record);
            let stays =
                if is_source_removed || source == target { "" } else { "the text itself does not stay beside it; " };
            let text = format!(
                "json: `{target}` of `{source}`: {stays}of a text that is no JSON no tag `_jsonparsefailure` is set, and it stays under `{source}`"
            );
            self.notes.differs(at, text);
        }
        self.keep_json_error(result, at, is_record);
    }

    fn keep_json_error(&mut self, result: Result<(), String>, at: Place, is_record: bool) {
        if result.is_err() && !is_record {
            self.fields.suspect(None, at, "`json`");
        }
        self.keep_error(result, at, "json", &[]);
    }

    fn join(&mut self, source: &str) -> Result<(), String> {
        let field = self.top_field(source)?;
        if !self.json.renamed.is_empty() {
            return Err(
                "beside one with a `target`: either the members of one field join the event, or texts are unfolded \
                        in their place"
                    .into(),
            );
        }
        match &self.json.joining {
            Some(joining) if *joining == field => Ok(()),
            Some(joining) => {
                Err(format!("the members of `{joining}` join the event already; of one field alone they can"))
            }
            None => {
                self.json.joining = Some(field);
                Ok(())
            }
        }
    }

    fn unfold(&mut self, source: &str, target: &str) -> Result<(), String> {
        let field = self.top_field(source)?;
        if target.is_empty() || target.contains('.') {
            return Err(format!(
                "target `{target}`: the value stays at the top of the event; write a name without brackets"
            ));
        }
        if self.json.joining.is_some() {
            return Err("beside one without a `target`: either the members of one field join the event, or texts are \
                        unfolded in their place"
                .into());
        }
        if self.json.renamed.iter().any(|(known, name)| *known == field || name == target) {
            return Err(format!("`{field}` or `{target}` is unfolded already"));
        }
        self.json.renamed.push((field, target.to_owned()));
        Ok(())
    }

    fn top_field(&self, source: &str) -> Result<String, String> {
        match self.fields.see(source)? {
            Seen::Field(field) if !field.contains('.') => Ok(field),
            Seen::Field(field) => Err(format!("`{field}` lies in an object; only fields at the top are unfolded")),
            _ => Err(format!("the event came without `{source}`")),
        }
    }
}

/// Whether the filter removes the source text after reading it.
fn removes(plugin: &Plugin, source: &str) -> bool {
    Settings::of(plugin).texts("remove_field").into_iter().any(|(_, name)| path(name).as_deref() == Some(source))
}
