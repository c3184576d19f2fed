//! Local clocks of all zones, compared with jiff.

use jiff::tz::TimeZoneDatabase;
use proptest::prelude::*;

use super::*;

/// Every zone of the database.
pub(crate) fn zones() -> impl Strategy<Value = Zone> {
    let database = TimeZoneDatabase::bundled();
    let names: Vec<String> = database.available().map(|name| name.to_string()).collect();
    assert!(names.len() > 400, "{}", names.len());
    // Zones with skipped days, and with changes at midnight, by half an hour, a minute after midnight, and by two hours.
    let odd = ["Pacific/Apia", "America/Sao_Paulo", "Australia/Lord_Howe", "America/St_Johns", "Antarctica/Troll"];
    let odd: Vec<String> = odd.map(str::to_owned).to_vec();
    let any = prop_oneof![proptest::sample::select(names), proptest::sample::select(odd)];
    any.prop_filter_map("a placeholder", |name| Zone::parse(&name).ok())
}

/// Instants from 1970 to 2099, many of them close to a clock change.
pub(crate) fn instants(zone: &Zone) -> impl Strategy<Value = i64> + use<> {
    let rules = zone.rules.clone();
    (0_i64..4_102_444_800_000, -7_200_000_i64..7_200_000, any::<bool>()).prop_map(move |(at, beside, is_beside)| {
        let change = Timestamp::from_millisecond(at).ok().and_then(|at| rules.following(at).next());
        match change {
            Some(change) if is_beside => change.timestamp().as_millisecond() + beside,
            _ => at,
        }
    })
}

fn ms(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_millisecond()
}

#[test]
fn a_zone_is_known_by_its_name_alone() {
    for name in ["Asia/Seoul", "America/Argentina/Buenos_Aires", "UTC", "Etc/GMT-9"] {
        assert_eq!(Zone::parse(name).unwrap().name(), name);
    }
    assert_eq!(Zone::parse("asia/seoul").unwrap().name(), "Asia/Seoul");
    for name in ["", "KST", "EDT", "Seoul", "+09:00", "Asia/", "../Asia/Seoul", "localtime", "Factory", "EST5EDT4", "é"]
    {
        let error = Zone::parse(name).unwrap_err();
        assert!(error.contains(&format!("`{name}`")) && error.contains("Asia/Seoul"), "{error}");
    }
}

#[test]
fn an_hour_that_is_there_twice_is_the_first_and_one_that_is_not_there_is_later() {
    for (zone, local, instant) in [
        ("Asia/Seoul", "2026-11-27T08:30:00Z", "2026-11-26T23:30:00Z"),
        ("America/New_York", "2026-11-01T01:30:00Z", "2026-11-01T05:30:00Z"),
        ("America/New_York", "2026-11-01T02:00:00Z", "2026-11-01T07:00:00Z"),
        ("America/New_York", "2026-03-08T02:30:00Z", "2026-03-08T07:30:00Z"),
        ("Europe/Berlin", "2026-10-25T02:30:00Z", "2026-10-25T00:30:00Z"),
        ("Europe/Berlin", "2026-03-29T02:30:00Z", "2026-03-29T01:30:00Z"),
        ("Pacific/Apia", "2011-12-30T12:00:00Z", "2011-12-30T22:00:00Z"),
    ] {
        assert_eq!(Zone::parse(zone).unwrap().instant_ms(ms(local)), Some(ms(instant)), "{zone} {local}");
    }
}

proptest! {
    #[test]
    fn a_local_time_is_that_of_jiff_and_leads_back(
        (zone, instant_ms) in zones().prop_flat_map(|zone| (instants(&zone), Just(zone)).prop_map(|(at, zone)| (zone, at)))
    ) {
        let at = Timestamp::from_millisecond(instant_ms).unwrap();
        let shown = at.to_zoned(zone.rules.clone()).datetime().to_zoned(TimeZone::UTC).unwrap();
        let local_ms = zone.local_ms(instant_ms);
        prop_assert_eq!(local_ms, shown.timestamp().as_millisecond());
        // The same time on the clock, at this instant or at an earlier one, when the clock first showed it.
        let back = zone.instant_ms(local_ms).unwrap();
        prop_assert!(back <= instant_ms);
        prop_assert_eq!(zone.local_ms(back), local_ms);
        prop_assert!(zone.not_before_ms(local_ms) <= back);
    }
}
