//! Generated events, compressed objects of them, and the multiset that shows that all of them arrived.
//!
//! In: a count and a seed. Out: the bytes of ../shared/bench/gen.py, which is the same code in Python (a test pins the
//! hash). [`Expected`] takes lines and removes one for each document that is found. A line that remains is a loss. A
//! document that was not expected is a duplicate or a changed event. Deliberately absent: ids, which the function
//! makes.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write as _;

use sha2::{Digest, Sha256};

const NAMES: [&str; 10] = [
    "2b_screen_view",
    "app_open",
    "purchase",
    "2b_click",
    "session_start",
    "session_end",
    "add_to_cart",
    "search",
    "push_open",
    "login",
];
const CUMULATIVE_WEIGHTS: [u32; 10] = [40, 50, 52, 72, 80, 88, 92, 96, 99, 100];
const COUNTRIES: [&str; 10] = ["KR", "JP", "US", "TW", "TH", "VN", "DE", "FR", "BR", "ID"];
const SCREENS: [&str; 10] =
    ["home", "detail", "cart", "checkout", "profile", "settings", "list", "search_result", "notice", "event_page"];
const DEVICES: [(&str, &str, &str); 8] = [
    ("SM-G998N", "samsung", "Android"),
    ("SM-A525F", "samsung", "Android"),
    ("Pixel 8 Pro", "google", "Android"),
    ("Mi 11 Lite", "xiaomi", "Android"),
    ("iPhone14,2", "apple", "iOS"),
    ("iPhone15,3", "apple", "iOS"),
    ("iPad13,8", "apple", "iOS"),
    ("V2050", "vivo", "Android"),
];
const ANDROID: [&str; 4] = ["11", "12", "13", "14"];
const IOS: [&str; 4] = ["15.7.9", "16.5.1", "17.4", "17.5.1"];
const VERSIONS: [&str; 6] = ["5.12.0", "5.12.1", "5.13.0", "5.14.2", "6.0.0", "6.0.1"];
const TITLES: [&str; 6] =
    ["오늘의 추천", "Summer \\\"sale\\\"", "New arrivals", "人気ランキング", "Top 100", "Free shipping"];
const REFERRERS: [&str; 5] = [
    "https://m.example.com/event/",
    "app://deeplink/item/",
    "https://www.example.com/l?cid=",
    "push://campaign/",
    "organic/",
];

/// The day of all generated events, as an index suffix.
pub const DAY: &str = "2023.11.14";

/// Generates `count` events, each a line with its newline: `gen.py -n COUNT -s SEED`.
pub fn generate(count: u64, seed: u32) -> impl Iterator<Item = String> {
    let mut random = Python::seeded(seed);
    let step_us = 86_400_000_000.0 / count as f64;
    (0..count).map(move |i| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "int() of a day's microseconds")]
        let ms = (i as f64 * step_us) as u64 / 1000;
        event(&mut random, i, ms)
    })
}

#[expect(clippy::many_single_char_names, reason = "the names of gen.py")]
fn event(random: &mut Python, seq: u64, ms: u64) -> String {
    let drawn = random.float() * 100.0;
    let name = NAMES[CUMULATIVE_WEIGHTS.iter().position(|weight| drawn < f64::from(*weight)).unwrap_or(9)];
    let (a, b) = (random.bits(128), random.bits(96));
    let (c, d) = (random.bits(30), random.bits(30));
    let h = format!("{a:032x}");
    let index = |value: u128, length: u128| usize::try_from(value % length).unwrap_or(0);
    let (model, brand, os) = DEVICES[index(c, 8)];
    let osver = (if os == "iOS" { IOS } else { ANDROID })[index(c >> 3, 4)];
    let mut line = format!(
        r#"{{"base_dt":"2023-11-14T{:02}:{:02}:{:02}.{:03}Z","event_name":"{name}","adid":"{}-{}-4{}-a{}-{}","os":"{os}","#,
        ms / 3_600_000,
        ms / 60_000 % 60,
        ms / 1000 % 60,
        ms % 1000,
        &h[..8],
        &h[8..12],
        &h[13..16],
        &h[17..20],
        &h[20..],
    );
    let written = write!(
        line,
        concat!(
            r#""app_ver":"{}","country":"{}","lat":{:.6},"lon":{:.6},"session_id":"{:024x}","screen":"{}","#,
            r#""device":{{"model":"{}","brand":"{}","osver":"{}","lang":"ko-KR","carrier":"carrier-{:02}","#,
            r#""width":1080,"height":2400,"rooted":false}},"params":{{"prev_screen":"{}","title":"{}","#,
            r#""item_id":{},"duration_ms":{},"referrer":"{}{:09}","ab_group":"{}","tags":["t{}","t{}"],"#,
            r#""network":"wifi","first":{}"#
        ),
        VERSIONS[index(c >> 13, 6)],
        COUNTRIES[index(c >> 16, 10)],
        33.0 + (d & 0xFFFF) as f64 / 10000.0,
        124.0 + (d >> 14) as f64 / 10000.0,
        b,
        SCREENS[index(c >> 5, 10)],
        model,
        brand,
        osver,
        c & 63,
        SCREENS[index(c >> 9, 10)],
        TITLES[index(d >> 3, 6)],
        d,
        c % 60000,
        REFERRERS[index(d >> 6, 5)],
        c,
        char::from(b"ABCD"[index(c, 4)]),
        d & 15,
        (d >> 4) & 15,
        c & 4 != 0,
    );
    written.expect("a String takes everything");
    if name == "purchase" {
        let price = (d % 100_000) as f64 / 100.0;
        write!(line, r#","order_id":"O{d:010}","price":{price:?},"currency":"USD""#)
            .expect("a String takes everything");
    }
    writeln!(line, r#","note":null}},"seq":{seq}}}"#).expect("a String takes everything");
    line
}

/// Python's `random.Random`: the Mersenne Twister, seeded as Python does.
struct Python {
    state: [u32; 624],
    next: usize,
}

impl Python {
    #[expect(clippy::cast_possible_truncation, reason = "624 fits")]
    fn seeded(seed: u32) -> Self {
        let mut state = [0_u32; 624];
        state[0] = 19_650_218;
        for i in 1..624 {
            state[i] = 1_812_433_253_u32.wrapping_mul(state[i - 1] ^ (state[i - 1] >> 30)).wrapping_add(i as u32);
        }
        let mut i = 1;
        let wrap = |state: &mut [u32; 624], i: &mut usize| {
            *i += 1;
            if *i == 624 {
                state[0] = state[623];
                *i = 1;
            }
        };
        for _ in 0..624 {
            let before = state[i - 1] ^ (state[i - 1] >> 30);
            state[i] = (state[i] ^ before.wrapping_mul(1_664_525)).wrapping_add(seed);
            wrap(&mut state, &mut i);
        }
        for _ in 0..623 {
            let before = state[i - 1] ^ (state[i - 1] >> 30);
            state[i] = (state[i] ^ before.wrapping_mul(1_566_083_941)).wrapping_sub(i as u32);
            wrap(&mut state, &mut i);
        }
        state[0] = 0x8000_0000;
        Self { state, next: 624 }
    }

    fn word(&mut self) -> u32 {
        if self.next == 624 {
            for i in 0..624 {
                let y = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % 624] & 0x7fff_ffff);
                let odd = if y & 1 == 1 { 0x9908_b0df } else { 0 };
                self.state[i] = self.state[(i + 397) % 624] ^ (y >> 1) ^ odd;
            }
            self.next = 0;
        }
        let mut y = self.state[self.next];
        self.next += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    /// `random()`
    fn float(&mut self) -> f64 {
        let (a, b) = (self.word() >> 5, self.word() >> 6);
        (f64::from(a) * 67_108_864.0 + f64::from(b)) / 9_007_199_254_740_992.0
    }

    /// `getrandbits(count)`: whole words, the lowest first, the last one shifted down.
    fn bits(&mut self, count: u32) -> u128 {
        (0..count.div_ceil(32)).fold(0, |bits, i| {
            let missing = 32 - (count - 32 * i).min(32);
            bits | u128::from(self.word() >> missing) << (32 * i)
        })
    }
}

/// One gzip member.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).and_then(|()| gzip.finish()).expect("memory takes everything")
}

/// One zstd frame.
pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).expect("memory takes everything")
}

/// The events that should be found, and found events that were not expected.
#[derive(Debug, Default)]
pub struct Expected {
    left: HashMap<[u8; 16], (u32, String)>,
    total: u64,
    surplus: Vec<String>,
}

impl Expected {
    /// Expects these lines. A line that is named twice is expected twice.
    pub fn of<'l>(lines: impl IntoIterator<Item = &'l str>) -> Self {
        let mut expected = Self::default();
        lines.into_iter().for_each(|line| expected.add(line));
        expected
    }

    /// Expects one more line.
    pub fn add(&mut self, line: &str) {
        let line = line.trim_end_matches(['\r', '\n']);
        let head = line.chars().take(120).collect();
        self.left.entry(key(line)).or_insert((0, head)).0 += 1;
        self.total += 1;
    }

    /// The number of lines that were expected in total.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Notes one found document.
    pub fn found(&mut self, source: &str) {
        match self.left.get_mut(&key(source)) {
            Some((left, _)) if *left > 0 => *left -= 1,
            _ => self.surplus.push(source.chars().take(300).collect()),
        }
    }

    /// Checks that nothing is lost or duplicated, and that every byte is the same.
    ///
    /// # Panics
    /// If one of them does not hold.
    pub fn assert_met(&self) {
        let lost: Vec<_> = self.left.values().filter(|(left, _)| *left > 0).collect();
        assert!(
            lost.is_empty() && self.surplus.is_empty(),
            "of {} events {} are lost, such as {:?}; {} documents are surplus or changed, such as {:?}",
            self.total,
            lost.iter().map(|(left, _)| u64::from(*left)).sum::<u64>(),
            lost.iter().take(3).map(|(_, head)| head).collect::<Vec<_>>(),
            self.surplus.len(),
            self.surplus.iter().take(3).collect::<Vec<_>>(),
        );
    }
}

fn key(line: &str) -> [u8; 16] {
    let hash = Sha256::digest(line);
    std::array::from_fn(|i| hash[i])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_writes_the_bytes_of_gen_py() {
        // `gen.py -n 20000 -s 7 | sha256sum`
        let mut hash = Sha256::new();
        generate(20_000, 7).for_each(|line| hash.update(line));
        let expected = "587a58201e8c4209071ecb16d5fbce17a78eed87e7170cd8099c6e39bbf1cf08";
        let bytes: Vec<_> = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(bytes.concat(), expected);
    }

    #[test]
    fn a_lost_a_doubled_and_a_changed_event_are_found_out() {
        for found in [&["a"][..], &["a", "b", "b"], &["a", "b "]] {
            let mut expected = Expected::of(["a\n", "b"]);
            for source in found {
                expected.found(source);
            }
            assert!(std::panic::catch_unwind(|| expected.assert_met()).is_err(), "{found:?}");
        }
    }
}
