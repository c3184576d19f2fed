//! The long runs: `make prove` names this binary, and `cargo test` skips it. The code is that of `wire`, with a million
//! events. The lines of its output that begin with `figure` go into docs/PERFORMANCE.md.

/// The events of the large scenarios, unless `MILLRACE_EVENTS` is set.
const EVENTS: u64 = 1_000_000;
/// The events that the page of `--keep` shows, unless `MILLRACE_EVENTS` is set.
const PAGE_EVENTS: u64 = 1_000_000;
/// The size of the larger one of the two objects whose memory is compared, in bytes.
const LARGE_OBJECT: usize = 1 << 30;
/// How often the function is killed.
const KILLS: usize = 60;
/// The objects of a replay, and how often the function is killed during it.
const REPLAYED: usize = 100_000;
const REPLAY_KILLS: usize = 8;
/// The random documents of each seed from each source, unless `MILLRACE_EVENTS` is set, and the seeds, unless
/// `MILLRACE_SEEDS` is set.
const RANDOM_DOCUMENTS: u64 = 5_000;
const RANDOM_SEEDS: u64 = 20;
/// The events of which every fifth does not fit the mapping, unless `MILLRACE_EVENTS` is set.
const CONFLICTING_EVENTS: u64 = 100_000;
/// The seeds of the chaos runs (unless `MILLRACE_SEEDS` is set), the events of each object, and the invocations before
/// the faults end.
const CHAOS_SEEDS: u64 = 20;
const CHAOS_EVENTS: u64 = 20_000;
const CHAOS_INVOCATIONS: usize = 40;
/// The seeds of corrupted objects, and the number of objects for each seed.
const CORRUPT_SEEDS: u64 = 20;
const CORRUPT_OBJECTS: u64 = 200;

/// The fault matrix runs all cells.
const FAULT_CELLS: Option<usize> = None;

#[path = "wire/cgroup.rs"]
mod cgroup;
#[path = "wire/chaos.rs"]
mod chaos;
#[path = "wire/conflicts.rs"]
mod conflicts;
#[path = "wire/corrupt.rs"]
mod corrupt;
#[path = "wire/cost.rs"]
mod cost;
#[path = "wire/cpu.rs"]
mod cpu;
#[path = "wire/faults.rs"]
mod faults;
#[path = "wire/growth.rs"]
mod growth;
#[path = "wire/kill.rs"]
mod kill;
#[path = "wire/page.rs"]
mod page;
#[path = "wire/random_documents.rs"]
mod random_documents;
#[path = "wire/replayed.rs"]
mod replayed;
#[path = "wire/small_objects.rs"]
mod small_objects;
#[path = "wire/startup.rs"]
mod startup;
#[path = "wire/two_cpus.rs"]
mod two_cpus;
#[path = "cloud/upgrade.rs"]
mod upgrade;
#[path = "wire/volume.rs"]
mod volume;
