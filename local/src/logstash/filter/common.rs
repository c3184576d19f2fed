//! The settings that inputs and filters have in common: `add_field`, `remove_field`, `tags`, `add_tag`.

use crate::logstash::{
    ast::{Data, Place, Value},
    fields::{Fields, Made, Seen, Target, sole_field},
    names::{Part, parts, path},
    note::Notes,
    settings::{Settings, scalar},
};

/// Does all of them, in Logstash's order.
pub(in crate::logstash) fn apply(settings: &mut Settings<'_>, fields: &mut Fields, notes: &mut Notes) {
    for (at, name, value) in settings.pairs("add_field") {
        if let Err(error) = add(fields, at, name, value) {
            notes.lost(at, format!("add_field `{name}`: {error}"));
        }
    }
    for (at, name) in settings.texts("remove_field") {
        if let Err(error) = remove(fields, name, at) {
            notes.lost(at, format!("remove_field `{name}`: {error}"));
        }
    }
    let mut tags = settings.texts("tags");
    tags.extend(settings.texts("add_tag"));
    for (at, tag) in tags {
        if let Err(error) = add_tag(fields, tag, at) {
            notes.lost(at, format!("tag `{tag}`: {error}"));
        }
    }
    settings.lose(&["remove_tag"], "a tag that an event came with stays; drop the field `tags` as a whole", notes);
}

pub(super) fn remove(fields: &mut Fields, name: &str, at: Place) -> Result<(), String> {
    fields.remove(&path(name).ok_or("it is no name of a field here")?, at)
}

/// Adds a field; one that was added before becomes a list, as in Logstash.
pub(super) fn add(fields: &mut Fields, at: Place, name: &str, value: &Value) -> Result<(), String> {
    let path = path(name).ok_or("it is no name of a field here")?;
    match &value.data {
        Data::List(values) => {
            for value in values {
                add_text(fields, at, &path, scalar(value).ok_or("no text stands there")?)?;
            }
            Ok(())
        }
        _ => add_text(fields, at, &path, scalar(value).ok_or("no text stands there")?),
    }
}

fn add_text(fields: &mut Fields, at: Place, path: &str, text: &str) -> Result<(), String> {
    let made = made(fields, path, text)?;
    let made = match (fields.targets.get(path).map(|Target { made, .. }| made.clone()), made) {
        (None, made) => made,
        (Some(Made::Text(before)), Made::Text(text)) => together(fields, before, text)?,
        (Some(Made::List(mut list)), Made::Text(text)) if !text.contains("%{") => {
            list.push(text);
            Made::List(list)
        }
        _ => return Err("it is made already, and a list holds constants alone".into()),
    };
    fields.set(path, made, at)
}

/// What a text makes.
pub(super) fn made(fields: &Fields, path: &str, text: &str) -> Result<Made, String> {
    if let Some(field) = sole_field(text)
        && let Seen::Metadata(member) = fields.see(&field)?
    {
        return Ok(Made::Metadata(member));
    }
    if let [Part::Field(lat), Part::Literal(","), Part::Field(lon)] = parts(text)?.as_slice()
        && is_latitude(lat)
        && is_longitude(lon)
    {
        return Ok(Made::Point { lat: fields.plain(lat)?, lon: fields.plain(lon)? });
    }
    fields.text(text, path.starts_with("@metadata.")).map(Made::Text)
}

/// Two values of one field: a point, which as a list has its longitude first, or a list of constants.
fn together(fields: &Fields, before: String, text: String) -> Result<Made, String> {
    match (sole_field(&before), sole_field(&text)) {
        (Some(lon), Some(lat))
            if is_longitude(&lon) && is_latitude(&lat) && fields.hash_of(&lat).or(fields.hash_of(&lon)).is_none() =>
        {
            Ok(Made::Point { lat, lon })
        }
        _ if before.contains("%{") || text.contains("%{") => {
            Err("it is made already, and a list holds constants alone".into())
        }
        _ => Ok(Made::List(vec![before, text])),
    }
}

fn is_latitude(path: &str) -> bool {
    last(path).starts_with("lat")
}

fn is_longitude(path: &str) -> bool {
    last(path).starts_with("lon") || last(path) == "lng"
}

fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

fn add_tag(fields: &mut Fields, tag: &str, at: Place) -> Result<(), String> {
    if tag.contains("%{") {
        return Err("a list holds constants alone".into());
    }
    let mut list = match fields.targets.get("tags").map(|target| &target.made) {
        Some(Made::List(list)) => list.clone(),
        None => Vec::new(),
        Some(_) => return Err("`tags` is made otherwise already".into()),
    };
    if !list.iter().any(|known| known == tag) {
        list.push(tag.to_owned());
    }
    fields.set("tags", Made::List(list), at)
}
