//! `auto_date_histogram`: the finest bars of which there are not too many, without gaps.
//!
//! The steps are those of the engine, so that the interval is the same: each shard makes its unit coarser while it has too
//! many bars, and then all shards together do.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::rounding::{ROUNDINGS, Rounding};
use crate::domain::{column::decoded, error::EngineError, mapping::Kind, shard::Shard};

/// The largest number of bars that may be asked for.
pub(super) const MAX_BUCKETS: usize = 2_184;
/// `search.max_buckets`.
const MAX_BARS: i64 = 65_535;

/// The bars of one unit: the documents of each, by its start.
struct Bars {
    unit: usize,
    counts: BTreeMap<i64, u64>,
}

pub(super) fn run(field: &str, buckets: usize, shards: &[Shard<'_>]) -> Result<Value, EngineError> {
    let kind = shards.iter().find_map(|shard| Some(&shard.mapping.fields.get(field)?.kind));
    let mut all = Bars { unit: 0, counts: BTreeMap::new() };
    for shard in shards {
        let own = of_shard(field, buckets, shard);
        let unit = all.unit.max(own.unit);
        all.coarsen(unit);
        for (key, count) in own.counts {
            *all.counts.entry(ROUNDINGS[unit].round(key)).or_default() += count;
        }
    }
    all.coarsen_while_too_many(buckets);
    all.fill(buckets)?;
    all.coarsen_while_too_many(buckets);
    let rounding = &ROUNDINGS[all.unit];
    let bars: Vec<(i64, u64)> = all.counts.into_iter().collect();
    let multiple = multiple(rounding, bars.len(), buckets);
    let bucket = |bars: &[(i64, u64)]| {
        let key = bars.first().map_or(0, |(key, _)| *key);
        let count: u64 = bars.iter().map(|(_, count)| count).sum();
        match kind {
            Some(Kind::Date(format)) => json!({ "key_as_string": format.write(key), "key": key, "doc_count": count }),
            Some(Kind::Boolean) => json!({ "key_as_string": (key != 0).to_string(), "key": key, "doc_count": count }),
            _ => json!({ "key": key, "doc_count": count }),
        }
    };
    let bars: Vec<Value> = bars.chunks(multiple).map(bucket).collect();
    Ok(json!({ "buckets": bars, "interval": format!("{multiple}{}", rounding.letter) }))
}

/// How many units become one bar.
fn multiple(rounding: &Rounding, bars: usize, buckets: usize) -> usize {
    if bars <= buckets {
        return 1;
    }
    rounding.multiples.iter().copied().find(|multiple| bars.div_ceil(*multiple) <= buckets).unwrap_or(1)
}

/// The bars of one index, in the finest unit in which there are not too many.
fn of_shard(field: &str, buckets: usize, shard: &Shard<'_>) -> Bars {
    let mut bars = Bars { unit: 0, counts: BTreeMap::new() };
    let (mut first_key, mut last_key) = (i64::MAX, i64::MIN);
    let mut last: Option<(i64, i64)> = None;
    for (kind, column, rows) in shard.columns(field) {
        for row in rows {
            let mut former = None;
            for value in column.values(*row).iter().map(|value| milliseconds(&kind, *value)) {
                // Most events have nearly the time of the event before.
                let key = match last {
                    Some((start, end)) if (start..end).contains(&value) => start,
                    _ => ROUNDINGS[bars.unit].round(value),
                };
                if former.replace(key) == Some(key) {
                    continue;
                }
                *bars.counts.entry(key).or_default() += 1;
                if last.is_none_or(|(start, _)| start != key) {
                    (first_key, last_key) = (first_key.min(key), last_key.max(key));
                    bars.coarsen_while_too_wide(buckets, last_key.saturating_sub(first_key));
                    let start = ROUNDINGS[bars.unit].round(value);
                    last = Some((start, ROUNDINGS[bars.unit].next(start)));
                }
            }
        }
    }
    bars
}

/// A number counts as milliseconds.
#[expect(clippy::cast_possible_truncation, reason = "a double outside of an i64 becomes its bound, as in the engine")]
fn milliseconds(kind: &Kind, value: i64) -> i64 {
    if matches!(kind, Kind::Float(_)) { decoded(value) as i64 } else { value }
}

impl Bars {
    fn coarsen(&mut self, unit: usize) {
        if unit == self.unit {
            return;
        }
        self.unit = unit;
        let mut counts = BTreeMap::new();
        for (key, count) in std::mem::take(&mut self.counts) {
            *counts.entry(ROUNDINGS[unit].round(key)).or_default() += count;
        }
        self.counts = counts;
    }

    fn is_last(&self) -> bool {
        self.unit + 1 >= ROUNDINGS.len()
    }

    fn ends(&self) -> Option<(i64, i64)> {
        Some((*self.counts.first_key_value()?.0, *self.counts.last_key_value()?.0))
    }

    /// What a shard does: also a few bars far apart are too many.
    fn coarsen_while_too_wide(&mut self, buckets: usize, width: i64) {
        let limit = i64::try_from(buckets).unwrap_or(i64::MAX);
        while !self.is_last() {
            let rounding = &ROUNDINGS[self.unit];
            let most = i64::try_from(rounding.most()).unwrap_or(1);
            let is_wide = width > limit.saturating_mul(rounding.estimate_ms).saturating_mul(most);
            if self.counts.len() <= buckets * rounding.most() && !is_wide {
                return;
            }
            self.coarsen(self.unit + 1);
        }
    }

    fn coarsen_while_too_many(&mut self, buckets: usize) {
        while !self.is_last() && self.counts.len() > buckets * ROUNDINGS[self.unit].most() {
            self.coarsen(self.unit + 1);
        }
    }

    /// Adds the bars without documents, in a unit in which they are not too many.
    fn fill(&mut self, buckets: usize) -> Result<(), EngineError> {
        let Some((first, last)) = self.ends() else { return Ok(()) };
        let fits = |unit: usize| {
            let rounding = &ROUNDINGS[unit];
            let keys = std::iter::successors(Some(first), |key| Some(rounding.next(*key)));
            let limit = buckets * rounding.most();
            keys.take_while(|key| *key < last).take(limit + 1).count() <= limit
        };
        let unit = (self.unit..ROUNDINGS.len()).find(|unit| fits(*unit)).unwrap_or(ROUNDINGS.len() - 1);
        self.coarsen(unit);
        let Some((first, last)) = self.ends() else { return Ok(()) };
        // The unit of years has no limit, and an `i64` has 584 million of them.
        if last.saturating_sub(first) / ROUNDINGS[unit].estimate_ms > MAX_BARS {
            let reason = format!("Trying to create too many buckets. Must be less than or equal to: [{MAX_BARS}]");
            return Err(EngineError::new(503, "too_many_buckets_exception", reason));
        }
        let mut key = first;
        while key < last {
            key = ROUNDINGS[unit].next(key);
            self.counts.entry(key).or_default();
        }
        Ok(())
    }
}
