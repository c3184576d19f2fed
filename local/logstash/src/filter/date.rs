//! `date`: sets the event's time from a field, or writes a field as RFC 3339.

use pipeline::route::Zone;

use super::{common, state::Filtered, under::Under};
use crate::{
    ast::{Place, Plugin},
    fields::{Made, Time},
    joda,
    names::path,
    note::Effect,
    settings::Settings,
};

/// The translated formats, and facts about them.
#[derive(Default)]
struct Formats {
    texts: Vec<String>,
    /// Those for times that end in `Z`.
    in_utc: Vec<String>,
    /// Whether every format includes a time zone.
    have_zones: bool,
    /// Whether any format has names of months or days.
    have_names: bool,
}

impl Filtered<'_> {
    pub(super) fn date(&mut self, plugin: &Plugin, mut settings: Settings<'_>, under: &Under) {
        let matched = settings.texts("match");
        let target = settings.text("target").map_or("@timestamp", |(_, target)| target);
        let timezone = settings.text("timezone");
        let locale = settings.text("locale");
        settings.ignore(&["tag_on_failure"]);
        let (Some((_, source)), Some(target)) = (matched.first().copied(), path(target)) else {
            self.suspect_common(plugin);
            return self.notes.differs(plugin.at, "date without `match => [\"field\", \"format\"]`");
        };
        let Some(source) = path(source) else {
            self.suspect_common(plugin);
            self.fields.suspect(Some(&target), plugin.at, "`date`");
            return self.notes.differs(plugin.at, format!("date: `{source}` is no name of a field here"));
        };
        if !self.is_permitted(plugin.at, "date", under, &[&source], &[&target]) {
            return self.suspect_common(plugin);
        }
        let mut formats = self.formats(&matched[1..], target == "@timestamp");
        let zone = self.zone(plugin.at, timezone, &formats);
        if zone.is_some() && !formats.in_utc.is_empty() {
            // Such a text has no offset to this format, and would be a time of the zone.
            formats.texts.retain(|text| !formats.in_utc.contains(text));
            let text = "date: a time that ends in `Z` is not read here, since another pattern has the zone of `timezone`; its event is a dead letter where `index` follows from it";
            self.notes.add(plugin.at, if target == "@timestamp" { Effect::Rejects } else { Effect::Differs }, text);
        }
        self.note_locale(plugin.at, locale, &formats, target == "@timestamp");
        if formats.texts.is_empty() {
            self.fields.suspect(Some(&target), plugin.at, "`date`");
        } else {
            self.make_date(plugin.at, &source, &target, formats.texts, zone);
        }
        self.common(&mut settings, under);
        common::note_success(plugin, "a time was read", None, &mut self.fields, self.notes);
        settings.end(self.notes);
    }

    fn formats(&mut self, given: &[(Place, &str)], is_of_event: bool) -> Formats {
        let mut formats = Formats { have_zones: true, ..Formats::default() };
        for (at, format) in given {
            match joda::translate(format) {
                Ok(read) => {
                    if *format == "ISO8601" {
                        let text = "date with ISO8601: a time with a space for its `T`, and without a fraction of a second, is read here, and not in Logstash";
                        self.notes.differs(*at, text);
                    }
                    self.note_pattern(*at, format, &read);
                    formats.have_zones &= read.has_zone;
                    for text in read.texts {
                        formats.have_names |= ["%b", "%B", "%a", "%A", "%p"].iter().any(|name| text.contains(name));
                        if !formats.texts.contains(&text) {
                            formats.texts.push(text);
                        }
                    }
                    formats.in_utc.extend(read.in_utc);
                }
                Err(error) if is_of_event && given.len() > 1 => {
                    let text =
                        format!("date: {error}; where `index` has a date, an event with such a time is a dead letter");
                    self.notes.add(*at, Effect::Rejects, text);
                }
                Err(error) => self.notes.differs(*at, format!("date: {error}; the time is not read")),
            }
        }
        let numbers: Vec<&str> =
            given.iter().map(|(_, format)| *format).filter(|one| one.starts_with("UNIX")).collect();
        if let ([_, _, ..], Some((at, _))) = (numbers.as_slice(), given.first()) {
            let text = "date with UNIX and UNIX_MS: to Logstash the first of them reads any number; here a number that it makes absurd may go to the next";
            self.notes.differs(*at, text);
        }
        formats
    }

    /// Notes the texts for which a pattern of Joda and its strptime formats differ.
    fn note_pattern(&mut self, at: Place, pattern: &str, read: &joda::Format) {
        if !read.texts.iter().any(|text| text.contains('%')) {
            return;
        }
        let text = format!(
            "date: a time is taken to be written as Logstash would write it by `{pattern}`, whatever the notation of its offset and with or without zeros in front; \
             spaces before a number are read here alone, and names at full length or a year of other than four digits there alone"
        );
        self.notes.add(at, Effect::Assumed, text);
        if read.texts.iter().any(|text| text.contains("%f")) {
            let text = format!(
                "date: a fraction of a second is taken to have at most as many digits as it has `S` in `{pattern}`; Logstash reads no time with more"
            );
            self.notes.add(at, Effect::Assumed, text);
        }
    }

    /// The zone of times without an offset, if it is not UTC.
    fn zone(&mut self, at: Place, timezone: Option<(Place, &str)>, formats: &Formats) -> Option<String> {
        if formats.have_zones || formats.texts.is_empty() {
            return None;
        }
        let Some((at, zone)) = timezone else {
            let text = "date without `timezone`: a time without an offset is UTC here, and in the zone of its server in Logstash; \
                        they differ unless that is UTC";
            self.notes.differs(at, text);
            return None;
        };
        if matches!(zone, "UTC" | "Etc/UTC" | "GMT" | "Etc/GMT" | "Z") {
            return None;
        }
        // Logstash distinguishes upper and lower case in names of zones.
        if let Ok(known) = Zone::parse(zone)
            && known.name() == zone
        {
            let text = format!(
                "timezone `{zone}`: no event is taken to have a time that the clocks of the zone skip; Logstash does not read such a time"
            );
            self.notes.add(at, Effect::Assumed, text);
            return Some(zone.to_owned());
        }
        let text = format!(
            "timezone `{zone}`: a time without an offset is taken as UTC, so that it and the index of its day are off by that \
             of the zone; write the zone's name of the IANA database, such as `Asia/Seoul`"
        );
        self.notes.differs(at, text);
        None
    }

    fn note_locale(&mut self, at: Place, locale: Option<(Place, &str)>, formats: &Formats, is_of_event: bool) {
        let is_english = |locale: &str| locale == "en" || locale.starts_with("en-") || locale.starts_with("en_");
        match locale {
            _ if !formats.have_names => {}
            Some((_, locale)) if is_english(locale) => {}
            Some((at, locale)) => {
                let text = format!(
                    "locale `{locale}`: names of months and days are read in English alone; a time with others is not read, and its event a dead letter where `index` follows from it"
                );
                self.notes.add(at, if is_of_event { Effect::Rejects } else { Effect::Differs }, text);
            }
            None => {
                let text = "date without `locale`: names of months and days are taken to be English, and in the language of its server in Logstash";
                self.notes.add(at, Effect::Assumed, text);
            }
        }
    }

    fn make_date(&mut self, at: Place, source: &str, target: &str, formats: Vec<String>, zone: Option<String>) {
        let is_of_event = target == "@timestamp";
        let field = match self.fields.plain(source) {
            Ok(field) => field,
            Err(error) => return self.keep_error(Err(error), at, &format!("date `{source}`"), &[target]),
        };
        let time = Time { field, formats, zone };
        if is_of_event {
            if let Some((before, ..)) = &self.timestamp {
                let text = format!(
                    "a second `date` for `@timestamp`, after that of line {}: it alone counts here; in Logstash the time of the first stays where it reads none",
                    before.line
                );
                self.notes.differs(at, text);
            }
            self.timestamp = Some((at, time.clone()));
        } else {
            let text = format!(
                "date: `{target}` is not made where no format reads `{source}`; Logstash sets the tag `_dateparsefailure` besides"
            );
            self.notes.differs(at, text);
        }
        let made = self.fields.set(target, Made::Date(time), at);
        self.keep_error(made, at, &format!("date `{source}`"), &[target]);
    }
}
