//! `terms`: the most frequent values.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
    hash::Hash,
};

use serde_json::{Value, json};

use crate::domain::{
    column::decoded,
    error::EngineError,
    mapping::Kind,
    shard::{Shard, ShardColumn},
};

/// The buckets that a shard gives.
struct Part<K> {
    buckets: Vec<(K, u64)>,
    /// The documents of all other buckets.
    others: u64,
    /// The largest number of documents that a bucket which is not given may have.
    error: u64,
}

pub(super) fn run(name: &str, field: &str, size: usize, shards: &[Shard<'_>]) -> Result<Value, EngineError> {
    let columns: Vec<Vec<ShardColumn<'_>>> = shards.iter().map(|shard| shard.columns(field)).collect();
    let kinds: Vec<&Kind> = shards.iter().filter_map(|shard| Some(&shard.mapping.fields.get(field)?.kind)).collect();
    let are_texts = kinds.iter().filter(|kind| matches!(kind, Kind::Keyword(_))).count();
    if are_texts > 0 {
        if are_texts < kinds.len() {
            return Err(two_types(name));
        }
        let parts = columns.iter().map(|columns| part(count_texts(columns), size)).collect();
        return Ok(answer(&merged(parts, size), |text| json!({ "key": text })));
    }
    let are_floats = kinds.iter().any(|kind| matches!(kind, Kind::Float(_)));
    let counted = |columns: &Vec<ShardColumn<'_>>| part(count_numbers(columns, are_floats), size);
    let parts = columns.iter().map(counted).collect();
    let key = |key: i64| match kinds.first() {
        _ if are_floats => json!({ "key": decoded(key) }),
        Some(Kind::Boolean) => json!({ "key": key, "key_as_string": (key != 0).to_string() }),
        Some(Kind::Date(format)) => json!({ "key": key, "key_as_string": format.write(key) }),
        _ => json!({ "key": key }),
    };
    Ok(answer(&merged(parts, size), key))
}

fn two_types(name: &str) -> EngineError {
    let reason = format!(
        "Merging/Reducing the aggregations failed when computing the aggregation [{name}] because the field you gave in \
         the aggregation query existed as two different types in two different indices"
    );
    EngineError::new(500, "aggregation_execution_exception", reason)
}

fn count_texts<'c>(columns: &'c [ShardColumn<'_>]) -> HashMap<&'c str, u64> {
    let mut counts = HashMap::new();
    for (_, column, rows) in columns {
        let mut own = vec![0_u64; column.text_count()];
        for value in column.each(rows) {
            own[usize::try_from(value).unwrap_or_default()] += 1;
        }
        for (value, count) in (0..).zip(own).filter(|(_, count)| *count > 0) {
            *counts.entry(column.text(value)).or_default() += count;
        }
    }
    counts
}

/// The documents of each number. If an index has doubles, integers are counted as doubles.
fn count_numbers(columns: &[ShardColumn<'_>], as_floats: bool) -> HashMap<i64, u64> {
    let mut counts = HashMap::new();
    for (kind, column, rows) in columns {
        let is_integer = as_floats && !matches!(kind, Kind::Float(_));
        for row in *rows {
            let mut former = None;
            for value in column.values(*row) {
                // A document counts once for each of its values.
                if former.replace(value) != Some(value) {
                    let key = if is_integer { crate::domain::column::encoded(*value as f64) } else { *value };
                    *counts.entry(key).or_default() += 1;
                }
            }
        }
    }
    counts
}

/// The buckets that a shard gives: more than are wanted, since another shard may add to them.
fn part<K: Ord + Copy>(counts: HashMap<K, u64>, size: usize) -> Part<K> {
    let shard_size = size + size / 2 + 10;
    let mut buckets: Vec<(K, u64)> = counts.into_iter().collect();
    let others = keep_first(&mut buckets, shard_size, |(key, count)| (Reverse(*count), *key));
    let error = if buckets.len() < shard_size { 0 } else { buckets.last().map_or(0, |(_, count)| *count) };
    Part { buckets, others, error }
}

/// Sorts, keeps the first ones, and sums the documents of the others up.
fn keep_first<K: Ord + Copy>(
    buckets: &mut Vec<(K, u64)>,
    size: usize,
    order: impl Fn(&(K, u64)) -> (Reverse<u64>, K),
) -> u64 {
    if buckets.len() > size {
        buckets.select_nth_unstable_by_key(size, &order);
    }
    let others = buckets.iter().skip(size).map(|(_, count)| count).sum();
    buckets.truncate(size);
    buckets.sort_unstable_by_key(order);
    others
}

fn merged<K: Ord + Copy + Hash>(parts: Vec<Part<K>>, size: usize) -> Part<K> {
    let is_one = parts.len() == 1;
    let mut counts = BTreeMap::new();
    let (mut others, mut error) = (0, 0);
    for part in parts {
        others += part.others;
        error += part.error;
        for (key, count) in part.buckets {
            *counts.entry(key).or_default() += count;
        }
    }
    let mut buckets: Vec<(K, u64)> = counts.into_iter().collect();
    others += keep_first(&mut buckets, size, |(key, count)| (Reverse(*count), *key));
    Part { buckets, others, error: if is_one { 0 } else { error } }
}

fn answer<K: Copy>(part: &Part<K>, key: impl Fn(K) -> Value) -> Value {
    let bucket = |(value, count): &(K, u64)| {
        let mut bucket = key(*value);
        bucket["doc_count"] = (*count).into();
        bucket
    };
    let buckets: Vec<Value> = part.buckets.iter().map(bucket).collect();
    json!({ "doc_count_error_upper_bound": part.error, "sum_other_doc_count": part.others, "buckets": buckets })
}
