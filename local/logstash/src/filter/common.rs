//! The settings that inputs and filters have in common: `add_field`, `remove_field`, `tags`, `add_tag`.

use crate::{
    ast::{Data, Place, Plugin, Value},
    fields::{Fields, Made, Seen, Target, sole_field},
    names::{Part, parts, path},
    note::{Effect, Notes},
    settings::{Settings, scalar},
};

/// Applies all of them, in Logstash's order.
pub(crate) fn apply(settings: &mut Settings<'_>, fields: &mut Fields, notes: &mut Notes) {
    for (at, name, value) in settings.pairs("add_field") {
        add(fields, at, name, value, &[], notes);
    }
    for (at, name) in settings.texts("remove_field") {
        remove(fields, name, at, notes);
    }
    let mut tags = settings.texts("tags");
    tags.extend(settings.texts("add_tag"));
    for (at, tag) in tags {
        add_tag(fields, tag, at, notes);
    }
    lose_remove_tag(settings, fields, notes);
}

/// Notes that a removed tag stays here.
pub(super) fn lose_remove_tag(settings: &mut Settings<'_>, fields: &mut Fields, notes: &mut Notes) {
    for (at, tag) in settings.texts("remove_tag") {
        notes.differs(at, format!("remove_tag `{tag}`: the tag stays; drop the field `tags` as a whole"));
        fields.suspect(Some("tags"), at, "`remove_tag`");
    }
}

pub(super) fn remove(fields: &mut Fields, name: &str, at: Place, notes: &mut Notes) {
    let is_part = path(name).is_some_and(|path| path.contains('.') && fields.targets.contains_key(&path));
    if is_part {
        notes.differs(
            at,
            format!("remove_field `{name}`: Logstash leaves the object that was made for it, and here it is not made"),
        );
    }
    let removed = path(name).ok_or_else(|| NO_NAME.to_owned()).and_then(|path| fields.remove(&path, at));
    if let Err(error) = removed {
        notes.differs(at, format!("remove_field `{name}`: {error}; the field stays"));
        fields.suspect(path(name).as_deref(), at, "`remove_field`");
    }
}

pub(super) const NO_NAME: &str = "it is no name of a field here";

/// Adds a field. A second value for an added field makes a list, as in Logstash. The fields `present` are known to
/// exist.
pub(super) fn add(fields: &mut Fields, at: Place, name: &str, value: &Value, present: &[String], notes: &mut Notes) {
    let field = path(name);
    let may_be_own = field.as_ref().is_some_and(|path| !fields.targets.contains_key(path) && fields.may_be_own(path));
    let added = field.as_ref().ok_or_else(|| NO_NAME.to_owned()).and_then(|path| add_value(fields, at, path, value));
    let Some(path) = field.as_deref().filter(|_| added.is_ok()) else {
        let error = added.err().unwrap_or_default();
        notes.differs(at, format!("add_field `{name}`: {error}; the field is not added"));
        return fields.suspect(field.as_deref(), at, "`add_field`");
    };
    if may_be_own {
        fields.clashes.insert(path.to_owned());
        let text = format!(
            "add_field `{name}`: an event that came with `{name}` gets a list of both values in Logstash; here the new value takes the place of its own, and rules under conditions go by that"
        );
        notes.differs(at, text);
    }
    note_made(fields, at, path, present, notes);
}

/// Notes the differences between a made field and Logstash's.
pub(super) fn note_made(fields: &Fields, at: Place, path: &str, present: &[String], notes: &mut Notes) {
    match fields.targets.get(path).map(|target| &target.made) {
        Some(Made::Point { .. }) => {
            notes.differs(at, format!("`{path}` becomes an object with `lat` and `lon`, a text or list in Logstash; an invalid pair is left out"));
        }
        Some(Made::Metadata(member)) => note_metadata(fields, member, true, at, path, notes),
        Some(Made::Text(text)) if text.contains("%{") && !path.starts_with("@metadata.") => {
            let are_present = parts(text).is_ok_and(|parts| {
                parts.iter().all(|part| !matches!(part, Part::Field(field) if !present.contains(field)))
            });
            let or_missing = if are_present { "" } else { "is missing or " };
            notes.differs(at, format!("`{path}` of `{text}`: where a field of the text {or_missing}is `null`, a list or an object, `{path}` is not made here; Logstash makes it all the same, with the name or a list in the text"));
        }
        _ => {}
    }
}

/// Notes the differences of values that come with a record, as a text or as the value itself.
pub(super) fn note_metadata(fields: &Fields, member: &str, is_text: bool, at: Place, path: &str, notes: &mut Notes) {
    match member {
        "partition" | "offset" | "timestamp" if is_text => {
            notes.differs(at, format!("`{path}`: the {member} is a number here, a text in Logstash"));
        }
        "key" if fields.has_record_key() => {
            if is_text {
                let text = format!(
                    "`{path}`: of a record without a key it is not made here; Logstash makes it all the same, with the name in the text"
                );
                notes.differs(at, text);
            }
            let text = format!(
                "`{path}`: a key is taken to be UTF-8; any other is left out, and has other characters in Logstash"
            );
            notes.add(at, Effect::Assumed, text);
        }
        "headers" => {
            let text = if is_text { "it is an object here, and its JSON as a text in Logstash; there " } else { "" };
            let text = format!(
                "`{path}`: {text}a header that is there several times is a list here, and the last of them in Logstash; one without a value is `null` here"
            );
            notes.differs(at, text);
        }
        _ => {}
    }
}

fn add_value(fields: &mut Fields, at: Place, path: &str, value: &Value) -> Result<(), String> {
    const NO_TEXT: &str = "no text stands there";
    match &value.data {
        Data::List(values) => {
            for value in values {
                add_text(fields, at, path, scalar(value).ok_or(NO_TEXT)?)?;
            }
            Ok(())
        }
        _ => add_text(fields, at, path, scalar(value).ok_or(NO_TEXT)?),
    }
}

fn add_text(fields: &mut Fields, at: Place, path: &str, text: &str) -> Result<(), String> {
    let made = made(fields, path, text)?;
    let (name, _) = fields.name(path)?;
    let made = match (fields.targets.get(&name).map(|Target { made, .. }| made.clone()), made) {
        (None, made) => made,
        (Some(Made::Text(before)), Made::Text(text)) => together(fields, before, text)?,
        (Some(Made::List(mut list)), Made::Text(text)) if !text.contains("%{") => {
            list.push(text);
            Made::List(list)
        }
        _ => return Err("it is made already, and a list can hold only constants".into()),
    };
    fields.set(path, made, at)
}

/// The field that a text makes.
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

/// Two values for one field: a point, if they are longitude and latitude in this order, or a list of constants.
fn together(fields: &Fields, before: String, text: String) -> Result<Made, String> {
    match (sole_field(&before), sole_field(&text)) {
        (Some(lon), Some(lat))
            if is_longitude(&lon) && is_latitude(&lat) && fields.hash_of(&lat).or(fields.hash_of(&lon)).is_none() =>
        {
            Ok(Made::Point { lat, lon })
        }
        _ if before.contains("%{") || text.contains("%{") => {
            Err("it is made already, and a list can hold only constants".into())
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

fn add_tag(fields: &mut Fields, tag: &str, at: Place, notes: &mut Notes) {
    let is_own = fields.may_be_own("tags");
    match list_with(fields, tag).and_then(|list| fields.set("tags", Made::List(list), at)) {
        Ok(()) if is_own => notes.differs(
            at,
            format!(
                "tag `{tag}`: an event that came with `tags` keeps them beside it in Logstash; here it loses its own"
            ),
        ),
        Ok(()) => {}
        Err(error) => {
            notes.differs(at, format!("tag `{tag}`: {error}; the tag is not added"));
            fields.suspect(Some("tags"), at, "`add_tag`");
        }
    }
}

fn list_with(fields: &Fields, tag: &str) -> Result<Vec<String>, String> {
    if tag.contains("%{") {
        return Err("a list can hold only constants".into());
    }
    let mut list = match fields.targets.get("tags").map(|target| &target.made) {
        Some(Made::List(list)) => list.clone(),
        None => Vec::new(),
        Some(_) => return Err("`tags` is made by another rule already".into()),
    };
    if !list.iter().any(|known| known == tag) {
        list.push(tag.to_owned());
    }
    Ok(list)
}

/// The fields that the common settings of a filter change.
pub(super) fn changed(settings: &mut Settings<'_>) -> Vec<String> {
    let mut fields: Vec<String> =
        settings.pairs("add_field").into_iter().filter_map(|(_, name, _)| path(name)).collect();
    fields.extend(settings.texts("remove_field").into_iter().filter_map(|(_, name)| path(name)));
    if settings.has("add_tag") || settings.has("remove_tag") || settings.has("tag_on_failure") {
        fields.push("tags".into());
    }
    fields
}

/// Notes the common settings of a filter, which Logstash applies only if the filter succeeds. Conditions below do not
/// know whether it succeeded. The change of the field `except` is the same here.
pub(super) fn note_success(
    plugin: &Plugin,
    success: &str,
    except: Option<&str>,
    fields: &mut Fields,
    notes: &mut Notes,
) {
    let (at, filter) = (plugin.at, &plugin.name);
    let changed: Vec<String> =
        changed(&mut Settings::of(plugin)).into_iter().filter(|name| Some(name.as_str()) != except).collect();
    let names = ["add_field", "remove_field", "add_tag", "remove_tag"];
    let settings = Settings::of(plugin);
    let given: Vec<String> = names.iter().filter(|name| settings.has(name)).map(|name| format!("`{name}`")).collect();
    if !changed.is_empty() {
        for field in &changed {
            fields.suspect(Some(field), at, &format!("`{filter}`, after success alone,"));
        }
        let text = format!(
            "{} of `{filter}`: done for every event here; Logstash does it only where {success}",
            given.join(", ")
        );
        notes.add(at, Effect::Differs, text);
    }
}
