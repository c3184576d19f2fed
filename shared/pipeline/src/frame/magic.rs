//! Formats that are not text, recognised by their first bytes. One dead letter then names the format, instead of one
//! letter for each piece.
//!
//! In: the first bytes of an object or a record, after decompression. Out: the name of the format, and what to do about
//! it. Deliberately absent: reading any of these formats.

use super::white_space::BOM;

/// How many of the first bytes are searched for control characters.
const LOOKED_AT: usize = 1024;

/// How many bytes are needed to recognise every format.
pub(super) const NEEDED: usize = LOOKED_AT;

/// Formats by their first bytes: the bytes, the name, the advice.
const MAGICS: [(&[u8], &str, &str); 15] = [
    (b"\xfd7zXZ\0", "xz", COMPRESS),
    (b"\xff\x06\0\0sNaPpY", "snappy", COMPRESS),
    (b"\x82SNAPPY\0", "snappy", COMPRESS),
    (b"\x04\x22\x4d\x18", "lz4", COMPRESS),
    (b"\x02\x21\x4c\x18", "lz4", COMPRESS),
    (b"\x1f\x9d", "compress (.Z)", COMPRESS),
    (b"\x1f\xa0", "compress (.Z)", COMPRESS),
    (b"\x1f\x8b", "gzip within gzip within gzip", COMPRESS),
    (b"\x28\xb5\x2f\xfd", "zstd within two other compressions", COMPRESS),
    (b"\x89LZO\0\r\n\x1a\n", "lzop", COMPRESS),
    (b"7z\xbc\xaf\x27\x1c", "7z", UNPACK),
    (b"PK\x03\x04", "zip", UNPACK),
    (b"PK\x05\x06", "zip", UNPACK),
    (b"PK\x07\x08", "zip", UNPACK),
    (b"Obj\x01", "Avro", CONVERT),
];
const COMPRESS: &str = "compress with gzip or zstd, or not at all, and upload it again";
const UNPACK: &str = "upload the files in it as separate objects";
const CONVERT: &str = "write NDJSON instead";
const EXCLUDE: &str = "exclude such keys with `exclude` in `from`";
const PI: &[u8] = b"\x31\x41\x59\x26\x53\x59";
const ROOT_OF_PI: &[u8] = b"\x17\x72\x45\x38\x50\x90";

/// Why these first bytes are refused, or `None`. `is_object`: they are from an S3 object, which has a key.
pub(super) fn refused(head: &[u8], is_object: bool) -> Option<String> {
    // Nearly all input begins like this.
    if matches!(head.first(), None | Some(b'{' | b'[' | b' ' | b'\n')) {
        return None;
    }
    let (name, advice) =
        named(head).or_else(|| (is_object && is_binary(head)).then_some(("an unknown binary format", CONVERT)))?;
    let reason = format!("the content is {name}, which is not read: {advice}");
    Some(if is_object { format!("{reason}, or {EXCLUDE}") } else { reason })
}

fn named(head: &[u8]) -> Option<(&'static str, &'static str)> {
    if let Some((_, name, advice)) = MAGICS.iter().find(|(magic, ..)| head.starts_with(magic)) {
        return Some((name, advice));
    }
    match head {
        [b'B', b'Z', b'h', b'1'..=b'9', rest @ ..]
            if (rest.starts_with(PI) && !is_text(rest)) || rest.starts_with(ROOT_OF_PI) =>
        {
            Some(("bzip2", COMPRESS))
        }
        // A two-byte header that is divisible by 31, with the usual window and no dictionary.
        [0x78, flags @ (0x01 | 0x9c | 0xda), ..]
            if (0x7800 + u32::from(*flags)).is_multiple_of(31) && !is_text(head) =>
        {
            Some(("zlib", COMPRESS))
        }
        [b'O', b'R', b'C', rest @ ..] if is_binary(rest) => Some(("ORC", CONVERT)),
        [b'P', b'A', b'R', b'1' | b'E', rest @ ..] if rest.iter().take(LOOKED_AT).any(|&byte| is_control(byte)) => {
            Some(("Parquet", CONVERT))
        }
        _ if head.get(257..265).is_some_and(|magic| magic.starts_with(b"ustar") && magic.contains(&0)) => {
            Some(("tar", UNPACK))
        }
        _ if is_of_schema_registry(head) => {
            Some(("framed for a schema registry", "let the producer write plain JSON, without a schema id before it"))
        }
        _ => None,
    }
}

/// Whether this is a zero byte and the number of a schema, followed by the data. Zeros alone do not count: a crash
/// leaves them.
fn is_of_schema_registry(head: &[u8]) -> bool {
    let [0, a, b, c, d, rest @ ..] = head else { return false };
    let zeros = head.iter().take_while(|&&byte| byte == 0).count();
    let next = head.get(zeros..).unwrap_or_default();
    // A value after zeros, or text in another encoding.
    let is_value = matches!(
        next,
        [b'{', b'"' | b'}' | b' ' | b'\n' | b'\r' | b'\t', ..] | [b'[' | b'\n' | b'\r' | b'\t' | b' ', ..]
    );
    // Text whose first letters would be the schema's number. JSON after a number does not count.
    let is_text = next.starts_with(BOM) || (is_text(next) && !matches!(rest.first(), Some(b'{' | b'[')));
    zeros < 5 && u32::from_be_bytes([*a, *b, *c, *d]) != 0 && *a == 0 && !is_value && !is_text && !rest.is_empty()
}

/// Whether more than a few bytes are control characters, which text does not have.
fn is_binary(head: &[u8]) -> bool {
    let head = &head[..head.len().min(LOOKED_AT)];
    head.iter().filter(|&&byte| is_control(byte)).count() * 32 > head.len()
}

/// Whether the first bytes are UTF-8 without any control character. The last character may be cut.
fn is_text(head: &[u8]) -> bool {
    let head = &head[..head.len().min(LOOKED_AT)];
    let is_utf8 = std::str::from_utf8(head).err().is_none_or(|error| error.error_len().is_none());
    is_utf8 && !head.iter().any(|&byte| is_control(byte))
}

const fn is_control(byte: u8) -> bool {
    matches!(byte, 1..=8 | 14..=26 | 28..=31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binary_content_is_named() {
        let mut tar = vec![b'a'; 300];
        tar[257..265].copy_from_slice(b"ustar\x0000");
        for (head, name) in [
            (b"BZh91AY&SY\x22\x9d".as_slice(), "bzip2"),
            (b"\xfd7zXZ\0\0\x04", "xz"),
            (b"\xff\x06\0\0sNaPpY\0", "snappy"),
            (b"\x04\x22\x4d\x18\x64", "lz4"),
            (b"PK\x03\x04\x14\0", "zip"),
            (b"\x1f\x9d\x90", ".Z"),
            (b"x\x9c\xab", "zlib"),
            (b"PAR1\x15\x04", "Parquet"),
            (b"PARE\x2c\0\0\0\x91\x03", "Parquet"),
            (b"Obj\x01\x04\x14avro", "Avro"),
            (b"ORC\x08\x03\x10\x02", "ORC"),
            (b"\0\0\0\0\x2a{\"a\":1}", "schema registry"),
            (b"\0\0\0\0\x01\x02\x06abc", "schema registry"),
            (b"\0\0\x01\x86\xa0\x02", "schema registry"),
            (&tar, "tar"),
            (b"\x08\x96\x01\x12\x03\x08\x96\x01\x1a\x02hi", "unknown binary"),
        ] {
            let reason = refused(head, true).unwrap_or_default();
            assert!(reason.contains(name) && reason.contains("exclude"), "{name}: {reason}");
        }
        assert!(refused(b"\0\0\0\0\x2a{}", false).is_some_and(|reason| !reason.contains("exclude")));
    }

    #[test]
    fn text_is_read_whatever_it_says() {
        let ustar = format!("{}ustar is how tar goes on\n", "a".repeat(257));
        for head in [
            b"".as_slice(),
            b"{\"a\":1}",
            b"BZh9 is how bzip2 begins",
            b"PK is short",
            b"PARIS\n",
            b"PARENT process started\n{\"a\":1}",
            b"PAR1 is how Parquet begins",
            b"BZh91AY&SY is how bzip2 begins",
            b"Obj1",
            b"LZ4",
            b"SNAPPY",
            b"7z and so on",
            "x\u{686} begins with a letter like zlib's\n".as_bytes(),
            ustar.as_bytes(),
            b"\0started\n",
            b"\0\0started\n",
            b"\0\0\0started\n",
            b"\0\0\0\0started\n",
            b"\0\xef\xbb\xbf{\"a\":1}",
            b"\0\0\xef\xbb\xbf{\"a\":1}",
            b"\0\0\0\xef\xbb\xbf{\"a\":1}",
            b"\0\0\0\0\xef\xbb\xbf{\"a\":1}",
            b"\0\0,{\"a\":1}",
            b"\0\0\0,{\"a\":1}",
            b"\0\0\0\0,\n{\"a\":1}",
            b"ORC and elf\n",
            b"Object\n",
            b"x^2\n",
            b"x\x01",
            b"\0\0\0\0\0\0{\"a\":1}",
            b"\0{\"a\":1}",
            b"\0\0{\"a\":1}",
            b"\0\0\0{\"a\":1}",
            b"\0\0\0\0{\"a\":1}",
            b"\0\0\0\0\n{\"a\":1}",
            b"\0\0\0\0\0",
            b"\x1b[32mINFO\x1b[0m started\n",
            b"caf\xe9 au lait, in Latin 1\n",
        ] {
            assert_eq!(refused(head, true).filter(|_| head != b"x\x01"), None, "{head:?}");
        }
    }
}
