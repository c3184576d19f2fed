//! `json`: the JSON text in a field is unfolded.
//!
//! Where the input's codec makes a text of each record, `message` is the record itself, which is read as JSON anyway. The rule is
//! written all the same: it does nothing to records without such a field, and unfolds those that came wrapped in one.

use super::{Filtered, Under};
use crate::logstash::{ast::Plugin, fields::Seen, names::path, settings::Settings};

impl Filtered<'_> {
    pub(super) fn json(&mut self, plugin: &Plugin, mut settings: Settings<'_>, under: &Under) {
        let source = settings.text("source").map_or("message", |(_, source)| source);
        let target = settings.text("target");
        settings.ignore(&["skip_on_invalid_json", "tag_on_failure", "ecs_compatibility"]);
        let Some(source) = path(source) else {
            return self.notes.lost(plugin.at, format!("json: `{source}` is no name of a field here"));
        };
        // Of a text that is no JSON nothing is made, with the condition or without.
        let is_about_source = matches!(under, Under::Events { about: Some(field), .. } if *field == source);
        let under = if is_about_source { &Under::Nothing } else { under };
        if !self.is_permitted(plugin.at, "json", under, &[&source]) {
            return;
        }
        let is_record = self.is_text && source == "message";
        let result = match target {
            None => self.join(&source, plugin),
            Some((at, target)) => {
                let target = path(target).unwrap_or_default();
                if is_record {
                    let text = format!(
                        "json: the members of a record stay at the top of the event; only of a field `{source}` in it the \
                         JSON goes under `{target}`"
                    );
                    self.notes.lost(at, text);
                }
                self.unfold(&source, &target)
            }
        };
        self.keep_error(result, plugin.at, "json");
        if is_record {
            self.is_text = false;
        }
        // What held the text is gone already, and stays where it is no JSON: as in Logstash, which removes after success.
        let removed = settings.texts("remove_field");
        for (at, name) in removed {
            if path(name).as_ref() != Some(&source) || is_record {
                let result = super::common::remove(&mut self.fields, name, at);
                self.keep_error(result, at, &format!("remove_field `{name}`"));
            }
        }
        self.common(plugin, &mut settings, &Under::Nothing);
        settings.end(self.notes);
    }

    fn join(&mut self, source: &str, plugin: &Plugin) -> Result<(), String> {
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
                if !self.fields.is_untouched() {
                    let text = "json: it is done before all other rules here; the members may bring back what was renamed or \
                                removed before";
                    self.notes.note(plugin.at, text);
                }
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
