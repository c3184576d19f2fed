//! A random configuration, and the result of the small Logstash for an event.

#[path = "configuration/record.rs"]
mod record;

use std::cell::Cell;

use fastrand::Rng;
use serde_json::{Value, json};

use super::{
    evaluator::{self, Fails, Field, add_tag, filled, get, holds},
    generator::{FIELDS, Generator, Writer, asked},
};

const BESIDE: [Field; 2] = [&["c"], &["d"]];
/// Fields of a log event of CloudWatch, and members of its message.
const LOG_EVENT: [Field; 8] =
    [&["logGroup"], &["logGroup"], &["logStream"], &["owner"], &["id"], &["message"], &["messageType"], &["a"]];
/// Fields of a record of `CloudTrail`.
const TRAIL: [Field; 6] = [&["eventTime"], &["a"], &["b"], &["c"], &["o", "x"], &["d"]];
const INPUTS: [&str; 4] =
    ["s3 { bucket => b", "s3 { bucket => b", "kinesis { kinesis_stream_name => x", "kafka { topics => [\"x\"]"];
/// An index in Logstash, and the settings that make it.
const INDICES: [(&str, &str); 8] = [
    ("logs-%{+YYYY.MM.dd}", "index => \"logs-%{+YYYY.MM.dd}\""),
    ("logs-%{+YYYY.MM.dd}", "index => \"logs-%{+YYYY.MM.dd}\""),
    ("logs", "index => \"logs\""),
    ("logs", "index => \"logs\""),
    ("logs-x", "index => \"logs-${KIND:x}\""),
    ("rolled", "ilm_rollover_alias => \"rolled\""),
    ("logs-app-default", "data_stream => true data_stream_dataset => app"),
    ("logs-%{[@metadata][x]}", "index => \"logs-%{[@metadata][x]}\""),
];
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
    /// Events are elements of the array `Records`, which a codec takes apart.
    Trail,
    /// Events are log events of CloudWatch, in an envelope.
    LogEvents,
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
    /// The input, without its closing brace.
    input: &'static str,
    /// The index in Logstash, and its settings.
    index: (String, String),
    id: Option<&'static str>,
    /// The condition of the output for the events it takes, and the output after it.
    output: Option<(evaluator::Condition, After)>,
    /// Whether the last event went to two outputs.
    pub(super) is_twice: Cell<bool>,
}

/// The output after one with a condition.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    None,
    /// It takes the other events.
    Else,
    /// It takes all events.
    All,
}

/// A document, its index and its id.
pub(super) type Indexed = (Value, String, Option<String>);

pub(super) fn case(random: &mut Rng) -> Case {
    let shape = match random.u8(..14) {
        0 => Shape::Text { is_removed: random.bool() },
        1 => Shape::Target,
        2 => Shape::Array,
        3 => Shape::Trail,
        4 => Shape::LogEvents,
        _ => Shape::Bare,
    };
    let is_inside = shape.is_inside();
    let (has_type, has_tag, has_added) = (random.u8(..3) == 0, random.u8(..4) == 0, random.u8(..8) == 0);
    let b = if is_inside { "%{[doc][b]}" } else { "%{b}" };
    let (index, settings) = INDICES[random.usize(..INDICES.len())];
    let index = if random.u8(..8) == 0 {
        (format!("logs-{b}"), format!("index => \"logs-{b}\""))
    } else {
        (index.to_owned(), settings.to_owned())
    };
    let input = INPUTS[random.usize(..INPUTS.len())];
    let own = if is_inside { "%{[doc][id]}" } else { "%{id}" };
    let id = (random.u8(..3) == 0).then(|| [own, own, "%{[@metadata][id]}", "%{f}"][random.usize(..4)]);
    let (beside, json): (&'static [Field], Field) = match shape {
        // A field beside an array is not a member of its elements too.
        Shape::Array => (&BESIDE, &["doc", "m"]),
        Shape::Target => (&FIELDS, &["doc", "m"]),
        Shape::LogEvents => (&LOG_EVENT, &["message"]),
        Shape::Trail => (&TRAIL, &["m"]),
        Shape::Bare | Shape::Text { .. } => (&FIELDS, &["m"]),
    };
    let mut generator = Generator { random, is_inside, beside, json };
    let filters = generator.statements(2);
    let output = (generator.random.u8(..3) == 0)
        .then(|| (generator.condition(1), [After::None, After::Else, After::All][generator.random.usize(..3)]));
    let mut case = Case {
        text: String::new(),
        lines: Vec::new(),
        shape,
        filters,
        has_type,
        has_tag,
        has_added,
        input,
        index,
        id,
        output,
        is_twice: Cell::new(false),
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
            Shape::Trail => "cloudtrail",
            Shape::LogEvents => "cloudwatch_logs",
        };
        let settings = [
            (self.has_type, " type => \"k\""),
            (self.has_tag, " tags => [\"in\"]"),
            (self.has_added, " add_field => { \"f\" => \"k\" }"),
        ];
        let settings: String = settings.iter().filter(|(has, _)| *has).map(|(_, text)| *text).collect();
        let mut about = vec!["type", "tags", if self.shape == Shape::Target { "*" } else { "f" }];
        if self.has_type {
            // An event's own `type` decides in Logstash.
            about.extend(["index", "id"]);
        }
        if self.shape == Shape::LogEvents {
            about.extend(["id", "owner", "logGroup", "logStream", "message", "messageType", "subscriptionFilters"]);
            about.extend(["@id", "@owner", "@log_group", "@log_stream", "@message", "@timestamp", "Records"]);
            about.extend(["a", "b", "c", "d", "e", "f", "g", "h", "n", "when", "o", "p", "lat", "lon", "t", "m"]);
        }
        let about = about.into_iter().map(str::to_owned).collect();
        writer.line(&format!("input {{ {} codec => {codec}{settings} }} }}", self.input), about);
        writer.line("filter {", Vec::new());
        match self.shape {
            Shape::Text { is_removed } => {
                let removed = if is_removed { " remove_field => [\"message\"]" } else { "" };
                writer.line(&format!("json {{ source => \"message\"{removed} }}"), vec!["message".into()]);
            }
            Shape::Array => writer.line("split { field => \"doc\" }", vec!["*".into()]),
            Shape::Bare | Shape::Target | Shape::Trail | Shape::LogEvents => {}
        }
        writer.statements(&self.filters);
        writer.line("}", Vec::new());
        self.write_output(writer);
    }

    fn write_output(&self, writer: &mut Writer) {
        let id = self.id.map(|id| format!(" document_id => \"{id}\"")).unwrap_or_default();
        let about = ["index", "id", "data_stream"].map(str::to_owned).to_vec();
        writer.line("output {", Vec::new());
        if let Some((condition, _)) = &self.output {
            writer.line(&format!("if {} {{", asked(condition)), Vec::new());
        }
        let plugin = if self.index.1.starts_with("ilm") { "elasticsearch" } else { "opensearch" };
        writer.line(&format!("{plugin} {{ {}{id} }}", self.index.1), about.clone());
        match &self.output {
            None => {}
            Some((_, After::None)) => writer.line("}", Vec::new()),
            Some((_, After::All)) => {
                writer.line("}", Vec::new());
                writer.line("opensearch { index => \"others\" }", about);
            }
            Some((_, After::Else)) => {
                writer.line("} else {", Vec::new());
                writer.line("opensearch { index => \"others\" }", about);
                writer.line("}", Vec::new());
            }
        }
        writer.line("}", Vec::new());
    }

    /// The result of Logstash for a record: a document for each event, or `None` for a dropped one. An error if a
    /// condition fails.
    pub(super) fn in_logstash(&self, record: &str) -> Result<Vec<Option<Indexed>>, Fails> {
        let read: Value = serde_json::from_str(record).unwrap();
        let mut all = Vec::new();
        for event in self.decoded(read, record) {
            for event in evaluator::run(&self.first(), self.with_settings(event))? {
                match event {
                    None => all.push(None),
                    Some(event) => {
                        for event in evaluator::run(&self.filters, event)? {
                            all.push(event.map(|event| self.indexed(event)).transpose()?.flatten());
                        }
                    }
                }
            }
        }
        Ok(all)
    }

    /// The event with what the settings of the input add.
    fn with_settings(&self, mut event: Value) -> Value {
        if self.has_type && event.get("type").is_none() {
            event["type"] = "k".into();
        }
        let added: Vec<(Field, &'static str)> = if self.has_added { vec![(&["f"], "k")] } else { Vec::new() };
        event = evaluator::added(event, &added);
        if self.has_tag {
            add_tag(&mut event, "in");
        }
        event
    }

    /// The filter before the random ones.
    fn first(&self) -> Vec<evaluator::Statement> {
        let mut after = evaluator::After::default();
        let filter = match self.shape {
            Shape::Bare | Shape::Target | Shape::Trail | Shape::LogEvents => return Vec::new(),
            Shape::Array => evaluator::Filter::Split(&["doc"]),
            Shape::Text { is_removed } => {
                after.removed.extend(is_removed.then_some(&["message"] as Field));
                evaluator::Filter::Json { source: &["message"], target: None }
            }
        };
        vec![evaluator::Statement::Filter(filter, after)]
    }

    fn indexed(&self, document: Value) -> Result<Option<Indexed>, Fails> {
        self.is_twice.set(false);
        let is_first = match &self.output {
            None => true,
            Some((condition, after)) => match (holds(condition, &document)?, after) {
                (false, After::None) => return Ok(None),
                (is_held, After::All) => {
                    self.is_twice.set(is_held);
                    false
                }
                (is_held, _) => is_held,
            },
        };
        let time = get(&document, &["@timestamp"]).and_then(Value::as_str).map(|time| time[..10].replace('-', "."));
        let day = time.unwrap_or_else(|| DAY.into());
        let index = filled(&document, &self.index.0.replace("%{+YYYY.MM.dd}", &day));
        let id = self.id.map(|id| filled(&document, id));
        let mut document = without(document, &["@metadata"]);
        if is_first && self.index.1.starts_with("data_stream") {
            document["data_stream"] = json!({ "type": "logs", "dataset": "app", "namespace": "default" });
        }
        Ok(Some(if is_first { (document, index, id) } else { (document, "others".into(), None) }))
    }
}

fn without(mut event: Value, names: &[&str]) -> Value {
    if let Value::Object(fields) = &mut event {
        fields.retain(|name, _| !names.contains(&name.as_str()));
    }
    event
}
