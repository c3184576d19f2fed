//! Random documents with hostile values, and random searches with aggregations over them: those that the embedded domain
//! answers as the engine does.
//!
//! Deliberately absent: fields whose types differ between indices, and query strings on analysed text.

use fastrand::Rng;
use serde_json::{Map, Value, json};

/// 2026-11-22T10:00:00Z, the time of the first documents.
pub const START_MS: i64 = 1_795_341_600_000;
const WORDS: [&str; 11] = ["a", "b", "c", "é", "A", "", "10", "1.5", "true", "a b", "zebra"];
const TEXTS: &str =
    "strict_date_optional_time||yyyy-MM-dd HH:mm:ss||yyyy-MM-dd HH:mm:ss.SSS||yyyy-MM-dd HH:mm:ssXXX||epoch_millis";

/// The fields of the documents by what may be asked about them.
const DATES: [&str; 6] = ["time", "second", "text_time", "log_time", "found_time", "nothing"];
const POINTS: [&str; 3] = ["place", "strict_place", "nothing"];
const NUMBERS: [&str; 7] = ["number", "o.integer", "o.double", "float", "items.count", "flag", "nothing"];
const TEXTS_OF: [&str; 7] =
    ["word", "short", "found.keyword", "items.name.keyword", "o.x.y.keyword", "unique.keyword", "nothing"];

/// The declared mapping of the documents. They have other fields too.
pub fn mapping() -> Value {
    let date = |format: &str| json!({ "type": "date", "format": format, "ignore_malformed": true });
    json!({ "properties": {
        "time": { "type": "date" },
        "second": date("epoch_second"),
        "text_time": date(TEXTS),
        "log_time": date("dd/MMM/yyyy:HH:mm:ss XX"),
        "place": { "type": "geo_point", "ignore_malformed": true },
        "strict_place": { "type": "geo_point" },
        "word": { "type": "keyword" },
        "short": { "type": "keyword", "ignore_above": 3 },
        "o": { "properties": {
            "integer": { "type": "integer", "ignore_malformed": true },
            "double": { "type": "double" },
        } },
    } })
}

/// The first document of each index. It decides the types of the fields that are not declared.
pub fn first(order: usize) -> Value {
    json!({ "order": order, "number": 1, "float": 0.5, "flag": true, "found": "a", "found_time": "2026-11-22T10:00:00Z",
        "items": [{ "name": "a", "count": 1 }], "o.x.y": "a", "unique": "a", "slashes": "2026/11/22" })
}

/// A document, whose times are in the given length of time after [`START_MS`]. The engine refuses some of them.
pub fn document(random: &mut Rng, order: usize, length_ms: i64) -> Value {
    let mut fields = vec![("order", json!(order))];
    fields.extend(times(random, length_ms));
    fields.extend(points_and_words(random));
    fields.extend(numbers(random));
    // The engine refuses some of these documents as a whole.
    let hostile = [
        ("number", json!("q")),
        ("number", json!({})),
        ("float", json!(1e39)),
        ("flag", json!(1)),
        ("o", json!(5)),
        ("found_time", json!("never")),
        ("a..b", json!(1)),
        ("e", json!({})),
    ];
    if random.u8(0..20) == 0 {
        fields.push(one(random, &hostile));
    }
    let there = fields.into_iter().filter(|(_, value)| !value.is_null());
    there.map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>().into()
}

/// Times in all forms that the mapping declares or the engine finds, and some that it refuses.
fn times(random: &mut Rng, length_ms: i64) -> Vec<(&'static str, Value)> {
    let time = START_MS + random.i64(0..length_ms);
    let iso = jiff::Timestamp::from_millisecond(time).expect("a time").strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string();
    let second = [json!(time / 1000), json!((time / 1000).to_string()), json!("x"), json!(true), json!(-5)];
    let texts = [
        "2026-11-22 10:00:00",
        "2026-11-22 10:00:00.123",
        "2026-11-22 10:00:00+09:00",
        "2026-11",
        "bad",
        "",
        "2026",
        "2026-11-22T10:00:60Z",
        "2026-11-22T24:00:00Z",
        "2026-11-22T",
        "2026-11-22t10:00:00Z",
        "2026-02-30",
    ];
    let logs = ["22/Nov/2026:10:00:00 +0900", "1/Nov/2026:10:00:00 +0900", "22/Nov/2026:10:00:00 Z", "x"];
    vec![
        ("time", one(random, &[json!(iso), json!(time), json!(time.to_string()), json!(iso[..10]), Value::Null])),
        ("second", one(random, &second)),
        ("text_time", if random.bool() { json!(iso) } else { json!(one(random, &texts)) }),
        ("log_time", json!(one(random, &logs))),
        ("found_time", one(random, &[json!(iso), json!(time)])),
    ]
}

fn points_and_words(random: &mut Rng) -> Vec<(&'static str, Value)> {
    let mixed = several(random, |random| {
        let word = json!(word(random));
        one(random, &[word.clone(), word, json!(5), json!(true)])
    });
    let items = (0..random.usize(0..3)).map(|_| json!({ "name": word(random), "count": random.u8(0..5) })).collect();
    vec![
        ("place", if random.u8(0..5) == 0 { bad_point(random) } else { point(random) }),
        ("strict_place", if random.u8(0..40) == 0 { bad_point(random) } else { point(random) }),
        ("word", mixed),
        ("short", several(random, |random| json!(word(random)))),
        ("found", several(random, |random| json!(word(random)))),
        ("items", items),
        ("unique", json!(format!("id{}", random.u32(..)))),
    ]
}

fn numbers(random: &mut Rng) -> Vec<(&'static str, Value)> {
    let integers =
        [json!(1), json!(2), json!("4"), json!("x"), json!(1.7), json!(2_147_483_648_i64), json!(-3), Value::Null];
    let doubles = [json!(0.1), json!(0.2), json!("3.5"), json!(1e300), json!(-2.5), Value::Null];
    let found = [
        json!(1),
        json!(2),
        json!(1.5),
        json!("7"),
        json!(i64::MIN),
        json!(i64::MAX),
        json!(""),
        json!(1e3),
        Value::Null,
    ];
    let floats = [json!(0.1), json!(1.25), json!(7), json!("2.5"), json!(1e-50), Value::Null];
    let flags = [json!(true), json!(false), json!("true"), json!("false"), json!(""), Value::Null];
    let mut some = |of: &[Value]| several(random, |random| one(random, of));
    let (integer, double) = (some(&integers), some(&doubles));
    let (number, float, flag) = (some(&found), some(&floats), some(&flags));
    let o = json!({ "integer": integer, "double": double, "x": { "y": word(random) } });
    vec![("o", o), ("number", number), ("float", float), ("flag", flag)]
}

/// A value, or some of them.
fn several(random: &mut Rng, value: impl Fn(&mut Rng) -> Value) -> Value {
    if random.u8(0..4) > 0 {
        return value(random);
    }
    (0..random.usize(0..4)).map(|_| value(random)).collect()
}

/// A word. Some are as long as the engine's limit of a `.keyword` field, or one character longer.
fn word(random: &mut Rng) -> String {
    match random.u8(0..20) {
        0 => "x".repeat(random.usize(256..258)),
        1 => "😀".repeat(random.usize(128..130)),
        2..8 => format!("w{}", random.u8(0..40)),
        _ => one(random, &WORDS).to_owned(),
    }
}

fn point(random: &mut Rng) -> Value {
    let near = random.bool();
    let between = |random: &mut Rng, least: f64, most: f64| least + random.f64() * (most - least);
    let lat = if near { between(random, 37.0, 37.5) } else { between(random, -90.0, 90.0) };
    let lon = if near { between(random, 126.0, 127.0) } else { between(random, -180.0, 180.0) };
    match random.u8(0..12) {
        0 | 1 => json!({ "lat": lat, "lon": lon }),
        2 | 3 => json!(format!("{lat},{lon}")),
        4 => json!([lon, lat]),
        5 => json!(one(random, &["wydm9", "u", "7zzzzz", "drm3btev3e86"])),
        6 => json!(format!("POINT ({lon} {lat})")),
        7 => json!({ "lat": lat.to_string(), "lon": lon.to_string() }),
        8 => json!([[lon, lat], [1, 2]]),
        9 => json!([format!("{lat},{lon}"), "1,2"]),
        10 => json!({ "type": "Point", "coordinates": [lon, lat] }),
        _ => one(random, &[json!({ "lat": 90, "lon": 180 }), json!("-90,-180"), json!([]), Value::Null]),
    }
}

fn bad_point(random: &mut Rng) -> Value {
    let bad = [
        json!(""),
        json!("x y"),
        json!({ "lat": 1 }),
        json!([1]),
        json!(true),
        json!("0,190"),
        json!("aaa"),
        json!({}),
        json!({ "lat": 91, "lon": 0 }),
        json!({ "lat": 540, "lon": 1 }),
        json!(["1,2", null]),
    ];
    one(random, &bad)
}

fn one<T: Clone>(random: &mut Rng, values: &[T]) -> T {
    values[random.usize(0..values.len())].clone()
}

/// A search. The last field of its order is unique, since the engine orders equal documents by their shards.
pub fn search(random: &mut Rng, length_ms: i64) -> Value {
    let mut search = json!({ "size": one(random, &[0, 3, 10, 1000]), "from": one(random, &[0, 0, 2]),
        "track_total_hits": one(random, &[json!(true), json!(false), json!(5)]) });
    for number in 0..random.usize(0..3) {
        search["aggs"][format!("a{number}")] = aggregation(random);
    }
    if random.bool() {
        search["query"] = query(random, length_ms);
    }
    let mut sort = json!([{ "order": "asc" }]);
    if random.bool() {
        let names = one(random, &[&DATES[..], &NUMBERS[..], &TEXTS_OF[..]]);
        let mut order = json!({ "order": one(random, &["asc", "desc"]), "unmapped_type": "date" });
        if random.bool() {
            order["missing"] = json!(one(random, &["_first", "_last"]));
        }
        sort = json!([{ one(random, names): order }, { "order": "asc" }]);
    }
    search["sort"] = sort;
    search
}

fn aggregation(random: &mut Rng) -> Value {
    let names = one(random, &[&DATES[..], &NUMBERS[..], &TEXTS_OF[..], &POINTS[..]]);
    let field = one(random, names);
    // Some fields have a type that the aggregation does not take.
    let place = if random.u8(0..10) == 0 { field } else { one(random, &POINTS) };
    let time = if random.u8(0..10) == 0 { field } else { one(random, &DATES) };
    match random.u8(0..5) {
        0 => {
            json!({ "auto_date_histogram": { "field": time, "buckets": one(random, &[1, 2, 3, 10, 50, 72, 200]) } })
        }
        1 => json!({ "terms": { "field": field, "size": one(random, &[1, 2, 3, 5, 10, 100]) } }),
        2 => json!({ "cardinality": { "field": field } }),
        3 => json!({ "geo_bounds": { "field": place, "wrap_longitude": false } }),
        _ => {
            let size = one(random, &[1, 5, 10_000]);
            json!({ "geohash_grid": { "field": place, "precision": random.u8(1..=12), "size": size } })
        }
    }
}

fn query(random: &mut Rng, length_ms: i64) -> Value {
    match random.u8(0..6) {
        0 => json!({ "match_all": {} }),
        1 | 2 => range(random, length_ms),
        3 => json!({ "query_string": { "query": one(random, &["word:a", "word:(a OR b)", "NOT word:a", "*"]) } }),
        4 => json!({ "bool": { "must": [range(random, length_ms)], "filter": { "match_all": {} } } }),
        _ => {
            json!({ "bool": { "filter": [range(random, length_ms), { "query_string": { "query": "word:(a OR zebra)" } }] } })
        }
    }
}

fn range(random: &mut Rng, length_ms: i64) -> Value {
    let mut bounds = json!({});
    let is_date = random.bool();
    let (lower, upper) = (one(random, &["gte", "gt"]), one(random, &["lte", "lt"]));
    for (bound, is_given) in [(lower, random.bool()), (upper, random.bool())] {
        if is_given && is_date {
            let time = START_MS + random.i64(0..length_ms);
            bounds[bound] = if random.bool() { json!(time) } else { json!(time.to_string()) };
        } else if is_given {
            bounds[bound] = one(random, &[json!(1), json!(1.5), json!("2"), json!(0.1), json!(-3), json!(0)]);
        }
    }
    if is_date {
        bounds["format"] = json!("epoch_millis");
        return json!({ "range": { one(random, &["time", "second", "text_time", "found_time", "nothing"]): bounds } });
    }
    json!({ "range": { one(random, &["number", "o.integer", "o.double", "float", "items.count", "nothing"]): bounds } })
}
