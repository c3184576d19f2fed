//! MD5 of several messages side by side.
//!
//! In: messages. Out: the checksum of each, in the same order. Each step of MD5 needs the result of the step before it, so
//! one message leaves most of a processor idle. Eight messages in the lanes of SIMD registers take a quarter of the time
//! each (docs/PERFORMANCE.md). Deliberately absent: messages that arrive in pieces.
//!
//! a, b, c, d and the table T are those of [RFC 1321](https://www.rfc-editor.org/rfc/rfc1321).

use md5::{Digest, Md5};
use wide::u32x8;

const LANES: usize = 8;
/// The time of one block in each lane, in blocks of the crate md-5.
const COST: usize = 2;
const BLOCK: usize = 64;
/// The length in bits, at the end of the last block.
const LENGTH: usize = 8;
/// The byte 0x80 after the message, and the length.
const SHORTEST_PADDING: usize = 1 + LENGTH;

/// The state of each lane, word by word.
type State = [u32x8; 4];
/// A block of each lane, word by word.
type Words = [u32x8; 16];

/// The checksum of each message.
pub(super) fn md5(messages: &[&[u8]]) -> Vec<[u8; 16]> {
    // Lanes of about the same length end together.
    let mut order: Vec<usize> = (0..messages.len()).collect();
    order.sort_unstable_by_key(|message| messages[*message].len());
    let mut digests = vec![[0; 16]; messages.len()];
    for lanes in order.chunks(LANES) {
        let of_lanes: Vec<_> = lanes.iter().map(|message| messages[*message]).collect();
        // The longest message decides how long all lanes compute.
        let blocks = || of_lanes.iter().map(|message| count_blocks(message));
        let is_worth_it = blocks().sum::<usize>() > COST * blocks().max().unwrap_or_default();
        let found = if is_worth_it { side_by_side(&of_lanes) } else { one_by_one(&of_lanes) };
        for (message, digest) in lanes.iter().zip(found) {
            digests[*message] = digest;
        }
    }
    digests
}

fn one_by_one(messages: &[&[u8]]) -> Vec<[u8; 16]> {
    messages.iter().map(|message| Md5::digest(message).into()).collect()
}

/// The checksums of at most [`LANES`] messages. A lane without a message, or after the end of its own, computes with zeros.
fn side_by_side(messages: &[&[u8]]) -> Vec<[u8; 16]> {
    let lanes: [&[u8]; LANES] = std::array::from_fn(|lane| messages.get(lane).copied().unwrap_or_default());
    let mut digests = [[0; 16]; LANES];
    let mut state = START.map(u32x8::splat);
    for index in 0..lanes.iter().map(|message| count_blocks(message)).max().unwrap_or_default() {
        compress(&mut state, &transpose(&lanes.map(|message| block(message, index))));
        for (lane, digest) in digests.iter_mut().enumerate().filter(|(lane, _)| count_blocks(lanes[*lane]) == index + 1)
        {
            let words = state.map(|word| word.to_array()[lane].to_le_bytes());
            digest.copy_from_slice(words.as_flattened());
        }
    }
    digests[..messages.len()].to_vec()
}

fn count_blocks(message: &[u8]) -> usize {
    (message.len() + SHORTEST_PADDING).div_ceil(BLOCK)
}

/// A block of a message and its padding. Zeros after the end of both.
#[inline]
fn block(message: &[u8], index: usize) -> [u8; BLOCK] {
    let rest = message.get(index * BLOCK..).unwrap_or_default();
    rest.first_chunk().copied().unwrap_or_else(|| padded(message, rest, index))
}

#[cold]
fn padded(message: &[u8], rest: &[u8], index: usize) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    block[..rest.len()].copy_from_slice(rest);
    if message.len() / BLOCK == index {
        block[rest.len()] = 0x80;
    }
    if count_blocks(message) == index + 1 {
        block[BLOCK - LENGTH..].copy_from_slice(&(message.len() as u64 * 8).to_le_bytes());
    }
    block
}

fn transpose(blocks: &[[u8; BLOCK]; LANES]) -> Words {
    std::array::from_fn(|word| {
        let of_lane = |lane: usize| u32::from_le_bytes(blocks[lane].as_chunks().0[word]);
        u32x8::new(std::array::from_fn(of_lane))
    })
}

fn compress(state: &mut State, words: &Words) {
    let rounds = *state;
    let rounds = round::<7, 12, 17, 22>(rounds, words, 0, |step| step, |b, c, d| d ^ (b & (c ^ d)));
    let rounds = round::<5, 9, 14, 20>(rounds, words, 1, |step| 5 * step + 1, |b, c, d| c ^ (d & (b ^ c)));
    let rounds = round::<4, 11, 16, 23>(rounds, words, 2, |step| 3 * step + 5, |b, c, d| b ^ c ^ d);
    let rounds = round::<6, 10, 15, 21>(rounds, words, 3, |step| 7 * step, |b, c, d| c ^ (b | !d));
    state.iter_mut().zip(rounds).for_each(|(word, sum)| *word += sum);
}

/// The sixteen steps of a round. `word_of` gives the word of a step, modulo 16.
#[inline]
fn round<const A: i32, const D: i32, const C: i32, const B: i32>(
    [mut a, mut b, mut c, mut d]: State,
    words: &Words,
    round: usize,
    word_of: impl Fn(usize) -> usize,
    mix: impl Fn(u32x8, u32x8, u32x8) -> u32x8,
) -> State {
    let add = |step: usize| words[word_of(step) % words.len()] + u32x8::splat(T[round][step]);
    for step in (0..16).step_by(4) {
        a = b + rotate::<A>(a + mix(b, c, d) + add(step));
        d = a + rotate::<D>(d + mix(a, b, c) + add(step + 1));
        c = d + rotate::<C>(c + mix(d, a, b) + add(step + 2));
        b = c + rotate::<B>(b + mix(c, d, a) + add(step + 3));
    }
    [a, b, c, d]
}

#[inline]
fn rotate<const BITS: i32>(word: u32x8) -> u32x8 {
    (word << BITS) | (word >> (32 - BITS))
}

const START: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];

/// The integer part of 2^32 * |sin(i)|, with i from 1 to 64.
const T: [[u32; 16]; 4] = [
    [
        0xd76a_a478,
        0xe8c7_b756,
        0x2420_70db,
        0xc1bd_ceee,
        0xf57c_0faf,
        0x4787_c62a,
        0xa830_4613,
        0xfd46_9501,
        0x6980_98d8,
        0x8b44_f7af,
        0xffff_5bb1,
        0x895c_d7be,
        0x6b90_1122,
        0xfd98_7193,
        0xa679_438e,
        0x49b4_0821,
    ],
    [
        0xf61e_2562,
        0xc040_b340,
        0x265e_5a51,
        0xe9b6_c7aa,
        0xd62f_105d,
        0x0244_1453,
        0xd8a1_e681,
        0xe7d3_fbc8,
        0x21e1_cde6,
        0xc337_07d6,
        0xf4d5_0d87,
        0x455a_14ed,
        0xa9e3_e905,
        0xfcef_a3f8,
        0x676f_02d9,
        0x8d2a_4c8a,
    ],
    [
        0xfffa_3942,
        0x8771_f681,
        0x6d9d_6122,
        0xfde5_380c,
        0xa4be_ea44,
        0x4bde_cfa9,
        0xf6bb_4b60,
        0xbebf_bc70,
        0x289b_7ec6,
        0xeaa1_27fa,
        0xd4ef_3085,
        0x0488_1d05,
        0xd9d4_d039,
        0xe6db_99e5,
        0x1fa2_7cf8,
        0xc4ac_5665,
    ],
    [
        0xf429_2244,
        0x432a_ff97,
        0xab94_23a7,
        0xfc93_a039,
        0x655b_59c3,
        0x8f0c_cc92,
        0xffef_f47d,
        0x8584_5dd1,
        0x6fa8_7e4f,
        0xfe2c_e6e0,
        0xa301_4314,
        0x4e08_11a1,
        0xf753_7e82,
        0xbd3a_f235,
        0x2ad7_d2bb,
        0xeb86_d391,
    ],
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_length_of_padding_in_every_number_of_lanes() {
        let bytes: Vec<u8> = (0..=255).cycle().take(300).collect();
        for length in 0..=3 * BLOCK {
            for count in 1..=2 * LANES + 1 {
                let messages: Vec<_> = (0..count).map(|lane| &bytes[lane..][..length + lane]).collect();
                assert_eq!(md5(&messages), one_by_one(&messages), "{count} messages from {length} bytes on");
            }
        }
        assert!(md5(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn the_digest_of_a_message_does_not_depend_on_the_others(
            messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..2000), 0..40),
        ) {
            let messages: Vec<_> = messages.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(md5(&messages), one_by_one(&messages));
        }
    }
}
