//! What one attempt at an object is to read.

use std::{sync::Arc, time::Instant};

use crate::{aws::objects::ObjectRef, lambda::Deadline, source::s3::Continuation};
use pipeline::{frame::Only, rules::Dataset};

/// One attempt at an object.
#[derive(Clone, Copy)]
pub(super) struct Reading<'a> {
    pub(super) object: &'a ObjectRef,
    pub(super) dataset: &'a Arc<Dataset>,
    /// The rest to read. `None` for the whole object.
    pub(super) begun: Option<&'a Continuation>,
    pub(super) started: Instant,
    pub(super) deadline: Deadline,
}

impl<'a> Reading<'a> {
    /// The first byte to request.
    pub(super) fn first_byte(&self) -> u64 {
        self.begun.map_or(0, |begun| begun.checkpoint.member.compressed)
    }

    /// The offset at which it begins, after decompression.
    pub(super) fn start_offset(&self) -> u64 {
        self.begun.map_or(0, |begun| begun.checkpoint.offset)
    }

    /// The events to read. `None` for all.
    pub(super) fn only(&self) -> Option<&'a Only> {
        self.begun.and_then(|begun| begun.only.as_ref())
    }

    /// The number of the next continuation.
    pub(super) fn hops(&self) -> u32 {
        self.begun.map_or(0, |begun| begun.hops) + 1
    }

    pub(super) fn replays(&self) -> u32 {
        self.begun.map_or(0, |begun| begun.replays)
    }
}
