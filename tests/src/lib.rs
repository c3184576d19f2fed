//! Helpers that the tests share: a real engine, emulators, a network that fails, generated events, and the event
//! sources that invoke the functions.
//!
//! # Layout
//! - [`place`]: where files are, and the report of a missing component
//! - [`service`]: a process that ends with the test process
//! - [`engine`]: a real OpenSearch node
//! - [`moto`]: an S3, a queue service and a secret store
//! - [`liar`]: an S3 that breaks off, or sends wrong answers
//! - [`localstack`]: an AWS that deploys templates
//! - [`aws_domain`]: the domain that a stack creates, which takes signed requests
//! - [`proxy`]: a TCP proxy that cuts or delays connections, and records the requests
//! - [`intercept`]: a server that refuses requests, or loses replies
//! - [`events`]: generated events, and the multiset that shows that each arrived once, byte for byte
//! - [`envelope`]: notifications as the event sources send them
//! - [`queue`]: delivers messages of moto as the emulator's event source mapping does
//! - [`kinesalite`]: a Kinesis server
//! - [`payload`], [`kpl`], [`cloudwatch`]: the contents of records
//! - [`kinesis`], [`kafka`]: records, and the answers to them; [`firehose`]: invocations with records
//! - [`mapping`]: delivers records of a stream by the emulator's event source mapping
//! - [`script`]: a domain and a dead-letter bucket that follow a script, item by item
//! - [`storm`]: a server in front of another one that fails at random by a seed; [`seeds`]: the seeds of such tests
//! - [`browser`]: a Chromium without a window
//! - [`dashboards`]: an OpenSearch Dashboards that accepts imports
//! - [`receipt`]: the receipt that a function writes for an attempt
//! - [`cases`]: the inputs of tests/data/cases, and the table of their results
//! - [`choice`]: the events that the real transform selects by many rules
//! - [`ruler`], [`pattern`]: the library that decides about event patterns, and random ones; [`query`]: random queries and documents
//! - [`aggregated`]: random documents, and random searches with aggregations over them
//! - [`replaced`]: the resources that the update of a stack takes away
//! - [`sam`]: SAM's virtual environment
//! - [`stack`]: a template with its `CloudFormation` functions resolved; [`policy`]: IAM's decisions by its policies
//! - [`program`]: the program `millrace` with the environment of a deployment
//! - [`bulksink`]: a domain in Go that counts
//! - [`faults`]: every call, every fault, every source
//! - [`scene`]: the environment of one test, built from the above, with its own names
//!
//! Deliberately absent: anything of `pipeline`, `delivery` or `operations`. A test that shared their code could not
//! contradict it.

#![expect(clippy::missing_panics_doc, reason = "a test's helper fails the test by a panic")]
#![expect(clippy::disallowed_methods, reason = "tests are told by the environment where things lie")]

pub mod aggregated;
pub mod aws_domain;
pub mod between;
pub mod browser;
pub mod bulksink;
pub mod cases;
pub mod choice;
pub mod cloudwatch;
pub mod dashboards;
pub mod engine;
pub mod envelope;
pub mod events;
pub mod faults;
pub mod firehose;
pub mod former_engine;
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
pub mod replaced;
pub mod ruler;
pub mod sam;
pub mod scene;
pub mod script;
pub mod seeds;
pub mod service;
pub mod stack;
pub mod stateful_server;
pub mod storm;
