//! One index of a search: its fields, and the documents that match the query.

use std::{sync::Arc, thread};

use super::{
    column::Column,
    mapping::{Field, Kind, Mapping},
    query::Condition,
    rows::Part,
    segment::Segment,
    store::Snapshot,
};

/// An index, which the engine calls a shard, with its matching documents.
#[derive(Debug)]
pub(super) struct Shard<'s> {
    pub(super) snapshot: &'s Snapshot,
    pub(super) mapping: Mapping,
    pub(super) hits: Vec<Hits>,
}

/// The matching documents of a segment.
#[derive(Debug)]
pub(super) struct Hits {
    pub(super) segment: Arc<Segment>,
    pub(super) rows: Vec<u32>,
}

/// The kind of a field, its column in a segment, and the matching documents of the segment.
pub(super) type ShardColumn<'h> = (Kind, Arc<Column>, &'h [u32]);

/// The mapping of an index, with the fields that its documents brought.
pub(super) fn mapping(snapshot: &Snapshot) -> Mapping {
    let mut mapping = (*snapshot.declared).clone();
    in_parallel(&snapshot.parts, |part| {
        part.segment.kinds();
    });
    snapshot.parts.iter().for_each(|part| mapping.extend(part.segment.kinds()));
    mapping
}

impl<'s> Shard<'s> {
    /// Finds the documents that meet a condition. `fields` are the columns that will be needed.
    pub(super) fn find(snapshot: &'s Snapshot, mapping: Mapping, condition: &Condition, fields: &[Field]) -> Self {
        let hits = in_parallel(&snapshot.parts, |part: &Part| {
            part.segment.columns(fields);
            let mut rows: Vec<u32> = part.live().filter_map(|row| u32::try_from(row).ok()).collect();
            condition.retain(&part.segment, &mut rows);
            Hits { segment: Arc::clone(&part.segment), rows }
        });
        Self { snapshot, mapping, hits }
    }

    pub(super) fn count(&self) -> usize {
        self.hits.iter().map(|hits| hits.rows.len()).sum()
    }

    /// The columns of a field. None if the index has no such field.
    pub(super) fn columns(&self, field: &str) -> Vec<ShardColumn<'_>> {
        let Some(field) = self.mapping.fields.get(field) else { return Vec::new() };
        let of = |hits: &'_ Hits| hits.segment.columns(std::slice::from_ref(field)).pop();
        let columns = self.hits.iter().filter_map(|hits| Some((field.kind.clone(), of(hits)?, hits.rows.as_slice())));
        columns.collect()
    }
}

/// The results for all parts, in their order. Half of the processors read: the others ingest.
fn in_parallel<P: Sync, R: Send>(parts: &[P], read: impl Fn(&P) -> R + Sync) -> Vec<R> {
    let processors = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = processors.div_ceil(2).min(parts.len()).max(1);
    if threads == 1 {
        return parts.iter().map(read).collect();
    }
    let read = &read;
    thread::scope(|scope| {
        let chunks = parts.chunks(parts.len().div_ceil(threads));
        let running: Vec<_> =
            chunks.map(|chunk| scope.spawn(move || chunk.iter().map(read).collect::<Vec<R>>())).collect();
        let joined = running.into_iter().map(thread::ScopedJoinHandle::join);
        joined.flat_map(|read| read.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}
