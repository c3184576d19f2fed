//! The settings of a plugin. They are read one by one, so that unread settings can be listed at the end.
//!
//! Deliberately absent: a list of all existing settings. The effect of an unknown setting is unknown. A value with an
//! environment variable counts as missing, unless the variable has a default. Both cases are listed.

use std::collections::BTreeMap;

use super::{
    ast::{Data, Place, Plugin, Setting, Value},
    note::{Effect, Notes},
    variable::Variables,
};

/// The settings of one plugin that were not read yet.
pub(super) struct Settings<'p> {
    plugin: &'p Plugin,
    rest: BTreeMap<&'p str, Vec<&'p Setting>>,
    /// Read values with environment variables, each with the name of its setting.
    variables: Vec<(&'p str, &'p Value)>,
}

impl<'p> Settings<'p> {
    pub(super) fn of(plugin: &'p Plugin) -> Self {
        let mut rest: BTreeMap<&str, Vec<&Setting>> = BTreeMap::new();
        for setting in &plugin.settings {
            rest.entry(setting.name.as_str()).or_default().push(setting);
        }
        Self { plugin, rest, variables: Vec::new() }
    }

    /// All settings with this name.
    pub(super) fn take(&mut self, name: &str) -> Vec<&'p Setting> {
        self.rest.remove(name).unwrap_or_default()
    }

    /// Whether an unread setting with this name exists.
    pub(super) fn has(&self, name: &str) -> bool {
        self.rest.contains_key(name)
    }

    /// The text of a setting. If there are several, the last one counts.
    pub(super) fn text(&mut self, name: &str) -> Option<(Place, &'p str)> {
        let setting = *self.take(name).last()?;
        self.remember(&setting.name, &setting.value);
        Some((setting.at, scalar(&setting.value)?))
    }

    /// Like [`Self::text`], but variables without a default stay in the text. The caller lists them.
    pub(super) fn raw_text(&mut self, name: &str) -> Option<(Place, &'p str)> {
        let setting = *self.take(name).last()?;
        if setting.value.variables.as_ref().is_some_and(|variables| variables.is_known) {
            self.remember(&setting.name, &setting.value);
        }
        Some((setting.at, raw(&setting.value)?))
    }

    /// Whether the setting is `true`.
    pub(super) fn is_true(&mut self, name: &str) -> bool {
        self.text(name).is_some_and(|(_, text)| text == "true")
    }

    /// The texts of a list, or a single text.
    pub(super) fn texts(&mut self, name: &str) -> Vec<(Place, &'p str)> {
        let mut texts = Vec::new();
        for setting in self.take(name) {
            let values = match &setting.value.data {
                Data::List(values) => values.iter().collect(),
                _ => vec![&setting.value],
            };
            for value in values {
                self.remember(&setting.name, value);
                texts.extend(scalar(value).map(|text| (value.at, text)));
            }
        }
        texts
    }

    /// Like [`Self::texts`], but variables stay in the texts. The caller lists them.
    pub(super) fn raw_texts(&mut self, name: &str) -> Vec<(Place, &'p str)> {
        let mut texts = Vec::new();
        for setting in self.take(name) {
            match &setting.value.data {
                Data::List(values) => texts.extend(values.iter().filter_map(|value| Some((value.at, raw(value)?)))),
                _ => texts.extend(raw(&setting.value).map(|text| (setting.value.at, text))),
            }
        }
        texts
    }

    /// The keys and values of a hash, or of a list with keys and values in turn, the syntax from before there were
    /// hashes.
    pub(super) fn pairs(&mut self, name: &str) -> Vec<(Place, &'p str, &'p Value)> {
        let mut pairs = Vec::new();
        for setting in self.take(name) {
            let before = pairs.len();
            match &setting.value.data {
                Data::Hash(entries) => {
                    pairs.extend(entries.iter().filter_map(|(key, value)| Some((key.at, scalar(key)?, value))));
                }
                Data::List(values) => {
                    pairs.extend(
                        values.chunks_exact(2).filter_map(|pair| Some((pair[0].at, scalar(&pair[0])?, &pair[1]))),
                    );
                }
                _ => {}
            }
            for (_, _, value) in &pairs[before..] {
                self.remember(&setting.name, value);
            }
        }
        pairs
    }

    /// Skips settings that do not affect the data.
    pub(super) fn ignore(&mut self, names: &[&'static str]) {
        for name in names {
            self.rest.remove(*name);
        }
    }

    /// Notes that these settings, if they are given, have no effect here.
    pub(super) fn note(&mut self, names: &[&str], why: &str, notes: &mut Notes) {
        let given: Vec<&Setting> = names.iter().flat_map(|name| self.take(name)).collect();
        let Some(first) = given.iter().map(|setting| setting.at).min() else { return };
        let names: Vec<String> = given.iter().map(|setting| format!("`{}`", setting.name)).collect();
        notes.note(first, format!("{} of `{}`: {why}", names.join(", "), self.plugin.name));
    }

    /// Notes that these settings, if they are given, have no counterpart.
    pub(super) fn lose(&mut self, names: &[&str], effect: Effect, why: &str, notes: &mut Notes) {
        for name in names {
            for setting in self.take(name) {
                notes.add(setting.at, effect, format!("`{}` of `{}`: {why}", setting.name, self.plugin.name));
            }
        }
    }

    /// Notes every setting that was not read: its effect is unknown.
    pub(super) fn end(mut self, notes: &mut Notes) {
        self.ignore(&["id", "enable_metric", "periodic_flush"]);
        for setting in self.rest.values().flatten() {
            let text = format!("`{}` of `{}` has no counterpart", setting.name, self.plugin.name);
            notes.add(setting.at, Effect::Unknown, text);
        }
        for (name, value) in &self.variables {
            let Some(Variables { written, is_known }) = &value.variables else { continue };
            let written = written.iter().map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", ");
            let held = if *is_known {
                "its default stands here; write the value that the server has"
            } else {
                "its value is the server's, and the setting counts as not given; write the value"
            };
            notes.add(value.at, Effect::Unknown, format!("{written} in `{name}` of `{}`: {held}", self.plugin.name));
        }
    }

    fn remember(&mut self, name: &'p str, value: &'p Value) {
        if value.variables.is_some() {
            self.variables.push((name, value));
        }
    }
}

/// The text of a value, if it is a text with a known value.
pub(super) fn scalar(value: &Value) -> Option<&str> {
    let is_known = value.variables.as_ref().is_none_or(|variables| variables.is_known);
    raw(value).filter(|_| is_known)
}

fn raw(value: &Value) -> Option<&str> {
    match &value.data {
        Data::Text(text) | Data::Number(text) => Some(text),
        Data::List(_) | Data::Hash(_) | Data::Plugin(_) => None,
    }
}
