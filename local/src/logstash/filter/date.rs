//! `date`: a field with the event's time, or one that is written anew as RFC 3339.

use super::{Filtered, Under};
use crate::logstash::{ast::Plugin, fields::Made, joda, names::path, settings::Settings};

impl Filtered<'_> {
    pub(super) fn date(&mut self, plugin: &Plugin, mut settings: Settings<'_>, under: &Under) {
        let matched = settings.texts("match");
        let target = settings.text("target").map_or("@timestamp", |(_, target)| target);
        let timezone = settings.text("timezone");
        settings.ignore(&["tag_on_failure", "locale"]);
        let (Some((_, source)), Some(target)) = (matched.first().copied(), path(target)) else {
            return self.notes.lost(plugin.at, "date without `match => [\"field\", \"format\"]`");
        };
        let Some(source) = path(source) else {
            return self.notes.lost(plugin.at, format!("date: `{source}` is no name of a field here"));
        };
        if !self.is_permitted(plugin.at, "date", under, &[&source]) {
            return;
        }
        let mut formats: Vec<String> = Vec::new();
        let mut has_zones = true;
        for (at, format) in matched.into_iter().skip(1) {
            match joda::translate(format) {
                Ok(format) => {
                    has_zones &= format.has_zone;
                    if !formats.contains(&format.text) {
                        formats.push(format.text);
                    }
                }
                Err(error) => self.notes.lost(at, format!("date: {error}")),
            }
        }
        if let Some((at, zone)) = timezone
            && !has_zones
            && !matches!(zone, "UTC" | "Etc/UTC" | "GMT" | "Etc/GMT" | "Z")
        {
            let text =
                format!("timezone `{zone}`: a time without an offset is taken as UTC; let the producer write one");
            self.notes.lost(at, text);
        }
        if !formats.is_empty() {
            let result = self.fields.plain(&source).and_then(|field| {
                if target == "@timestamp" {
                    self.timestamp = Some((field.clone(), formats.clone()));
                }
                self.fields.set(&target, Made::Date { field, formats }, plugin.at)
            });
            self.keep_error(result, plugin.at, &format!("date `{source}`"));
        }
        self.common(plugin, &mut settings, under);
        settings.end(self.notes);
    }
}
