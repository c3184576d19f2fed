//! `mutate`: renames, copies, replaces and removes fields.
//!
//! Within one `mutate` Logstash has a fixed order, whatever the order in the file. Deliberately absent: changes of the
//! characters of a value. Of Millrace's rules, only `add` makes a new text.

use super::{common, state::Filtered, under::Under};
use crate::{
    ast::{Data, Place, Plugin, Setting, Value},
    fields::Made,
    names::{Part, parts, path},
    settings::{Settings, scalar},
};

/// Settings that change the characters or the type of a value, and the reason why they have no counterpart.
const CHANGES: [(&str, &str); 11] = [
    ("coerce", "a field that is `null` gets no default"),
    ("update", "a field is not replaced only where it is there"),
    ("gsub", CHARACTERS),
    ("uppercase", CHARACTERS),
    ("capitalize", CHARACTERS),
    ("lowercase", CHARACTERS),
    ("strip", CHARACTERS),
    ("split", LISTS),
    ("join", LISTS),
    ("merge", LISTS),
    ("convert", ""),
];
const CHARACTERS: &str = "no rule changes the characters of a value, which stay as they came; let the producer do it, or an ingest pipeline of the domain";
const LISTS: &str = "no rule makes a list of a text, or a text of a list, and the value stays as it came; use an ingest pipeline of the domain";

impl Filtered<'_> {
    pub(super) fn mutate(&mut self, plugin: &Plugin, mut settings: Settings<'_>, under: &Under) {
        self.changes(plugin, true);
        let renamed = settings.pairs("rename");
        for (at, from, to) in &renamed {
            let (at, from, to) = (*at, *from, *to);
            let is_other =
                |value: &Value| scalar(to).zip(scalar(value)).is_some_and(|(to, other)| are_of_one_point(to, other));
            let other = renamed.iter().find(|(.., value)| is_other(value)).map(|(_, other, _)| reference(other));
            let needs = [reference(from), other.unwrap_or_default()];
            let target = scalar(to).map(reference).unwrap_or_default();
            let what = format!("rename `{from}`");
            if self.is_permitted(at, &what, under, &[&needs[0], &needs[1]], &[&target]) {
                let result = self.rename(from, to, at);
                self.keep_error(result, at, &what, &[&needs[0], &target]);
            }
        }
        for (at, name, value) in settings.pairs("replace") {
            if self.is_permitted(at, &format!("replace `{name}`"), under, &[], &[&reference(name)]) {
                self.replace(name, value, at);
            }
        }
        self.changes(plugin, false);
        for (name, _) in CHANGES {
            settings.take(name);
        }
        for (at, from, to) in settings.pairs("copy") {
            let target = scalar(to).map(reference).unwrap_or_default();
            if self.is_permitted(at, &format!("copy `{from}`"), under, &[&reference(from)], &[&target]) {
                let result = self.copy(from, to, at);
                self.keep_error(result, at, &format!("copy `{from}`"), &[&target]);
            }
        }
        self.common(&mut settings, under);
        settings.ignore(&["tag_on_failure"]);
        settings.end(self.notes);
    }

    /// Notes settings that change a value. The document keeps the original value, and conditions below are not
    /// translated.
    fn changes(&mut self, plugin: &Plugin, is_first: bool) {
        for setting in &plugin.settings {
            let Some((name, why)) = CHANGES.iter().find(|(name, _)| *name == setting.name) else { continue };
            if (*name == "coerce") != is_first {
                continue;
            }
            for (at, field) in changed(setting) {
                self.fields.suspect(Some(&field), at, &format!("`{name}`"));
                if *name == "convert" {
                    self.converted.push((at, field));
                }
            }
            if !why.is_empty() {
                self.notes.differs(setting.at, format!("`{name}` of `mutate`: {why}"));
            }
        }
    }

    /// Applies the common settings, such as `add_field`, of any filter.
    pub(super) fn common(&mut self, settings: &mut Settings<'_>, under: &Under) {
        if under.permits(&[]) {
            return common::apply(settings, &mut self.fields, self.notes);
        }
        let added = settings.pairs("add_field");
        for (at, name, value) in &added {
            let (at, name, value) = (*at, *name, *value);
            // A point needs both of its fields.
            let other = added.iter().find(|(_, other, _)| are_of_one_point(name, other));
            let needs: Vec<String> = fields_of(value)
                .into_iter()
                .chain(other.into_iter().flat_map(|(.., value)| fields_of(value)))
                .collect();
            let needs: Vec<&str> = needs.iter().map(String::as_str).collect();
            if under.permits(&needs) {
                common::add(&mut self.fields, at, name, value, under.present(), self.notes);
            } else {
                self.is_permitted(at, &format!("add_field `{name}`"), under, &[], &[&reference(name)]);
            }
        }
        for (at, name) in settings.texts("remove_field") {
            if self.is_permitted(at, &format!("remove_field `{name}`"), under, &[&reference(name)], &[]) {
                common::remove(&mut self.fields, name, at, self.notes);
            }
        }
        for name in ["add_tag", "remove_tag"] {
            for (at, tag) in settings.texts(name) {
                self.is_permitted(at, &format!("{name} `{tag}`"), under, &[], &["tags"]);
            }
        }
    }

    fn rename(&mut self, from: &str, to: &Value, at: Place) -> Result<(), String> {
        let (from, to) = (path(from).ok_or(common::NO_NAME)?, scalar(to).and_then(path).ok_or(common::NO_NAME)?);
        self.fields.rename(&from, &to, at)?;
        if let Some(Made::Metadata(member)) = self.fields.targets.get(&to).map(|target| &target.made) {
            common::note_metadata(&self.fields, member, false, at, &to, self.notes);
            if *member == "key" && self.fields.has_record_key() {
                let text = format!("`{to}`: of a record without a key it is not made here, and `null` in Logstash");
                self.notes.differs(at, text);
            }
        }
        Ok(())
    }

    fn replace(&mut self, name: &str, value: &Value, at: Place) {
        let made = path(name).ok_or(common::NO_NAME.to_owned()).and_then(|path| {
            let made = common::made(&self.fields, &path, scalar(value).ok_or("no text stands there")?)?;
            self.fields.set(&path, made, at)
        });
        match made {
            Ok(()) => common::note_made(&self.fields, at, &reference(name), &[], self.notes),
            Err(error) => self.keep_error(Err(error), at, &format!("replace `{name}`"), &[&reference(name)]),
        }
    }

    fn copy(&mut self, from: &str, to: &Value, at: Place) -> Result<(), String> {
        let (from, to) = (path(from).ok_or(common::NO_NAME)?, scalar(to).and_then(path).ok_or(common::NO_NAME)?);
        let made = common::made(&self.fields, &to, &format!("%{{{from}}}"))?;
        if let Made::Metadata(member) = &made {
            common::note_metadata(&self.fields, member, false, at, &to, self.notes);
        }
        if let Made::Text(text) = &made
            && text.contains("%{")
        {
            let text = format!(
                "copy `{from}`: the copy is a text, also of a number; `null`, a list or an object is not copied"
            );
            self.notes.differs(at, text);
        }
        self.fields.set(&to, made, at)
    }

    /// Notes fields with a converted type, except parts of a point: its coordinates may be texts.
    pub(crate) fn convert(&mut self, points: &[(String, String, String)]) {
        for (at, path) in std::mem::take(&mut self.converted) {
            let is_of_point = points.iter().any(|(point, lat, lon)| {
                [point, lat, lon].contains(&&path)
                    || path.strip_prefix(point.as_str()).is_some_and(|rest| rest.starts_with('.'))
            });
            if !is_of_point {
                let text = format!(
                    "convert `{path}`: the type is the mapping's; with `\"{path}\": {{ \"type\": … }}` in the index template the \
                     engine reads a number from a text too"
                );
                self.notes.differs(at, text);
            }
        }
    }
}

/// The fields that a setting changes.
fn changed(setting: &Setting) -> Vec<(Place, String)> {
    let field = |value: &Value| Some((value.at, path(scalar(value)?)?));
    match &setting.value.data {
        Data::Hash(entries) => entries.iter().filter_map(|(key, _)| field(key)).collect(),
        Data::List(values) if setting.name == "gsub" => values.iter().step_by(3).filter_map(field).collect(),
        Data::List(values) if matches!(setting.name.as_str(), "uppercase" | "lowercase" | "capitalize" | "strip") => {
            values.iter().filter_map(field).collect()
        }
        Data::List(values) => values.iter().step_by(2).filter_map(field).collect(),
        _ => field(&setting.value).into_iter().collect(),
    }
}

/// Whether the two names are the latitude and the longitude of one object.
fn are_of_one_point(name: &str, other: &str) -> bool {
    let split = |name: &str| {
        path(name).and_then(|path| path.rsplit_once('.').map(|(point, name)| (point.to_owned(), name.to_owned())))
    };
    let (Some((point, name)), Some((other_point, other))) = (split(name), split(other)) else { return false };
    point == other_point && matches!((name.as_str(), other.as_str()), ("lat", "lon") | ("lon", "lat"))
}

/// A reference as a path, for comparison.
fn reference(name: &str) -> String {
    path(name).unwrap_or_default()
}

/// The fields in a text, or in the texts of a list.
fn fields_of(value: &Value) -> Vec<String> {
    let texts: Vec<&str> = match &value.data {
        Data::List(values) => values.iter().filter_map(scalar).collect(),
        _ => scalar(value).into_iter().collect(),
    };
    let field = |part| if let Part::Field(path) = part { Some(path) } else { None };
    texts.into_iter().flat_map(|text| parts(text).unwrap_or_default()).filter_map(field).collect()
}
