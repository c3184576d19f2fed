//! Behaviour across the wire: the real binaries of the functions between a real S3, queue or stream and a real engine,
//! and a network that fails. Each file shows one promise or one source. `make test` builds the functions first, and so
//! does `make functions`.
//!
//! The first column has the numbers of the promises in docs/DELIVERY.md. `prove` runs some of these files with more
//! events.
//!
//! | promise | file | shows |
//! |---|---|---|
//! | 1 | `cases` | inputs that broke this or other programs have the fates of tests/data/cases/table.txt |
//! | 1 | `conformance` | files of the JSON test suite are indexed or rejected as the suite requires |
//! | 1, 2, 3, 11 | `chaos` | many faults at the same time: each event is indexed once or is a dead letter |
//! | 1, 3, 5 | `volume` | many events arrive once, byte for byte, and a redelivery adds nothing |
//! | 2 | `contract` | a record that is acknowledged to Kinesis or Kafka is safe, for random results of items |
//! | 2 | `download` | a download that breaks resumes where it broke, at the same `ETag` |
//! | 2 | `archived` | an archived object is one dead letter until it is restored |
//! | 2 | `outage` | 48 simulated hours without a domain give up no record |
//! | 2 | `owner` | a bucket of another account or region is read where and if it should be |
//! | 2 | `refusal` | a state of the domain makes no dead letter; the events arrive after it ends |
//! | 2 | `slow` | a record that no invocation can read to its end holds up nothing |
//! | 2 | `whole` | an object counts as read only if all of it arrived |
//! | 2, 3 | `kill` | `kill -9` at random moments loses and duplicates nothing |
//! | 2, 3, 8 | `pressure` | overload, cut connections and slow answers lose and duplicate nothing |
//! | 2, 4 | `shared_requests` | objects that share requests to the domain keep their own fates |
//! | 2, 8 | `visibility` | a failed message returns after its own pause; a message that is not a notification goes to the dead-letter queue |
//! | 2, 3 | `two_domains` | of two stacks on one bucket or stream, none waits for the domain of the other |
//! | 3 | `identity` | ids from long numbers stay distinct |
//! | 3 | `kafka` | Kafka topics: redelivery, partial answers, topics that are created again |
//! | 3 | `kinesis` | Kinesis streams: records of every kind, kills, redelivery |
//! | 3 | `forms` | `_bulk` in the form that an old engine accepts, also while it is upgraded |
//! | 3, 9 | `layouts` | an alias with a write index and a data stream take each event once; declared ones are set up, rolled over and deleted |
//! | 3 | `rollover` | a data stream or an alias has each event once, also beyond rollovers |
//! | 4 | `again` | dead letters without a whole event are read at their source again |
//! | 4 | `poison` | a bad event harms no other event |
//! | 4 | `conflicts` | with `on_conflict: keep`, an event that the mapping refuses is stored once, with every value |
//! | 4 | `random_documents` | random documents are indexed or rejected within two attempts |
//! | 4 | `times` | time zones, times of every unit, and the data around an event; a replayed letter is the same document |
//! | 4 | `unmatched` | a removed dataset loses no rest of an object; an object without a dataset is reported |
//! | 4 | `verdict` | a document that the domain never accepts becomes a dead letter and blocks no other |
//! | 4, 5, 11 | `corrupt` | corrupted objects fail no message and hide no good line |
//! | 6 | `cost` | memory follows from the settings, and not from the input |
//! | 7 | `continuation` | an object that needs several invocations resumes, and arrives once |
//! | 7 | `turns` | the objects of one invocation share its time; a slow one delays no other |
//! | 8 | `redirect` | no redirect is followed |
//! | 9 | `operate` | brake, replay, retention, roles and setup change only what belongs to the stack |
//! | 10 | `upgrade` | the work that an earlier release left is read and finished, each event once |
//! | 12 | `faults` | a sample of the fault matrix: one call meets one fault |
//! | | `aggregations` | the embedded domain aggregates as the engine does, and refuses what it does not know |
//! | | `audit` | `millrace audit` finds every object without a final receipt |
//! | | `auth` | signatures and passwords, which the other side checks |
//! | | `components` | the engine, the emulators and the proxy behave as the other tests assume |
//! | | `cpu` | CPU time of a million events from S3 and from Kinesis |
//! | | `small_objects` | many small objects in one invocation: requests, CPU time, time when S3 answers late |
//! | | `dashboards` | `setup` imports saved objects that show what the engine finds |
//! | | `documented` | every command in README and docs runs, or says that it needs an account |
//! | | `doctor` | `millrace doctor` finds each fault of a deployment and names its fix |
//! | | `envelopes` | every form of a notification gets its right answer |
//! | | `errors` | the `errorType` of a failed invocation is listed in docs/OPERATIONS.md |
//! | | `firehose` | the answers to Firehose hold the selected events of each record, in order |
//! | | `page` | the page of `--keep` in a browser: search, zoom, rows, keyboard, hostile events, many events |
//! | | `pattern` | event patterns match as the library of EventBridge does |
//! | | `query` | queries select the events that the engine's `_search` finds |
//! | | `replayed` | a replay of many objects notifies each, although it is killed |
//! | | `rules` | the user's rules decide; all faults of pipeline.yaml are reported at the start |
//! | | `sample_events` | sample invocations of streams get their right answers |

/// The events of the large scenarios, unless `MILLRACE_EVENTS` is set.
const EVENTS: u64 = 50_000;
/// The events that the page of `--keep` shows, unless `MILLRACE_EVENTS` is set.
const PAGE_EVENTS: u64 = 20_000;
/// The size of the larger one of the two objects whose memory is compared, in bytes.
const LARGE_OBJECT: usize = 100 << 20;
/// How often the function is killed.
const KILLS: usize = 15;
/// The objects of a replay, and how often the function is killed during it.
const REPLAYED: usize = 5_000;
const REPLAY_KILLS: usize = 2;
/// The random documents of each seed from each source, unless `MILLRACE_EVENTS` is set, and the seeds, unless
/// `MILLRACE_SEEDS` is set.
const RANDOM_DOCUMENTS: u64 = 1_500;
const RANDOM_SEEDS: u64 = 1;
/// The events of which every fifth does not fit the mapping, unless `MILLRACE_EVENTS` is set.
const CONFLICTING_EVENTS: u64 = 3_000;
/// The seeds of the chaos runs (unless `MILLRACE_SEEDS` is set), the events of each object, and the invocations before
/// the faults end.
const CHAOS_SEEDS: u64 = 2;
const CHAOS_EVENTS: u64 = 2_500;
const CHAOS_INVOCATIONS: usize = 8;
/// The seeds of corrupted objects, and the number of objects for each seed.
const CORRUPT_SEEDS: u64 = 3;
const CORRUPT_OBJECTS: u64 = 60;

/// The number of cells of the fault matrix in a run.
const FAULT_CELLS: Option<usize> = Some(30);

mod wire {
    mod again;
    mod aggregations;
    mod archived;
    mod audit;
    mod auth;
    mod cases;
    mod chaos;
    mod components;
    mod conflicts;
    mod conformance;
    mod continuation;
    mod contract;
    mod corrupt;
    mod cost;
    mod cpu;
    mod dashboards;
    mod doctor;
    mod documented;
    mod download;
    mod envelopes;
    mod errors;
    mod faults;
    mod firehose;
    mod forms;
    mod identity;
    mod kafka;
    mod kill;
    mod kinesis;
    mod layouts;
    mod operate;
    mod outage;
    mod owner;
    mod page;
    mod pattern;
    mod poison;
    mod pressure;
    mod query;
    mod random_documents;
    mod redirect;
    mod refusal;
    mod replayed;
    mod rollover;
    mod rules;
    mod sample_events;
    mod shared_requests;
    mod slow;
    mod small_objects;
    mod times;
    mod turns;
    mod two_domains;
    mod unmatched;
    mod upgrade;
    mod verdict;
    mod visibility;
    mod volume;
    mod whole;
}
