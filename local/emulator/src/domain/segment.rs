//! Some thousand documents, with what searches have computed about them: the fields, columns of their values, and which
//! documents a query string matches.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use pipeline::{decode::Decoder, select::Select};

use super::{
    column::Column,
    mapping::{Field, FirstKinds},
    row::Row,
};

/// The query strings whose results a segment keeps: those of a page, and some that its user tried before.
const KEPT_QUERIES: usize = 8;

/// A query string, and which rows it matches.
type Matches = (Arc<str>, Arc<[bool]>);

/// Rows that never change.
#[derive(Debug)]
pub(super) struct Segment {
    rows: Vec<Row>,
    kinds: OnceLock<FirstKinds>,
    columns: Mutex<HashMap<Field, Arc<Column>>>,
    matches: Mutex<Vec<Matches>>,
}

impl Segment {
    pub(super) fn new(rows: Vec<Row>) -> Self {
        Self { rows, kinds: OnceLock::new(), columns: Mutex::default(), matches: Mutex::default() }
    }

    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }

    pub(super) fn first_seq_no(&self) -> u64 {
        self.rows.first().map_or(u64::MAX, |row| row.seq_no)
    }

    /// The fields of these documents, each with the kind of its first value.
    pub(super) fn kinds(&self) -> &FirstKinds {
        self.kinds.get_or_init(|| {
            let mut kinds = FirstKinds::default();
            let mut decoder = Decoder::new();
            for source in self.rows.iter().filter_map(|row| row.source.as_deref()) {
                if let Ok(document) = decoder.decode(source) {
                    kinds.add(&document.event());
                }
            }
            kinds
        })
    }

    /// The columns of these fields. All that are missing are read in one pass.
    pub(super) fn columns(&self, fields: &[Field]) -> Vec<Arc<Column>> {
        let mut kept = self.columns.lock().unwrap_or_else(PoisonError::into_inner);
        let missing: Vec<&Field> = fields.iter().filter(|field| !kept.contains_key(field)).collect();
        if !missing.is_empty() {
            let columns = Column::read(&self.rows, &missing);
            kept.extend(missing.into_iter().cloned().zip(columns.into_iter().map(Arc::new)));
        }
        fields.iter().filter_map(|field| kept.get(field).cloned()).collect()
    }

    /// Which documents a query string matches.
    pub(super) fn matches(&self, select: &Select) -> Arc<[bool]> {
        let mut kept = self.matches.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, found)) = kept.iter().find(|(text, _)| **text == *select.as_str()) {
            return Arc::clone(found);
        }
        let mut decoder = Decoder::new();
        let mut is_match = |row: &Row| {
            let document = decoder.decode(row.source.as_deref().unwrap_or_default());
            document.is_ok_and(|document| select.matches(&document.event()).unwrap_or_default())
        };
        let found: Arc<[bool]> = self.rows.iter().map(&mut is_match).collect();
        kept.truncate(KEPT_QUERIES - 1);
        kept.insert(0, (select.as_str().into(), Arc::clone(&found)));
        found
    }
}
