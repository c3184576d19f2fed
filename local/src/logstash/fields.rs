//! What filters have made of an event so far, field by field.
//!
//! Logstash's filters work one after another; Millrace's rules all look at the event as it came. So what a filter calls a
//! field is looked up here, and what comes out is said about the names as they came: after `rename => { "user" => "adid" }`
//! `[adid]` is the event's `user`, and `[user]` is no more.

mod change;
mod overlay;
mod prefix;

pub(super) use prefix::Prefix;

use std::collections::{BTreeMap, BTreeSet};

use super::{
    ast::Place,
    names::{self, NameGlob, Part, below, outwards, top},
};

/// Fields that may be changed are kept one by one up to this; beyond it all may be.
const MAX_SUSPECTS: usize = 500;

/// What a field is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Made {
    /// The event's own field of this path.
    Moved(String),
    /// A text, with `%{…}` for fields as they came.
    Text(String),
    /// A constant that the input sets where the event came without the field.
    Default(String),
    /// Constants beside those that the event came with: `tags`.
    List(Vec<String>),
    Point {
        lat: String,
        lon: String,
    },
    Date(Time),
    /// Where the event lies: a member of `metadata`.
    Metadata(&'static str),
    /// A checksum without a key, of these fields.
    Checksum(Vec<String>),
}

/// How a time is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Time {
    /// The field as it came.
    pub(super) field: String,
    pub(super) formats: Vec<String>,
    /// The zone of times that do not say theirs, where it is not UTC.
    pub(super) zone: Option<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) at: Place,
    pub(super) made: Made,
    /// Whether an event may have a field of its own in this place, where what was moved here is missing.
    pub(super) may_be_own: bool,
    /// Whether it stands beside the object in which Logstash has the event's own fields.
    pub(super) is_beside: bool,
}

/// What is found under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen<'f> {
    /// The event's own field of this path.
    Field(String),
    /// A text that was made, with `%{…}` for fields as they came.
    Text(&'f str),
    /// A constant, where the event came without the field.
    Default(&'f str),
    List(&'f [String]),
    Metadata(&'static str),
    Checksum(&'f [String]),
    /// A filter took it away.
    Nothing,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Fields {
    /// By their names now.
    pub(super) targets: BTreeMap<String, Target>,
    /// Fields as they came that are not at their place any more.
    pub(super) gone: BTreeMap<String, Place>,
    /// Fields as they came that are told by their hash.
    pub(super) hashed: BTreeMap<String, Place>,
    /// What `prune` lets stay.
    pub(super) kept: Option<Vec<NameGlob>>,
    /// What `prune` takes away, beside `gone`.
    pub(super) pruned: Vec<NameGlob>,
    /// `[@metadata]` that the input sets, and what is the same.
    pub(super) metadata: Vec<(String, &'static str)>,
    /// Fields that were added although an event may have come with them: it has a list of both.
    pub(super) clashes: BTreeSet<String>,
    /// The object in which Logstash has the event's own fields, which are at the top here.
    pub(super) prefix: Option<Prefix>,
    /// Fields whose values may be others in Logstash: a path or all, where, and by which filter.
    suspects: Vec<(Option<String>, Place, String)>,
    uses: overlay::Uses,
    /// Tags that the input sets and that tags of the event's own replace: those in JSON that a filter reads.
    pub(super) yielding_tags: Vec<String>,
}

impl Fields {
    /// Whether nothing was done yet.
    pub(super) fn is_untouched(&self) -> bool {
        self.gone.is_empty() && self.hashed.is_empty() && self.kept.is_none() && self.pruned.is_empty()
    }

    /// Remembers that a filter without a counterpart may change a field, or all of them.
    pub(super) fn suspect(&mut self, path: Option<&str>, at: Place, by: &str) {
        let path = path.and_then(|path| self.name(path).ok()).map(|(name, _)| name);
        self.suspect_here(path, at, by);
    }

    /// The same of a name as it is here.
    fn suspect_here(&mut self, path: Option<String>, at: Place, by: &str) {
        let path = path.filter(|_| self.suspects.len() < MAX_SUSPECTS);
        if !self.suspects.iter().any(|(known, _, _)| known.is_none() || *known == path) {
            self.suspects.push((path, at, by.to_owned()));
        }
    }

    /// An error where the value under a name may be another in Logstash.
    pub(super) fn settled(&self, path: &str) -> Result<(), String> {
        let (name, _) = self.name(path)?;
        let is_within = |inner: &str, outer: &str| outwards(inner).any(|(one, _)| one == outer);
        let suspect = self.suspects.iter().find(|(suspect, _, _)| {
            suspect.as_ref().is_none_or(|suspect| is_within(&name, suspect) || is_within(suspect, &name))
        });
        match suspect {
            Some((_, at, by)) => {
                Err(format!("`{path}` may be changed by {by} in line {}, which is not done here", at.line))
            }
            None => Ok(()),
        }
    }

    /// What a condition finds under a name; an error says why that cannot be said about the event as it came.
    pub(super) fn look(&self, path: &str) -> Result<Seen<'_>, String> {
        let (name, is_own) = self.name(path)?;
        self.distinct(path, &name)?;
        self.note_beside(path, &name)?;
        self.look_here(&name, is_own)
    }

    /// The same of a name as it is here.
    fn look_here(&self, path: &str, is_own: bool) -> Result<Seen<'_>, String> {
        for (outer, rest) in outwards(path) {
            if let Some(Target { at, made, .. }) = self.targets.get(outer) {
                return match made {
                    Made::Moved(from) => Ok(Seen::Field(below(from, rest))),
                    Made::Text(text) if rest.is_empty() => Ok(Seen::Text(text)),
                    Made::Default(text) if rest.is_empty() => Ok(Seen::Default(text)),
                    Made::List(list) if rest.is_empty() => Ok(Seen::List(list)),
                    Made::Metadata(member) if rest.is_empty() => Ok(Seen::Metadata(member)),
                    Made::Checksum(of) if rest.is_empty() => Ok(Seen::Checksum(of)),
                    _ => Err(format!("`{outer}` is made in line {} and the event came without it", at.line)),
                };
            }
            if self.gone.contains_key(outer) {
                return Ok(Seen::Nothing);
            }
        }
        if let Some((_, target)) = self.beneath(path).next() {
            return Err(format!("a part of `{path}` is made in line {}", target.at.line));
        }
        if top(path) == "@metadata" {
            let known = self.metadata.iter().find(|(name, _)| name == path);
            return known.map(|(_, member)| Seen::Metadata(member)).ok_or_else(|| {
                let whole = if path.starts_with("@metadata.kafka.headers.") {
                    "; copy `[@metadata][kafka][headers]` as a whole"
                } else {
                    ""
                };
                format!("there is no `{path}` to be told by `metadata`{whole}")
            });
        }
        if !is_own || self.is_pruned(top(path)) { Ok(Seen::Nothing) } else { Ok(Seen::Field(path.to_owned())) }
    }

    /// The event's own field under a name, or of which a text is made alone; not hashed.
    pub(super) fn plain(&self, path: &str) -> Result<String, String> {
        let seen = self.see(path)?;
        let sole = if let Seen::Text(text) = &seen { sole_field(text) } else { None };
        match sole.map_or(seen, Seen::Field) {
            Seen::Field(field) => match self.hash_of(&field) {
                Some(at) => Err(format!("`{field}` is hashed in line {}", at.line)),
                None => Ok(field),
            },
            Seen::Nothing => Err(format!("`{path}` was taken away before")),
            _ => Err(format!("`{path}` is made, and the event came without it")),
        }
    }

    /// Where a field as it came is hashed.
    pub(super) fn hash_of(&self, field: &str) -> Option<Place> {
        outwards(field).find_map(|(outer, _)| self.hashed.get(outer).copied())
    }

    /// A text with `%{…}`, said about fields as they came; one for `[@metadata]` may have dates in it, for the index.
    pub(super) fn text(&self, text: &str, takes_dates: bool) -> Result<String, String> {
        const NO_DATE: &str = "a date stands in `index` alone";
        let mut out = String::new();
        for part in names::parts(text)? {
            match part {
                Part::Literal(literal) => out.push_str(literal),
                Part::Date(date) if takes_dates => out.extend(["%{+", date, "}"]),
                Part::Date(date) => return Err(format!("`%{{+{date}}}`: {NO_DATE}")),
                Part::Field(path) => match self.see(&path)? {
                    Seen::Field(field) => out.extend(["%{", &field, "}"]),
                    Seen::Text(text) if text.contains("%{+") && !takes_dates => {
                        return Err(format!("`{path}`: {NO_DATE}"));
                    }
                    Seen::Text(text) | Seen::Default(text) => out.push_str(text),
                    Seen::Nothing => return Err(format!("`{path}` was taken away before")),
                    _ => return Err(format!("`{path}` stands in no text with others")),
                },
            }
        }
        Ok(out)
    }

    /// Whether what an event came with under a name at the top was neither removed nor moved.
    pub(super) fn is_own_kept(&self, name: &str) -> bool {
        let is_there = self.prefix.as_ref().is_none_or(Prefix::has_envelope);
        is_there && !self.gone.contains_key(name) && !self.is_pruned(name)
    }

    /// Whether an event may have come with a field of this name, which is still there.
    pub(super) fn may_be_own(&self, path: &str) -> bool {
        let found = self.name(path).and_then(|(name, is_own)| self.look_here(&name, is_own));
        matches!(found, Ok(Seen::Field(_)) | Err(_)) && top(path) != "@metadata"
    }

    /// The same of a name as it is here.
    fn is_own_there(&self, path: &str) -> bool {
        matches!(self.look_here(path, true), Ok(Seen::Field(_)) | Err(_)) && top(path) != "@metadata"
    }

    /// Whether `key` is that of a record of Kafka, and no name of an object.
    pub(super) fn has_record_key(&self) -> bool {
        self.metadata.iter().any(|(name, _)| name == "@metadata.kafka.key")
    }

    /// Whether `prune` took a field at the top away.
    fn is_pruned(&self, name: &str) -> bool {
        self.kept.as_ref().is_some_and(|kept| kept.iter().all(|glob| !glob.matches(name)))
            || self.pruned.iter().any(|glob| glob.matches(name))
    }

    /// What is made below a path.
    fn beneath(&self, path: &str) -> impl Iterator<Item = (&String, &Target)> {
        let prefix = format!("{path}.");
        self.targets.range(prefix.clone()..).take_while(move |(name, _)| name.starts_with(&prefix))
    }
}

/// The field of a text that is nothing but `%{field}`.
pub(super) fn sole_field(text: &str) -> Option<String> {
    match names::parts(text).ok()?.as_slice() {
        [Part::Field(path)] => Some(path.clone()),
        _ => None,
    }
}
