//! The rules for the records of a Firehose delivery stream.

use globset::GlobMatcher;

use crate::{
    decode::{Embedded, Path},
    frame::{Format, Records},
    select::Select,
    shape::Shape,
};

/// The rules for the records of a Firehose delivery stream. Firehose chooses the destination, so there is no router.
#[derive(Debug, Clone)]
pub struct Transform {
    /// The name, unique in the file. It is the dimension of the metrics.
    pub name: String,
    /// The delivery streams that belong to it, by name.
    pub(crate) delivery_stream: GlobMatcher,
    /// How values follow one another in a record.
    pub format: Format,
    /// Which array of an object holds the events, in the format `records`.
    pub records: Records,
    /// Which strings of an event are JSON. They are unfolded before any rule reads the event.
    pub embedded: Option<Embedded>,
    /// Which events are wanted. All if absent.
    pub select: Option<Select>,
    /// The changes to the events.
    pub shape: Shape,
    /// The keys of Firehose's dynamic partitioning, with the fields for their values. Empty if Firehose does not partition.
    pub partition_keys: Vec<(String, Path)>,
}

impl Transform {
    /// The glob of the delivery streams' names.
    pub fn delivery_stream(&self) -> &str {
        self.delivery_stream.glob().glob()
    }
}
