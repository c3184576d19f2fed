//! The sources of the fault matrix, one file each: the input, the retries, and the state that must be true afterwards.

mod brake;
mod continued;
mod firehose;
mod letters;
mod limits;
mod recreate;
mod replay;
mod retention;
mod roles;
mod s3;
mod setup;
mod stream;

use super::stage::{Services, Stage};

/// A source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// Objects through a queue.
    S3,
    /// An object that takes longer than an invocation.
    Continued,
    /// Records of a Kinesis stream.
    Kinesis,
    /// Records of a Kafka topic.
    Kafka,
    /// Records that the function transforms for Firehose.
    Firehose,
    /// Replay of objects.
    Replay,
    /// Replay of dead letters.
    Letters,
    /// Setup of the domain, for `CloudFormation`.
    Setup,
    /// The same in a domain with users and roles, and the removal of the setup.
    Roles,
    /// The brake, which pauses the sources.
    Brake,
    /// Deletion of old indices.
    Retention,
    /// Recreating indices with other rules.
    Recreate,
}

impl Source {
    /// Every source, in the order of the table.
    pub const ALL: [Self; 12] = [
        Self::S3,
        Self::Continued,
        Self::Kinesis,
        Self::Kafka,
        Self::Firehose,
        Self::Replay,
        Self::Letters,
        Self::Setup,
        Self::Roles,
        Self::Brake,
        Self::Retention,
        Self::Recreate,
    ];

    /// Its name in `CELL=ROW/COLUMN/SOURCE`.
    pub fn name(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Continued => "continued",
            Self::Kinesis => "kinesis",
            Self::Kafka => "kafka",
            Self::Firehose => "firehose",
            Self::Replay => "replay",
            Self::Letters => "letters",
            Self::Recreate => "recreate",
            Self::Retention => "retention",
            Self::Brake => "brake",
            Self::Setup => "setup",
            Self::Roles => "roles",
        }
    }

    /// Whether it needs the engine with users and roles.
    pub fn needs_users(self) -> bool {
        self == Self::Roles
    }

    /// Whether it makes a call only on a slow machine. An example is a message that is made visible again because the
    /// time ran out.
    pub fn makes_by_chance(self, row: &str) -> bool {
        self == Self::Continued && row == "sqs-changemessagevisibility"
    }

    /// The services that it uses.
    ///
    /// # Panics
    /// If the engine that it needs was not started.
    pub fn services(self, services: Services) -> Services {
        if !self.needs_users() {
            return services;
        }
        Services { engine: services.secured.expect("the engine with users and roles runs"), ..services }
    }

    /// Runs one cell.
    ///
    /// # Panics
    /// If a promise is broken.
    pub async fn run(self, stage: &mut Stage) {
        match self {
            Self::S3 => s3::run(stage).await,
            Self::Continued => continued::run(stage).await,
            Self::Kinesis => stream::kinesis(stage).await,
            Self::Kafka => stream::kafka(stage).await,
            Self::Firehose => firehose::run(stage).await,
            Self::Replay => replay::run(stage).await,
            Self::Letters => letters::run(stage).await,
            Self::Recreate => recreate::run(stage).await,
            Self::Retention => retention::run(stage).await,
            Self::Brake => brake::run(stage).await,
            Self::Setup => setup::run(stage).await,
            Self::Roles => roles::run(stage).await,
        }
    }
}
