//! `geo_bounds` and `geohash_grid`.

use std::{cmp::Reverse, collections::HashMap};

use serde_json::{Value, json};

use crate::domain::{
    column::{Point, geohash, letters},
    shard::Shard,
};

/// The smallest rectangle around all points that does not cross the date line.
pub(super) fn bounds(field: &str, shards: &[Shard<'_>]) -> Value {
    let mut around: Option<[Point; 2]> = None;
    for shard in shards {
        for (_, column, rows) in shard.columns(field) {
            for point in column.each(rows).map(Point::decoded) {
                let [north_west, south_east] = around.get_or_insert([point; 2]);
                north_west.lat = north_west.lat.max(point.lat);
                north_west.lon = north_west.lon.min(point.lon);
                south_east.lat = south_east.lat.min(point.lat);
                south_east.lon = south_east.lon.max(point.lon);
            }
        }
    }
    let Some(around) = around else { return json!({}) };
    let [north_west, south_east] = around.map(|point| json!({ "lat": point.lat, "lon": point.lon }));
    json!({ "bounds": { "top_left": north_west, "bottom_right": south_east } })
}

/// The cells with the most documents.
pub(super) fn grid(field: &str, precision: u32, size: usize, shards: &[Shard<'_>]) -> Value {
    // The engine compares hashes as signed numbers of 64 bits, with the precision in the last four.
    let order = |(hash, count): &(u64, u64)| Reverse((*count, (*hash << 4).cast_signed()));
    let shard_size = size + size / 2 + 10;
    let mut counts: HashMap<u64, u64> = HashMap::new();
    for shard in shards {
        let mut own: HashMap<u64, u64> = HashMap::new();
        for (_, column, rows) in shard.columns(field) {
            let mut hashes = Vec::new();
            for row in rows {
                hashes.clear();
                hashes.extend(column.values(*row).iter().map(|value| geohash(*value, precision)));
                // A document counts once for each of its cells.
                hashes.sort_unstable();
                hashes.dedup();
                for hash in &hashes {
                    *own.entry(*hash).or_default() += 1;
                }
            }
        }
        let mut own: Vec<(u64, u64)> = own.into_iter().collect();
        own.sort_unstable_by_key(order);
        for (hash, count) in own.into_iter().take(shard_size) {
            *counts.entry(hash).or_default() += count;
        }
    }
    let mut cells: Vec<(u64, u64)> = counts.into_iter().collect();
    cells.sort_unstable_by_key(order);
    let bucket = |(hash, count): (u64, u64)| json!({ "key": letters(hash, precision), "doc_count": count });
    json!({ "buckets": cells.into_iter().take(size).map(bucket).collect::<Vec<_>>() })
}
