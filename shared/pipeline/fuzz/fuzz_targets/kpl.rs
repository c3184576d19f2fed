//! Arbitrary bytes as a Kinesis record, and as the message of an aggregated one. The user records lie within the
//! record, in order. Encoding them again gives the same user records. A record is split the same among others.
#![no_main]

use pipeline::frame::kpl::{UserRecord, split, user_records};
use libfuzzer_sys::fuzz_target;
use md5::{Digest, Md5};

/// The frame around a message, as the Kinesis Producer Library writes it.
fn frame(message: &[u8]) -> Vec<u8> {
    [b"\xf3\x89\x9a\xc2", message, &Md5::digest(message)].concat()
}

fn varint(out: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        out.push((value % 0x80) as u8 | 0x80);
        value /= 0x80;
    }
    out.push(value as u8);
}

/// The smallest message that holds these records.
fn encode(records: &[UserRecord<'_>]) -> Vec<u8> {
    let mut message = Vec::new();
    for record in records {
        let mut fields = vec![0x08, 0, 0x1a];
        varint(&mut fields, record.data.len());
        fields.extend_from_slice(record.data);
        message.push(0x1a);
        varint(&mut message, fields.len());
        message.extend(fields);
    }
    message
}

fn check(data: &[u8]) {
    let Some(records) = user_records(data) else { return };
    let count = records.len();
    let records: Vec<_> = records.collect();
    assert_eq!(records.len(), count);
    let mut behind = data.as_ptr_range().start;
    for (n, record) in records.iter().enumerate() {
        assert_eq!(record.index as usize, n);
        let place = record.data.as_ptr_range();
        assert!(place.start >= behind && place.end <= data.as_ptr_range().end);
        behind = place.end;
    }
    let again = frame(&encode(&records));
    assert!(user_records(&again).expect("it was just encoded").eq(records));
}

fuzz_target!(|input: &[u8]| {
    check(input);
    check(&frame(input));
    let records: Vec<_> = input.split(|byte| *byte == b'\n').flat_map(|part| [part.to_vec(), frame(part)]).collect();
    for (record, users) in records.iter().zip(split(records.iter().map(Vec::as_slice))) {
        assert_eq!(users.map(Vec::from_iter), user_records(record).map(Vec::from_iter));
    }
});
