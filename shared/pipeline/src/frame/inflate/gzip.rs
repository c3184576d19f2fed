//! The gzip decoder.

use flate2::{Decompress, FlushDecompress, Status};

use super::input::{Fault, Input, Source, truncated};

/// Members one after another, with white space between them, such as the delimiter of Firehose. Zeros may follow them
/// (tape blocks), as gzip(1) allows.
pub(super) struct Gzip {
    inflate: Decompress,
    part: Part,
    /// The last call filled its output: there may be more output without more input.
    full: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    First,
    Member,
    Between,
    Padding,
}

impl Gzip {
    pub(super) fn new() -> Self {
        Self { inflate: Decompress::new_gzip(15), part: Part::First, full: false }
    }

    pub(super) fn reset(&mut self) {
        self.inflate.reset(true);
        (self.part, self.full) = (Part::First, false);
    }

    pub(super) fn read<R: Source>(
        &mut self,
        input: &mut Input<R>,
        out: &mut [u8],
        written: &mut usize,
        mut begins: impl FnMut(u64, usize),
    ) -> Result<(), Fault> {
        while *written < out.len() {
            if input.held().is_empty() && !self.full {
                if *written > 0 {
                    return Ok(());
                }
                if !input.available()? {
                    return match self.part {
                        Part::Between | Part::Padding => Ok(()),
                        Part::First | Part::Member => Err(truncated("a gzip member")),
                    };
                }
            }
            match self.part {
                Part::Member => self.member(input, out, written)?,
                Part::First => self.part = Part::Member,
                Part::Between => match input.after_white_space() {
                    Some(0x1f) => {
                        begins(input.consumed(), *written);
                        self.inflate.reset(true);
                        self.part = Part::Member;
                    }
                    Some(0) => self.part = Part::Padding,
                    Some(_) => return Err(garbage()),
                    None => {}
                },
                Part::Padding if input.held().iter().all(|&byte| byte == 0) => input.pos = input.end,
                Part::Padding => return Err(garbage()),
            }
        }
        Ok(())
    }

    /// One step inside a member.
    fn member<R>(&mut self, input: &mut Input<R>, out: &mut [u8], written: &mut usize) -> Result<(), Fault> {
        let (before_in, before_out) = (self.inflate.total_in(), self.inflate.total_out());
        let status =
            self.inflate.decompress(&input.chunk[input.pos..input.end], &mut out[*written..], FlushDecompress::None);
        // Both differences are less than the lengths of the slices.
        let step = |after: u64, before: u64| usize::try_from(after - before).unwrap_or(usize::MAX);
        let taken = step(self.inflate.total_in(), before_in);
        let made = step(self.inflate.total_out(), before_out);
        input.pos += taken;
        *written += made;
        self.full = *written == out.len();
        match status {
            Ok(Status::StreamEnd) => {
                self.part = Part::Between;
                self.full = false;
            }
            Ok(_) if taken == 0 && made == 0 && input.pos < input.end => {
                return Err(Fault::Broken("corrupt", "gzip: no progress".into()));
            }
            Ok(_) => {}
            Err(error) => return Err(Fault::Broken("corrupt", format!("gzip: {error}"))),
        }
        Ok(())
    }
}

fn garbage() -> Fault {
    Fault::Broken("corrupt", "garbage after the last gzip member".into())
}
