//! The order of hits: by the values of fields, and for equal values by index and arrival.

use std::cmp::Ordering;

use serde_json::Value;

use super::key::Key;
use crate::domain::{
    column::encoded,
    error::EngineError,
    mapping::{Field, Kind, Mapping},
    row::Row,
    shard::{Shard, ShardColumn},
};

/// A field to sort by.
#[derive(Debug)]
pub(super) struct Order {
    field: String,
    descends: bool,
    missing: Missing,
    unmapped_type: Option<String>,
}

/// What stands for the value of a document without one.
#[derive(Debug)]
enum Missing {
    First,
    Last,
    Value(Value),
}

/// A document of the answer.
#[derive(Debug)]
pub(super) struct Place<'s> {
    pub(super) index: &'s str,
    pub(super) row: &'s Row,
    keys: Vec<Key>,
    /// Shard, segment and row.
    at: (usize, usize, u32),
}

impl Order {
    /// `field` or `field:desc`.
    pub(super) fn of_parameter(text: &str) -> Self {
        let (field, order) = text.rsplit_once(':').unwrap_or((text, ""));
        Self::new(field, order == "desc")
    }

    fn new(field: &str, descends: bool) -> Self {
        Self { field: field.to_owned(), descends, missing: Missing::Last, unmapped_type: None }
    }

    /// The `sort` of a body. The order by `_score` is that of a search without `sort`.
    pub(super) fn parse(sort: &Value) -> Result<Vec<Self>, EngineError> {
        let parts = match sort {
            Value::Array(parts) => parts.as_slice(),
            Value::Null => {
                return Err(EngineError::new(400, "parsing_exception", "Unknown key for a VALUE_NULL in [sort]."));
            }
            one => std::slice::from_ref(one),
        };
        let mut orders = Vec::new();
        for part in parts {
            match part {
                Value::String(field) => orders.push(Self::new(field, false)),
                Value::Object(fields) if fields.len() > 1 => {
                    let reason = "[sort]: this domain takes one field in each object of the array";
                    return Err(EngineError::new(400, "parsing_exception", reason));
                }
                Value::Object(fields) => {
                    for (field, order) in fields {
                        orders.push(Self::of_field(field, order)?);
                    }
                }
                _ => {
                    let reason =
                        "malformed sort format, within the sort array, an object, or an actual string are allowed";
                    return Err(EngineError::new(400, "illegal_argument_exception", reason));
                }
            }
        }
        orders.retain(|order| order.field != "_score");
        Ok(orders)
    }

    fn of_field(field: &str, settings: &Value) -> Result<Self, EngineError> {
        let content = |reason: String| EngineError::new(400, "x_content_parse_exception", reason);
        let descends = |order: &Value| match order.as_str().map(str::to_lowercase).as_deref() {
            Some("asc") => Ok(false),
            Some("desc") => Ok(true),
            _ => Err(format!("{order} is no order: it is asc or desc")),
        };
        let Some(settings) = settings.as_object() else {
            let descends = descends(settings);
            let descends = descends.map_err(|reason| EngineError::new(400, "illegal_argument_exception", reason))?;
            return Ok(Self::new(field, descends));
        };
        let mut order = Self::new(field, false);
        for (key, value) in settings {
            match key.as_str() {
                "order" => {
                    order.descends = descends(value)
                        .map_err(|reason| content(format!("[field_sort] failed to parse field [order]: {reason}")))?;
                }
                "missing" => {
                    order.missing = match value {
                        Value::String(text) if text == "_first" => Missing::First,
                        Value::String(text) if text == "_last" => Missing::Last,
                        Value::Null => Missing::Last,
                        value => Missing::Value(value.clone()),
                    }
                }
                "unmapped_type" => order.unmapped_type = value.as_str().map(str::to_owned),
                _ => {
                    let known = "this domain knows order, missing and unmapped_type";
                    return Err(content(format!("[field_sort] unknown field [{key}]: {known}")));
                }
            }
        }
        Ok(order)
    }

    /// The field in an index; `None` if there is none, and the order says of which type it would be.
    pub(super) fn field<'m>(&self, mapping: &'m Mapping) -> Result<Option<&'m Field>, EngineError> {
        if self.field == "_doc" {
            return Ok(None);
        }
        match mapping.values_of(&self.field)? {
            Some(Field { kind: Kind::GeoPoint(_), .. }) => {
                let reason = "can't sort on geo_point field without using specific sorting feature, like geo_distance";
                Err(EngineError::new(400, "illegal_argument_exception", reason))
            }
            None if self.unmapped_type.is_none() => {
                let reason = format!("No mapping found for [{}] in order to sort on", self.field);
                Err(EngineError::new(400, "query_shard_exception", reason))
            }
            field => Ok(field),
        }
    }

    /// The key of a document without a value in an index.
    fn missing(&self, field: Option<&Field>) -> Result<Key, EngineError> {
        let unmapped = match self.unmapped_type.as_deref() {
            Some("keyword" | "text" | "ip") => Kind::Keyword(None),
            Some("float") => Kind::Float(true),
            Some("double") => Kind::Float(false),
            Some("integer" | "short" | "byte") => Kind::Integer(32),
            _ => Kind::Integer(64),
        };
        let kind = field.map_or(&unmapped, |field| &field.kind);
        // The engine puts the largest or the smallest number there.
        let is_largest = self.descends == matches!(self.missing, Missing::First);
        let unfit = || {
            let reason = format!("[missing] of the sort by [{}] does not fit the field", self.field);
            EngineError::new(400, "illegal_argument_exception", reason)
        };
        match (&self.missing, kind) {
            (Missing::Value(value), Kind::Keyword(_)) => {
                value.as_str().map(|text| Key::Text(text.into())).ok_or_else(unfit)
            }
            (Missing::Value(value), Kind::Float(single)) => {
                value.as_f64().map(|value| Key::Float(encoded(value), *single)).ok_or_else(unfit)
            }
            (Missing::Value(value), _) => value.as_i64().map(Key::Integer).ok_or_else(unfit),
            (missing, Kind::Keyword(_)) => Ok(Key::Missing(matches!(missing, Missing::First))),
            (_, Kind::Float(single)) => {
                let value = if is_largest { f64::INFINITY } else { f64::NEG_INFINITY };
                Ok(Key::Float(encoded(value), *single))
            }
            (_, Kind::Integer(64) | Kind::Date(_)) => Ok(Key::Integer(if is_largest { i64::MAX } else { i64::MIN })),
            _ => Ok(Key::Integer(i64::from(if is_largest { i32::MAX } else { i32::MIN }))),
        }
    }

    fn key(&self, (kind, column, _): &ShardColumn<'_>, row: u32) -> Option<Key> {
        let values = column.values(row);
        let value = *if self.descends { values.last() } else { values.first() }?;
        Some(match kind {
            Kind::Keyword(_) => Key::Text(column.text(value).into()),
            Kind::Float(single) => Key::Float(value, *single),
            _ => Key::Integer(value),
        })
    }
}

impl Place<'_> {
    /// The `sort` of a hit.
    pub(super) fn values(&self) -> Vec<Value> {
        self.keys.iter().map(Key::json).collect()
    }
}

/// One page in the order of arrival, index by index.
pub(super) fn unsorted<'s>(shards: &'s [Shard<'_>], from: usize, size: usize) -> Vec<Place<'s>> {
    let places = shards.iter().enumerate().flat_map(|(shard_at, shard)| {
        shard.hits.iter().enumerate().flat_map(move |(part_at, hits)| {
            hits.rows.iter().map(move |row| Place {
                index: &shard.snapshot.name,
                row: &hits.segment.rows()[*row as usize],
                keys: Vec::new(),
                at: (shard_at, part_at, *row),
            })
        })
    });
    places.skip(from).take(size).collect()
}

/// One page in the given order.
pub(super) fn sorted<'s>(
    shards: &'s [Shard<'_>],
    orders: &[Order],
    from: usize,
    size: usize,
) -> Result<Vec<Place<'s>>, EngineError> {
    let wanted = from + size;
    let mut kept: Vec<Place<'s>> = Vec::new();
    // The worst first key of those that are wanted.
    let mut worst: Option<Key> = None;
    let compare = |left: &Place<'_>, right: &Place<'_>| {
        let keys = orders.iter().zip(left.keys.iter().zip(&right.keys));
        let mut keys = keys.map(|(order, (left, right))| Key::compare(left, right, order.descends));
        keys.find(|order| order.is_ne()).unwrap_or(Ordering::Equal).then_with(|| left.at.cmp(&right.at))
    };
    let trim = |kept: &mut Vec<Place<'s>>| {
        if wanted == 0 {
            kept.clear();
        } else if kept.len() > wanted {
            kept.select_nth_unstable_by(wanted - 1, compare);
            kept.truncate(wanted);
        }
        kept.last().and_then(|place| place.keys.first().cloned()).filter(|_| kept.len() == wanted)
    };
    for (shard_at, shard) in shards.iter().enumerate() {
        let columns: Vec<_> = orders.iter().map(|order| shard.columns(&order.field)).collect();
        let field = |order: &Order| shard.mapping.fields.get(&order.field).filter(|field| field.kind != Kind::Object);
        let missing = orders.iter().map(|order| order.missing(field(order))).collect::<Result<Vec<_>, _>>()?;
        for (part_at, hits) in shard.hits.iter().enumerate() {
            for row in &hits.rows {
                let document = &hits.segment.rows()[*row as usize];
                let key = |at: usize, order: &Order| match columns.get(at).and_then(|columns| columns.get(part_at)) {
                    Some(column) => order.key(column, *row).or_else(|| missing.get(at).cloned()),
                    None if order.field == "_doc" => i64::try_from(document.seq_no).ok().map(Key::Integer),
                    None => missing.get(at).cloned(),
                };
                if let (Some(worst), Some(first)) = (&worst, orders.first())
                    && key(0, first).is_some_and(|key| Key::compare(&key, worst, first.descends).is_gt())
                {
                    continue;
                }
                let keys = orders.iter().enumerate().filter_map(|(at, order)| key(at, order)).collect();
                kept.push(Place { index: &shard.snapshot.name, row: document, keys, at: (shard_at, part_at, *row) });
                if kept.len() >= 2 * wanted + 1_024 {
                    worst = trim(&mut kept);
                }
            }
        }
    }
    trim(&mut kept);
    kept.sort_unstable_by(compare);
    Ok(kept.into_iter().skip(from).collect())
}
