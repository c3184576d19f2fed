//! The settings of a plugin, read one by one, so that at the end what nobody read can be told.
//!
//! Deliberately absent: a list of all settings there are. What is unknown has no counterpart.

use std::collections::BTreeMap;

use super::{
    ast::{Data, Place, Plugin, Setting, Value},
    note::Notes,
};

/// The settings of one plugin that were not read yet.
pub(super) struct Settings<'p> {
    plugin: &'p Plugin,
    rest: BTreeMap<&'p str, Vec<&'p Setting>>,
}

impl<'p> Settings<'p> {
    pub(super) fn of(plugin: &'p Plugin) -> Self {
        let mut rest: BTreeMap<&str, Vec<&Setting>> = BTreeMap::new();
        for setting in &plugin.settings {
            rest.entry(setting.name.as_str()).or_default().push(setting);
        }
        Self { plugin, rest }
    }

    /// What is given under this name, however often.
    pub(super) fn take(&mut self, name: &str) -> Vec<&'p Setting> {
        self.rest.remove(name).unwrap_or_default()
    }

    /// A single text; of several the last.
    pub(super) fn text(&mut self, name: &str) -> Option<(Place, &'p str)> {
        self.take(name).last().and_then(|setting| Some((setting.at, scalar(&setting.value)?)))
    }

    /// Whether it is given as `true`.
    pub(super) fn is_true(&mut self, name: &str) -> bool {
        self.text(name).is_some_and(|(_, text)| text == "true")
    }

    /// The texts of a list, or one alone.
    pub(super) fn texts(&mut self, name: &str) -> Vec<(Place, &'p str)> {
        let mut texts = Vec::new();
        for setting in self.take(name) {
            match &setting.value.data {
                Data::List(values) => {
                    texts.extend(values.iter().filter_map(|value| Some((value.at, scalar(value)?))));
                }
                _ => texts.extend(scalar(&setting.value).map(|text| (setting.value.at, text))),
            }
        }
        texts
    }

    /// Keys and values of a hash, or of a list of keys and values in turn, as it was written before there were hashes.
    pub(super) fn pairs(&mut self, name: &str) -> Vec<(Place, &'p str, &'p Value)> {
        let mut pairs = Vec::new();
        for setting in self.take(name) {
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
        }
        pairs
    }

    /// Passes over settings that say nothing about the data.
    pub(super) fn ignore(&mut self, names: &[&'static str]) {
        for name in names {
            self.rest.remove(*name);
        }
    }

    /// Notes that settings, where they are given, are of no consequence here.
    pub(super) fn note(&mut self, names: &[&str], why: &str, notes: &mut Notes) {
        let given: Vec<&Setting> = names.iter().flat_map(|name| self.take(name)).collect();
        let Some(first) = given.iter().map(|setting| setting.at).min() else { return };
        let names: Vec<String> = given.iter().map(|setting| format!("`{}`", setting.name)).collect();
        notes.note(first, format!("{} of `{}`: {why}", names.join(", "), self.plugin.name));
    }

    /// Notes that settings, where they are given, have no counterpart.
    pub(super) fn lose(&mut self, names: &[&str], why: &str, notes: &mut Notes) {
        for name in names {
            for setting in self.take(name) {
                notes.lost(setting.at, format!("`{}` of `{}`: {why}", setting.name, self.plugin.name));
            }
        }
    }

    /// Everything that was not read has no counterpart.
    pub(super) fn end(mut self, notes: &mut Notes) {
        self.ignore(&["id", "enable_metric", "periodic_flush"]);
        for setting in self.rest.values().flatten() {
            notes.lost(setting.at, format!("`{}` of `{}` has no counterpart", setting.name, self.plugin.name));
        }
    }
}

/// The text of a value that is one.
pub(super) fn scalar(value: &Value) -> Option<&str> {
    match &value.data {
        Data::Text(text) | Data::Number(text) => Some(text),
        Data::List(_) | Data::Hash(_) | Data::Plugin(_) => None,
    }
}
