//! The rules that make fields: `add`, `geo_point`, `date` and `metadata`.

use super::{
    super::{
        from::Kind,
        reader::{Keys, Reader, listed},
    },
    rule::Rule,
};
use crate::{
    decode::Path,
    record::{
        FIREHOSE_FACTS, FIREHOSE_MEMBERS, KAFKA_FACTS, KAFKA_MEMBERS, KINESIS_FACTS, KINESIS_MEMBERS, S3_FACTS,
        S3_MEMBERS,
    },
    route::{Timestamp, TimestampFormat, Zone},
    shape::{FieldRule, Making, Metadata, Template},
    time,
    yaml::{Data, Json, Key, Node, Text},
};

const ADD_FORM: &str = "write `add: { env: prod, source: \"%{os}/%{device.model}\" }`";
const GEO_POINT_FORM: &str = "write `geo_point: { location: { lat: FIELD, lon: FIELD } }`";
pub(in crate::rules::read) const GEO_POINT_KEYS: Keys<'_> =
    Keys { of: "a point of `geo_point`", known: &["lat", "lon"], later: &[] };
const DATE_FORM: &str =
    "write `date: { \"@timestamp\": FIELD }` or `date: { created: { field: FIELD, format: FORMAT } }`";
/// `earliest` is a key of `timestamp` only: a date that is only stored does not create an index.
const DATE_KEYS: Keys<'_> = Keys { of: "`date`", known: &["field", "format", "timezone"], later: &[] };
const TIMEZONE_FORM: &str = "write a name of the IANA database, such as `timezone: Asia/Seoul`";
const EARLIEST_FORM: &str = "write a date, such as `earliest: 1970-01-01`: earlier times count as a broken clock";
const METADATA_FORM: &str = "write `metadata: source`, an object of the position, or name what is wanted, such as";

impl Reader<'_> {
    pub(super) fn add(&mut self, node: &Node, rules: &mut Vec<Rule>) {
        for (key, value) in self.entries(node, "add", ADD_FORM) {
            let Some(to) = self.target(key, "add") else { continue };
            let from = match &value.data {
                Data::Scalar(Text { value: text, .. }) => match Template::parse(text) {
                    Ok(Some(template)) => Making::Template(template),
                    Ok(None) => Making::Constant(value.to_json()),
                    Err(error) => {
                        self.complain(value.place, format!("`{to}` in `add`: {error}"));
                        continue;
                    }
                },
                Data::List(_) | Data::Map(_) => Making::Constant(value.to_json()),
            };
            self.refuse_ambiguous(value);
            rules.push(made(to, from, "add", key));
        }
    }

    /// Complains about a constant whose meaning could surprise the user.
    fn refuse_ambiguous(&mut self, node: &Node) {
        let text_within = |reader: &mut Self, node: &Node| {
            if matches!(&node.data, Data::Scalar(text) if text.value.contains("%{")) {
                let message = "a `%{` in a list or map of `add`: a field can be inserted only into a text of its own";
                reader.complain(node.place, format!("{message}; {ADD_FORM}"));
            }
            reader.refuse_ambiguous(node);
        };
        match &node.data {
            Data::Scalar(text) => {
                if let Json::Ambiguous(number) = text.json() {
                    let message = format!("`{number}` in `add` is a number in YAML but not in JSON");
                    self.complain(node.place, format!("{message}; write it in decimal, or in quotes for a text"));
                }
            }
            Data::List(nodes) => nodes.iter().for_each(|node| text_within(self, node)),
            Data::Map(members) => members.iter().for_each(|(_, node)| text_within(self, node)),
        }
    }

    pub(super) fn geo_point(&mut self, node: &Node, rules: &mut Vec<Rule>) {
        for (key, value) in self.entries(node, "geo_point", GEO_POINT_FORM) {
            let to = self.target(key, "geo_point");
            let Some(members) = self.map(value, &GEO_POINT_KEYS, GEO_POINT_FORM) else { continue };
            let mut field = |name: &str| match members.get(name) {
                Some((_, node)) => self.path(node, name, GEO_POINT_FORM),
                None => self.refuse(value.place, format!("`{}` without `{name}`; {GEO_POINT_FORM}", key.text)),
            };
            let (lat, lon) = (field("lat"), field("lon"));
            if let (Some(to), Some(lat), Some(lon)) = (to, lat, lon) {
                rules.push(made(to, Making::GeoPoint { lat, lon }, "geo_point", key));
            }
        }
    }

    pub(super) fn date(&mut self, node: &Node, rules: &mut Vec<Rule>) {
        for (key, value) in self.entries(node, "date", DATE_FORM) {
            let to = self.target(key, "date");
            if let (Some(timestamp), Some(to)) = (self.time(value, &key.text, DATE_KEYS, DATE_FORM), to) {
                rules.push(made(to, Making::Date(timestamp), "date", key));
            }
        }
    }

    /// A time: `FIELD`, or `{ field: FIELD, format: FORMAT, … }`.
    pub(in crate::rules::read) fn time(
        &mut self,
        node: &Node,
        name: &str,
        keys: Keys<'_>,
        form: &str,
    ) -> Option<Timestamp> {
        if let Data::Scalar(_) = &node.data {
            return Some(Timestamp::new(self.path(node, name, form)?, vec![TimestampFormat::Auto]));
        }
        let keys = Keys { of: &format!("`{name}`"), ..keys };
        let members = self.map(node, &keys, form)?;
        let field = match members.get("field") {
            Some((_, node)) => self.path(node, "field", form),
            None => self.refuse(node.place, format!("`{name}` without a `field`; {form}")),
        };
        let formats = match members.get("format") {
            None => Some(vec![TimestampFormat::Auto]),
            Some((_, node)) => self.time_formats(node, form),
        };
        let zone = self.optional(&members, "timezone", None, |reader, node| reader.zone(node).map(Some));
        let earliest = self.optional(&members, "earliest", None, |reader, node| reader.earliest(node).map(Some));
        if let (Some(formats), Some(Some(zone)), Some((key, _))) = (&formats, &zone, members.get("timezone"))
            && !formats.iter().any(TimestampFormat::reads_local_times)
        {
            let message = format!("`timezone: {}` beside a `format` whose times all have an offset", zone.name());
            self.complain(key.place, message);
        }
        Some(Timestamp::new(field?, formats?).in_zone(zone?).since(earliest?))
    }

    /// A time zone, by its name.
    pub(in crate::rules::read) fn zone(&mut self, node: &Node) -> Option<Zone> {
        let name = self.text(node, "timezone", TIMEZONE_FORM)?.value.clone();
        Zone::parse(&name).map_or_else(|error| self.refuse(node.place, format!("`timezone`: {error}")), Some)
    }

    fn earliest(&mut self, node: &Node) -> Option<i64> {
        let text = self.text(node, "earliest", EARLIEST_FORM)?.value.clone();
        match time::parse(&text) {
            Some(date) => Some(date.start_ms),
            None => self.refuse(node.place, format!("`earliest: {text}`: {EARLIEST_FORM}")),
        }
    }

    fn time_formats(&mut self, node: &Node, form: &str) -> Option<Vec<TimestampFormat>> {
        let nodes = match &node.data {
            Data::List(nodes) if nodes.is_empty() => {
                return self.refuse(node.place, format!("`format` is an empty list; {form}"));
            }
            Data::List(nodes) => nodes.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let formats: Vec<Option<TimestampFormat>> = nodes
            .iter()
            .map(|node| {
                let text = self.text(node, "format", form)?.value.clone();
                TimestampFormat::parse(&text)
                    .map_or_else(|message| self.refuse(node.place, format!("`format`: {message}")), Some)
            })
            .collect();
        formats.into_iter().collect()
    }

    pub(super) fn metadata(&mut self, node: &Node, kind: Option<Kind>, rules: &mut Vec<Rule>) {
        let (members, facts): (&[&str], &[&str]) = match kind {
            Some(Kind::S3) | None => (&S3_MEMBERS, &S3_FACTS),
            Some(Kind::Stream) => (&KINESIS_MEMBERS, &KINESIS_FACTS),
            Some(Kind::Topic) => (&KAFKA_MEMBERS, &KAFKA_FACTS),
            Some(Kind::DeliveryStream) => (&FIREHOSE_MEMBERS, &FIREHOSE_FACTS),
        };
        let members = &[members, facts].concat();
        let form =
            format!("{METADATA_FORM} `metadata: {{ source_{0}: {0} }}`; there is {1}", members[0], listed(members));
        if let Data::Scalar(_) = &node.data {
            if let Some(to) = self.path(node, "metadata", &form) {
                let does = FieldRule::Make { to, from: Making::Metadata(Metadata::All) };
                rules.push(Rule { does, under: "metadata", place: node.place });
            }
            return;
        }
        for (key, value) in self.entries(node, "metadata", &form) {
            let to = self.target(key, "metadata");
            let Some(member) = self.text(value, &key.text, &form).map(|text| text.value.clone()) else { continue };
            // The members depend on `from`. If `from` cannot be read, only that fault is reported.
            if kind.is_some() && !members.contains(&member.as_str()) {
                self.complain(value.place, format!("`{}: {member}` in `metadata`; {form}", key.text));
            } else if let Some(to) = to {
                rules.push(made(to, Making::Metadata(Metadata::Member(member)), "metadata", key));
            }
        }
    }
}

fn made(to: Path, from: Making, under: &'static str, key: &Key) -> Rule {
    Rule { does: FieldRule::Make { to, from }, under, place: key.place }
}
