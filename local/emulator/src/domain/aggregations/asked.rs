//! One aggregation of a search.

/// One aggregation.
#[derive(Debug)]
pub(in crate::domain) struct Aggregation {
    pub(in crate::domain) name: String,
    pub(super) field: String,
    pub(super) asked: Asked,
}

/// Its kind and settings.
#[derive(Debug)]
pub(super) enum Asked {
    AutoDateHistogram { buckets: usize },
    Terms { size: usize },
    Cardinality,
    GeoBounds,
    GeohashGrid { precision: u32, size: usize },
}

impl Aggregation {
    /// The engine's name of the kind.
    pub(super) fn kind(&self) -> &'static str {
        match self.asked {
            Asked::AutoDateHistogram { .. } => "auto_date_histogram",
            Asked::Terms { .. } => "terms",
            Asked::Cardinality => "cardinality",
            Asked::GeoBounds => "geo_bounds",
            Asked::GeohashGrid { .. } => "geohash_grid",
        }
    }
}
