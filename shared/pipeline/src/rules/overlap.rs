//! Whether a `from` could take a dead letter: is there a possible dead-letter key that its glob matches, and that none of its
//! `exclude` matches?
//!
//! In: globs and the form of the keys. Out: yes or no. The answer is exact: the automata of all globs walk in parallel over every
//! possible key. If that takes too long, the answer is yes, which refuses a configuration that may be harmless.

use std::collections::HashSet;

use globset::GlobMatcher;
use regex_automata::{
    Anchored, MatchKind,
    hybrid::{
        LazyStateID,
        dfa::{Cache, DFA},
    },
    util::{start, syntax},
};

/// Maximum number of combinations of states to visit. Globs of ordinary rules need some hundred.
const MAX_STATES: usize = 20_000;
/// Cache size of an automaton. The cache must never be cleared, because the states would get new ids.
const CACHE_BYTES: usize = 16 << 20;

/// Whether some key is matched by `glob` and by the regular expression `keys`, and by none of `excluded`.
pub(super) fn could_match(glob: &GlobMatcher, excluded: &[GlobMatcher], keys: &str) -> bool {
    let texts = [glob.glob().regex(), keys].into_iter().chain(excluded.iter().map(|glob| glob.glob().regex()));
    let automata: Option<Vec<Automaton>> = texts.map(Automaton::new).collect();
    automata.is_none_or(|mut automata| walk(&mut automata).unwrap_or(true))
}

/// `None` if it takes too long.
fn walk(automata: &mut [Automaton]) -> Option<bool> {
    let bytes = representatives(automata);
    let start: Vec<LazyStateID> = automata.iter_mut().map(Automaton::start).collect::<Option<_>>()?;
    let (mut seen, mut left) = (HashSet::from([start.clone()]), vec![start]);
    while let Some(states) = left.pop() {
        if is_met(automata, &states)? {
            return Some(true);
        }
        for byte in &bytes {
            let step = |(automaton, state): (&mut Automaton, &LazyStateID)| automaton.next(*state, *byte);
            let next: Vec<LazyStateID> = automata.iter_mut().zip(&states).map(step).collect::<Option<_>>()?;
            // Otherwise the glob matches no continuation of this key, or no continuation is the key of a dead letter.
            if next[..2].iter().all(|state| !state.is_dead()) && seen.insert(next.clone()) {
                left.push(next);
            }
        }
        if seen.len() > MAX_STATES {
            return None;
        }
    }
    automata.iter().all(|automaton| automaton.cache.clear_count() == 0).then_some(false)
}

/// Whether the first two automata match a key that ends here, and no other does.
fn is_met(automata: &mut [Automaton], states: &[LazyStateID]) -> Option<bool> {
    for (number, (automaton, state)) in automata.iter_mut().zip(states).enumerate() {
        if automaton.ends(*state)? != (number < 2) {
            return Some(false);
        }
    }
    Some(true)
}

/// One byte for each class that the automata distinguish. Keys of dead letters are printable ASCII.
fn representatives(automata: &[Automaton]) -> Vec<u8> {
    let mut kinds = HashSet::new();
    let kind =
        |byte: &u8| automata.iter().map(|automaton| automaton.dfa.byte_classes().get(*byte)).collect::<Vec<u8>>();
    (0..=u8::MAX).filter(|byte| kinds.insert(kind(byte))).collect()
}

struct Automaton {
    dfa: DFA,
    cache: Cache,
}

impl Automaton {
    /// For a regular expression that is anchored at both ends.
    fn new(regex: &str) -> Option<Self> {
        let config =
            DFA::config().match_kind(MatchKind::All).cache_capacity(CACHE_BYTES).skip_cache_capacity_check(true);
        let syntax = syntax::Config::new().unicode(false).utf8(false);
        let dfa = DFA::builder().configure(config).syntax(syntax).build(regex).ok()?;
        Some(Self { cache: dfa.create_cache(), dfa })
    }

    fn start(&mut self) -> Option<LazyStateID> {
        self.dfa.start_state(&mut self.cache, &start::Config::new().anchored(Anchored::Yes)).ok()
    }

    fn next(&mut self, state: LazyStateID, byte: u8) -> Option<LazyStateID> {
        self.dfa.next_state(&mut self.cache, state, byte).ok()
    }

    /// Whether the bytes read up to this state are a match.
    fn ends(&mut self, state: LazyStateID) -> Option<bool> {
        self.dfa.next_eoi_state(&mut self.cache, state).ok().map(|state| state.is_match())
    }
}
