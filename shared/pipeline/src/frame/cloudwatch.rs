//! The envelopes of CloudWatch Logs subscriptions: each log event becomes an event.
//!
//! In:
//! `{"messageType":"DATA_MESSAGE","owner":…,"logGroup":…,"logStream":…,…,"logEvents":[{"id","timestamp","message"},…]}`,
//! with the log events last and the other keys in any order. Out: for each log event `@id`, `@timestamp`, `@owner`,
//! `@log_group` and `@log_stream`, named as in AWS's own function for `OpenSearch`. They come before the members of a
//! message that is a JSON object. Any other message becomes `@message`, beside its `extractedFields`. A member of the
//! message replaces the envelope's field of the same name, since the engine refuses a duplicate key. A
//! `CONTROL_MESSAGE` yields no events. Deliberately absent: dropping or repairing an element that is not such a log
//! event. It is returned unchanged.

mod compose;
mod header;

pub(super) use compose::Composer;
pub(super) use header::{Header, Stop, is_envelope};
