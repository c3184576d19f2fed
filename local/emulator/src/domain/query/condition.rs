//! A query in one index: which documents of a segment it keeps.

use std::sync::Arc;

use pipeline::select::Select;

use crate::domain::{mapping::Field, segment::Segment};

/// A query in one index.
#[derive(Debug)]
pub(in crate::domain) enum Condition {
    /// Every document, decodable or not.
    All,
    Nothing,
    Text(Arc<Select>),
    /// A value of the field is between these, inclusive.
    Between(Field, i64, i64),
    Every(Vec<Condition>),
}

impl Condition {
    /// Keeps the documents that meet it.
    pub(in crate::domain) fn retain(&self, segment: &Segment, rows: &mut Vec<u32>) {
        match self {
            Self::All => {}
            Self::Nothing => rows.clear(),
            Self::Text(select) => {
                let found = segment.matches(select);
                rows.retain(|row| found.get(*row as usize) == Some(&true));
            }
            Self::Between(field, least, most) => {
                let Some(column) = segment.columns(std::slice::from_ref(field)).pop() else { return rows.clear() };
                rows.retain(|row| column.values(*row).iter().any(|value| (least..=most).contains(&value)));
            }
            Self::Every(conditions) => conditions.iter().for_each(|condition| condition.retain(segment, rows)),
        }
    }

    /// The fields whose columns it reads.
    pub(in crate::domain) fn fields(&self, fields: &mut Vec<Field>) {
        match self {
            Self::All | Self::Nothing | Self::Text(_) => {}
            Self::Between(field, ..) => fields.push(field.clone()),
            Self::Every(conditions) => conditions.iter().for_each(|condition| condition.fields(fields)),
        }
    }
}
