//! The seeds of tests that run once for each seed.
//!
//! `MILLRACE_SEED=N`: only this seed. `MILLRACE_SEEDS=N`: the first N seeds. A failure names its seed.

use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures_util::{FutureExt, StreamExt, stream};

use crate::place;

/// Runs `test` for each seed, at most `at_once` of them at the same time.
///
/// # Panics
/// If one of the runs fails: with its message and the seed.
pub fn each<F: Future<Output = ()>>(name: &str, count: u64, at_once: usize, test: impl Fn(u64) -> F) {
    let only = number("MILLRACE_SEED");
    let count = number("MILLRACE_SEEDS").unwrap_or(count);
    let seeds = stream::iter(only.map_or(1..=count, |seed| seed..=seed));
    let run = |seed| AssertUnwindSafe(test(seed)).catch_unwind().map(move |result| (seed, result));
    place::run(seeds.map(run).buffer_unordered(at_once).for_each(async |(seed, result)| {
        if let Err(panic) = result {
            eprintln!("{name}: seed {seed} fails; again with MILLRACE_SEED={seed}");
            std::panic::resume_unwind(panic);
        }
    }));
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}
