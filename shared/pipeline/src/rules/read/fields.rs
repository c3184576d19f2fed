//! `fields`: the changes to the events of a dataset.

mod conflicts;
mod make;
mod rule;

pub(super) use make::GEO_POINT_KEYS;

use super::{
    from::Kind,
    reader::{Keys, Reader},
};
use crate::{
    decode::{Embedded, Path},
    shape::{FieldRule, NamePattern, Shape},
    yaml::{Data, Key, Location, Node},
};
use rule::Rule;

const FIELDS_FORM: &str = "write `fields: { drop: [debug, params.raw] }`";
pub(super) const KEYS: Keys<'_> = Keys {
    of: "`fields`",
    known: &["json", "lift", "dynamodb", "keep", "drop", "rename", "add", "hash", "geo_point", "date", "metadata"],
    later: &[],
};
const JSON_FORM: &str = "write `json: message`, whose members join the event, or `json: { message: payload }`, which \
                         keeps them under one name";
const LIFT_FORM: &str = "write the object whose members take the event's place, such as `lift: payload.after`";
const DYNAMODB_FORM: &str = "write the objects with typed attributes, such as `dynamodb: Item` or `dynamodb: [dynamodb.NewImage, dynamodb.Keys]`";
const PATTERNS_FORM: &str = "write a list of fields, such as `[debug, params.raw, \"*_tmp\"]`";
const RENAME_FORM: &str = "write `rename: { user: adid }`, the old name first";
const HASH_FORM: &str = "write a list of fields, such as `hash: [adid, user.email]`";

/// The content of `fields`.
#[derive(Default)]
pub(super) struct Fields {
    pub(super) embedded: Option<Embedded>,
    pub(super) shape: Shape,
}

impl Reader<'_> {
    pub(super) fn fields(&mut self, node: &Node, kind: Option<Kind>) -> Option<Fields> {
        let members = self.map(node, &KEYS, FIELDS_FORM)?;
        let before = self.complaints.len();
        let mut embedded = None;
        let mut rules = Vec::new();
        for (key, node) in &members.entries {
            match key.text.as_str() {
                "json" => embedded = self.embedded(node),
                "lift" => self.lift(node, &mut rules),
                "dynamodb" => self.dynamodb(node, &mut rules),
                "keep" => self.patterns(node, "keep", FieldRule::Keep, &mut rules),
                "drop" => self.patterns(node, "drop", FieldRule::Drop, &mut rules),
                "rename" => self.rename(node, &mut rules),
                "add" => self.add(node, &mut rules),
                "hash" => self.hash(node, &mut rules),
                "geo_point" => self.geo_point(node, &mut rules),
                "date" => self.date(node, &mut rules),
                _ => self.metadata(node, kind, &mut rules),
            }
        }
        self.refuse_conflicts(&rules);
        if self.complaints.len() > before {
            return None;
        }
        let at = |under: &str| rules.iter().find(|rule| rule.under == under).map(|rule| rule.place);
        let (hash, lift) = (at("hash"), at("lift"));
        match Shape::new(rules.into_iter().map(|rule| rule.does).collect(), self.key) {
            Ok(shape) => match shape.check_lift() {
                Ok(()) => Some(Fields { embedded, shape }),
                Err(error) => self.refuse(lift.unwrap_or(node.place), error),
            },
            Err(error) => self.refuse(hash.unwrap_or(node.place), error.to_string()),
        }
    }

    fn embedded(&mut self, node: &Node) -> Option<Embedded> {
        let mut embedded = Embedded::default();
        match &node.data {
            Data::Map(_) => {
                for (key, value) in self.entries(node, "json", JSON_FORM) {
                    let field = self.name_at_the_top(&key.text, key.place);
                    let name = self.text(value, &key.text, JSON_FORM).map(|text| text.value.clone());
                    let name = name.and_then(|name| self.name_at_the_top(&name, value.place));
                    let (Some(field), Some(name)) = (field, name) else { continue };
                    if embedded.renamed.iter().any(|(_, earlier)| *earlier == name) {
                        self.complain(value.place, format!("`json` makes `{name}` twice; {JSON_FORM}"));
                    }
                    embedded.renamed.push((field, name));
                }
            }
            Data::List(nodes) if nodes.len() != 1 => {
                let message = format!(
                    "`json` is a list of {}: the members of one field alone can join the event; {JSON_FORM}",
                    nodes.len()
                );
                self.complain(node.place, message);
            }
            Data::List(_) | Data::Scalar(_) => {
                let field = if let Data::List(nodes) = &node.data { nodes.first()? } else { node };
                let name = self.text(field, "json", JSON_FORM)?.value.clone();
                embedded.joining = self.name_at_the_top(&name, field.place);
            }
        }
        Some(embedded)
    }

    fn name_at_the_top(&mut self, name: &str, place: Location) -> Option<String> {
        if name.is_empty() || name.contains('.') {
            let why = "it is for fields at the top of the event, whose name has no dot";
            return self.refuse(place, format!("`json` with `{name}`: {why}; {JSON_FORM}"));
        }
        Some(name.into())
    }

    fn patterns(
        &mut self,
        node: &Node,
        under: &'static str,
        rule: fn(NamePattern) -> FieldRule,
        rules: &mut Vec<Rule>,
    ) {
        for node in self.list(node, under, PATTERNS_FORM) {
            let Some(text) = self.text(node, under, PATTERNS_FORM).map(|text| text.value.clone()) else { continue };
            match NamePattern::parse(&text) {
                Ok(pattern) => rules.push(Rule { does: rule(pattern), under, place: node.place }),
                Err(error) => self.complain(node.place, format!("`{under}: {text}`: {error}")),
            }
        }
    }

    fn rename(&mut self, node: &Node, rules: &mut Vec<Rule>) {
        for (key, value) in self.entries(node, "rename", RENAME_FORM) {
            let from = self.target(key, "rename");
            let (Some(from), Some(to)) = (from, self.path(value, &key.text, RENAME_FORM)) else { continue };
            if from == to {
                self.complain(value.place, format!("`rename` gives `{from}` the name it already has; {RENAME_FORM}"));
            } else {
                rules.push(Rule { does: FieldRule::Rename { from, to }, under: "rename", place: value.place });
            }
        }
    }

    fn lift(&mut self, node: &Node, rules: &mut Vec<Rule>) {
        if let Some(path) = self.path(node, "lift", LIFT_FORM) {
            rules.push(Rule { does: FieldRule::Lift(path), under: "lift", place: node.place });
        }
    }

    /// One object or several. None of them may lie in another.
    fn dynamodb(&mut self, node: &Node, rules: &mut Vec<Rule>) {
        let nodes = match &node.data {
            Data::Scalar(_) => std::slice::from_ref(node),
            _ => self.list(node, "dynamodb", DYNAMODB_FORM),
        };
        let mut known: Vec<Path> = Vec::new();
        for node in nodes {
            let Some(path) = self.path(node, "dynamodb", DYNAMODB_FORM) else { continue };
            if let Some(other) = known.iter().find(|other| path.is_within(other) || other.is_within(&path)) {
                self.complain(
                    node.place,
                    format!("`dynamodb: {path}` beside `{other}`: one of them lies in the other"),
                );
            }
            known.push(path.clone());
            rules.push(Rule { does: FieldRule::DynamoDb(path), under: "dynamodb", place: node.place });
        }
    }

    fn hash(&mut self, node: &Node, rules: &mut Vec<Rule>) {
        for node in self.list(node, "hash", HASH_FORM) {
            if let Some(path) = self.path(node, "hash", HASH_FORM) {
                rules.push(Rule { does: FieldRule::Hash(path), under: "hash", place: node.place });
            }
        }
    }

    /// The path that a key denotes.
    fn target(&mut self, key: &Key, under: &str) -> Option<Path> {
        Path::parse(&key.text)
            .map_or_else(|error| self.refuse(key.place, format!("`{}` in `{under}`: {error}", key.text)), Some)
    }
}
