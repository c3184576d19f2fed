//! Filters without a counterpart: alternatives, and the fields that these filters may change.
//!
//! After such a filter, conditions on these fields are no longer translated, since the original event may lack these
//! fields or have other values.

use super::{common, state::Filtered};
use crate::{ast::Plugin, names::path, note::Effect, settings::Settings};

impl Filtered<'_> {
    pub(super) fn without_counterpart(&mut self, plugin: &Plugin, mut settings: Settings<'_>) {
        let name = plugin.name.as_str();
        let (effect, advice) = advice(name);
        let scope = if changes_nothing(name) { Some(Vec::new()) } else { scope(name, &mut settings) };
        let after = match &scope {
            None => "; conditions below are not translated, since it may change every field",
            Some(_) => "",
        };
        self.notes.add(plugin.at, effect, format!("filter `{name}`: {advice}{after}"));
        let by = format!("`{name}`");
        let Some(mut fields) = scope else { return self.fields.suspect(None, plugin.at, &by) };
        fields.extend(common::changed(&mut settings));
        for field in fields {
            self.fields.suspect(Some(&field), plugin.at, &by);
        }
    }
}

/// Filters that change no events or fields, except through the common settings.
fn changes_nothing(name: &str) -> bool {
    matches!(name, "sleep" | "metrics")
}

/// The fields that a filter may change; `None` if it may change any field.
fn scope(name: &str, settings: &mut Settings<'_>) -> Option<Vec<String>> {
    let (of, default): (&[&str], Option<&str>) = match name {
        "geoip" => (&["target"], Some("geoip")),
        "useragent" | "uuid" => (&["target"], None),
        "translate" => (&["destination", "target"], Some("translation")),
        "urldecode" => (&["field"], Some("message")),
        "cidr" => (&[], Some("tags")),
        "dns" => (&["resolve", "reverse"], None),
        _ => return None,
    };
    let given: Vec<String> =
        of.iter().flat_map(|name| settings.texts(name)).filter_map(|(_, name)| path(name)).collect();
    match default {
        _ if !given.is_empty() => Some(given),
        Some(default) => Some(vec![default.to_owned()]),
        None => None,
    }
}

/// The effect of a left-out filter, and an alternative.
fn advice(name: &str) -> (Effect, &'static str) {
    match name {
        "geoip" => (
            Effect::Differs,
            "no addresses are looked up; of `lat` and `lon` in the event `geo_point` makes a point, and the domain's ip2geo processor \
             looks addresses up",
        ),
        "grok" | "dissect" | "kv" | "csv" | "xml" | "urldecode" | "syslog_pri" => (
            Effect::Differs,
            "no text is taken apart; let the producer write JSON, or use an ingest pipeline of the domain",
        ),
        "useragent" => (Effect::Differs, "no text is taken apart; use the domain's user_agent processor"),
        "ruby" | "javascript" => {
            (Effect::Unknown, "no code is run; what `fields` cannot say, an ingest pipeline of the domain may")
        }
        "clone" => (Effect::Drops, "an event becomes one document, and no copies of it; Logstash writes them too"),
        "aggregate" | "elapsed" | "throttle" | "metrics" => (Effect::Unknown, "each event is looked at alone"),
        "translate" | "elasticsearch" | "jdbc_streaming" | "jdbc_static" | "memcached" | "http" | "dns" | "cidr" => {
            (Effect::Differs, "nothing is looked up; use the domain's enrichment, or an ingest pipeline")
        }
        "uuid" => (
            Effect::Differs,
            "no id is made at random; `id: position` makes one that stays the same when an event is redelivered",
        ),
        "sleep" => (Effect::Beside, "the function adapts to the domain by itself"),
        _ => (Effect::Unknown, "it has no counterpart"),
    }
}
