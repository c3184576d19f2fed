//! Time zones by name: from an instant to the local clock and back.
//!
//! In: a name of the IANA database. Its data are part of the release, so every machine gives the same result. A time on a local
//! clock is written as milliseconds since 1970 as if that clock were UTC. Deliberately absent: abbreviations such as EDT,
//! which name several zones, and the zone of the machine.

use jiff::{
    Timestamp,
    tz::{Offset, TimeZone, TimeZoneDatabase},
};

use crate::time;

const FORM: &str = "a zone is a name of the IANA database, such as `Asia/Seoul`, `America/New_York` or `UTC`";

/// A time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    name: String,
    rules: TimeZone,
}

impl Zone {
    /// The zone with this name, in upper or lower case.
    ///
    /// # Errors
    /// There is no zone with this name. The configuration is refused.
    pub fn parse(name: &str) -> Result<Self, String> {
        // The database uses these two names for an unknown zone.
        let is_placeholder = ["factory", "etc/unknown"].contains(&name.to_ascii_lowercase().as_str());
        let rules = TimeZoneDatabase::bundled().get(name).ok().filter(|_| !is_placeholder);
        let rules = rules.ok_or_else(|| format!("`{name}` is not a time zone; {FORM}"))?;
        Ok(Self { name: rules.iana_name().unwrap_or(name).to_owned(), rules })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The time on the local clock at an instant.
    pub(crate) fn local_ms(&self, instant_ms: i64) -> i64 {
        // After the year 9999 there are no rules, and the clock is UTC.
        let offset = Timestamp::from_millisecond(instant_ms).map_or(Offset::UTC, |at| self.rules.to_offset(at));
        instant_ms.saturating_add(i64::from(offset.seconds()) * 1_000)
    }

    /// The instant at which the local clock shows a time. If it shows that time twice, the first instant. If it skips that time, the
    /// result is later by the skipped amount. These are the rules of RFC 5545, and of Java's `ZonedDateTime`.
    pub fn instant_ms(&self, local_ms: i64) -> Option<i64> {
        let local = Offset::UTC.to_datetime(Timestamp::from_millisecond(local_ms).ok()?);
        Some(self.rules.to_ambiguous_timestamp(local).compatible().ok()?.as_millisecond())
    }

    /// An instant before which the local clock has never shown this time or a later one. It is early by at most one clock change.
    pub(crate) fn not_before_ms(&self, local_ms: i64) -> i64 {
        let local = Timestamp::from_millisecond(local_ms).map(|at| Offset::UTC.to_datetime(at));
        let earliest = local.and_then(|local| self.rules.to_ambiguous_timestamp(local).earlier());
        earliest.map_or(local_ms, jiff::Timestamp::as_millisecond)
    }

    /// The instants of clock changes within two days after this one.
    pub(super) fn changes_after_ms(&self, instant_ms: i64) -> impl Iterator<Item = i64> {
        let at = Timestamp::from_millisecond(instant_ms).ok();
        let changes = at.into_iter().flat_map(|at| self.rules.following(at));
        let changes = changes.map(|change| change.timestamp().as_millisecond());
        changes.take_while(move |change_ms| change_ms.saturating_sub(instant_ms) <= 2 * time::DAY_MS)
    }

    /// The instants of clock changes within two days before this one, the latest first.
    pub(super) fn changes_before_ms(&self, instant_ms: i64) -> impl Iterator<Item = i64> {
        let at = Timestamp::from_millisecond(instant_ms).ok();
        let changes = at.into_iter().flat_map(|at| self.rules.preceding(at));
        let changes = changes.map(|change| change.timestamp().as_millisecond());
        changes.take_while(move |change_ms| instant_ms.saturating_sub(*change_ms) <= 2 * time::DAY_MS)
    }
}

#[cfg(test)]
pub(crate) mod tests;
