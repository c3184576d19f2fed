//! Lambda's event source mappings of streams: records of Kinesis and Kafka, and their delivery to a function.
//!
//! [`kinesis`] and [`kafka`] give records the form in which Lambda delivers them. [`mapping`] groups them into batches
//! and handles the answers. Deliberately absent: the streams themselves, which the owner of the mapping has, and KPL's
//! aggregation.

pub mod item;
pub mod kafka;
pub mod kinesis;
pub mod mapping;
