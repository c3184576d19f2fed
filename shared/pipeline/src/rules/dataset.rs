//! The rules for events on their way to the domain.

use std::time::Duration;

use super::{
    from::From,
    layout::{self, Layout},
    settings::IndexSettings,
};
use crate::{
    decode::Embedded,
    frame::{Format, Records},
    route::Router,
    select::Select,
    shape::{FieldRule, Making, Metadata, Shape, TIME_FIELD},
};

/// The rules for one kind of data on its way to the domain.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// The name, unique in the file. It is the dimension of the metrics.
    pub name: String,
    /// Which objects or records belong to the dataset.
    pub from: From,
    /// How values follow one another in an object or a record.
    pub format: Format,
    /// Which array of an object holds the events, in the format `records`.
    pub records: Records,
    /// Which strings of an event are JSON. They are unfolded before any rule reads the event.
    pub embedded: Option<Embedded>,
    /// Which events are wanted. All if absent.
    pub select: Option<Select>,
    /// The changes to the events.
    pub shape: Shape,
    /// The index and id of the events.
    pub router: Router,
    /// What the name of the index stands for.
    pub layout: Layout,
    /// What happens to an event that does not fit the mapping of its index.
    pub on_conflict: OnConflict,
    /// How long the events are kept.
    pub keep: Keep,
    /// The settings of the indices.
    pub template: Template,
}

/// What happens to an event that does not fit the mapping of its index.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnConflict {
    /// It becomes a dead letter.
    #[default]
    Reject,
    /// The fields that do not fit are stored without being indexed ([`crate::bulk::repair`]).
    Keep,
}

/// How long the indices of a dataset are kept. The time counts from the end of the period that an index holds, or from the rollover that
/// ended it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Keep {
    /// The maximum time. For ever if absent.
    pub retention: Option<Duration>,
    /// The minimum time, even if storage runs short. The same as `retention` if absent.
    pub keep_at_least: Option<Duration>,
    /// Whether an index is deleted only after a snapshot of it succeeded.
    pub snapshot: bool,
}

/// The settings of a dataset's indices that do not follow from its other rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Template {
    /// The file with the mapping, relative to pipeline.yaml.
    pub mapping: Option<String>,
    /// Primary shards of an index. The domain's default if absent.
    pub shards: Option<u32>,
    /// Replicas of each shard. The domain's default if absent.
    pub replicas: Option<u32>,
    /// The maximum number of fields in an index (`index.mapping.total_fields.limit`). The domain's default if absent.
    pub total_fields_limit: Option<u32>,
    /// Further settings of an index, as the user gave them.
    pub settings: IndexSettings,
    /// Component templates of the user, in the order in which they are applied.
    pub composed_of: Vec<String>,
    /// The priority among the templates of the domain. Derived from the pattern if absent.
    pub priority: Option<u32>,
}

impl Dataset {
    /// Whether the name that the events go to stands for several indices, of which the last takes the events. After a rollover, an event
    /// that is delivered again does not meet its document.
    pub fn rolls_over(&self) -> bool {
        self.layout.rolls_over()
    }

    /// The name that all events go to. `None` if each event has its own index.
    pub fn rolled_name(&self) -> Option<&str> {
        self.layout.rolls_over().then(|| self.router.index().as_str())
    }

    /// A pattern in the engine's syntax for all indices that the events can be in. For a data stream it is the stream's name, by
    /// which the engine finds its indices.
    pub fn wildcard(&self) -> String {
        match self.layout {
            Layout::Indices | Layout::DataStream(_) => self.router.index().wildcard(),
            Layout::Alias(_) => format!("{}-*", self.router.index()),
        }
    }

    /// The shape of the names that the engine compares with the patterns of templates ([`IndexPattern::shape`](crate::route::IndexPattern::shape)):
    /// those of the indices, or that of the data stream.
    pub fn shape_of_names(&self) -> String {
        match self.layout {
            Layout::Indices | Layout::DataStream(_) => self.router.index().shape(),
            Layout::Alias(_) => layout::shape_of_alias(self.router.index().as_str()),
        }
    }

    /// Patterns for every name that the domain may ask a permission for when the events are written, and when their indices are deleted.
    pub fn permitted(&self) -> Vec<String> {
        let of_indices = self.wildcard();
        match self.layout {
            Layout::Indices => vec![of_indices],
            Layout::DataStream(_) => {
                let of_stream = layout::of_data_stream(&of_indices);
                vec![of_stream, of_indices]
            }
            Layout::Alias(_) => vec![self.router.index().to_string(), of_indices],
        }
    }

    /// Whether events of this dataset can be in the index with this name.
    pub fn could_be_in(&self, index: &str) -> bool {
        let pattern = self.router.index();
        match self.layout {
            Layout::Indices => pattern.could_be(index),
            Layout::DataStream(_) => layout::is_of_data_stream(pattern.as_str(), index),
            Layout::Alias(_) => layout::is_of_alias(pattern.as_str(), index),
        }
    }

    /// Events before this time have expired: their indices ended `retention` ago. The time is on the clock of the index. `None` if
    /// everything is kept.
    pub fn keep_from_ms(&self, now_ms: i64) -> Option<i64> {
        self.period_from_ms(self.keep.retention?, now_ms)
    }

    /// The path of the events' own time in their documents, if it is there.
    pub fn stored_time(&self) -> Option<String> {
        self.router.timestamp().and_then(|timestamp| self.shape.stored_as(timestamp.field()))
    }

    /// The paths at which a document can have the event's time: where the rules put it, and where it was, in an event
    /// that a rule such as `lift` leaves alone. A data stream takes no document without its own.
    pub fn stored_times(&self) -> Vec<String> {
        let received = self.router.timestamp().map(|timestamp| timestamp.field().to_string());
        let of_stream = matches!(self.layout, Layout::DataStream(_)).then(|| TIME_FIELD.to_owned());
        self.stored_time().into_iter().chain(received).chain(of_stream).collect()
    }

    /// Whether its rules ask for keys or headers of records.
    pub fn wants_facts(&self) -> bool {
        let asks = |member: &str| matches!(member, "partition_key" | "key" | "key_base64" | "headers");
        self.shape.rules().iter().any(|rule| {
            matches!(rule, FieldRule::Make { from: Making::Metadata(Metadata::Member(member)), .. } if asks(member))
        })
    }

    /// The start of the first period for events that are not older than `ago`, on the clock of the index. `None` if the index has no date.
    pub fn period_from_ms(&self, ago: Duration, now_ms: i64) -> Option<i64> {
        let ago_ms = i64::try_from(ago.as_millis()).unwrap_or(i64::MAX);
        self.router.index().first_period_from(now_ms.saturating_sub(ago_ms))
    }
}
