//! Reads `aggs`, and refuses what this domain does not know.

use serde_json::{Map, Value};

use super::asked::{Aggregation, Asked};
use crate::domain::error::EngineError;

/// The engine's defaults.
const BUCKETS: i64 = 10;
const SIZE: i64 = 10;
const PRECISION: i64 = 5;
const CELLS: i64 = 10_000;

/// The aggregations of a body, each by its name.
pub(in crate::domain) fn parse(aggregations: &Value) -> Result<Vec<Aggregation>, EngineError> {
    let Value::Object(aggregations) = aggregations else {
        return Err(EngineError::parsing("Unknown key for a value in [aggs]."));
    };
    aggregations.iter().map(|(name, definition)| one(name, definition)).collect()
}

fn one(name: &str, definition: &Value) -> Result<Aggregation, EngineError> {
    if name.is_empty() || name.contains(['[', ']', '>']) {
        return Err(EngineError::parsing(format!(
            "Invalid aggregation name [{name}]. Aggregation names can contain any character except '[', ']', and '>'"
        )));
    }
    let Some(definition) = definition.as_object() else {
        return Err(EngineError::parsing(format!("Aggregation definition for [{name}] is not an object")));
    };
    if let Some(sub) = definition.keys().find(|key| matches!(key.as_str(), "aggs" | "aggregations" | "meta")) {
        return Err(EngineError::parsing(format!(
            "[{sub}] in the aggregation [{name}]: this domain knows no sub-aggregations"
        )));
    }
    let mut kinds = definition.iter();
    let Some((kind, settings)) = kinds.next() else {
        return Err(EngineError::parsing(format!("Missing definition for aggregation [{name}]")));
    };
    if let Some((other, _)) = kinds.next() {
        let reason = format!("Found two aggregation type definitions in [{name}]: [{kind}] and [{other}]");
        return Err(EngineError::parsing(reason));
    }
    let allowed: &[&str] = match kind.as_str() {
        "auto_date_histogram" => &["field", "buckets"],
        "terms" => &["field", "size"],
        "cardinality" => &["field"],
        "geo_bounds" => &["field", "wrap_longitude"],
        "geohash_grid" => &["field", "precision", "size"],
        _ => return Err(EngineError::parsing(format!("Unknown aggregation type [{kind}]: {KNOWN}"))),
    };
    let Some(settings) = settings.as_object() else {
        return Err(EngineError::parsing(format!("Expected [START_OBJECT] under [{kind}] in [{name}]")));
    };
    if let Some(unknown) = settings.keys().find(|key| !allowed.contains(&key.as_str())) {
        return Err(content(&format!("[{kind}] unknown field [{unknown}]: this domain knows {}", allowed.join(", "))));
    }
    let field = match settings.get("field") {
        Some(Value::String(field)) => field.clone(),
        Some(_) => return Err(content(&format!("[{kind}] field doesn't support values of this type"))),
        None => {
            let reason = "Required one of fields [field, script], but none were specified. ";
            return Err(EngineError::new(400, "illegal_argument_exception", reason));
        }
    };
    Ok(Aggregation { name: name.to_owned(), field, asked: asked(name, kind, settings)? })
}

/// The kind and its settings, of which all are known.
fn asked(name: &str, kind: &str, settings: &Map<String, Value>) -> Result<Asked, EngineError> {
    let positive = |key: &str, default: i64| -> Result<usize, EngineError> {
        let value = integer(settings, kind, key, default)?;
        let number = usize::try_from(value).ok().filter(|number| *number > 0);
        number.ok_or_else(|| {
            content(&format!(
                "[{kind}] failed to parse field [{key}]: must be greater than 0. Found [{value}] in [{name}]"
            ))
        })
    };
    Ok(match kind {
        "auto_date_histogram" => Asked::AutoDateHistogram { buckets: positive("buckets", BUCKETS)? },
        "terms" => Asked::Terms { size: positive("size", SIZE)? },
        "cardinality" => Asked::Cardinality,
        "geo_bounds" => {
            // The default is true, which may give bounds across the date line.
            if settings.get("wrap_longitude") != Some(&Value::Bool(false)) {
                return Err(content("[geo_bounds] this domain needs [wrap_longitude] to be false"));
            }
            Asked::GeoBounds
        }
        _ => {
            let value = integer(settings, kind, "precision", PRECISION)?;
            let precision = u32::try_from(value).ok().filter(|precision| (1..=12).contains(precision));
            let precision = precision.ok_or_else(|| {
                content(&format!(
                    "[{kind}] failed to parse field [precision]: Invalid geohash aggregation precision of {value}. Must \
                     be between 1 and 12."
                ))
            })?;
            Asked::GeohashGrid { precision, size: positive("size", CELLS)? }
        }
    })
}

const KNOWN: &str = "this domain knows auto_date_histogram, terms, cardinality, geo_bounds and geohash_grid";

/// An integer of 32 bits.
fn integer(settings: &Map<String, Value>, kind: &str, key: &str, default: i64) -> Result<i64, EngineError> {
    let Some(value) = settings.get(key) else { return Ok(default) };
    let number = value.as_i64().filter(|number| i32::try_from(*number).is_ok());
    number.ok_or_else(|| content(&format!("[{kind}] failed to parse field [{key}]: {value} is not an integer")))
}

fn content(reason: &str) -> EngineError {
    EngineError::new(400, "x_content_parse_exception", reason)
}
