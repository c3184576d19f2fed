//! The long runs: `make prove`, which names this binary; `cargo test` passes it by. The code is that of `wire`, with a
//! million events. Its lines that begin with `figure` are what docs/PERFORMANCE.md keeps.

/// Events of the large scenarios; `MILLRACE_EVENTS` says otherwise.
const EVENTS: u64 = 1_000_000;
/// The large one of the two objects whose memory is compared, in bytes.
const LARGE_OBJECT: usize = 1 << 30;
/// How often the function is killed.
const KILLS: usize = 60;
/// Objects that are replayed, and how often the function is killed meanwhile.
const REPLAYED: usize = 100_000;
const REPLAY_KILLS: usize = 8;
/// Random documents from each source; `MILLRACE_EVENTS` says otherwise.
const RANDOM_DOCUMENTS: u64 = 100_000;
/// Seeds of the runs in which everything goes wrong (`MILLRACE_SEEDS` says otherwise), events of each of their objects, and invocations until it is calm.
const CHAOS_SEEDS: u64 = 20;
const CHAOS_EVENTS: u64 = 20_000;
const CHAOS_INVOCATIONS: usize = 40;
/// Seeds of corrupted objects, and how many there are of each.
const CORRUPT_SEEDS: u64 = 20;
const CORRUPT_OBJECTS: u64 = 200;

/// Cells of the fault matrix: all of them.
const FAULT_CELLS: Option<usize> = None;

#[path = "wire/chaos.rs"]
mod chaos;
#[path = "wire/corrupt.rs"]
mod corrupt;
#[path = "wire/cost.rs"]
mod cost;
#[path = "wire/cpu.rs"]
mod cpu;
#[path = "wire/faults.rs"]
mod faults;
#[path = "wire/kill.rs"]
mod kill;
#[path = "wire/random_documents.rs"]
mod random_documents;
#[path = "wire/replayed.rs"]
mod replayed;
#[path = "wire/volume.rs"]
mod volume;
