//! The position of a walk in the tape, in the bytes and in the output, and the steps that move it.
//!
//! Every `?` handles a tape that does not fit its structurals. simd-json does not produce one. In that case nothing is changed.

use simd_json::Node;

use super::state::Scratch;
use crate::{
    decode::{span, structurals},
    shape::{input::Input, made::Made},
};

/// A walk, and how far it came.
pub(super) struct Walk<'w, 'o> {
    pub(super) of: Input<'w>,
    pub(super) made: &'w Made,
    pub(super) scratch: &'w mut Scratch,
    /// The next structural.
    pub(super) at: usize,
    /// The offset up to which the source is copied or left out.
    pub(super) copied: usize,
    pub(super) out: &'o mut Vec<u8>,
}

impl Walk<'_, '_> {
    /// Replaces the value that `nodes` begins with by a made value. Returns the number of nodes of the old value.
    pub(super) fn replace(&mut self, nodes: &[Node<'_>], value: usize) -> Option<usize> {
        let start = self.offset(self.at)?;
        let used = self.skip(nodes)?;
        let end = self.end_of_value(start)?;
        self.copy_to(start)?;
        self.out.extend_from_slice(self.made.get(value)?);
        self.copied = end;
        self.scratch.placed[value] = true;
        Some(used)
    }

    /// Replaces the scalar that `nodes` begins with by its hash.
    pub(super) fn hash(&mut self, nodes: &[Node<'_>]) -> Option<()> {
        let start = self.offset(self.at)?;
        let end = match self.of.event.structurals.get(self.at + 1) {
            Some(next) => start + self.of.event.source.get(start..*next as usize)?.trim_ascii_end().len(),
            None => self.of.event.source.trim_ascii_end().len(),
        };
        let written = self.of.event.source.get(start..end)?;
        let value = match nodes.first()? {
            Node::String(text) => text.as_bytes(),
            _ if written == b"null" => return Some(()),
            _ => written,
        };
        self.copy_to(start)?;
        self.out.push(b'"');
        self.of.key?.write(value, self.out);
        self.out.push(b'"');
        self.copied = end;
        Some(())
    }

    /// Leaves out the bytes from `start` to the next structural, with one comma before or after them.
    pub(super) fn cut(&mut self, comma: Option<usize>, start: usize, any_kept: bool, is_last: bool) -> Option<()> {
        let end = self.offset(self.at)?;
        let (from, to) = match comma {
            // With the comma before it. The comma after it separates the next member.
            Some(comma) if any_kept => (comma, end),
            // No member is left before it: with the comma after it, if there is one.
            _ => (start, end + usize::from(!is_last)),
        };
        self.copy_to(from)?;
        self.copied = to;
        Some(())
    }

    /// Skips the value that `nodes` begins with. Returns its number of nodes.
    pub(super) fn skip(&mut self, nodes: &[Node<'_>]) -> Option<usize> {
        let span = span(nodes.first()?);
        self.at += structurals(nodes.get(..span)?);
        Some(span)
    }

    /// The end of the value that begins at `start`. The walk is just after it.
    pub(super) fn end_of_value(&self, start: usize) -> Option<usize> {
        let next = self.offset(self.at)?;
        Some(start + self.of.event.source.get(start..next)?.trim_ascii_end().len())
    }

    /// Copies the bytes before `end`.
    pub(super) fn copy_to(&mut self, end: usize) -> Option<()> {
        self.out.extend_from_slice(self.of.event.source.get(self.copied..end)?);
        self.copied = end;
        Some(())
    }

    pub(super) fn next(&mut self) -> Option<usize> {
        self.at += 1;
        self.offset(self.at - 1)
    }

    pub(super) fn offset(&self, structural: usize) -> Option<usize> {
        Some(*self.of.event.structurals.get(structural)? as usize)
    }
}
