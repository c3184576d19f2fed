//! A random configuration, and the result of the small Logstash for an event.

use fastrand::Rng;
use serde_json::Value;

use super::{
    evaluator::{self, Fails, Field, add_tag, filled, get, holds},
    generator::{FIELDS, Generator, Writer, asked, event},
};

const BESIDE: [Field; 2] = [&["c"], &["d"]];
const DAY: &str = "2026.11.22";

/// The form of events in records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Each record is one event, read by the codec.
    Bare,
    /// Each record is one event, read by a filter, which may remove the text.
    Text { is_removed: bool },
    /// The codec puts each event into `doc`.
    Target,
    /// Events are elements of the array `doc`, and a `split` takes it apart.
    Array,
}

impl Shape {
    fn is_inside(self) -> bool {
        matches!(self, Self::Target | Self::Array)
    }
}

/// A configuration, its statements, and the fields that its lines affect.
pub(super) struct Case {
    pub(super) text: String,
    pub(super) lines: Vec<Vec<String>>,
    pub(super) shape: Shape,
    filters: Vec<evaluator::Statement>,
    has_type: bool,
    has_tag: bool,
    has_added: bool,
    index: String,
    id: Option<&'static str>,
    /// The condition of the output for the events it takes; and whether another output takes the other events.
    output: Option<(evaluator::Condition, bool)>,
}

/// A document, its index and its id.
pub(super) type Indexed = (Value, String, Option<String>);

pub(super) fn case(random: &mut Rng) -> Case {
    let shape = match random.u8(..12) {
        0 => Shape::Text { is_removed: random.bool() },
        1 => Shape::Target,
        2 => Shape::Array,
        _ => Shape::Bare,
    };
    let is_inside = shape.is_inside();
    let (has_type, has_tag, has_added) = (random.u8(..3) == 0, random.u8(..4) == 0, random.u8(..8) == 0);
    let b = if is_inside { "%{[doc][b]}" } else { "%{b}" };
    let index = match random.u8(..8) {
        0..=2 => "logs-%{+YYYY.MM.dd}".into(),
        3..=5 => "logs".into(),
        6 => format!("logs-{b}"),
        _ => "logs-%{[@metadata][x]}".into(),
    };
    let id = (random.u8(..4) == 0).then_some(if is_inside { "%{[doc][id]}" } else { "%{id}" });
    // A field beside an array is not a member of its elements too.
    let beside: &'static [Field] = if shape == Shape::Array { &BESIDE } else { &FIELDS };
    let mut generator = Generator { random, is_inside, beside };
    let filters = generator.statements(2);
    let output = (generator.random.u8(..3) == 0).then(|| (generator.condition(1), generator.random.bool()));
    let mut case = Case {
        text: String::new(),
        lines: Vec::new(),
        shape,
        filters,
        has_type,
        has_tag,
        has_added,
        index,
        id,
        output,
    };
    let mut writer = Writer::default();
    case.write(&mut writer);
    (case.text, case.lines) = (writer.text, writer.lines);
    case
}

impl Case {
    fn write(&self, writer: &mut Writer) {
        let codec = match self.shape {
            Shape::Bare | Shape::Array => "json",
            Shape::Text { .. } => "plain",
            Shape::Target => "json { target => \"doc\" }",
        };
        let settings = [
            (self.has_type, " type => \"k\""),
            (self.has_tag, " tags => [\"in\"]"),
            (self.has_added, " add_field => { \"f\" => \"k\" }"),
        ];
        let settings: String = settings.iter().filter(|(has, _)| *has).map(|(_, text)| *text).collect();
        let about = if self.shape == Shape::Target { "*" } else { "f" };
        let about = ["type", "tags", about].map(str::to_owned).to_vec();
        writer.line(&format!("input {{ s3 {{ bucket => b codec => {codec}{settings} }} }}"), about);
        writer.line("filter {", Vec::new());
        match self.shape {
            Shape::Text { is_removed } => {
                let removed = if is_removed { " remove_field => [\"message\"]" } else { "" };
                writer.line(&format!("json {{ source => \"message\"{removed} }}"), vec!["message".into()]);
            }
            Shape::Array => writer.line("split { field => \"doc\" }", vec!["*".into()]),
            Shape::Bare | Shape::Target => {}
        }
        writer.statements(&self.filters);
        writer.line("}", Vec::new());
        self.write_output(writer);
    }

    fn write_output(&self, writer: &mut Writer) {
        let id = self.id.map(|id| format!(" document_id => \"{id}\"")).unwrap_or_default();
        let about = ["@version", "@timestamp", "index", "id"].map(str::to_owned).to_vec();
        writer.line("output {", Vec::new());
        if let Some((condition, _)) = &self.output {
            writer.line(&format!("if {} {{", asked(condition)), Vec::new());
        }
        writer.line(&format!("opensearch {{ index => \"{}\"{id} }}", self.index), about.clone());
        match &self.output {
            None => {}
            Some((_, false)) => writer.line("}", Vec::new()),
            Some((_, true)) => {
                writer.line("} else {", Vec::new());
                writer.line("opensearch { index => \"others\" }", about);
                writer.line("}", Vec::new());
            }
        }
        writer.line("}", Vec::new());
    }

    /// A random record.
    pub(super) fn record(&self, random: &mut Rng, is_plain: bool) -> String {
        if self.shape != Shape::Array {
            return event(random, is_plain).to_string();
        }
        let names = ["c", "d", "e", "f", "g", "h", "n", "p", "when", "tags", "type"];
        let elements: Vec<Value> = (0..random.usize(1..4)).map(|_| without(event(random, is_plain), &names)).collect();
        let around = event(random, is_plain);
        let around = names.iter().filter_map(|name| Some(format!("\"{name}\":{},", around.get(*name)?)));
        format!("{{{}\"doc\":{}}}", around.collect::<String>(), Value::from(elements))
    }

    /// The result of Logstash for a record: a document for each event, or `None` for a dropped one. An error if a
    /// condition fails.
    pub(super) fn in_logstash(&self, record: &str) -> Result<Vec<Option<Indexed>>, Fails> {
        let read: Value = serde_json::from_str(record).unwrap();
        let mut event = match self.shape {
            Shape::Bare | Shape::Array => read,
            Shape::Text { .. } => serde_json::json!({ "message": record }),
            Shape::Target => serde_json::json!({ "doc": read }),
        };
        if self.has_type && event.get("type").is_none() {
            event["type"] = "k".into();
        }
        let added: Vec<(Field, &'static str)> = if self.has_added { vec![(&["f"], "k")] } else { Vec::new() };
        event = evaluator::added(event, &added);
        if self.has_tag {
            add_tag(&mut event, "in");
        }
        let events = evaluator::run(&self.first(), event)?;
        let mut all = Vec::new();
        for event in events {
            match event {
                None => all.push(None),
                Some(event) => {
                    for event in evaluator::run(&self.filters, event)? {
                        all.push(event.map(|event| self.indexed(event)).transpose()?.flatten());
                    }
                }
            }
        }
        Ok(all)
    }

    /// The filter before the random ones.
    fn first(&self) -> Vec<evaluator::Statement> {
        let mut after = evaluator::After::default();
        let filter = match self.shape {
            Shape::Bare | Shape::Target => return Vec::new(),
            Shape::Array => evaluator::Filter::Split(&["doc"]),
            Shape::Text { is_removed } => {
                after.removed.extend(is_removed.then_some(&["message"] as Field));
                evaluator::Filter::Json { source: &["message"], target: None }
            }
        };
        vec![evaluator::Statement::Filter(filter, after)]
    }

    fn indexed(&self, document: Value) -> Result<Option<Indexed>, Fails> {
        let is_first = match &self.output {
            None => true,
            Some((condition, has_other)) => match holds(condition, &document)? {
                false if !has_other => return Ok(None),
                is_first => is_first,
            },
        };
        let time = get(&document, &["@timestamp"]).and_then(Value::as_str).map(|time| time[..10].replace('-', "."));
        let day = time.unwrap_or_else(|| DAY.into());
        let index = filled(&document, &self.index.replace("%{+YYYY.MM.dd}", &day));
        let id = self.id.map(|id| filled(&document, id));
        let document = without(document, &["@metadata"]);
        Ok(Some(if is_first { (document, index, id) } else { (document, "others".into(), None) }))
    }
}

fn without(mut event: Value, names: &[&str]) -> Value {
    if let Value::Object(fields) = &mut event {
        fields.retain(|name, _| !names.contains(&name.as_str()));
    }
    event
}
