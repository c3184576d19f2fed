//! What the tests share: a real engine, emulators, a network that fails, generated events, and the event source's side
//! of a conversation with a function.
//!
//! # Layout
//! - [`place`]: where things lie, and what is said when a component is missing
//! - [`service`]: a process that ends with the test process
//! - [`engine`]: a real OpenSearch node
//! - [`moto`]: an S3, a queue service and a secret store
//! - [`liar`]: an S3 that breaks off, or answers what was not asked for
//! - [`localstack`]: an AWS that deploys templates
//! - [`proxy`]: a TCP connection that is cut or slow, and remembers what went through
//! - [`intercept`]: a server whose requests are refused, or whose replies are lost
//! - [`events`]: generated events, and the multiset that proves them all there, once each, byte for byte
//! - [`envelope`]: notifications as the event sources send them
//! - [`queue`]: delivers messages, and again those that failed
//! - [`kinesalite`]: a Kinesis
//! - [`payload`], [`kpl`], [`cloudwatch`]: what records hold
//! - [`kinesis`], [`kafka`], [`firehose`]: invocations of records, and the answers to them
//! - [`mapping`]: delivers records of a stream, and again those that failed
//! - [`script`]: a domain and a dead-letter bucket that do what a test says, item by item
//! - [`storm`]: a server before another one at which everything goes wrong by a seed; [`seeds`]: the seeds of such tests
//! - [`dashboards`]: an OpenSearch Dashboards that takes imports
//! - [`receipt`]: what a function says of an attempt
//! - [`cases`]: the inputs of tests/data/cases, and the table of what becomes of them
//! - [`choice`]: what the real transform chooses by many rules
//! - [`ruler`], [`pattern`]: the library that decides about event patterns, and random ones; [`query`]: random queries and documents
//! - [`stack`]: a template with its functions worked out; [`policy`]: what IAM decides by its policies
//! - [`program`]: `local` beside a deployment
//! - [`faults`]: every call, every fault, every source
//! - [`scene`]: the above together, under names of one test's own
//!
//! Deliberately absent: anything of `pipeline`, `delivery` or `operations`. A test that shared its code could not contradict it.

#![expect(clippy::missing_panics_doc, reason = "a test's helper fails the test by a panic")]
#![expect(clippy::disallowed_methods, reason = "tests are told by the environment where things lie")]

pub mod between;
pub mod cases;
pub mod choice;
pub mod cloudwatch;
pub mod dashboards;
pub mod engine;
pub mod envelope;
pub mod events;
pub mod faults;
pub mod firehose;
pub mod intercept;
pub mod kafka;
pub mod kinesalite;
pub mod kinesis;
pub mod kpl;
pub mod lambda;
pub mod large_bucket;
pub mod liar;
pub mod localstack;
pub mod mapping;
pub mod moto;
pub mod pattern;
pub mod payload;
pub mod place;
pub mod policy;
pub mod program;
pub mod proxy;
pub mod query;
pub mod queue;
pub mod receipt;
pub mod ruler;
pub mod scene;
pub mod script;
pub mod seeds;
pub mod service;
pub mod stack;
pub mod stateful_server;
pub mod storm;
