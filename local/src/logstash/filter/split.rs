//! `split`: the events in the array `Records` of an object, as the trails of AWS have them.
//!
//! Logstash leaves each event in the place of the array, under its name; here an event is a document of its own, so that the name is
//! taken off wherever it stands.

use super::{Filtered, Under, common};
use crate::logstash::{ast::Plugin, note::Effect, query::Query, settings::Settings};

impl Filtered<'_> {
    pub(super) fn split(&mut self, plugin: &Plugin, mut settings: Settings<'_>, under: &Under) {
        let field = settings.text("field").map_or("message", |(_, field)| field).trim_matches(['[', ']']);
        let target = settings.text("target").map(|(_, target)| target.trim_matches(['[', ']']));
        settings.ignore(&["terminator"]);
        let is_first = self.fields.is_untouched() && self.wanted == Query::Always && !self.is_text;
        if field != "Records"
            || !under.permits(&[])
            || !is_first
            || self.format.is_some()
            || self.fields.prefix.is_some()
        {
            let text = format!(
                "filter `split` of `{field}`: an event becomes one document, with the array in it; for objects in an array there is `format: records` or `array`"
            );
            self.notes.differs(plugin.at, text);
            return self.fields.suspect(None, plugin.at, "`split`");
        }
        self.format = Some("records");
        let prefix = target.unwrap_or(field).to_owned();
        let text = format!(
            "filter `split` of `{field}`: the members of an element stand at the top of the document, in Logstash under `{prefix}`; what stands beside `{field}` is left out"
        );
        self.notes.differs(plugin.at, text);
        let text = format!(
            "filter `split` of `{field}`: an object that does not begin with an array `{field}` is a dead letter; Logstash keeps it"
        );
        self.notes.add(plugin.at, Effect::Rejects, text);
        self.fields.prefix = Some(prefix);
        common::apply(&mut settings, &mut self.fields, self.notes);
        settings.end(self.notes);
    }
}
