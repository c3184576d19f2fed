//! Checkpoints for another invocation: the members of compressed objects, and the offset in the decompressed content.

use super::*;

#[test]
fn a_checkpoint_begins_at_the_last_member_before_it() {
    let (first, second) = (gzip(b"{\"a\":1}\n{\"b"), gzip(b"\":2}\n{\"c\":3}\n"));
    let object = [&first[..], &second].concat();
    let mut frames = Frames::new(&object[..], Format::Auto, 100);
    let seen = drain(&mut frames);
    assert_eq!(seen.len(), 3);
    let second_member = Member { compressed: first.len() as u64, raw: 11 };
    for (offset, member) in
        [(0, Member { compressed: 0, raw: 0 }), (8, Member { compressed: 0, raw: 0 }), (16, second_member)]
    {
        let at = frames.checkpoint(offset);
        assert_eq!(
            at,
            Checkpoint { offset, compression: Compression::Gzip, member, ..Checkpoint::start(Format::Ndjson) }
        );
        // A checkpoint is stored as JSON.
        let at: Checkpoint = serde_json::from_str(&serde_json::to_string(&at).unwrap()).unwrap();
        let range = usize::try_from(at.member.compressed).unwrap()..;
        let mut resumed = Frames::resume(&object[range.clone()], &at, 100);
        assert_eq!(resumed.offset(), offset);
        let rest: Vec<_> = seen.iter().filter(|seen| matches!(seen, Record(at, _) if *at >= offset)).cloned().collect();
        assert_eq!(drain(&mut resumed), rest);
        assert_eq!(resumed.bytes_raw(), 24 - offset);
        assert_eq!(resumed.bytes_in(), object[range].len() as u64);
        // The resumed reading gives the same checkpoints.
        assert_eq!(resumed.checkpoint(16), frames.checkpoint(16));
    }
}

#[test]
fn members_known_are_bounded() {
    let mut object = Vec::new();
    let mut starts = Vec::new();
    for number in 0..10_000 {
        starts.push((object.len() as u64, number * 8));
        object.extend(gzip(format!("{number:07}\n").as_bytes()));
    }
    let mut frames = Frames::new(&object[..], Format::Ndjson, 100);
    while frames.next().unwrap().is_some() {}
    for offset in [0, 8, 79_992] {
        let member = frames.checkpoint(offset).member;
        assert!(starts.contains(&(member.compressed, member.raw)));
        assert!(member.raw <= offset && offset - member.raw < 8 * 8, "{member:?} for {offset}");
    }
}

#[test]
fn a_checkpoint_before_anything_was_returned_begins_at_the_start() {
    for (text, format) in
        [(" \n [1,2]", Format::Array), (" \n{\"Records\":[1,2]}", Format::Records), ("\n1\n2", Format::Ndjson)]
    {
        let mut frames = Frames::new(text.as_bytes(), format, 100);
        let before = frames.offset();
        frames.next().unwrap();
        // The caller's own lower bound is before the first value.
        let at = frames.checkpoint(before);
        assert!(!at.inside);
        let begin = usize::try_from(at.member.compressed).unwrap();
        assert_eq!(drain(&mut Frames::resume(&text.as_bytes()[begin..], &at, 100)).len(), 2, "{format:?}");
    }
}

#[test]
fn a_checkpoint_at_the_end_finds_nothing_more() {
    for (text, format) in [
        ("[1,2] ", Format::Array),
        ("{\"Records\":[1,2]} ", Format::Records),
        ("1\n2\n", Format::Ndjson),
        ("{}{}", Format::Concatenated),
    ] {
        let mut frames = Frames::new(text.as_bytes(), format, 100);
        drain(&mut frames);
        let at = frames.checkpoint(frames.offset());
        let begin = usize::try_from(at.member.compressed).unwrap();
        let mut resumed = Frames::resume(&text.as_bytes()[begin..], &at, 100);
        assert_eq!(drain(&mut resumed), [], "{format:?}");
        assert_eq!(resumed.checkpoint(resumed.offset()), at);
    }
}

#[test]
fn an_object_that_ends_before_a_checkpoint_is_truncated() {
    let at = Checkpoint { offset: 100, compression: Compression::Gzip, ..Checkpoint::start(Format::Ndjson) };
    assert_eq!(drain(&mut Frames::resume(&gzip(b"1\n")[..], &at, 100)), [Broken(100, "truncated")]);
}
