//! For all bytes in all parts: zlib-rs inflates the member to exactly these bytes, whichever compressor made it. No test
//! compares compressed bytes.

use std::io::Read;

use proptest::prelude::*;

use super::{compress, compress_by_zlib};

#[expect(clippy::disallowed_types, reason = "one member is expected, and what follows it is checked")]
fn inflate(bytes: &[u8]) -> Vec<u8> {
    let mut decoder = flate2::bufread::GzDecoder::new(bytes);
    let mut plain = Vec::new();
    decoder.read_to_end(&mut plain).unwrap();
    assert!(decoder.into_inner().is_empty(), "one member");
    plain
}

fn check(parts: &[&[u8]]) -> usize {
    let plain = parts.concat();
    let compressed = compress(parts.iter().copied(), plain.len());
    assert!(inflate(&compressed) == plain, "{} bytes in {} parts", plain.len(), parts.len());
    assert!(inflate(&compress_by_zlib(parts.iter().copied(), plain.len())) == plain);
    // Bytes that cannot be compressed are stored.
    assert!(compressed.len() <= plain.len() + plain.len() / 1000 + 64, "{}", compressed.len());
    compressed.len()
}

/// `length` bytes that do not repeat.
fn noise(length: usize, mut seed: u64) -> Vec<u8> {
    let next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        seed.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// Lines of JSON with much in common.
fn lines(count: usize) -> Vec<u8> {
    let line =
        |n| format!("{{\"create\":{{\"_id\":\"{n:x}\"}}}}\n{{\"n\":{n},\"text\":\"a line of an event {}\"}}\n", n % 7);
    (0..count).map(line).collect::<String>().into_bytes()
}

#[test]
fn bytes_of_every_length_and_kind_come_back() {
    for length in [0, 1, 2, 17, 4095, 32_768, 65_534, 65_535, 65_536, 131_073, 1 << 20, (5 << 20) + 3] {
        check(&[&noise(length, length as u64)]);
        check(&[&vec![b' '; length]]);
        let lines = lines(length / 60);
        let compressed = check(&[&lines]);
        assert!(lines.len() < 10_000 || compressed * 4 < lines.len(), "{compressed} of {}", lines.len());
    }
}

#[test]
fn a_body_may_have_no_parts_and_empty_parts() {
    check(&[]);
    check(&[b""]);
    check(&[b"", b"a", b"", b"b", b""]);
}

#[test]
fn parts_compress_as_well_as_the_whole() {
    for count in [1, 12, 135, 1000, 20_000] {
        let text = lines(count);
        let parts: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
        let (whole, in_parts) = (check(&[&text]), check(&parts));
        assert!(in_parts <= whole + whole / 20 + 32, "{count}: {whole} bytes as a whole, {in_parts} in parts");
    }
}

#[test]
fn a_wrong_estimate_of_the_length_changes_nothing() {
    let plain = noise(1 << 20, 1);
    for length in [0, 1, 1 << 20, 1 << 22] {
        assert!(inflate(&compress(std::iter::once(&plain[..]), length)) == plain);
    }
}

#[test]
fn threads_share_nothing() {
    std::thread::scope(|scope| {
        for seed in 0..8 {
            scope.spawn(move || (0..20).for_each(|n| _ = check(&[&noise(10_000 * n, seed), &lines(100 * n)])));
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parts_of_any_bytes_come_back(
        parts in prop::collection::vec((0..5_usize, 0..70_000_usize, any::<u64>()), 0..8),
    ) {
        let parts: Vec<Vec<u8>> = parts
            .into_iter()
            .map(|(kind, length, seed)| match kind {
                0 => noise(length, seed),
                1 => lines(length / 60),
                2 => vec![seed.to_be_bytes()[0]; length],
                3 => noise(length % 50, seed),
                // Few different bytes, with repetitions at every distance.
                _ => noise(length, seed).into_iter().map(|byte| byte & 3).collect(),
            })
            .collect();
        check(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>());
    }
}
