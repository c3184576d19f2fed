//! Records in the form of a configuration's events, and the events that its codec makes of them.

use fastrand::Rng;
use serde_json::{Value, json};

use super::{Case, Shape, without};
use crate::generator::event;

impl Case {
    /// A random record.
    pub(crate) fn record(&self, random: &mut Rng, is_plain: bool) -> String {
        match self.shape {
            Shape::Array => {}
            Shape::Trail => return trail(random, is_plain),
            Shape::LogEvents => return log_events(random, is_plain),
            // It is one event to a codec of JSON.
            Shape::Bare if random.u8(..16) == 0 => return log_events(random, is_plain),
            Shape::Bare | Shape::Text { .. } | Shape::Target => return event(random, is_plain).to_string(),
        }
        let names = ["c", "d", "e", "f", "g", "h", "n", "p", "when", "tags", "type"];
        let elements: Vec<Value> = (0..random.usize(1..4)).map(|_| without(event(random, is_plain), &names)).collect();
        let around = event(random, is_plain);
        let around = names.iter().filter_map(|name| Some(format!("\"{name}\":{},", around.get(*name)?)));
        format!("{{{}\"doc\":{}}}", around.collect::<String>(), Value::from(elements))
    }

    /// The events that the codec makes of a record.
    pub(super) fn decoded(&self, mut read: Value, record: &str) -> Vec<Value> {
        let mut elements = |name: &str| match read[name].take() {
            Value::Array(elements) => elements,
            _ => Vec::new(),
        };
        match self.shape {
            Shape::Bare | Shape::Array => vec![read],
            Shape::Text { .. } => vec![json!({ "message": record })],
            Shape::Target => vec![json!({ "doc": read })],
            Shape::Trail => {
                let event = |mut event: Value| {
                    let time = event["eventTime"].take();
                    let mut event = without(event, &["eventTime"]);
                    if let Some(time) = time.as_str() {
                        event["@timestamp"] = format!("{:.3}", time.parse::<jiff::Timestamp>().unwrap()).into();
                    }
                    event
                };
                elements("Records").into_iter().map(event).collect()
            }
            Shape::LogEvents => {
                let log_events = elements("logEvents");
                let around = without(read, &["logEvents"]);
                let event = |log_event: Value| {
                    let mut event = around.clone();
                    for name in ["id", "message"] {
                        event[name] = log_event[name].clone();
                    }
                    let time = jiff::Timestamp::from_millisecond(log_event["timestamp"].as_i64().unwrap()).unwrap();
                    event["@timestamp"] = format!("{time:.3}").into();
                    event
                };
                log_events.into_iter().map(event).collect()
            }
        }
    }
}

fn trail(random: &mut Rng, is_plain: bool) -> String {
    let mut record = |ordinal: usize| {
        let mut record = event(random, is_plain);
        if is_plain || ordinal > 0 {
            record["eventTime"] = "2026-10-21T23:30:00Z".into();
        }
        record
    };
    let records: Vec<Value> = (0..2).map(&mut record).collect();
    json!({ "Records": records }).to_string()
}

/// An envelope, in the order of members that CloudWatch writes.
fn log_events(random: &mut Rng, is_plain: bool) -> String {
    let group = ["x", "y z", "k"][random.usize(..3)];
    let mut log_event = |ordinal: usize| {
        let message = match random.u8(..3) {
            0 => event(random, is_plain).to_string(),
            1 => "x".to_owned(),
            _ => "y z".to_owned(),
        };
        json!({ "id": format!("e{ordinal}"), "timestamp": 1_795_341_600_123_i64, "message": message }).to_string()
    };
    let log_events: Vec<String> = (0..2).map(&mut log_event).collect();
    format!(
        "{{\"messageType\":\"DATA_MESSAGE\",\"owner\":\"5\",\"logGroup\":\"{group}\",\"logStream\":\"x\",\"subscriptionFilters\":[\"f\"],\"logEvents\":[{}]}}",
        log_events.join(",")
    )
}
