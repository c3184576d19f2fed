//! Random events.

use fastrand::Rng;
use serde_json::{Value, json};

use super::one;

const OFFSETS: [&str; 6] = [
    "20/Nov/2026:23:30:00 Z",
    "20/Nov/2026:23:30:00 +09:00",
    "2026-11-20T23:30:00+0900",
    "2026-11-20T23:30:00+09:00",
    "2026-11-20T23:30:00.123Z",
    "2026-11-20T23:30:00.123+0900",
];

/// A random event. A plain one has no list except `tags`, no number with a fraction, no `null` and no empty text.
pub(in super::super) fn event(random: &mut Rng, is_plain: bool) -> Value {
    let mut event = json!({});
    for name in ["a", "b", "c", "d"] {
        if random.u8(..4) > 0 {
            event[name] = scalar(random, is_plain);
        }
    }
    for name in ["e", "f", "g", "h", "n", "when"] {
        if random.u8(..6) == 0 {
            event[name] = scalar(random, is_plain);
        }
    }
    for (name, inner) in [("o", ["x", "y"]), ("p", ["q", "r"])] {
        if random.u8(..if name == "o" { 2 } else { 6 }) == 0 {
            event[name] = json!({ inner[0]: scalar(random, is_plain) });
            if random.bool() {
                event[name][inner[1]] = scalar(random, is_plain);
            }
        }
    }
    for (name, values) in [("lat", ["35.5", "91", "x"]), ("lon", ["139.5", "7", "y"])] {
        if random.u8(..4) == 0 {
            event[name] = one(random, &values).into();
        }
    }
    match random.u8(..11) {
        0 | 1 => {}
        2 => event["t"] = "2026-11-20T23:30:00Z".into(),
        3 => event["t"] = 1_795_341_600_123_i64.into(),
        4 => event["t"] = one(random, &["1795341600", "1795341600123"]).into(),
        5 => event["t"] = "2026-11-20 23:30:00".into(),
        6 => event["t"] = "20/Nov/2026:23:30:00 +0900".into(),
        7 => event["t"] = one(random, &OFFSETS).into(),
        8 if !is_plain => event["t"] = "2026-11-20 23:30:00.123456".into(),
        8 => event["t"] = "2026-11-20 23:30:00.123".into(),
        _ => event["t"] = "soon".into(),
    }
    match random.u8(..6) {
        0 => event["m"] = "{\"a\":5,\"n\":\"x\"}".into(),
        1 => event["m"] = "{\"f\":\"y\",\"o\":{\"x\":7},\"tags\":[\"p\"],\"type\":\"own\"}".into(),
        2 => event["m"] = "plain".into(),
        _ => {}
    }
    // A codec takes neither for several events.
    if random.u8(..12) == 0 {
        event["Records"] = json!([{ "a": "x" }, { "b": 5 }]);
    }
    if random.bool() {
        event["tags"] = json!([one(random, &["in", "p", "xx"])]);
    }
    if random.u8(..4) == 0 {
        event["type"] = one(random, &["k", "own"]).into();
    }
    if random.u8(..8) > 0 {
        event["id"] = one(random, &["e1", "e2"]).into();
    }
    event
}

fn scalar(random: &mut Rng, is_plain: bool) -> Value {
    match random.u8(..if is_plain { 7 } else { 13 }) {
        0 | 1 => one(random, &["x", "y z", "5", "axb", "true", "2026-11-22", "X"]).into(),
        2 => one(random, &["y", "false", "7", "a=x", "10.1.2.3", " x", "-5"]).into(),
        3 => 5.into(),
        4 => one(random, &[7, -5, 0, 10]).into(),
        5 => true.into(),
        6 => false.into(),
        7 => Value::Null,
        8 => "".into(),
        9 => json!(["x", "axb"]),
        10 => json!(5.0),
        11 => json!({}),
        _ => "x\ny".into(),
    }
}
