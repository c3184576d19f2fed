//! `split`: the elements of an array become events, such as `Records` in the objects of `CloudTrail`.
//!
//! Logstash puts each event in the place of the array, under its name. Here an event is a document of its own, so this
//! name is removed from every path. Members of the object around the array are copied into each event if a condition or
//! rule uses them.

use super::{common, state::Filtered, under::Under};
use crate::{
    ast::{Place, Plugin},
    fields::{Made, Prefix},
    names::path,
    note::Effect,
    query::Query,
    settings::Settings,
    yaml::flow,
};

impl Filtered<'_> {
    pub(super) fn split(&mut self, plugin: &Plugin, mut settings: Settings<'_>, under: &Under) {
        let field = settings.text("field").map_or("message", |(_, field)| field);
        let target = settings.text("target").map_or(field, |(_, target)| target);
        settings.ignore(&["terminator"]);
        let (Some(array), Some(target), true) = (path(field), path(target), under.permits(&[]) && self.is_first())
        else {
            let text = format!(
                "filter `split` of `{field}`: an event becomes one document, with the array in it; for objects in an array there is `format: records` or `array`"
            );
            self.notes.differs(plugin.at, text);
            return self.fields.suspect(None, plugin.at, "`split`");
        };
        self.format = Some(if array == "Records" { array.clone() } else { format!("{{ records: {} }}", flow(&array)) });
        self.note_split(plugin.at, &array, &target);
        for made in self.fields.targets.values_mut() {
            made.is_beside = true;
        }
        self.fields.prefix = Some(Prefix::in_array(target, array));
        common::apply(&mut settings, &mut self.fields, self.notes);
        settings.end(self.notes);
    }

    /// Whether no earlier filter used the event. Here the array is split before all other rules.
    fn is_first(&self) -> bool {
        let is_constant = |made: &Made| matches!(made, Made::Default(_) | Made::List(_));
        let is_record = |field: &String| self.is_text_at_first && field == "message";
        self.fields.is_untouched()
            && self.fields.prefix.is_none()
            && self.fields.codec.is_none()
            && self.fields.targets.values().all(|target| is_constant(&target.made))
            && self.wanted == Query::Always
            && !self.is_text
            && self.format.is_none()
            && self.json.renamed.is_empty()
            && self.json.joining.as_ref().is_none_or(is_record)
    }

    fn note_split(&mut self, at: Place, array: &str, target: &str) {
        let mut note =
            |effect, text: String| self.notes.add(at, effect, format!("filter `split` of `{array}`: {text}"));
        let text = format!(
            "the members of an element stand at the top of the document, in Logstash under `{target}`; what stands beside `{array}` is left out, but for what the lines below look at"
        );
        note(Effect::Differs, text);
        let text = "an element that is no object is a dead letter; Logstash keeps it";
        note(Effect::Rejects, text.into());
        let text = format!(
            "an object without an array `{array}` is an event as it is, and the lines below take it for an element, which may drop it; Logstash keeps it, with the tag `_split_type_failure`"
        );
        note(Effect::Drops, text);
    }

    /// Notes that members which are copied into each event have to stand before the array.
    pub(crate) fn note_envelope(&mut self, at: Place) {
        let names = self.fields.envelope();
        if !names.is_empty() {
            let names = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let text = format!(
                "filter `split`: {names} beside the array: taken to stand before it, with at most 64 KiB, and not to be members of its elements too, which would go before"
            );
            self.notes.add(at, Effect::Assumed, text);
        }
    }
}
