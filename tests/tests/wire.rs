//! Behaviour across the wire: the real binaries of the functions between a real S3, queue or stream and a real engine,
//! and a network that fails. One file a promise or a source. `make test` builds the functions first; so does
//! `make functions`.

/// Events of the large scenarios; `MILLRACE_EVENTS` says otherwise.
const EVENTS: u64 = 50_000;
/// The large one of the two objects whose memory is compared, in bytes.
const LARGE_OBJECT: usize = 100 << 20;
/// How often the function is killed.
const KILLS: usize = 15;
/// Objects that are replayed, and how often the function is killed meanwhile.
const REPLAYED: usize = 5_000;
const REPLAY_KILLS: usize = 2;
/// Random documents from each source; `MILLRACE_EVENTS` says otherwise.
const RANDOM_DOCUMENTS: u64 = 1_500;
/// Seeds of the runs in which everything goes wrong (`MILLRACE_SEEDS` says otherwise), events of each of their objects, and invocations until it is calm.
const CHAOS_SEEDS: u64 = 2;
const CHAOS_EVENTS: u64 = 2_500;
const CHAOS_INVOCATIONS: usize = 8;
/// Seeds of corrupted objects, and how many there are of each.
const CORRUPT_SEEDS: u64 = 3;
const CORRUPT_OBJECTS: u64 = 60;

/// Cells of the fault matrix.
const FAULT_CELLS: Option<usize> = Some(30);

mod wire {
    mod again;
    mod audit;
    mod auth;
    mod cases;
    mod chaos;
    mod components;
    mod conformance;
    mod continuation;
    mod contract;
    mod corrupt;
    mod cost;
    mod cpu;
    mod dashboards;
    mod doctor;
    mod download;
    mod envelopes;
    mod errors;
    mod faults;
    mod firehose;
    mod identity;
    mod kafka;
    mod kill;
    mod kinesis;
    mod operate;
    mod outage;
    mod pattern;
    mod poison;
    mod pressure;
    mod query;
    mod random_documents;
    mod redirect;
    mod refusal;
    mod replayed;
    mod rules;
    mod sample_events;
    mod times;
    mod turns;
    mod unmatched;
    mod upgrade;
    mod verdict;
    mod visibility;
    mod volume;
    mod whole;
}
