//! Names with a dot. In Logstash such a name is one field. Here it may also be a field inside an object.

use super::{
    ast::{Config, Data, Plugin, Setting, Statement, Value},
    names::path,
    note::{Effect, Notes},
    settings::scalar,
};

/// Notes these names in filters and conditions.
pub(super) fn note(config: &Config, notes: &mut Notes) {
    for (at, name) in &config.dotted {
        let text = format!(
            "`{name}` is one name with a dot to Logstash; an event is taken to have no object in which it would be found here as well"
        );
        notes.add(*at, Effect::Assumed, text);
    }
    statements(&config.filters, notes);
}

fn statements(all: &[Statement], notes: &mut Notes) {
    for statement in all {
        match statement {
            Statement::Plugin(plugin) => of_plugin(plugin, notes),
            Statement::Branches(branches) => branches.iter().for_each(|branch| statements(&branch.body, notes)),
        }
    }
}

fn of_plugin(plugin: &Plugin, notes: &mut Notes) {
    let is_translated = matches!(plugin.name.as_str(), "mutate" | "json" | "date" | "fingerprint");
    for setting in plugin.settings.iter().filter(|_| is_translated) {
        for value in names_in(setting) {
            let name = scalar(value).unwrap_or_default();
            let is_dotted = name.contains('.') && !name.contains("%{") && path(name).is_some();
            if is_dotted {
                let text = format!(
                    "`{name}` is one name with a dot to Logstash; here it is the field of an object as well, and is made as one"
                );
                notes.differs(value.at, text);
            }
        }
    }
}

/// The values of a setting that are field names.
fn names_in(setting: &Setting) -> Vec<&Value> {
    let name = setting.name.as_str();
    match (&setting.value.data, name) {
        (Data::Hash(entries), "rename" | "copy") => entries.iter().flat_map(|(key, value)| [key, value]).collect(),
        (Data::Hash(entries), "add_field" | "replace") => entries.iter().map(|(key, _)| key).collect(),
        (Data::List(values), "rename" | "copy" | "remove_field" | "source") => values.iter().collect(),
        (Data::List(values), "add_field" | "replace") => values.iter().step_by(2).collect(),
        (Data::List(values), "match") => values.iter().take(1).collect(),
        (Data::Text(_), "remove_field" | "source" | "target") => vec![&setting.value],
        _ => Vec::new(),
    }
}
