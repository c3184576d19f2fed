//! The events of the benches.

/// The number of different events.
pub(crate) const EVENTS: u32 = 2000;

/// Events of about 650 bytes, in the form that a mobile service sends.
pub(crate) fn events() -> Vec<String> {
    let names = ["2b_screen_view", "2b_click", "app_open", "session_start", "purchase"];
    let screens = ["home", "detail", "cart", "list", "profile", "settings", "notice"];
    let event = |n: u32| {
        let (name, screen) = (names[n as usize % names.len()], screens[n as usize % screens.len()]);
        format!(
            "{{\"base_dt\":\"2026-11-22T{:02}:{:02}:11.520Z\",\"event_name\":\"{name}\",\
             \"adid\":\"{:08x}-8cf0-4a23-b10d-96e4b1f9a3c1\",\"os\":\"{}\",\"app_ver\":\"6.0.1\",\"country\":\"KR\",\
             \"lat\":{}.{:06},\"lon\":{}.{:06},\"session_id\":\"{:016x}\",\"screen\":\"{screen}\",\
             \"device\":{{\"model\":\"SM-G998N\",\"brand\":\"samsung\",\"lang\":\"ko-KR\",\"width\":1080,\"height\":2400,\
             \"density\":2.625}},\"params\":{{\"prev_screen\":\"list\",\"screen\":\"{screen}\",\
             \"title\":\"\u{c624}\u{b298}\u{c758} \\\"\u{cd94}\u{cc9c}\\\" {n}\",\"item_id\":{},\"duration_ms\":{},\
             \"note\":null,\"tags\":[\"a{}\",\"b\"],\"price\":{}.90,\"currency\":\"KRW\",\"is_new\":{}}},\
             \"network\":\"wifi\",\"carrier\":\"SKT\",\"tz\":\"Asia/Seoul\",\"seq\":{n}}}",
            n % 24,
            n % 60,
            n.wrapping_mul(2_654_435_761),
            if n.is_multiple_of(3) { "iOS" } else { "Android" },
            33 + n % 6,
            n * 37 % 1_000_000,
            124 + n % 6,
            n * 91 % 1_000_000,
            u64::from(n) * 0x9e37_79b9_7f4a_7c15 % 0xffff_ffff_ffff,
            n * 7919,
            n % 60_000,
            n % 9,
            n % 500,
            n.is_multiple_of(2),
        )
    };
    (0..EVENTS).map(event).collect()
}
