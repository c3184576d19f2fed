//! Writes a dataset from one input, all filters and one output.

use std::fmt::Write as _;

use pipeline::{route::IndexPattern, select::Select};

use super::{
    fields::{Made, Time, sole_field},
    filter::Filtered,
    input::{From, Source, escaped},
    names::{outwards, top},
    note::Effect,
    output::{Id, Output},
    query::Query,
    yaml::{block, flow},
};

/// A point made from two fields: its name, and the original names of its latitude and longitude.
type Point = (String, String, String);

/// The rules of a dataset's `fields`, each in the written form `name: value`.
#[derive(Default)]
struct Rules {
    drop: Vec<String>,
    rename: Vec<String>,
    add: Vec<String>,
    points: Vec<Point>,
    date: Vec<String>,
    metadata: Vec<String>,
}

/// The text of a dataset.
pub(super) fn write(name: &str, source: &Source, filtered: &mut Filtered<'_>, output: &Output) -> String {
    let rules = rules(filtered);
    filtered.convert(&rules.points);
    note_points(filtered, &rules.points);
    let mut yaml = format!("  - name: {}\n    from: {}\n", block(name), from(source));
    let format = filtered.format.as_deref().unwrap_or(source.format);
    let _ = writeln!(yaml, "    format: {}", if format == "Records" { "records" } else { format });
    let envelope = filtered.fields.envelope();
    if !envelope.is_empty() {
        let _ = writeln!(yaml, "    envelope: [{}]", listed(envelope.iter().map(|name| flow(name))));
    }
    let wanted = Query::all([filtered.wanted.clone(), output.wanted.exact()]);
    if let Some(select) = wanted.text() {
        if wanted.terms() <= super::query::MAX_TERMS && Select::query(&select).is_ok() {
            let _ = writeln!(yaml, "    select: {}", block(&select));
        } else {
            let text = "the conditions together do not fit into one query; `select` is left out, so that all events \
                        are indexed";
            filtered.notes.add(output.at, Effect::Keeps, text);
        }
    }
    let fields = fields(filtered, &rules);
    if !fields.is_empty() {
        let _ = write!(yaml, "    fields:\n{fields}");
    }
    if output.index.contains("%{+") && IndexPattern::parse(&output.index).is_ok() {
        let _ = writeln!(yaml, "    timestamp: {}", timestamp(filtered, source, output));
    } else if let Some((at, time)) = &filtered.timestamp {
        let text = format!(
            "date: `@timestamp` is not made where no format reads `{}`; Logstash has the time of reading there, and the tag `_dateparsefailure`",
            time.field
        );
        filtered.notes.differs(*at, text);
    }
    match &output.pipeline {
        None => drop(writeln!(yaml, "    index: {}", block(&output.index))),
        Some(pipeline) => {
            let (index, pipeline) = (block(&output.index), block(pipeline));
            let _ = writeln!(yaml, "    index:\n      name: {index}\n      pipeline: {pipeline}");
        }
    }
    match &output.id {
        Some(Id::Content) => yaml.push_str("    id: content\n"),
        Some(Id::Field(field)) => {
            let _ = writeln!(yaml, "    id: {{ field: {} }}", flow(field));
        }
        None => {}
    }
    yaml
}

fn from(source: &Source) -> String {
    match &source.from {
        From::Stream(name) => format!("{{ stream: {} }}", flow(name)),
        From::Topic(name) => format!("{{ topic: {} }}", flow(name)),
        From::S3 { bucket, prefix } => {
            let bucket = bucket.as_deref().map_or_else(|| "*".into(), escaped);
            let exclude = match source.exclude.as_slice() {
                [] => String::new(),
                globs => format!(", exclude: [{}]", listed(globs.iter().map(|glob| flow(glob)))),
            };
            format!("{{ bucket: {}, key: {}{exclude} }}", flow(&bucket), flow(&key_glob(prefix)))
        }
    }
}

/// A glob for all keys that begin with a prefix. `**` matches folders only if it is a whole part of the path.
fn key_glob(prefix: &str) -> String {
    let glob = escaped(prefix);
    if prefix.is_empty() || prefix.ends_with('/') { format!("{glob}**") } else { format!("{{{glob}*,{glob}*/**}}") }
}

/// The value of `timestamp`. As in Logstash it is the event's `@timestamp`, unless a `date` filter or a codec sets the time.
fn timestamp(filtered: &mut Filtered<'_>, source: &Source, output: &Output) -> String {
    let of_codec = source.fields.targets.get("@timestamp").map(|target| &target.made);
    match (filtered.timestamp.clone(), of_codec) {
        (None, Some(Made::Date(read))) => time(read),
        (None, _) => {
            let text = "an `@timestamp` that an event came with is taken to be a time; any other is a dead letter. An event without one has the time of its object or record, in Logstash that of reading";
            filtered.notes.add(output.at, Effect::Assumed, text);
            "\"@timestamp\"".into()
        }
        (Some((at, read)), _) => {
            let text = format!(
                "date: an event whose `{}` no format reads, or which is before 2000 or in the future, is a dead letter; Logstash keeps it, with the tag `_dateparsefailure` or that time",
                read.field
            );
            filtered.notes.add(at, Effect::Rejects, text);
            time(&read)
        }
    }
}

fn time(time: &Time) -> String {
    let format = match time.formats.as_slice() {
        [one] => flow(one),
        several => format!("[{}]", listed(several.iter().map(|one| flow(one)))),
    };
    let zone = time.zone.as_ref().map(|zone| format!(", timezone: {zone}")).unwrap_or_default();
    format!("{{ field: {}, format: {format}{zone} }}", flow(&time.field))
}

fn listed(items: impl IntoIterator<Item = String>) -> String {
    items.into_iter().collect::<Vec<_>>().join(", ")
}

fn rules(filtered: &Filtered<'_>) -> Rules {
    let fields = &filtered.fields;
    let mut rules = Rules { points: points(filtered), ..Rules::default() };
    let is_of_point = |name: &str| {
        rules
            .points
            .iter()
            .any(|(point, _, _)| name.strip_prefix(point.as_str()).is_some_and(|rest| matches!(rest, ".lat" | ".lon")))
    };
    let mut moved = Vec::new();
    let mut constants = Vec::new();
    for (name, target) in &fields.targets {
        if top(name) == "@metadata" || is_of_point(name) {
            continue;
        }
        match &target.made {
            // The field was moved out of the object that is the whole event here, so it keeps its name.
            Made::Moved(from) if from == name => moved.push(from.as_str()),
            Made::Moved(from) => {
                rules.rename.push(format!("{}: {}", flow(from), flow(name)));
                moved.push(from.as_str());
            }
            Made::Text(text) | Made::Default(text) => {
                rules.add.push(format!("{}: {}", flow(name), flow(text)));
                if !text.contains("%{") {
                    constants.push(name.as_str());
                }
            }
            Made::List(list) => {
                rules.add.push(format!("{}: [{}]", flow(name), listed(list.iter().map(|text| flow(text)))));
                constants.push(name);
            }
            Made::Date(read) => rules.date.push(format!("{}: {}", flow(name), time(read))),
            Made::Metadata(member) => rules.metadata.push(format!("{}: {member}", flow(name))),
            Made::Point { .. } | Made::Checksum(_) => {}
        }
    }
    let is_dropped_as_a_whole = |name: &str| {
        outwards(name).skip(1).any(|(outer, _)| fields.gone.contains_key(outer) && !moved.contains(&outer))
    };
    rules.drop.extend(
        fields
            .gone
            .keys()
            .filter(|name| !moved.contains(&name.as_str()) && !constants.contains(&name.as_str()))
            .filter(|name| !is_dropped_as_a_whole(name))
            .map(|name| flow(name)),
    );
    rules.drop.extend(fields.pruned.iter().map(|glob| flow(&glob.text())));
    rules
}

/// Notes the points made from two fields. Logstash leaves these two fields unchanged.
fn note_points(filtered: &mut Filtered<'_>, points: &[Point]) {
    for (name, ..) in points {
        if let Some(target) = filtered.fields.targets.get(&format!("{name}.lat")) {
            let text = format!(
                "`{name}` becomes a point, with numbers; of an invalid pair, or one of the two alone, nothing is made. Logstash leaves both as they came"
            );
            filtered.notes.differs(target.at, text);
        }
    }
}

/// Points: those that filters made, and objects with only a `lat` and a `lon`.
fn points(filtered: &Filtered<'_>) -> Vec<Point> {
    let fields = &filtered.fields;
    let mut points = Vec::new();
    for (name, target) in &fields.targets {
        if let Made::Point { lat, lon } = &target.made
            && top(name) != "@metadata"
        {
            points.push((name.clone(), lat.clone(), lon.clone()));
        }
        let Some(point) = name.strip_suffix(".lat") else { continue };
        let coordinate = |name: &str| match &fields.targets.get(name)?.made {
            Made::Moved(from) => Some(from.clone()),
            Made::Text(text) => sole_field(text),
            _ => None,
        };
        // A point has no room for a third field.
        let within = format!("{point}.");
        let is_alone =
            fields.targets.range(within.clone()..).take_while(|(name, _)| name.starts_with(&within)).count() == 2;
        if let (Some(lat), Some(lon)) = (coordinate(name), coordinate(&format!("{point}.lon")))
            && is_alone
            && top(point) != "@metadata"
            && fields.hash_of(&lat).or(fields.hash_of(&lon)).is_none()
        {
            points.push((point.to_owned(), lat, lon));
        }
    }
    points
}

fn fields(filtered: &Filtered<'_>, rules: &Rules) -> String {
    let unfolded = filtered.json.renamed.iter().map(|(field, name)| format!("{}: {}", flow(field), flow(name)));
    let unfolded: Vec<String> = unfolded.collect();
    let points: Vec<String> = rules
        .points
        .iter()
        .map(|(name, lat, lon)| format!("{}: {{ lat: {}, lon: {} }}", flow(name), flow(lat), flow(lon)))
        .collect();
    let kept = filtered.fields.kept.iter().flatten().map(|glob| flow(&glob.text())).collect();
    let hashed = filtered.fields.hashed.keys().map(|field| flow(field)).collect();
    let joining = filtered.json.joining.iter().map(|field| flow(field)).collect();
    let mut yaml = String::new();
    let map = |yaml: &mut String, name: &str, entries: &[String]| {
        if !entries.is_empty() {
            let _ = writeln!(yaml, "      {name}: {{ {} }}", listed(entries.iter().cloned()));
        }
    };
    let list = |yaml: &mut String, name: &str, items: Vec<String>| {
        if !items.is_empty() {
            let _ = writeln!(yaml, "      {name}: [{}]", listed(items));
        }
    };
    list(&mut yaml, "json", joining);
    map(&mut yaml, "json", &unfolded);
    list(&mut yaml, "keep", kept);
    list(&mut yaml, "drop", rules.drop.clone());
    map(&mut yaml, "rename", &rules.rename);
    map(&mut yaml, "add", &rules.add);
    list(&mut yaml, "hash", hashed);
    map(&mut yaml, "geo_point", &points);
    map(&mut yaml, "date", &rules.date);
    map(&mut yaml, "metadata", &rules.metadata);
    yaml
}
