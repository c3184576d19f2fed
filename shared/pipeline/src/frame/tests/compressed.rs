//! Objects whose compression is broken, refused, or extremely good.

use super::*;

#[test]
fn the_readable_part_of_broken_compression_comes_first() {
    let (first, second) = (gzip(b"{\"a\":1}\n"), gzip(b"{\"b\":2}\n"));
    let mut wrong_sum = first.clone();
    wrong_sum[first.len() - 8] ^= 1;
    let one = &[record(0, "{\"a\":1}")];
    let then = |fault: Seen| [one.as_slice(), &[fault]].concat();
    check([&first[..], b"garbage"].concat(), Format::Ndjson, 100, &then(Broken(8, "corrupt")));
    check([&first[..], b"\0\0\0x"].concat(), Format::Ndjson, 100, &then(Broken(8, "corrupt")));
    check([&first[..], b"\x1f"].concat(), Format::Ndjson, 100, &then(Broken(8, "truncated")));
    check(&first[..first.len() - 1], Format::Ndjson, 100, &then(Broken(8, "truncated")));
    check(&wrong_sum, Format::Ndjson, 100, &then(Broken(8, "corrupt")));
    check(b"\x1f\x8b\x07garbage", Format::Auto, 100, &[Broken(0, "corrupt")]);
    check(b"\x1f\x8b", Format::Auto, 100, &[Broken(0, "truncated")]);
    let mut wholes = 0;
    for cut in 1..second.len() {
        let input = [&first[..], &second[..cut]].concat();
        // A line is complete once its newline is readable, which is before the checksum.
        let two = [record(0, "{\"a\":1}"), record(8, "{\"b\":2}"), Broken(16, "truncated")];
        let mut inflate = flate2::Decompress::new_gzip(15);
        let mut readable = Vec::with_capacity(100);
        inflate.decompress_vec(&second[..cut], &mut readable, flate2::FlushDecompress::None).unwrap();
        let whole = readable.ends_with(b"\n");
        wholes += usize::from(whole);
        check(input, Format::Auto, 100, if whole { two.to_vec() } else { then(Broken(8, "truncated")) }.as_slice());
    }
    assert!(wholes >= 8 && wholes < second.len() / 2);
    let (first, second) = (zstd(b"{\"a\":1}\n"), zstd(b"{\"b\":2}\n"));
    for cut in 1..second.len() {
        check([&first[..], &second[..cut]].concat(), Format::Auto, 100, &then(Broken(8, "truncated")));
    }
    check([&first[..], b"garbage"].concat(), Format::Ndjson, 100, &then(Broken(8, "corrupt")));
}

#[test]
fn white_space_between_members_means_nothing() {
    // Firehose with a delimiter, and producers that end each record with a newline.
    let seen = [record(0, "{\"a\":1}"), record(7, "{\"b\":2}")];
    for compress in [gzip, zstd] {
        let (first, second) = (compress(b"{\"a\":1}"), compress(b"{\"b\":2}"));
        for between in ["\n", "\r\n", " \t", &"\n".repeat(200_000)] {
            for after in ["", "\n", "\r\n \n"] {
                let bytes = [&first[..], between.as_bytes(), &second, after.as_bytes()].concat();
                for bytes in [bytes.clone(), gzip(&bytes), zstd(&bytes)] {
                    check(&bytes, Format::Auto, 100, &seen);
                    let mut frames = Frames::of_records(Format::Auto, 100);
                    frames.begin_record(&bytes);
                    assert_eq!(drain(&mut frames), seen);
                }
            }
        }
        let fault = [seen[0].clone(), Broken(7, "corrupt")];
        check([&first[..], b"\n\nx", &second].concat(), Format::Auto, 100, &fault);
        check([&first[..], b"\n{\"b\":2}"].concat(), Format::Auto, 100, &fault);
    }
    check([&gzip(b"{\"a\":1}")[..], b"\n\0\0"].concat(), Format::Auto, 100, &seen[..1]);
    // A checkpoint begins at the member, after the newline.
    let (first, second) = (gzip(b"{\"a\":1}"), gzip(b"{\"b\":2}"));
    let bytes = [&first[..], b"\n", &second, b"\n"].concat();
    let mut frames = Frames::new(&bytes[..], Format::Auto, 100);
    assert_eq!(drain(&mut frames), seen);
    let at = frames.checkpoint(7);
    assert_eq!(at.member, Member { compressed: first.len() as u64 + 1, raw: 7 });
    assert_eq!(drain(&mut Frames::resume(&bytes[first.len() + 1..], &at, 100)), seen[1..]);
}

#[test]
fn a_line_cut_by_broken_compression_is_no_record() {
    // Stored blocks, so that every byte before the cut is readable.
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    encoder.write_all(b"{\"a\":1}\n{\"b\":2}\n").unwrap();
    let stored = encoder.finish().unwrap();
    let cut = stored.len() - 8 - 3;
    for format in [Format::Ndjson, Format::Concatenated, Format::Auto] {
        check(&stored[..cut], format, 100, &[record(0, "{\"a\":1}"), Broken(8, "truncated")]);
    }
    // A value over the limit that is cut is broken too.
    check(&stored[..cut], Format::Ndjson, 3, &[too_large(0, 7, "{\"a\":1}"), Broken(8, "truncated")]);
}

#[test]
fn a_zstd_window_over_eight_mebibytes_is_refused() {
    let compress = |window_log: u32| {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(window_log).unwrap();
        encoder.write_all(b"{\"a\":1}\n").unwrap();
        encoder.finish().unwrap()
    };
    check(compress(23), Format::Ndjson, 100, &[record(0, "{\"a\":1}")]);
    check(compress(24), Format::Ndjson, 100, &[Broken(0, "zstd_window")]);
    check(compress(27), Format::Ndjson, 100, &[Broken(0, "zstd_window")]);
}

#[test]
fn an_object_is_read_however_well_it_is_compressed() {
    // Blank lines as in a decompression bomb: 1,000 times (gzip) and 8,000 times (zstd) their compressed size.
    let blank = vec![b' '; MIB];
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&blank).unwrap();
    let member = encoder.finish().unwrap();
    for bytes in [member.repeat(300), zstd(&blank).repeat(300)] {
        assert_eq!(read(&bytes, Format::Ndjson, MIB, MIB), []);
    }
    // Lines that resemble each other.
    let line = |number: usize| format!("{{\"n\":\"{number:07}{number:0>80}\",\"x\":\"{:927}\"}}\n", " ");
    let lines = (0..1 << 10).map(line).collect::<String>();
    let large = gzip(lines.as_bytes()).repeat(300);
    let mut frames = Frames::new(&large[..], Format::Ndjson, MIB);
    let mut count = 0;
    while frames.next().unwrap().is_some() {
        count += 1;
    }
    assert_eq!(count, 300 << 10);
    assert!(frames.bytes_raw() > 300 << 20 && frames.bytes_raw() > 40 * frames.bytes_in());
    assert_eq!(frames.bytes_in(), large.len() as u64);
}
