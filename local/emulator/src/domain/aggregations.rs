//! The aggregations of a search: those that the page of a local run and `millrace picture` use. Any other is refused.
//!
//! Each index is one shard, as in the engine, and gives a part of the result: the buckets that a shard sends. Then the
//! parts become one, with the counts and the errors of counts that the engine states.

mod asked;
mod geo;
mod histogram;
mod parse;
mod rounding;
mod terms;

use std::collections::HashSet;

use serde_json::{Value, json};

use self::asked::Asked;
pub(super) use self::{asked::Aggregation, parse::parse};
use super::{
    error::EngineError,
    mapping::{Field, Kind, Mapping},
    shard::Shard,
};

impl Aggregation {
    /// The field in an index; `None` if it has no mapping there.
    pub(super) fn field<'m>(&self, mapping: &'m Mapping) -> Result<Option<&'m Field>, EngineError> {
        let invalid = |reason: String| Err(EngineError::new(400, "illegal_argument_exception", reason));
        if let Asked::AutoDateHistogram { buckets } = self.asked
            && buckets > histogram::MAX_BUCKETS
        {
            return invalid(format!("buckets must be less than {}", histogram::MAX_BUCKETS));
        }
        let Some(field) = mapping.values_of(&self.field)? else { return Ok(None) };
        let (name, type_name, kind) = (&self.field, &field.type_name, self.kind());
        let is_supported = match (&self.asked, &field.kind) {
            (Asked::AutoDateHistogram { .. }, kind) => !matches!(kind, Kind::Keyword(_) | Kind::GeoPoint(_)),
            (Asked::Terms { .. }, kind) => !matches!(kind, Kind::GeoPoint(_)),
            (Asked::Cardinality, _) => true,
            (Asked::GeoBounds | Asked::GeohashGrid { .. }, kind) => matches!(kind, Kind::GeoPoint(_)),
        };
        if !is_supported {
            return invalid(format!("Field [{name}] of type [{type_name}] is not supported for aggregation [{kind}]"));
        }
        Ok(Some(field))
    }

    /// The result over all indices.
    pub(super) fn run(&self, shards: &[Shard<'_>]) -> Result<Value, EngineError> {
        match self.asked {
            Asked::AutoDateHistogram { buckets } => histogram::run(&self.field, buckets, shards),
            Asked::Terms { size } => terms::run(&self.name, &self.field, size, shards),
            Asked::Cardinality => Ok(json!({ "value": self.cardinality(shards) })),
            Asked::GeoBounds => Ok(geo::bounds(&self.field, shards)),
            Asked::GeohashGrid { precision, size } => Ok(geo::grid(&self.field, precision, size, shards)),
        }
    }

    /// The number of different values. The engine estimates it from some thousand on.
    fn cardinality(&self, shards: &[Shard<'_>]) -> usize {
        let columns: Vec<_> = shards.iter().flat_map(|shard| shard.columns(&self.field)).collect();
        let (mut texts, mut numbers) = (HashSet::new(), HashSet::new());
        for (kind, column, rows) in &columns {
            if matches!(kind, Kind::Keyword(_)) {
                let mut is_seen = vec![false; column.text_count()];
                for value in column.each(rows) {
                    is_seen[usize::try_from(value).unwrap_or_default()] = true;
                }
                let seen = (0..).zip(is_seen).filter(|(_, is_seen)| *is_seen);
                texts.extend(seen.map(|(value, _)| column.text(value)));
            } else {
                numbers.extend(column.each(rows));
            }
        }
        texts.len() + numbers.len()
    }
}
