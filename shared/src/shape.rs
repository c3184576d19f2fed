//! Drops fields; what stays keeps its very bytes.
//!
//! In: an event. Out: its source with the members cut out, or `None` where nothing was to be dropped. The tape says
//! what is where in the tree, the structurals where in the bytes; both are walked in lockstep. Deliberately absent: any
//! writing of JSON anew, which would lose digits, escapes and the order of keys.

use simd_json::Node;

use crate::decode::{Event, Path};

/// What is changed about the events of a dataset.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shape {
    /// Sorted, so that the paths below one prefix lie side by side.
    drop: Vec<Path>,
}

impl Shape {
    /// Drops the members at `paths`, in arrays of objects too. An object that loses its last member stays, empty.
    pub fn drop_fields(mut paths: Vec<Path>) -> Self {
        paths.sort_unstable();
        paths.dedup();
        Self { drop: paths }
    }

    /// Whether no event is ever changed.
    pub fn is_identity(&self) -> bool {
        self.drop.is_empty()
    }

    /// The event as it is to be stored, built in `out` (which is cleared first); `None` where the source stays as it
    /// is.
    pub fn apply<'o>(&self, event: &Event<'_>, out: &'o mut Vec<u8>) -> Option<&'o [u8]> {
        if self.is_identity() {
            return None;
        }
        out.clear();
        let mut cut = Cut { source: event.source, structurals: event.structurals, at: 0, copied: 0, out };
        cut.value(event.tape, Below { paths: &self.drop, prefix: 0 })?;
        if cut.copied == 0 {
            return None;
        }
        let Cut { source, copied, .. } = cut;
        out.extend_from_slice(source.get(copied..)?);
        Some(out)
    }
}

/// The paths that go on below an object, and how much of each is behind it: the same for all.
#[derive(Clone, Copy)]
struct Below<'p> {
    paths: &'p [Path],
    prefix: usize,
}

/// What becomes of a member.
enum Fate<'p> {
    Dropped,
    Entered(Below<'p>),
    Kept,
}

impl<'p> Below<'p> {
    fn fate(self, key: &str) -> Fate<'p> {
        let rests = || self.paths.iter().map(|path| path.as_str().get(self.prefix..).unwrap_or_default());
        let is_below = |rest: &str| rest.as_bytes().get(key.len()) == Some(&b'.') && rest.starts_with(key);
        if rests().any(|rest| rest == key) {
            return Fate::Dropped;
        }
        let Some(first) = rests().position(is_below) else { return Fate::Kept };
        let count = rests().skip(first).take_while(|rest| is_below(rest)).count();
        match self.paths.get(first..first + count) {
            Some(paths) => Fate::Entered(Below { paths, prefix: self.prefix + key.len() + 1 }),
            None => Fate::Kept,
        }
    }
}

struct Cut<'s, 'o> {
    source: &'s [u8],
    structurals: &'s [u32],
    /// The next structural.
    at: usize,
    /// Up to where the source is copied or dropped.
    copied: usize,
    out: &'o mut Vec<u8>,
}

// Every `?` below is a tape that does not fit its structurals, which simd-json does not make: then nothing is dropped.
impl Cut<'_, '_> {
    /// Goes through the value that `nodes` begins with; returns how many nodes it has.
    fn value(&mut self, nodes: &[Node<'_>], below: Below<'_>) -> Option<usize> {
        match *nodes.first()? {
            Node::Object { len, count } => {
                self.object(nodes.get(1..=count)?, len, below)?;
                Some(count + 1)
            }
            Node::Array { len, count } => {
                let mut rest = nodes.get(1..=count)?;
                self.at += 1;
                for element in 0..len {
                    self.at += usize::from(element > 0);
                    let used = self.value(rest, below)?;
                    rest = rest.get(used..)?;
                }
                self.at += 1;
                Some(count + 1)
            }
            Node::String(_) | Node::Static(_) => {
                self.at += 1;
                Some(1)
            }
        }
    }

    fn object(&mut self, mut nodes: &[Node<'_>], len: usize, below: Below<'_>) -> Option<()> {
        self.at += 1;
        let mut any_kept = false;
        for member in 0..len {
            // The comma before it, where it is not the first.
            let comma = if member > 0 { Some(self.next()?) } else { None };
            let start = self.next()?;
            let (Node::String(key), rest) = nodes.split_first()? else { return None };
            self.at += 1;
            let used = match below.fate(key) {
                Fate::Kept => self.skip(rest)?,
                Fate::Entered(below) => self.value(rest, below)?,
                Fate::Dropped => {
                    let used = self.skip(rest)?;
                    let end = self.offset(self.at)?;
                    match comma {
                        // With the comma before it; the one behind it serves who comes next.
                        Some(comma) if any_kept => self.drop(comma, end)?,
                        // Nothing is left before it: with the comma behind it, if there is one.
                        _ => self.drop(start, end + usize::from(member + 1 < len))?,
                    }
                    nodes = rest.get(used..)?;
                    continue;
                }
            };
            any_kept = true;
            nodes = rest.get(used..)?;
        }
        self.at += 1;
        Some(())
    }

    /// Steps over the value that `nodes` begins with; returns how many nodes it has.
    fn skip(&mut self, nodes: &[Node<'_>]) -> Option<usize> {
        let span = crate::decode::span(nodes.first()?);
        for node in nodes.get(..span)? {
            // Both brackets and the commas between; a colon for each key.
            self.at += match node {
                Node::Object { len, .. } => 2 + len.saturating_sub(1) + len,
                Node::Array { len, .. } => 2 + len.saturating_sub(1),
                Node::String(_) | Node::Static(_) => 1,
            };
        }
        Some(span)
    }

    /// Copies what is before `start` and leaves out what is before `end`.
    fn drop(&mut self, start: usize, end: usize) -> Option<()> {
        self.out.extend_from_slice(self.source.get(self.copied..start)?);
        self.copied = end;
        Some(())
    }

    fn next(&mut self) -> Option<usize> {
        self.at += 1;
        self.offset(self.at - 1)
    }

    fn offset(&self, structural: usize) -> Option<usize> {
        Some(*self.structurals.get(structural)? as usize)
    }
}

#[cfg(test)]
mod tests;
