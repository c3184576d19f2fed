//! `fingerprint`: with a key and in a field's own place it is `hash`; as a document's id it is remembered for the output.

use super::{Filtered, Under};
use crate::logstash::{
    ast::Plugin,
    fields::{Made, Seen},
    names::{path, top},
    settings::Settings,
};

impl Filtered<'_> {
    pub(super) fn fingerprint(&mut self, plugin: &Plugin, mut settings: Settings<'_>, under: &Under) {
        let sources: Vec<Option<String>> = settings.texts("source").into_iter().map(|(_, name)| path(name)).collect();
        let sources: Option<Vec<String>> =
            if sources.is_empty() { Some(vec!["message".into()]) } else { sources.into_iter().collect() };
        let target = settings.text("target").map_or(Some("fingerprint".to_owned()), |(_, name)| path(name));
        let (method, key) = (settings.text("method").map_or("SHA1", |(_, method)| method), settings.text("key"));
        let is_base64 = settings.is_true("base64encode");
        let is_all = settings.is_true("concatenate_all_fields");
        settings.ignore(&["concatenate_sources", "ecs_compatibility"]);
        let (Some(sources), Some(target)) = (sources, target) else {
            return self.notes.lost(plugin.at, "fingerprint: a source or target is no name of a field here");
        };
        let needs: Vec<&str> = sources.iter().map(String::as_str).collect();
        if !self.is_permitted(plugin.at, "fingerprint", under, &needs) {
            return;
        }
        match (sources.as_slice(), key) {
            ([source], Some((at, _))) if *source == target && method == "SHA256" && !is_base64 => {
                match self.fields.hash(source, plugin.at) {
                    Ok(told) => {
                        for name in told {
                            let text =
                                format!("`{name}` would tell the value of `{source}`, which is hashed; it is not made");
                            self.notes.lost(plugin.at, text);
                        }
                        let text = "key of `fingerprint`: put it into the secret that MILLRACE_HASH_KEY names (16 bytes at least)";
                        self.notes.note(at, text);
                    }
                    Err(error) => {
                        let text = format!("fingerprint: {error}; **the value stays readable**");
                        self.notes.lost(plugin.at, text);
                    }
                }
            }
            _ if top(&target) == "@metadata" => {
                let is_record = is_all || (self.is_text && sources == ["message"]);
                let seen = |source: &String| match self.fields.see(source) {
                    Ok(Seen::Field(field)) => Some(field),
                    _ => None,
                };
                let of = if is_record { Some(Vec::new()) } else { sources.iter().map(seen).collect() };
                let result = match of {
                    Some(of) => self.fields.set(&target, Made::Checksum(of), plugin.at),
                    None => Err("a source that the event came without".into()),
                };
                self.keep_error(result, plugin.at, "fingerprint");
            }
            _ => {
                let is_in_place = sources.contains(&target);
                let readable = if is_in_place { "; **the value stays readable**" } else { "" };
                let text = format!(
                    "fingerprint: `hash` is HMAC-SHA-256 in hexadecimal with a key, in the place of the one field it is \
                     of{readable}"
                );
                self.notes.lost(plugin.at, text);
            }
        }
        self.common(plugin, &mut settings, under);
        settings.end(self.notes);
    }
}
