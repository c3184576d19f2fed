//! The sources of the fault matrix, a file each: what is given, how it is repeated, and what has to be true after.

mod brake;
mod firehose;
mod recreate;
mod replay;
mod retention;
mod s3;
mod setup;
mod stream;

use std::time::Duration;

use super::stage::Stage;

/// The time of an invocation. A call without a reply takes all of it.
const TIMEOUT: Duration = Duration::from_secs(8);

/// A source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// Objects by way of a queue.
    S3,
    /// Records of a Kinesis stream.
    Kinesis,
    /// Records of a Kafka topic.
    Kafka,
    /// Records that Firehose has transformed.
    Firehose,
    /// Objects once more.
    Replay,
    /// The domain made ready, for `CloudFormation`.
    Setup,
    /// The pause of the sources.
    Brake,
    /// The deletion of old indices.
    Retention,
    /// Indices by other rules.
    Recreate,
}

impl Source {
    /// Every source, in the order of the table.
    pub const ALL: [Self; 9] = [
        Self::S3,
        Self::Kinesis,
        Self::Kafka,
        Self::Firehose,
        Self::Replay,
        Self::Setup,
        Self::Brake,
        Self::Retention,
        Self::Recreate,
    ];

    /// Its name in `CELL=ROW/COLUMN/SOURCE`.
    pub fn name(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Kinesis => "kinesis",
            Self::Kafka => "kafka",
            Self::Firehose => "firehose",
            Self::Replay => "replay",
            Self::Recreate => "recreate",
            Self::Retention => "retention",
            Self::Brake => "brake",
            Self::Setup => "setup",
        }
    }

    /// One cell.
    ///
    /// # Panics
    /// If a promise is broken.
    pub async fn run(self, stage: &mut Stage) {
        match self {
            Self::S3 => s3::run(stage).await,
            Self::Kinesis => stream::kinesis(stage).await,
            Self::Kafka => stream::kafka(stage).await,
            Self::Firehose => firehose::run(stage).await,
            Self::Replay => replay::run(stage).await,
            Self::Recreate => recreate::run(stage).await,
            Self::Retention => retention::run(stage).await,
            Self::Brake => brake::run(stage).await,
            Self::Setup => setup::run(stage).await,
        }
    }
}
