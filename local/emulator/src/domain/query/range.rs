//! `range`, on fields with dates or numbers.

use serde_json::{Map, Number, Value};

use super::condition::Condition;
use crate::domain::{
    column::encoded,
    error::EngineError,
    mapping::{Field, Kind, Mapping},
};

/// A range of the values of a field.
#[derive(Debug)]
pub(in crate::domain) struct Range {
    field: String,
    bounds: Vec<(Bound, Value)>,
    in_millis: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bound {
    AtLeast,
    Above,
    AtMost,
    Below,
}

impl Bound {
    fn is_lower(self) -> bool {
        matches!(self, Self::AtLeast | Self::Above)
    }
}

impl Range {
    pub(super) fn parse(range: &Map<String, Value>) -> Result<Self, EngineError> {
        let mut fields = range.iter();
        let Some((field, settings)) = fields.next() else {
            return Err(EngineError::new(400, "illegal_argument_exception", "field name is null or empty"));
        };
        if let Some((other, _)) = fields.next() {
            let reason = format!("[range] query doesn't support multiple fields, found [{field}] and [{other}]");
            return Err(EngineError::parsing(reason));
        }
        let Some(settings) = settings.as_object() else {
            return Err(EngineError::parsing(format!("[range] query does not support [{field}]")));
        };
        let (mut bounds, mut in_millis) = (Vec::new(), false);
        for (key, value) in settings {
            let bound = match key.as_str() {
                "gte" => Bound::AtLeast,
                "gt" => Bound::Above,
                "lte" => Bound::AtMost,
                "lt" => Bound::Below,
                "format" if *value == "epoch_millis" => {
                    in_millis = true;
                    continue;
                }
                "format" => {
                    return Err(EngineError::parsing("[range]: this domain knows the [format] epoch_millis only"));
                }
                _ => return Err(EngineError::parsing(format!("[range] query does not support [{key}]"))),
            };
            match value {
                Value::Null => {}
                Value::Number(_) | Value::String(_) => {
                    // Of two bounds on one side the engine takes the last, whose order is lost here.
                    if bounds.iter().any(|(other, _): &(Bound, Value)| other.is_lower() == bound.is_lower()) {
                        return Err(EngineError::parsing("[range]: this domain takes one bound on each side"));
                    }
                    bounds.push((bound, value.clone()));
                }
                _ => return Err(EngineError::parsing(format!("[range] query: [{key}] is not a number"))),
            }
        }
        Ok(Self { field: field.clone(), bounds, in_millis })
    }

    /// The condition in an index. Without the field, no document meets it.
    pub(super) fn on(&self, mapping: &Mapping) -> Result<Condition, EngineError> {
        let Some(field) = mapping.fields.get(&self.field).filter(|field| field.kind != Kind::Object) else {
            return Ok(Condition::Nothing);
        };
        let (mut least, mut most) = (i64::MIN, i64::MAX);
        for (bound, value) in &self.bounds {
            // An end that is not a value of the type: the nearest value on its inner side.
            let inner = match bound {
                Bound::AtLeast => self.rounded(field, value, f64::ceil)?,
                Bound::Above => self.rounded(field, value, f64::floor)?.and_then(|value| value.checked_add(1)),
                Bound::AtMost => self.rounded(field, value, f64::floor)?,
                Bound::Below => self.rounded(field, value, f64::ceil)?.and_then(|value| value.checked_sub(1)),
            };
            let Some(inner) = inner else { return Ok(Condition::Nothing) };
            if bound.is_lower() {
                least = inner;
            } else {
                most = inner;
            }
        }
        Ok(Condition::Between(field.clone(), least, most))
    }

    /// The encoded value of a bound.
    fn rounded(&self, field: &Field, value: &Value, round: impl Fn(f64) -> f64) -> Result<Option<i64>, EngineError> {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let refused = |reason: String| {
            Err(EngineError::new(400, "query_shard_exception", format!("failed to create query: {reason}")))
        };
        match &field.kind {
            Kind::Date(_) if !self.in_millis => refused(format!(
                "this domain needs \"format\": \"epoch_millis\" in a range of the date [{}]",
                self.field
            )),
            Kind::Date(_) => {
                let time_ms = text.parse::<Number>().ok().and_then(|number| integer(&number, &round));
                let reason = || format!("failed to parse date field [{text}] with format [epoch_millis]");
                time_ms.map(Some).ok_or_else(|| EngineError::new(400, "parse_exception", reason()))
            }
            Kind::Integer(bits) => {
                let Ok(number) = text.parse::<Number>() else {
                    return refused(format!("For input string: \"{text}\""));
                };
                let limit = 1_i128 << (bits - 1);
                match integer(&number, &round).filter(|value| (-limit..limit).contains(&i128::from(*value))) {
                    Some(value) => Ok(Some(value)),
                    None => refused(format!("Value [{text}] is out of range for a {}", field.type_name)),
                }
            }
            Kind::Float(single) => match text.parse::<f64>().ok().map(|value| nearest(value, *single)) {
                Some(value) if value.is_finite() => Ok(Some(encoded(value))),
                _ => refused(format!("[{}] supports only finite values, but got [{text}]", field.type_name)),
            },
            _ => refused(format!(
                "Field [{}] of type [{}]: this domain knows ranges of dates and numbers only",
                self.field, field.type_name
            )),
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a double outside of an i64 is refused before")]
fn integer(number: &Number, round: impl Fn(f64) -> f64) -> Option<i64> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    number.as_i64().or_else(|| {
        let rounded = round(number.as_f64()?);
        (-LIMIT..LIMIT).contains(&rounded).then_some(rounded as i64)
    })
}

#[expect(clippy::cast_possible_truncation, reason = "the engine compares floats")]
fn nearest(value: f64, single: bool) -> f64 {
    if single { f64::from(value as f32) } else { value }
}
