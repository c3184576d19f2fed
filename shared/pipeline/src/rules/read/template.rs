//! `template`: the settings of the index template that go to the engine as they are, its component templates and its
//! priority.

use serde_json::Value;

use super::reader::{Keys, Reader};
use crate::{
    rules::settings::{IndexSetting, IndexSettings, broken_promise, full_name, own_key},
    yaml::{Data, Json, Key, Node},
};

const TEMPLATE_FORM: &str = "give any of `settings`, `composed_of` and `priority`, such as \
                             `template: { settings: { refresh_interval: 30s } }`";
const SETTINGS_FORM: &str = "give the engine's index settings by name, such as `settings: { refresh_interval: 30s, \
                             codec: best_compression }`";
const COMPOSED_FORM: &str = "give the names of component templates of the domain, such as `composed_of: [common]`";
/// The engine takes more. A larger value is a typing mistake.
const MAX_PRIORITY: u32 = 1_000_000_000;
pub(super) const TEMPLATE_KEYS: Keys<'_> =
    Keys { of: "`template`", known: &["settings", "composed_of", "priority"], later: &[] };

/// What `template` contains.
#[derive(Default)]
pub(super) struct IndexTemplate {
    pub(super) settings: IndexSettings,
    pub(super) composed_of: Vec<String>,
    pub(super) priority: Option<u32>,
}

impl Reader<'_> {
    pub(super) fn index_template(&mut self, node: &Node) -> Option<IndexTemplate> {
        let members = self.map(node, &TEMPLATE_KEYS, TEMPLATE_FORM)?;
        if matches!(&node.data, Data::Map(entries) if entries.is_empty()) {
            return self.refuse(node.place, format!("`template` is empty; {TEMPLATE_FORM}"));
        }
        let settings = self.optional(&members, "settings", IndexSettings::new(), Self::index_settings);
        let composed_of = self.optional(&members, "composed_of", Vec::new(), Self::composed_of);
        let priority = self.optional(&members, "priority", None, |reader, node| {
            reader.number(node, "priority", 0, MAX_PRIORITY).map(Some)
        });
        Some(IndexTemplate { settings: settings?, composed_of: composed_of?, priority: priority? })
    }

    fn index_settings(&mut self, node: &Node) -> Option<IndexSettings> {
        let before = self.complaints.len();
        let mut settings = IndexSettings::new();
        self.settings_below("", node, &mut settings);
        (self.complaints.len() == before).then_some(settings)
    }

    /// Reads nested maps and dotted names. Both are the same to the engine.
    fn settings_below(&mut self, path: &str, node: &Node, settings: &mut IndexSettings) {
        for (key, value) in self.entries(node, if path.is_empty() { "settings" } else { path }, SETTINGS_FORM) {
            if key.text.split('.').any(|part| part.is_empty() || part.contains(char::is_whitespace)) {
                self.complain(key.place, format!("`{}` is not the name of a setting; {SETTINGS_FORM}", key.text));
                continue;
            }
            let name = if path.is_empty() { full_name(&key.text) } else { format!("{path}.{}", key.text) };
            match &value.data {
                Data::Map(_) => self.settings_below(&name, value, settings),
                _ => self.setting(key, name, value, settings),
            }
        }
    }

    fn setting(&mut self, key: &Key, name: String, node: &Node, settings: &mut IndexSettings) {
        let value = match &node.data {
            Data::List(nodes) if !nodes.is_empty() => {
                nodes.iter().map(text).collect::<Option<Vec<_>>>().map(Value::from)
            }
            _ => text(node),
        };
        let Some(value) = value else {
            let form = "a setting is a text, a number, `true`, `false`, or a list of these";
            return self.complain(node.place, format!("`{name}` is {}; {form}", node.kind()));
        };
        if let Some(own) = own_key(&name) {
            return self.complain(key.place, format!("`{name}` has a key of its own: give `{own}` beside `template`"));
        }
        if let Some(reason) = broken_promise(&name, &value) {
            return self.complain(key.place, format!("`{name}` is refused: {reason}"));
        }
        if let Some(first) = settings.get(&name) {
            let line = first.line;
            return self.complain(key.place, format!("`{name}` is in line {line} already; a setting is given once"));
        }
        settings.insert(name, IndexSetting { value, line: key.place.line });
    }

    fn composed_of(&mut self, node: &Node) -> Option<Vec<String>> {
        let before = self.complaints.len();
        let mut names: Vec<String> = Vec::new();
        for node in self.list(node, "composed_of", COMPOSED_FORM) {
            let Some(name) = self.text(node, "composed_of", COMPOSED_FORM).map(|text| text.value.clone()) else {
                continue;
            };
            if name.is_empty() || names.contains(&name) {
                let what = if name.is_empty() { "is empty" } else { "is there twice" };
                self.complain(node.place, format!("`composed_of`: a name {what}: `{name}`; {COMPOSED_FORM}"));
            }
            names.push(name);
        }
        (self.complaints.len() == before).then_some(names)
    }
}

/// The text that the engine stores for a value.
fn text(node: &Node) -> Option<Value> {
    let Data::Scalar(text) = &node.data else { return None };
    match text.json() {
        Json::Null => None,
        Json::Bool(value) => Some(value.to_string().into()),
        Json::Number(text) | Json::String(text) | Json::Ambiguous(text) => Some(text.into()),
    }
}
