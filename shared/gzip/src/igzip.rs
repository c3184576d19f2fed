//! igzip, level 1, by the functions of igzip.c. All of the workspace's `unsafe` is in this file.

#![expect(unsafe_code, reason = "igzip is C and assembler")]

use std::{ptr::NonNull, sync::Once};

/// The output grows by at least this much, so that a call never gets room for a few bytes only.
const ROOM: usize = 16 << 10;
/// Smaller parts are gathered first. igzip sizes its hash table by the input of the call in which it begins to compress, and
/// it keeps small inputs back until the last call: a hundred parts of a hundred bytes compressed five times worse than one.
const GATHERED: usize = 64 << 10;

/// `struct millrace_gzip`
#[repr(C)]
struct Stream {
    _opaque: [u8; 0],
}

unsafe extern "C" {
    safe fn millrace_gzip_choose(x86: u32);
    fn millrace_gzip_new() -> Option<NonNull<Stream>>;
    fn millrace_gzip_free(stream: NonNull<Stream>);
    fn millrace_gzip_write(
        stream: NonNull<Stream>,
        input: *const u8,
        input_length: &mut u32,
        last: i32,
        output: *mut u8,
        output_length: &mut u32,
    ) -> i32;
}

/// A stream, freed when it goes out of scope.
struct Gzip(NonNull<Stream>);

impl Drop for Gzip {
    fn drop(&mut self) {
        // SAFETY: the pointer is from `millrace_gzip_new`, and nothing uses it after this.
        unsafe { millrace_gzip_free(self.0) }
    }
}

impl Gzip {
    fn new() -> Self {
        static CHOSEN: Once = Once::new();
        CHOSEN.call_once(|| millrace_gzip_choose(x86()));
        // SAFETY: the function has no preconditions.
        Self(unsafe { millrace_gzip_new() }.expect("memory is left for the compressor"))
    }

    /// Compresses the start of `input` to the end of `output`, as far as its capacity goes. Returns the number of bytes that
    /// were read, and whether the stream is complete. `last`: no input follows this one.
    fn write(&mut self, input: &[u8], last: bool, output: &mut Vec<u8>) -> (usize, bool) {
        let room = output.spare_capacity_mut();
        let mut read = u32::try_from(input.len()).unwrap_or(u32::MAX);
        let mut written = u32::try_from(room.len()).unwrap_or(u32::MAX);
        let last = last && read as usize == input.len();
        let (from, to) = (input.as_ptr(), room.as_mut_ptr().cast());
        // SAFETY: `self.0` is a stream that nothing else uses. `from` can be read for `read` bytes and `to` written for
        // `written` bytes during the call. igzip keeps a copy of the input that it still needs, and no pointer.
        let result = unsafe { millrace_gzip_write(self.0, from, &mut read, i32::from(last), to, &mut written) };
        assert!(result >= 0, "igzip refuses its parameters: {result}");
        let length = output.len() + written as usize;
        assert!(length <= output.capacity(), "igzip writes into the room it is given");
        // SAFETY: igzip has written `written` bytes after the former end, within the capacity.
        unsafe { output.set_len(length) };
        (read as usize, result == 1)
    }
}

/// `enum millrace_x86`: which of the CRCs can run here.
fn x86() -> u32 {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::is_x86_feature_detected as has;
        if !has!("pclmulqdq") || !has!("sse4.1") {
            return 0;
        }
        if !has!("avx") {
            return 1;
        }
        let has_avx512 = has!("avx512f") && has!("avx512vl") && has!("avx512bw") && has!("avx512dq");
        if has_avx512 && has!("vpclmulqdq") { 3 } else { 2 }
    }
    #[cfg(not(target_arch = "x86_64"))]
    0
}

/// [`crate::compress`]
pub(super) fn compress<'a>(parts: impl Iterator<Item = &'a [u8]>, length: usize) -> Vec<u8> {
    let mut output = Output { gzip: Gzip::new(), bytes: Vec::with_capacity(length / 4 + ROOM) };
    let mut gathered = Vec::new();
    for part in parts {
        if part.len() >= GATHERED {
            output.write(&std::mem::take(&mut gathered), false);
            output.write(part, false);
            continue;
        }
        gathered.extend_from_slice(part);
        if gathered.len() >= GATHERED {
            output.write(&gathered, false);
            gathered.clear();
        }
    }
    output.write(&gathered, true);
    output.bytes
}

/// A stream, and what it has written.
struct Output {
    gzip: Gzip,
    bytes: Vec<u8>,
}

impl Output {
    /// Compresses all of the input. `last`: no input follows this one.
    fn write(&mut self, mut input: &[u8], last: bool) {
        loop {
            if self.bytes.capacity() - self.bytes.len() < ROOM {
                self.bytes.reserve(ROOM);
            }
            let (read, is_complete) = self.gzip.write(input, last, &mut self.bytes);
            input = &input[read..];
            if is_complete || (input.is_empty() && !last) {
                return;
            }
        }
    }
}
