//! The contents of one record of a stream: some events in any form that producers use, or no event.
//!
//! In: lines. Out: bytes. Deliberately absent: the envelope of CloudWatch Logs, which changes events
//! ([`crate::cloudwatch`]).

use crate::events::{gzip, zstd};
use crate::kpl::{self, UserRecord};

/// The number of forms of [`packed`]. The last two are KPL's.
pub const FORMS: u8 = 9;
/// The number of forms without KPL's, which only Kinesis has.
pub const PLAIN_FORMS: u8 = 7;

/// Some lines, packed in one form.
///
/// # Panics
/// If the form does not exist.
pub fn packed(form: u8, lines: &[String]) -> Vec<u8> {
    let values: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
    let ndjson = values.join("\n") + "\n";
    match form {
        0 => ndjson.into_bytes(),
        1 => gzip(ndjson.as_bytes()),
        2 => zstd(ndjson.as_bytes()),
        3 => values.concat().into_bytes(),
        4 => format!("[{}]", values.join(",\n")).into_bytes(),
        5 => format!(r#"{{"Records":[{}]}}"#, values.join(",")).into_bytes(),
        6 => gzip(values.concat().as_bytes()),
        7 | 8 => kpl::frame(&user_records(form, lines)),
        _ => panic!("no form {form}"),
    }
}

/// The user records of a frame in this form: pairs of plain events, or single events in gzip.
pub fn user_records(form: u8, lines: &[String]) -> Vec<UserRecord> {
    let records = lines.chunks(if form == 7 { 2 } else { 1 });
    records.map(|some| UserRecord::new(packed(if form == 7 { 3 } else { 1 }, some))).collect()
}

/// Frames of this many events each.
pub fn aggregated(lines: &[String], a_frame: usize) -> Vec<Vec<u8>> {
    let frame =
        |lines: &[String]| kpl::frame(&lines.iter().map(|line| UserRecord::new(line.trim_end())).collect::<Vec<_>>());
    lines.chunks(a_frame).map(frame).collect()
}

/// Records without an event, each for a different reason.
///
/// # Panics
/// Never: a frame ends in a checksum.
pub fn poison() -> Vec<Vec<u8>> {
    let frame = kpl::frame(&[UserRecord::new(r#"{"seq":1}"#), UserRecord::new(r#"{"seq":2}"#)]);
    let mut wrong_checksum = frame.clone();
    *wrong_checksum.last_mut().expect("a checksum") ^= 1;
    let mut cut = gzip(br#"{"seq":1}"#);
    cut.truncate(12);
    vec![
        b"2026-11-22 ERROR out of memory".to_vec(),
        b"{\"seq\":\"\xff\xfe\"}".to_vec(),
        wrong_checksum,
        frame[..frame.len() - 20].to_vec(),
        cut,
        b"{\"seq\":1,".to_vec(),
        b"42".to_vec(),
    ]
}
