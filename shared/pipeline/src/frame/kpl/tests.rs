//! Frames as a producer writes them, and bytes that are not a frame.

use md5::{Digest, Md5};
use proptest::prelude::*;

use super::*;

const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const BYTES: u32 = 2;
const START_GROUP: u32 = 3;
const END_GROUP: u32 = 4;
const FIXED32: u32 = 5;

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
    out
}

fn tag(number: u32, wire: u32) -> Vec<u8> {
    varint(u64::from(number << 3 | wire))
}

fn number(field: u32, value: u64) -> Vec<u8> {
    [tag(field, VARINT), varint(value)].concat()
}

fn bytes(field: u32, value: &[u8]) -> Vec<u8> {
    [tag(field, BYTES), varint(value.len() as u64), value.to_vec()].concat()
}

/// A user record inside an `AggregatedRecord`.
fn record(data: &[u8]) -> Vec<u8> {
    bytes(AGGREGATED_RECORDS, &[number(RECORD_PARTITION_KEY_INDEX, 0), bytes(RECORD_DATA, data)].concat())
}

/// Puts the frame around a message.
fn frame(message: &[u8]) -> Vec<u8> {
    [&MAGIC[..], message, &Md5::digest(message)].concat()
}

fn aggregate(records: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let records: Vec<_> = records.iter().map(|data| record(data.as_ref())).collect();
    frame(&[bytes(1, b"key"), bytes(2, b"0"), records.concat()].concat())
}

/// The data of all user records, in their order.
fn read(frame: &[u8]) -> Option<Vec<&[u8]>> {
    let records = user_records(frame)?;
    let count = records.len();
    let data: Vec<_> = records.clone().map(|record| record.data).collect();
    assert_eq!(data.len(), count);
    assert!(records.map(|record| record.index).eq(0..u32::try_from(count).unwrap()));
    Some(data)
}

/// The name, the message, and the data of its records.
type Case<'c> = (&'c str, Vec<u8>, &'c [&'c [u8]]);

#[test]
fn user_records_come_out_in_their_order() {
    let one = |fields: &[Vec<u8>]| bytes(AGGREGATED_RECORDS, &fields.concat());
    let (key, data) = (number(RECORD_PARTITION_KEY_INDEX, 0), bytes(RECORD_DATA, b"x"));
    let group = [tag(7, START_GROUP), number(1, 5), tag(8, START_GROUP), tag(8, END_GROUP), tag(7, END_GROUP)].concat();
    let nested = |depth| [tag(9, START_GROUP).repeat(depth), tag(9, END_GROUP).repeat(depth)].concat();
    let tagged = |tag: &[u8]| bytes(RECORD_TAGS, tag);
    let cases: &[Case<'_>] = &[
        ("no message at all", vec![], &[]),
        ("no records", bytes(1, b"key"), &[]),
        ("two records", [bytes(1, b"key"), record(b"a"), record(b"{\"b\":1}")].concat(), &[b"a", b"{\"b\":1}"]),
        ("an empty record", [record(b""), record(b"a")].concat(), &[b"", b"a"]),
        ("a table behind the records", [record(b"a"), bytes(1, b"key")].concat(), &[b"a"]),
        ("a table of what is not UTF-8", [bytes(1, b"\xff"), record(b"a")].concat(), &[b"a"]),
        ("data before its key", one(&[data.clone(), key.clone()]), &[b"x"]),
        ("the last of two counts", one(&[key.clone(), bytes(RECORD_DATA, b"old"), data.clone()]), &[b"x"]),
        ("a hash key", one(&[key.clone(), number(2, u64::MAX), data.clone()]), &[b"x"]),
        ("a large key", one(&[number(RECORD_PARTITION_KEY_INDEX, u64::MAX), data.clone()]), &[b"x"]),
        ("a tag", one(&[key.clone(), data.clone(), tagged(&[bytes(1, b"k"), bytes(2, b"v")].concat())]), &[b"x"]),
        ("a varint longer than it must be", [b"\x1a\x86\0".to_vec(), key.clone(), bytes(3, b"ab")].concat(), &[b"ab"]),
        // Unknown fields.
        ("a varint", [number(15, 300), record(b"a"), number(536_870_911, 0)].concat(), &[b"a"]),
        ("a fixed64", [tag(4, FIXED64), vec![0xff; 8], record(b"a")].concat(), &[b"a"]),
        ("a fixed32", [tag(4, FIXED32), vec![0xff; 4], record(b"a")].concat(), &[b"a"]),
        ("bytes", [bytes(4, &record(b"no")), record(b"a")].concat(), &[b"a"]),
        ("a group", [group.clone(), record(b"a")].concat(), &[b"a"]),
        ("a group in a record", one(&[key.clone(), group, data.clone()]), &[b"x"]),
        ("as many groups as are taken", [nested(MAX_GROUPS), record(b"a")].concat(), &[b"a"]),
        // A known number of another type is an unknown field.
        ("records that are a number", [number(AGGREGATED_RECORDS, 1), record(b"a")].concat(), &[b"a"]),
        ("data that is a number", one(&[key.clone(), data.clone(), number(RECORD_DATA, 1)]), &[b"x"]),
        ("a group of records", [tag(3, START_GROUP), tag(3, END_GROUP), record(b"a")].concat(), &[b"a"]),
        // Only the outer frame is split.
        ("a frame in a frame", record(&frame(&record(b"a"))), &[&frame(&record(b"a"))]),
    ];
    for (name, message, expected) in cases {
        assert_eq!(read(&frame(message)).as_deref(), Some(*expected), "{name}");
    }
}

#[test]
fn a_frame_of_amazons_own_library_is_read() {
    // From aws_kinesis_agg 1.2.3 of PyPI: three records under two keys, one of them with a hash key.
    let frame = b"\xf3\x89\x9a\xc2\x0a\x03pk0\x0a\x03pk1\x12\x015\x1a\x0b\x08\x00\x1a\x07{\"n\":0}\
        \x1a\x0d\x08\x01\x10\x00\x1a\x07{\"n\":1}\x1a\x0b\x08\x00\x1a\x07{\"n\":2}\
        \x77\xc5\x46\x6f\x27\x1f\xab\xb9\xb8\xe2\x89\x68\x78\xff\xcf\xc1";
    assert_eq!(read(frame), Some(vec![b"{\"n\":0}".as_slice(), b"{\"n\":1}", b"{\"n\":2}"]));
}

#[test]
fn anything_but_a_sound_frame_is_an_ordinary_record() {
    let one = |fields: &[Vec<u8>]| bytes(AGGREGATED_RECORDS, &fields.concat());
    let (key, data) = (number(RECORD_PARTITION_KEY_INDEX, 0), bytes(RECORD_DATA, b"x"));
    let whole = aggregate(&["a", "b"]);
    for (name, data) in [
        ("nothing", vec![]),
        ("an event", b"{\"a\":1}".to_vec()),
        ("the magic number alone", MAGIC.to_vec()),
        ("no room for a checksum", [&MAGIC[..], &[0; 15]].concat()),
        ("another magic number", [b"\xf3\x89\x9a\xc3", &whole[4..]].concat()),
        ("another checksum", [&whole[..whole.len() - 16], &[0; 16]].concat()),
        ("a byte behind it", [&whole[..], b"\0"].concat()),
        ("a byte before it", [b"\0", &whole[..]].concat()),
    ] {
        assert_eq!(read(&data), None, "{name}");
    }
    let groups = [tag(9, START_GROUP).repeat(MAX_GROUPS + 1), tag(9, END_GROUP).repeat(MAX_GROUPS + 1)].concat();
    for (name, message) in [
        ("no key", one(std::slice::from_ref(&data))),
        ("no data", one(std::slice::from_ref(&key))),
        ("an empty user record", one(&[])),
        ("a key of another type", one(&[bytes(RECORD_PARTITION_KEY_INDEX, b""), data.clone()])),
        ("a tag without its key", one(&[key.clone(), data.clone(), bytes(RECORD_TAGS, &bytes(2, b"v"))])),
        ("field number 0", [vec![0, 0], record(b"a")].concat()),
        ("wire type 6", [vec![0x0e], record(b"a")].concat()),
        ("wire type 7", [vec![0x0f], record(b"a")].concat()),
        ("a tag over 32 bits", [varint(1 << 32), varint(0), record(b"a")].concat()),
        ("a varint of eleven bytes", [tag(15, VARINT), vec![0x80; 10], vec![0]].concat()),
        ("a varint cut off", [record(b"a"), tag(15, VARINT), vec![0x80]].concat()),
        ("a tag cut off", [record(b"a"), vec![0x80]].concat()),
        ("a fixed64 cut off", [record(b"a"), tag(4, FIXED64), vec![0; 7]].concat()),
        ("a fixed32 cut off", [record(b"a"), tag(4, FIXED32), vec![0; 3]].concat()),
        ("more bytes than there are", [record(b"a"), tag(4, BYTES), varint(2), vec![0]].concat()),
        ("bytes without end", [record(b"a"), tag(4, BYTES), varint(u64::MAX)].concat()),
        ("data that leave their record", one(&[key, tag(RECORD_DATA, BYTES), varint(1)])),
        ("a group that is not closed", [record(b"a"), tag(7, START_GROUP)].concat()),
        ("a group that was not opened", [record(b"a"), tag(7, END_GROUP)].concat()),
        ("groups that cross", [tag(7, START_GROUP), tag(8, START_GROUP), tag(7, END_GROUP)].concat()),
        ("too many groups", [groups, record(b"a")].concat()),
    ] {
        assert_eq!(read(&frame(&message)), None, "{name}");
    }
}

#[test]
fn a_frame_with_any_bit_turned_or_any_byte_cut_off_is_an_ordinary_record() {
    let whole = aggregate(&["{\"a\":1}", "", "{\"b\":2}\n{\"c\":3}"]);
    assert!(read(&whole).is_some());
    for bit in 0..whole.len() * 8 {
        let mut turned = whole.clone();
        turned[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(read(&turned), None, "bit {bit}");
    }
    for length in 0..whole.len() {
        assert_eq!(read(&whole[..length]), None, "{length} bytes");
        assert_eq!(read(&whole[whole.len() - length..]), None, "the last {length} bytes");
    }
}

#[test]
fn groups_within_groups_cost_no_stack() {
    assert_eq!(read(&frame(&tag(9, START_GROUP).repeat(1 << 20))), None);
}

/// Fields that a newer producer might add.
fn unknown() -> impl Strategy<Value = Vec<u8>> {
    let content = prop::collection::vec(any::<u8>(), 0..40);
    (5..2_000_u32, any::<u64>(), content, 0..5_u32).prop_map(|(field, value, content, kind)| match kind {
        0 => number(field, value),
        1 => [tag(field, FIXED64), value.to_le_bytes().to_vec()].concat(),
        2 => bytes(field, &content),
        3 => [tag(field, START_GROUP), bytes(1, &content), tag(field, END_GROUP)].concat(),
        _ => vec![],
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_was_put_comes_out(
        records in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..300), unknown(), unknown()), 0..20),
    ) {
        let mut message = bytes(1, b"key");
        for (data, outside, inside) in &records {
            let fields = [number(RECORD_PARTITION_KEY_INDEX, 0), inside.clone(), bytes(RECORD_DATA, data)].concat();
            message.extend([outside.clone(), bytes(AGGREGATED_RECORDS, &fields)].concat());
        }
        let expected: Vec<_> = records.iter().map(|(data, ..)| &data[..]).collect();
        let whole = frame(&message);
        prop_assert_eq!(read(&whole), Some(expected));
    }

    #[test]
    fn a_record_is_split_the_same_among_any_others(
        records in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..300), 0..5_u8), 0..30),
    ) {
        let records: Vec<Vec<u8>> = records.iter().map(|(data, kind)| match kind {
            0 => data.clone(),
            1 => [&aggregate(&[data])[..], b"x"].concat(),
            2 => frame(data),
            _ => aggregate(&[&data[..], b"second"]),
        }).collect();
        let users = |split: Option<UserRecords<'_>>| split.map(|users| users.map(|user| user.data.to_vec()).collect::<Vec<_>>());
        let together: Vec<_> = split(records.iter().map(Vec::as_slice)).into_iter().map(users).collect();
        let alone: Vec<_> = records.iter().map(|record| users(user_records(record))).collect();
        prop_assert_eq!(together, alone);
    }

    #[test]
    fn a_damaged_message_under_its_own_checksum_is_refused_or_read_to_the_end(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
        cut in 0..10_usize,
    ) {
        let whole = aggregate(&["{\"a\":1}", "", "{\"b\":2}"]);
        let mut message = whole[MAGIC.len()..whole.len() - CHECKSUM - cut].to_vec();
        for (at, byte) in damage {
            let at = at.index(message.len());
            message[at] = byte;
        }
        // All data that is read is part of the message.
        for data in read(&frame(&message)).unwrap_or_default() {
            prop_assert!(data.is_empty() || message.windows(data.len()).any(|part| part == data));
        }
    }
}

#[test]
fn each_user_record_has_its_own_partition_key() {
    let user = |key: u64, data: &[u8]| {
        bytes(AGGREGATED_RECORDS, &[number(RECORD_PARTITION_KEY_INDEX, key), bytes(RECORD_DATA, data)].concat())
    };
    let table = [
        bytes(PARTITION_KEY_TABLE, b"one"),
        bytes(PARTITION_KEY_TABLE, "zwei\u{e9}".as_bytes()),
        bytes(PARTITION_KEY_TABLE, b"\xff"),
    ];
    let records = [user(1, b"a"), user(0, b"b"), user(1, b"c"), user(2, b"d"), user(7, b"e")];
    // The table may come after the records.
    for message in [[table.concat(), records.concat()].concat(), [records.concat(), table.concat()].concat()] {
        let message = frame(&message);
        assert_eq!(
            user_records(&message).unwrap().partition_keys(),
            Some(vec![Some("zwei\u{e9}"), Some("one"), Some("zwei\u{e9}"), None, None])
        );
    }
    // Kinesis accepts no longer key. Thousands of records could share one.
    let long = |length| bytes(PARTITION_KEY_TABLE, "\u{e9}".repeat(length).as_bytes());
    let message = frame(&[long(256), long(257), user(0, b"a"), user(1, b"b")].concat());
    let keys = user_records(&message).unwrap().partition_keys().unwrap();
    assert_eq!(keys.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false]);
}
