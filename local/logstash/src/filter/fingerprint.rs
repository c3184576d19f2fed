//! `fingerprint`: with a key, and in place of its source, it becomes `hash`. A checksum in `[@metadata]` is remembered
//! for the id of an output.

use super::{common, state::Filtered, under::Under};
use crate::{
    ast::{Place, Plugin},
    fields::{Made, Seen},
    names::{path, top},
    note::Effect,
    settings::Settings,
};

/// The settings of a fingerprint.
struct Fingerprint {
    sources: Vec<String>,
    target: String,
    /// Whether it is HMAC-SHA-256 in hexadecimal, like `hash`.
    is_hash: bool,
    key: Option<Place>,
    is_of_all: bool,
    method: String,
    /// Whether the method makes equal results of equal values alone.
    is_checksum: bool,
}

impl Filtered<'_> {
    pub(super) fn fingerprint(&mut self, plugin: &Plugin, mut settings: Settings<'_>, under: &Under) {
        let Some(fingerprint) = read(&mut settings) else {
            self.suspect_common(plugin);
            return self.notes.differs(plugin.at, "fingerprint: a source or target is no name of a field here");
        };
        let needs: Vec<&str> = fingerprint.sources.iter().map(String::as_str).collect();
        if !self.is_permitted(plugin.at, "fingerprint", under, &needs, &[&fingerprint.target]) {
            return self.suspect_common(plugin);
        }
        match fingerprint.sources.as_slice() {
            [source] if *source == fingerprint.target && fingerprint.is_hash => {
                self.hash(plugin.at, fingerprint.key, source);
            }
            _ if top(&fingerprint.target) == "@metadata" => self.remember(plugin.at, &fingerprint),
            sources => {
                let is_in_place = sources.contains(&fingerprint.target);
                let readable = if is_in_place { "; **the value stays readable**" } else { "" };
                let text = format!(
                    "fingerprint: `hash` is HMAC-SHA-256 in hexadecimal with a key, in the place of the one field it is \
                     of{readable}; `{}` is not made",
                    fingerprint.target
                );
                self.notes.differs(plugin.at, text);
                self.fields.suspect(Some(&fingerprint.target), plugin.at, "`fingerprint`");
                // The default of `target` with `ecs_compatibility`.
                self.fields.suspect(Some("event.hash"), plugin.at, "`fingerprint`");
            }
        }
        self.common(&mut settings, under);
        common::note_success(plugin, "the filter did not fail", None, &mut self.fields, self.notes);
        settings.end(self.notes);
    }

    fn hash(&mut self, at: Place, key: Option<Place>, source: &str) {
        match self.fields.hash(source, at) {
            Ok(told) => {
                for name in told {
                    let text =
                        format!("`{name}` would reveal the value of `{source}`, which is hashed; it is not made");
                    self.notes.differs(at, text);
                }
                let text = "key of `fingerprint`: put it into the secret that MILLRACE_HASH_KEY names (16 bytes at least); with another key the hashes are others";
                self.notes.note(key.unwrap_or(at), text);
                let text = format!(
                    "fingerprint: `{source}` is taken to be neither `null`, of which Logstash makes the hash of an empty text, nor an object"
                );
                self.notes.add(at, Effect::Assumed, text);
            }
            Err(error) => {
                let text = format!("fingerprint: {error}; **the value stays readable**");
                self.notes.differs(at, text);
                self.fields.suspect(Some(source), at, "`fingerprint`");
            }
        }
    }

    /// Remembers a checksum in `[@metadata]`. It is not a part of the document, but an output may use it as the id.
    fn remember(&mut self, at: Place, fingerprint: &Fingerprint) {
        // All fields include `@timestamp`, which is the time of reading unless a filter sets it.
        let made = self.fields.targets.get("@timestamp").map(|target| &target.made);
        let is_of_all = fingerprint.is_of_all && matches!(made, Some(Made::Date(_)));
        let is_record = is_of_all || (self.is_text && fingerprint.sources == ["message"]);
        let seen = |source: &String| match self.fields.see(source) {
            Ok(Seen::Field(field)) => Some(field),
            _ => None,
        };
        let of = if is_record { Some(Vec::new()) } else { fingerprint.sources.iter().map(seen).collect() };
        let result = match of {
            _ if !fingerprint.is_checksum => Err(format!(
                "`{}` is not a checksum; no id is made of it, and events with equal values stay separate documents",
                fingerprint.method
            )),
            _ if fingerprint.is_of_all && !is_of_all => {
                Err("the time of reading is one of all fields, so that equal events stay apart".into())
            }
            Some(of) => self.fields.set(&fingerprint.target, Made::Checksum(of), at),
            None => Err("a source that the event came without".into()),
        };
        self.keep_error(result, at, "fingerprint", &[&fingerprint.target]);
    }
}

fn read(settings: &mut Settings<'_>) -> Option<Fingerprint> {
    let sources: Vec<Option<String>> = settings.texts("source").into_iter().map(|(_, name)| path(name)).collect();
    let sources: Option<Vec<String>> =
        if sources.is_empty() { Some(vec!["message".into()]) } else { sources.into_iter().collect() };
    let target = settings.text("target").map_or(Some("fingerprint".to_owned()), |(_, name)| path(name));
    let method = settings.text("method").map_or("SHA1", |(_, method)| method);
    // The real key is in the secret, so a key from an environment variable is as good as any.
    let key = settings.raw_text("key").map(|(at, _)| at);
    let is_base64 = settings.is_true("base64encode");
    let is_of_all = settings.is_true("concatenate_all_fields");
    let is_joined = settings.is_true("concatenate_sources");
    settings.ignore(&["ecs_compatibility"]);
    let is_hash = method == "SHA256" && key.is_some() && !is_base64 && !is_of_all && !is_joined;
    let is_checksum = method.starts_with("SHA") || method.starts_with("MURMUR3") || method == "MD5";
    Some(Fingerprint {
        sources: sources?,
        target: target?,
        is_hash,
        key,
        is_of_all,
        method: method.to_owned(),
        is_checksum,
    })
}
