//! Sample objects for the demonstration: events of a mobile service, the same for the same seed and day.
//!
//! In: the current hour. Out: files in a folder. Among them are hourly gzip objects, one with several gzip members, a
//! plain one, and one with lines that cannot be indexed. Deliberately absent: personal data; every id is random.

use std::{
    fmt::Write as _,
    fs,
    io::{self, Write},
    path::Path,
};

use emulator::runtime::uuid;
use fastrand::Rng;
use flate2::{Compression, write::GzEncoder};
use jiff::{SignedDuration, Timestamp};

const SEED: u64 = 1;
const NAMES: [(&str, u32); 10] = [
    ("2b_screen_view", 40),
    ("2b_click", 20),
    ("app_open", 10),
    ("session_start", 8),
    ("session_end", 8),
    ("add_to_cart", 4),
    ("search", 4),
    ("push_open", 3),
    ("purchase", 2),
    ("login", 1),
];
const COUNTRIES: [&str; 10] = ["KR", "JP", "US", "TW", "TH", "VN", "DE", "FR", "BR", "ID"];
const SCREENS: [&str; 8] = ["home", "detail", "cart", "checkout", "profile", "settings", "list", "notice"];
/// Latitude and longitude of Seoul, Busan, Daegu, Daejeon and Gwangju.
const CITIES: [(f64, f64); 5] = [(37.55, 126.99), (35.18, 129.08), (35.87, 128.60), (36.35, 127.38), (35.16, 126.85)];
const DEVICES: [(&str, &str, &str); 6] = [
    ("SM-G998N", "samsung", "Android"),
    ("SM-A525F", "samsung", "Android"),
    ("Pixel 8 Pro", "google", "Android"),
    ("Mi 11 Lite", "xiaomi", "Android"),
    ("iPhone14,2", "apple", "iOS"),
    ("iPhone15,3", "apple", "iOS"),
];
const TITLES: [&str; 6] =
    ["오늘의 추천", "Summer \\\"sale\\\"", "New arrivals", "人気ランキング", "Top 100", "Free shipping"];
/// Lines that become dead letters, each for a different reason.
const POISON: [&str; 4] = [
    "{\"base_dt\":\"broken off in the middle\",\"event_name\":",
    "GET /index.html HTTP/1.1",
    "[\"an array\",\"is no event\"]",
    "{\"event_name\":\"2b_screen_view\",\"base_dt\":\"the day before yesterday\"}",
];

/// The layout of an object's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    Gzip,
    /// Several gzip members, one after another, as written by programs that append.
    Members,
    Plain,
    /// Plain, with lines that cannot be indexed.
    Poisoned,
}

/// Writes the objects of the hours before `now` below `folder`; their keys begin with `source/jsona/`.
///
/// # Errors
/// A file can't be written.
pub fn write(folder: &Path, now: Timestamp, events_an_object: u32) -> io::Result<()> {
    let mut random = Rng::with_seed(SEED);
    let hour = SignedDuration::from_hours(1);
    let this_hour = Timestamp::from_second(now.as_second() / 3600 * 3600).map_err(io::Error::other)?;
    let layouts = [Layout::Gzip, Layout::Gzip, Layout::Members, Layout::Gzip, Layout::Plain, Layout::Poisoned];
    for (hours_ago, layout) in (1..).zip(layouts) {
        let start = this_hour - hour * hours_ago;
        let name = match layout {
            Layout::Gzip => "json.gz",
            Layout::Members => "appended.json.gz",
            Layout::Plain => "plain.json",
            Layout::Poisoned => "poison.json",
        };
        let key = format!("source/jsona/dt={}/{}.{name}", start.strftime("%Y-%m-%d"), start.strftime("%H"));
        let path = folder.join(key);
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        fs::write(path, object(&mut random, layout, start, events_an_object)?)?;
    }
    Ok(())
}

fn object(random: &mut Rng, layout: Layout, start: Timestamp, events: u32) -> io::Result<Vec<u8>> {
    let mut lines: Vec<String> = (0..events)
        .map(|n| {
            let at = start + SignedDuration::from_millis(i64::from(n) * 3_600_000 / i64::from(events.max(1)));
            event(random, at, n)
        })
        .collect();
    match layout {
        Layout::Plain => return Ok(lines.concat().into_bytes()),
        Layout::Poisoned => {
            for poison in POISON {
                lines.insert(random.usize(0..lines.len()), format!("{poison}\n"));
            }
            return Ok(lines.concat().into_bytes());
        }
        Layout::Gzip | Layout::Members => {}
    }
    let members = if layout == Layout::Members { 5 } else { 1 };
    let mut object = Vec::new();
    for member in lines.chunks(lines.len().div_ceil(members).max(1)) {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(member.concat().as_bytes())?;
        object.extend(gzip.finish()?);
    }
    Ok(object)
}

fn event(random: &mut Rng, at: Timestamp, n: u32) -> String {
    let name = name(random);
    let (model, brand, os) = DEVICES[random.usize(0..DEVICES.len())];
    let (screen, previous) = (SCREENS[random.usize(0..SCREENS.len())], SCREENS[random.usize(0..SCREENS.len())]);
    let (country, title) = (COUNTRIES[random.usize(0..COUNTRIES.len())], TITLES[random.usize(0..TITLES.len())]);
    let (a, b) = (random.u64(..), random.u64(..));
    let adid = uuid(a, b);
    // Most events are near the middle of a city, and half of them in the first.
    let (lat, lon) = CITIES[usize::try_from(a % 10).unwrap_or_default().saturating_sub(5)];
    let (lat, lon) = (lat + (random.f64() - 0.5).powi(3) * 8.0, lon + (random.f64() - 0.5).powi(3) * 8.0);
    let (item, duration) = (random.u32(..1 << 30), random.u32(..60_000));
    let mut event = format!(
        "{{\"base_dt\":\"{at:.3}\",\"event_name\":\"{name}\",\"adid\":\"{adid}\",\"os\":\"{os}\",\"app_ver\":\"6.0.1\",\
         \"country\":\"{country}\",\"lat\":{lat:.6},\"lon\":{lon:.6},\"session_id\":\"{b:016x}\",\"screen\":\"{screen}\",\
         \"device\":{{\"model\":\"{model}\",\"brand\":\"{brand}\",\"lang\":\"ko-KR\",\"width\":1080,\"height\":2400}},\
         \"params\":{{\"prev_screen\":\"{previous}\",\"title\":\"{title}\",\"item_id\":{item},\"duration_ms\":{duration}"
    );
    if name == "purchase" {
        let _ = write!(
            event,
            ",\"order_id\":\"O{item:010}\",\"price\":{}.{:02},\"currency\":\"USD\"",
            item % 1000,
            item % 100
        );
    }
    let _ = writeln!(event, ",\"note\":null}},\"seq\":{n}}}");
    event
}

fn name(random: &mut Rng) -> &'static str {
    let mut left = random.u32(..NAMES.iter().map(|(_, weight)| weight).sum::<u32>());
    for (name, weight) in NAMES {
        if left < weight {
            return name;
        }
        left -= weight;
    }
    NAMES[0].0
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn the_same_hour_gives_the_same_bytes_and_every_line_but_the_poison_is_json() {
        let now: Timestamp = "2026-11-22T05:30:00Z".parse().unwrap();
        for layout in [Layout::Gzip, Layout::Members, Layout::Plain, Layout::Poisoned] {
            let made = object(&mut Rng::with_seed(SEED), layout, now, 100).unwrap();
            assert_eq!(made, object(&mut Rng::with_seed(SEED), layout, now, 100).unwrap());
            let mut text = String::new();
            match layout {
                Layout::Gzip | Layout::Members => {
                    flate2::read::MultiGzDecoder::new(&made[..]).read_to_string(&mut text).unwrap();
                }
                Layout::Plain | Layout::Poisoned => text = String::from_utf8(made).unwrap(),
            }
            let events = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
            let dated =
                events.filter(|event| event["base_dt"].as_str().is_some_and(|at| at.starts_with("2026-11-22T")));
            assert_eq!(dated.count(), 100, "{layout:?}");
        }
    }

    #[test]
    fn objects_lie_under_the_hours_before_now() {
        let folder = tempfile::TempDir::new().unwrap();
        write(folder.path(), "2026-11-22T02:30:00Z".parse().unwrap(), 10).unwrap();
        assert!(folder.path().join("source/jsona/dt=2026-11-22/01.json.gz").exists());
        assert!(folder.path().join("source/jsona/dt=2026-11-21/20.poison.json").exists());
    }
}
