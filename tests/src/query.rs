//! Random documents of one mapping, and random queries about their fields, as users type them into Discover.
//!
//! Deliberately absent: the differences from the engine that docs/PIPELINE.md lists.

use fastrand::Rng;
use serde_json::{Map, Value, json};

const WORDS: [&str; 16] =
    ["a", "b", "ab", "ba", "abc", "cab", "AB", "aab", "a b", "a.b", "é", "x-1", "10", "9", "a/b", "a*"];
const DAYS: [&str; 6] = ["2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23", "2026-12-01", "2025-11-22"];
const TIMES: [&str; 5] = ["T00:00:00Z", "T10:30:00Z", "T23:59:59.999Z", "T10:30:00.500+09:00", "T00:00:00-05:00"];

/// A field and the kind of its values.
#[derive(Debug, Clone, Copy)]
struct Field {
    path: &'static str,
    kind: Kind,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Keyword,
    Long,
    Double,
    Date,
    Boolean,
    Address,
}

const ADDRESSES: [&str; 14] = [
    "10.0.0.0",
    "10.0.0.1",
    "10.0.0.255",
    "10.1.2.3",
    "9.255.255.255",
    "192.168.7.9",
    "255.255.255.255",
    "0.0.0.0",
    "::",
    "::1",
    "2001:db8::1",
    "2001:DB8:0:0:0:0:0:ff",
    "::ffff:10.0.0.1",
    "fe80::1:2:3:4",
];
const NETWORKS: [&str; 12] = [
    "10.0.0.0/8",
    "10.0.0.0/24",
    "10.0.0.1/31",
    "10.9.9.9/8",
    "192.168.0.0/16",
    "0.0.0.0/0",
    "::/0",
    "2001:db8::/32",
    "::/127",
    "10.0.0.1/32",
    "2001:db8::1/128",
    "fe80::/10",
];

const FIELDS: [Field; 13] = [
    Field { path: "k", kind: Kind::Keyword },
    Field { path: "tags", kind: Kind::Keyword },
    Field { path: "w.keyword", kind: Kind::Keyword },
    Field { path: "o.k", kind: Kind::Keyword },
    Field { path: "items.sku", kind: Kind::Keyword },
    Field { path: "n", kind: Kind::Long },
    Field { path: "items.qty", kind: Kind::Long },
    Field { path: "d", kind: Kind::Double },
    Field { path: "t", kind: Kind::Date },
    Field { path: "o.t", kind: Kind::Date },
    Field { path: "flag", kind: Kind::Boolean },
    Field { path: "ip", kind: Kind::Address },
    Field { path: "o.ip", kind: Kind::Address },
];

/// The mapping of [`document`]'s fields.
pub fn mapping() -> Value {
    let of = |name: &str| json!({ "type": name });
    json!({
        "k": of("keyword"), "tags": of("keyword"), "n": of("long"), "d": of("double"), "t": of("date"), "flag": of("boolean"),
        "ip": of("ip"),
        "w": { "type": "text", "fields": { "keyword": of("keyword") } },
        "o": { "properties": { "k": of("keyword"), "t": of("date"), "ip": of("ip") } },
        "items": { "properties": { "sku": of("keyword"), "qty": of("long") } },
    })
}

fn one<T: Copy>(random: &mut Rng, of: &[T]) -> T {
    of[random.usize(..of.len())]
}

/// A document. Any field may be missing, `null` or an array.
pub fn document(random: &mut Rng) -> Value {
    let mut document = Map::new();
    for (name, kind) in [
        ("k", Kind::Keyword),
        ("tags", Kind::Keyword),
        ("w", Kind::Keyword),
        ("n", Kind::Long),
        ("d", Kind::Double),
        ("t", Kind::Date),
        ("flag", Kind::Boolean),
        ("ip", Kind::Address),
    ] {
        put(random, &mut document, name, kind);
    }
    if random.u8(..) < 200 {
        let mut object = Map::new();
        put(random, &mut object, "k", Kind::Keyword);
        put(random, &mut object, "t", Kind::Date);
        put(random, &mut object, "ip", Kind::Address);
        // A path with dots is equivalent to nested objects.
        if random.u8(..) < 80 {
            document.extend(object.into_iter().map(|(name, value)| (format!("o.{name}"), value)));
        } else {
            document.insert("o".into(), object.into());
        }
    }
    let items = random.usize(0..=3);
    let item = |_| {
        let mut item = Map::new();
        put(random, &mut item, "sku", Kind::Keyword);
        put(random, &mut item, "qty", Kind::Long);
        Value::Object(item)
    };
    document.insert("items".into(), (0..items).map(item).collect());
    document.into()
}

fn put(random: &mut Rng, object: &mut Map<String, Value>, name: &str, kind: Kind) {
    let value = match random.u8(0..10) {
        0 => return,
        1 => Value::Null,
        2 => (0..random.usize(0..=3)).map(|_| value(random, kind)).collect(),
        3 => json!([[value(random, kind)], null]),
        _ => value(random, kind),
    };
    object.insert(name.into(), value);
}

fn value(random: &mut Rng, kind: Kind) -> Value {
    match kind {
        Kind::Keyword => one(random, &WORDS).into(),
        Kind::Long => random.i64(-3..12).into(),
        Kind::Double => one(random, &[-1.5, 0.0, 0.1, 1.0, 1.5, 9.0, 10.0, 33.25, 1e9]).into(),
        Kind::Boolean => random.bool().into(),
        Kind::Address => one(random, &ADDRESSES).into(),
        Kind::Date => match random.u8(0..8) {
            0 => one(random, &DAYS).into(),
            1 => (1_795_219_200_000_i64 + random.i64(0..4) * 43_200_000).into(),
            _ => format!("{}{}", one(random, &DAYS), one(random, &TIMES)).into(),
        },
    }
}

/// A query.
pub fn query(random: &mut Rng) -> String {
    clauses(random, 0)
}

fn clauses(random: &mut Rng, depth: usize) -> String {
    let count = if depth == 0 { random.usize(1..=4) } else { random.usize(1..=3) };
    let mut text = String::new();
    for number in 0..count {
        if number > 0 {
            text += one(random, &[" AND ", " OR ", " ", " AND ", " OR ", " && ", " || ", " AND NOT ", " OR NOT "]);
        }
        text += one(random, &["", "", "", "", "", "", "NOT ", "-", "+", "!"]);
        text += &clause(random, depth);
    }
    // `NOT NOT a` and `NOT -a` are not valid queries.
    for (twice, once) in [("NOT NOT ", "NOT "), ("NOT -", "NOT "), ("NOT +", "NOT "), ("NOT !", "NOT ")] {
        text = text.replace(twice, once);
    }
    text
}

fn clause(random: &mut Rng, depth: usize) -> String {
    let field = one(random, &FIELDS);
    match random.u8(0..20) {
        0 => format!("_exists_:{}", field.path),
        1 => format!("{}:*", field.path),
        2 => one(random, &["*:*", "*"]).into(),
        3..=5 if depth < 2 => format!("({})", clauses(random, depth + 1)),
        6 | 7 => {
            let mut group = String::new();
            for number in 0..random.usize(1..=3) {
                if number > 0 {
                    group += one(random, &[" OR ", " AND ", " || ", " && "]);
                }
                group += one(random, &["", "", "", "NOT ", "-", "+"]);
                group += &single(random, field.kind);
            }
            format!("{}:({group})", field.path)
        }
        _ => format!("{}:{}", field.path, single(random, field.kind)),
    }
}

/// The text after a field's colon.
fn single(random: &mut Rng, kind: Kind) -> String {
    let bound = |random: &mut Rng| match kind {
        // In a range, a text with a space needs quotes.
        Kind::Keyword => match one(random, &WORDS) {
            word if word.contains(' ') => format!("\"{word}\""),
            word => escaped(word),
        },
        Kind::Long | Kind::Double => number(random, kind),
        Kind::Date => date(random),
        Kind::Boolean => one(random, &["true", "false"]).into(),
        // Without quotes, each `:` is escaped by one of the two ways.
        Kind::Address => escaped(one(random, &ADDRESSES)),
    };
    if random.u8(..) < 70 && !matches!(kind, Kind::Boolean) {
        let (lower, upper) = (bound(random), bound(random));
        let open = random.u8(0..6);
        return match open {
            0 => format!("{}{lower} TO *]", one(random, &["[", "{"])),
            1 => format!("[* TO {upper}{}", one(random, &["]", "}"])),
            // Only without quotes: Lucene reads a quoted value here as another clause.
            2 if !lower.contains('"') => format!("{}{lower}", one(random, &[">", ">=", "<", "<="])),
            _ => format!("{}{lower} TO {upper}{}", one(random, &["[", "{"]), one(random, &["]", "}"])),
        };
    }
    match kind {
        Kind::Keyword => match random.u8(0..8) {
            0 => format!("\"{}\"", one(random, &WORDS).replace('"', "\\\"")),
            1 | 2 => wildcard(random),
            3 | 4 => format!("/{}/", regexp(random, 0)),
            _ => escaped(one(random, &WORDS)),
        },
        Kind::Long | Kind::Double => number(random, kind),
        Kind::Date => date(random),
        Kind::Boolean => one(random, &["true", "false"]).into(),
        Kind::Address => address(random),
    }
}

/// An address or a network, in quotes or escaped.
fn address(random: &mut Rng) -> String {
    let text = if random.bool() { one(random, &ADDRESSES) } else { one(random, &NETWORKS) };
    if random.bool() { format!("\"{text}\"") } else { escaped(text) }
}

fn escaped(word: &str) -> String {
    let mut text = String::new();
    for c in word.chars() {
        if "+-!(){}[]^\"~*?:\\/&| ".contains(c) {
            text.push('\\');
        }
        text.push(c);
    }
    text
}

fn number(random: &mut Rng, kind: Kind) -> String {
    let number = match kind {
        Kind::Double => {
            one(random, &["-1.5", "0", "0.1", "1", "1.0", "1.50", "9", "10", "33.25", "1e9", "1000000000"]).to_owned()
        }
        _ => random.i64(-3..12).to_string(),
    };
    number.replace('-', "\\-")
}

fn date(random: &mut Rng) -> String {
    let day = one(random, &DAYS);
    match random.u8(0..4) {
        0 => format!("\"{day}{}\"", one(random, &TIMES)),
        1 => format!("{day}T10\\:30"),
        2 => one(random, &["2026-11", "2026-12", "2026-11-22T10"]).into(),
        _ => day.into(),
    }
}

fn wildcard(random: &mut Rng) -> String {
    let mut text = String::new();
    for _ in 0..random.usize(1..=4) {
        text += one(random, &["*", "?", "a", "b", "ab", "\\ ", "c", "\\*", "A"]);
    }
    // A `*` alone asks whether the field exists, which another query covers.
    if text.chars().all(|c| c == '*') { "a*".into() } else { text }
}

fn regexp(random: &mut Rng, depth: usize) -> String {
    let mut text = String::new();
    for _ in 0..random.usize(1..=3) {
        let part: String = match random.u8(0..14) {
            0 => ".".into(),
            1 => ".*".into(),
            2 => "[a-c]".into(),
            3 => "[^a]".into(),
            4 if depth < 2 => format!("({})", regexp(random, depth + 1)),
            5 if depth < 2 => format!("({}|{})", regexp(random, depth + 1), regexp(random, depth + 1)),
            // In quotes, a `\` is a character of the value, even before a slash.
            6 => one(random, &["\"a.b\"", "\"a\\/b\"", "a\\/b"]).into(),
            7 => "@".into(),
            8 => "\\.".into(),
            9 => "[ab.*\\-]".into(),
            10 => "\\d".into(),
            11 => "()".into(),
            _ => one(random, &["a", "b", "c", "é", "-", " ", "B"]).to_owned(),
        };
        text += &part;
        if !text.ends_with('*') {
            text += one(random, &["", "", "", "", "?", "+", "*", "{1,2}", "{2}", "{1,}"]);
        }
    }
    text
}
