//! Names and periods, in UTC and on the clocks of every zone.

use proptest::prelude::*;

use super::*;
use crate::route::{
    IdRule, RouteScratch, Router, Zone,
    zone::tests::{instants, zones},
};

fn ms(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

#[test]
fn a_name_gives_its_period_or_does_not_match_the_pattern() {
    for (pattern, name, start) in [
        ("logs-%{+YYYY.MM.dd}", "logs-2026.11.22", Some("2026-11-22T00:00:00Z")),
        ("logs-%{+YYYY.MM.dd.HH}", "logs-2026.11.22.07", Some("2026-11-22T07:00:00Z")),
        ("logs-%{+YYYY.MM}", "logs-2026.02", Some("2026-02-01T00:00:00Z")),
        ("logs-%{+YYYY}", "logs-2026", Some("2026-01-01T00:00:00Z")),
        ("logs-%{app}-%{+YYYY.MM.dd}", "logs-a-b.c-2026.11.22", Some("2026-11-22T00:00:00Z")),
        ("a-%{+YYYY.MM.dd}-%{+YYYY.MM.dd}", "a-2026.11.22-2026.11.22", Some("2026-11-22T00:00:00Z")),
        ("a-%{+YYYY.MM.dd}-%{+YYYY.MM.dd}", "a-2026.11.22-2026.11.23", None),
        // Two readings. The later one counts.
        ("a%{x}%{+YYYY}%{y}", "a2024b2026c", Some("2026-01-01T00:00:00Z")),
        ("logs-%{+YYYY.MM.dd}", "logs-2026.02.30", None),
        ("logs-%{+YYYY.MM.dd}", "logs-2026.13.01", None),
        ("logs-%{+YYYY.MM.dd}", "logs-2026.11.22-reindexed", None),
        ("logs-%{+YYYY.MM.dd}", "old-logs-2026.11.22", None),
        ("logs-%{+YYYY.MM.dd}", "logs-", None),
        ("logs", "logs", None),
        ("logs-%{+MM.dd}", "logs-11.22", None),
    ] {
        let pattern = IndexPattern::parse(pattern).unwrap();
        assert_eq!(pattern.period_start_ms(name), start.map(ms), "{pattern} {name}");
    }
}

#[test]
fn the_wildcard_takes_every_name_and_has_no_two_stars_together() {
    for (pattern, wildcard) in [
        ("logs-%{+YYYY.MM.dd}", "logs-*.*.*"),
        ("logs-%{a}%{+YYYYMM}", "logs-*"),
        ("logs", "logs"),
        ("l-%{a}-%{+YYYY}", "l-*-*"),
    ] {
        assert_eq!(IndexPattern::parse(pattern).unwrap().wildcard(), wildcard);
    }
}

proptest! {
    #[test]
    fn a_period_holds_the_times_from_its_start_to_its_end(time_ms in 946_684_800_000_i64..4_102_444_800_000) {
        for period in [Period::Year, Period::Month, Period::Day, Period::Hour] {
            let start = period.start_of(time_ms);
            prop_assert!((start..period.end_of(start)).contains(&time_ms));
            prop_assert_eq!(period.start_of(period.end_of(start)), period.end_of(start));
            prop_assert_eq!(period.start_of(start - 1), period.start_of(period.start_of(start - 1)));
            prop_assert_eq!(period.end_of(period.start_of(start - 1)), start);
        }
    }

    #[test]
    fn the_index_of_an_event_is_the_local_day_of_jiff_and_tells_its_period(
        (zone, times) in zones().prop_flat_map(|zone| (proptest::collection::vec(instants(&zone), 1..6), Just(zone)))
            .prop_map(|(times, zone)| (zone, times))
    ) {
        let jiff_zone = jiff::tz::TimeZoneDatabase::bundled().get(zone.name()).unwrap();
        for (pattern, form) in PATTERNS {
            let pattern = IndexPattern::parse(pattern).unwrap().in_zone(zone.clone()).unwrap();
            let period = pattern.period().unwrap();
            // The buffers are reused from event to event.
            let mut scratch = RouteScratch::default();
            for time_ms in &times {
                let name = index_at(&pattern, *time_ms, &mut scratch).unwrap();
                let local = jiff::Timestamp::from_millisecond(*time_ms).unwrap().to_zoned(jiff_zone.clone());
                prop_assert_eq!(&name, &local.strftime(form).to_string());
                let start_ms = pattern.period_start_ms(&name).unwrap();
                prop_assert_eq!(start_ms, period.start_of(pattern.clock_ms(*time_ms)));
                prop_assert!(pattern.begins_ms(start_ms) <= *time_ms);
            }
        }
    }

    #[test]
    fn an_event_that_is_kept_is_in_no_index_that_is_deleted(
        (zone, now_ms, later_ms) in zones().prop_flat_map(|zone| (instants(&zone), 0_i64..100_000_000, Just(zone)))
            .prop_map(|(now, later, zone)| (zone, now, later))
    ) {
        for (pattern, _) in PATTERNS {
            let pattern = IndexPattern::parse(pattern).unwrap().in_zone(zone.clone()).unwrap();
            let keep_from_ms = pattern.first_period_from(now_ms).unwrap();
            for time_ms in [now_ms, now_ms + later_ms] {
                // If the event has not expired, its index has not expired either.
                let name = index_at(&pattern, time_ms, &mut RouteScratch::keeping_from(Some(keep_from_ms)));
                prop_assert!(name.is_some(), "an event of {} is expired at {}", time_ms, now_ms);
                let start_ms = pattern.period_start_ms(&name.unwrap()).unwrap();
                prop_assert!(start_ms >= keep_from_ms);
                // The event and its index follow the same rule.
                let expired = index_at(&pattern, time_ms, &mut RouteScratch::keeping_from(Some(start_ms + 1)));
                prop_assert_eq!(expired.is_none(), pattern.clock_ms(time_ms) < start_ms + 1);
            }
            let end_ms = pattern.last_period_until(now_ms).unwrap();
            for time_ms in [now_ms, now_ms - later_ms] {
                let start_ms = pattern.period_start_ms(&index_at(&pattern, time_ms, &mut RouteScratch::default()).unwrap());
                prop_assert!(start_ms.unwrap() < end_ms);
            }
        }
    }
}

const PATTERNS: [(&str, &str); 4] = [
    ("logs-%{+YYYY}", "logs-%Y"),
    ("logs-%{+YYYY.MM}", "logs-%Y.%m"),
    ("logs-%{+YYYY.MM.dd}", "logs-%Y.%m.%d"),
    ("logs-%{+YYYY.MM.dd.HH}", "logs-%Y.%m.%d.%H"),
];

/// The index of an event without its own time. `None` if it has expired.
fn index_at(pattern: &IndexPattern, time_ms: i64, scratch: &mut RouteScratch) -> Option<String> {
    let router = Router::new(None, pattern.clone(), IdRule::None);
    let (mut decoder, mut action) = (crate::decode::Decoder::new(), Vec::new());
    router.route(&decoder.decode(b"{}").unwrap().event(), "", 0, time_ms, scratch, &mut action).unwrap();
    let action: serde_json::Value = serde_json::from_slice(&action).ok()?;
    action["create"]["_index"].as_str().map(str::to_owned)
}

#[test]
fn a_day_is_that_of_the_zone_also_where_it_is_short_long_or_missing() {
    for (zone, instant, name) in [
        ("Asia/Seoul", "2026-11-26T14:59:59.999Z", "logs-2026.11.26"),
        ("Asia/Seoul", "2026-11-26T15:00:00Z", "logs-2026.11.27"),
        ("Asia/Kolkata", "2026-11-26T18:30:00Z", "logs-2026.11.27"),
        ("America/New_York", "2026-11-01T03:59:59Z", "logs-2026.10.31"),
        ("America/New_York", "2026-11-02T04:59:59Z", "logs-2026.11.01"),
        // Samoa skipped the 30th.
        ("Pacific/Apia", "2011-12-30T09:59:59.999Z", "logs-2011.12.29"),
        ("Pacific/Apia", "2011-12-30T10:00:00Z", "logs-2011.12.31"),
    ] {
        let pattern = IndexPattern::parse("logs-%{+YYYY.MM.dd}").unwrap().in_zone(Zone::parse(zone).unwrap()).unwrap();
        assert_eq!(index_at(&pattern, ms(instant), &mut RouteScratch::default()).as_deref(), Some(name), "{zone}");
    }
}

#[test]
fn a_clock_that_is_put_back_over_midnight_shows_the_day_before_twice() {
    // 2006-10-29: a minute after midnight it was 23:01 of the 28th again.
    let zone = Zone::parse("America/St_Johns").unwrap();
    let pattern = IndexPattern::parse("logs-%{+YYYY.MM.dd}").unwrap().in_zone(zone).unwrap();
    let in_that_minute = ms("2006-10-29T02:30:30Z");
    let name = |time_ms| index_at(&pattern, time_ms, &mut RouteScratch::default()).unwrap();
    assert_eq!(
        (name(in_that_minute), name(in_that_minute + 60_000)),
        ("logs-2006.10.29".into(), "logs-2006.10.28".into())
    );
    let start = |day: &str| pattern.period_start_ms(&format!("logs-2006.10.{day}"));
    assert_eq!(pattern.first_period_from(in_that_minute), start("28"));
    assert_eq!(pattern.last_period_until(in_that_minute + 60_000), start("30"));
}

#[test]
fn a_zone_needs_a_date() {
    let error = IndexPattern::parse("logs-%{app}").unwrap().in_zone(Zone::parse("Asia/Seoul").unwrap()).unwrap_err();
    assert!(error.contains("`timezone: Asia/Seoul`") && error.contains("has no date"), "{error}");
}
