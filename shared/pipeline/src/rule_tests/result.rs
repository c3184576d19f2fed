//! What the rules did to one event.

use std::{collections::BTreeMap, fmt};

/// What the rules did to one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum EventResult {
    Dropped,
    Expired,
    Rejected { error_type: &'static str, reason: String },
    Document { document: String, index: Option<String>, id: Option<String>, partition_keys: BTreeMap<String, String> },
}

impl fmt::Display for EventResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dropped => f.write_str("dropped"),
            Self::Expired => f.write_str("expired"),
            Self::Rejected { error_type, reason } => write!(f, "rejected: {error_type} ({reason})"),
            Self::Document { document, index: Some(index), .. } => write!(f, "the document {document} in {index}"),
            Self::Document { document, .. } => write!(f, "the document {document}"),
        }
    }
}
