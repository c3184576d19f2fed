//! `mutate`: fields are renamed, copied, replaced and taken away.
//!
//! Within one `mutate` Logstash has an order of its own, whatever the order in the file. Deliberately absent: what changes the
//! characters of a value; of these nothing but `add` makes a new one.

use super::{Filtered, Under, common};
use crate::logstash::{
    ast::{Data, Place, Plugin, Value},
    fields::Made,
    names::{Part, parts, path},
    settings::{Settings, scalar},
};

impl Filtered<'_> {
    pub(super) fn mutate(&mut self, plugin: &Plugin, mut settings: Settings<'_>, under: &Under) {
        settings.lose(
            &["coerce", "update"],
            "no default for a field that is missing, or the other way round",
            self.notes,
        );
        let renamed = settings.pairs("rename");
        for (at, from, to) in &renamed {
            let (at, from, to) = (*at, *from, *to);
            let is_other =
                |value: &Value| scalar(to).zip(scalar(value)).is_some_and(|(to, other)| are_of_one_point(to, other));
            let other = renamed.iter().find(|(.., value)| is_other(value)).map(|(_, other, _)| reference(other));
            let needs = [reference(from), other.unwrap_or_default()];
            if self.is_permitted(at, &format!("rename `{from}`"), under, &[&needs[0], &needs[1]]) {
                let result = self.rename(from, to, at);
                self.keep_error(result, at, &format!("rename `{from}`"));
            }
        }
        for (at, name, value) in settings.pairs("replace") {
            if self.is_permitted(at, &format!("replace `{name}`"), under, &[]) {
                let result = self.replace(name, value, at);
                self.keep_error(result, at, &format!("replace `{name}`"));
            }
        }
        for (at, name, _) in settings.pairs("convert") {
            self.converted.extend(path(name).map(|path| (at, path)));
        }
        let lost =
            "no rule changes the characters of a value; let the producer do it, or an ingest pipeline of the domain";
        settings.lose(&["gsub", "uppercase", "lowercase", "capitalize", "strip"], lost, self.notes);
        let lost = "no rule makes a list of a text, or a text of a list; use an ingest pipeline of the domain";
        settings.lose(&["split", "join", "merge"], lost, self.notes);
        for (at, from, to) in settings.pairs("copy") {
            if self.is_permitted(at, &format!("copy `{from}`"), under, &[&reference(from)]) {
                let result = self.copy(from, to, at);
                self.keep_error(result, at, &format!("copy `{from}`"));
            }
        }
        self.common(plugin, &mut settings, under);
        settings.ignore(&["tag_on_failure"]);
        settings.end(self.notes);
    }

    /// `add_field` and the like, of any filter.
    pub(super) fn common(&mut self, plugin: &Plugin, settings: &mut Settings<'_>, under: &Under) {
        if under.permits(&[]) {
            return common::apply(settings, &mut self.fields, self.notes);
        }
        let added = settings.pairs("add_field");
        for (at, name, value) in &added {
            let (at, name, value) = (*at, *name, *value);
            // Of a point that lacks one of the two nothing is made.
            let other = added.iter().find(|(_, other, _)| are_of_one_point(name, other));
            let needs: Vec<String> = fields_of(value)
                .into_iter()
                .chain(other.into_iter().flat_map(|(.., value)| fields_of(value)))
                .collect();
            let needs: Vec<&str> = needs.iter().map(String::as_str).collect();
            if self.is_permitted(at, &format!("add_field `{name}`"), under, &needs) {
                let result = common::add(&mut self.fields, at, name, value);
                self.keep_error(result, at, &format!("add_field `{name}`"));
            }
        }
        for (at, name) in settings.texts("remove_field") {
            if self.is_permitted(at, &format!("remove_field `{name}`"), under, &[&reference(name)]) {
                let result = common::remove(&mut self.fields, name, at);
                self.keep_error(result, at, &format!("remove_field `{name}`"));
            }
        }
        let why = format!("under the condition in which the `{}` of line {} stands", plugin.name, plugin.at.line);
        settings.lose(&["add_tag", "remove_tag"], &why, self.notes);
    }

    fn rename(&mut self, from: &str, to: &Value, at: Place) -> Result<(), String> {
        const NO_NAME: &str = "it is no name of a field here";
        let (from, to) = (path(from).ok_or(NO_NAME)?, scalar(to).and_then(path).ok_or(NO_NAME)?);
        self.fields.rename(&from, &to, at)
    }

    fn replace(&mut self, name: &str, value: &Value, at: Place) -> Result<(), String> {
        let path = path(name).ok_or("it is no name of a field here")?;
        let made = common::made(&self.fields, &path, scalar(value).ok_or("no text stands there")?)?;
        self.fields.set(&path, made, at)
    }

    fn copy(&mut self, from: &str, to: &Value, at: Place) -> Result<(), String> {
        const NO_NAME: &str = "it is no name of a field here";
        let (from, to) = (path(from).ok_or(NO_NAME)?, scalar(to).and_then(path).ok_or(NO_NAME)?);
        let made = common::made(&self.fields, &to, &format!("%{{{from}}}"))?;
        if let Made::Text(text) = &made
            && text.contains("%{")
        {
            self.notes
                .note(at, format!("copy `{from}`: the copy is a text, also of a number; an object is not copied"));
        }
        self.fields.set(&to, made, at)
    }

    /// Notes the fields that were given another type, unless they are parts of a point, whose coordinates may be texts.
    pub(in crate::logstash) fn convert(&mut self, points: &[(String, String, String)]) {
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
                self.notes.lost(at, text);
            }
        }
    }
}

/// Whether these are the latitude and the longitude of one object.
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
