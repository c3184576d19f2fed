//! The zstd decoder.

use std::io;

use zstd::stream::raw::{DParameter, InBuffer, Operation, OutBuffer};

use super::input::{Fault, Input, Source, truncated};

/// The largest zstd window, as a power of two: 8 MiB. `zstd` itself needs no more without `--long` or `--ultra`. RFC
/// 8878 recommends that decoders support this much and refuse more.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// Frames one after another, including frames to be skipped, with white space between them.
pub(super) struct Zstd {
    decoder: zstd::stream::raw::Decoder<'static>,
    /// How many bytes the decoder wants. This is never more than one block, so a corrupt block does not affect the
    /// bytes before it.
    wants: usize,
    inside: bool,
    full: bool,
}

impl Zstd {
    /// The length of a frame's magic number and of the descriptor after it.
    const HEADER: usize = 5;

    pub(super) fn new() -> io::Result<Self> {
        let mut decoder = zstd::stream::raw::Decoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG_MAX))?;
        Ok(Self { decoder, wants: Self::HEADER, inside: false, full: false })
    }

    /// Resets the decoder. Its parameters stay.
    pub(super) fn reset(mut self) -> Option<Self> {
        self.decoder.reinit().ok()?;
        (self.wants, self.inside, self.full) = (Self::HEADER, false, false);
        Some(self)
    }

    pub(super) fn read<R: Source>(
        &mut self,
        input: &mut Input<R>,
        out: &mut [u8],
        written: &mut usize,
    ) -> Result<(), Fault> {
        while *written < out.len() {
            if input.held().is_empty() && !self.full {
                if *written > 0 {
                    return Ok(());
                }
                if !input.available()? {
                    return if self.inside { Err(truncated("a zstd frame")) } else { Ok(()) };
                }
            }
            if !self.inside && input.after_white_space().is_none() {
                continue;
            }
            let piece = &input.held()[..self.wants.min(input.held().len())];
            let mut source = InBuffer::around(piece);
            let mut target = OutBuffer::around(&mut out[*written..]);
            let result = self.decoder.run(&mut source, &mut target);
            let (taken, made) = (source.pos(), target.pos());
            input.pos += taken;
            *written += made;
            self.full = *written == out.len();
            let wants = result.map_err(|error| {
                let reason = error.to_string();
                if reason.contains("too much memory") {
                    let reason = "the zstd window is larger than 8 MiB: compress without --long and --ultra";
                    Fault::Broken("zstd_window", reason.into())
                } else {
                    Fault::Broken("corrupt", format!("zstd: {reason}"))
                }
            })?;
            self.inside = wants > 0;
            self.wants = if wants > 0 { wants } else { Self::HEADER };
            if wants == 0 {
                self.full = false;
            } else if taken == 0 && made == 0 && input.pos < input.end {
                return Err(Fault::Broken("corrupt", "zstd: no progress".into()));
            }
        }
        Ok(())
    }
}
