//! The fields of an event after the filters so far, and the value under a name.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    codec::CodecNames,
    made::{Made, Seen, Target, sole_field},
    prefix::Prefix,
    uses::Uses,
};
use crate::{
    ast::Place,
    names::{self, NameGlob, Part, below, outwards, top},
};

/// Fields that may have changed are listed one by one up to this number. Beyond it, every field counts as changed.
const MAX_SUSPECTS: usize = 500;

#[derive(Debug, Clone, Default)]
pub(crate) struct Fields {
    /// Fields that filters made or moved, by their current names.
    pub(crate) targets: BTreeMap<String, Target>,
    /// Original fields that were removed or moved away.
    pub(crate) gone: BTreeMap<String, Place>,
    /// Original fields of which only the hash remains.
    pub(crate) hashed: BTreeMap<String, Place>,
    /// The names that `prune` keeps.
    pub(crate) kept: Option<Vec<NameGlob>>,
    /// The names that `prune` removes, in addition to `gone`.
    pub(crate) pruned: Vec<NameGlob>,
    /// Names in `[@metadata]` that the input sets, each with the equivalent member of `metadata`.
    pub(crate) metadata: Vec<(String, &'static str)>,
    /// Added fields that an event may already have. In Logstash such an event gets a list of both values.
    pub(crate) clashes: BTreeSet<String>,
    /// The object that holds the original fields in Logstash. Here they are at the top of the event.
    pub(crate) prefix: Option<Prefix>,
    /// The codec of the input, if its names differ here.
    pub(crate) codec: Option<CodecNames>,
    /// Fields whose values may differ in Logstash: a path or all fields, the place, and the filter.
    pub(super) suspects: Vec<(Option<String>, Place, String)>,
    pub(super) uses: Uses,
    /// Tags that the input sets. Tags in JSON that a filter reads replace them.
    pub(crate) yielding_tags: Vec<String>,
}

impl Fields {
    /// Whether no filter has removed, hashed or pruned a field yet.
    pub(crate) fn is_untouched(&self) -> bool {
        self.gone.is_empty() && self.hashed.is_empty() && self.kept.is_none() && self.pruned.is_empty()
    }

    /// Records that a filter without a counterpart may change a field, or all fields.
    pub(crate) fn suspect(&mut self, path: Option<&str>, at: Place, by: &str) {
        let path = path.and_then(|path| self.name(path).ok()).map(|(name, _)| name);
        self.suspect_here(path, at, by);
    }

    /// Like [`Self::suspect`], with a name in Millrace.
    pub(super) fn suspect_here(&mut self, path: Option<String>, at: Place, by: &str) {
        let path = path.filter(|_| self.suspects.len() < MAX_SUSPECTS);
        if !self.suspects.iter().any(|(known, _, _)| known.is_none() || *known == path) {
            self.suspects.push((path, at, by.to_owned()));
        }
    }

    /// An error if the value under a name may differ in Logstash.
    pub(crate) fn settled(&self, path: &str) -> Result<(), String> {
        let (name, _) = self.name(path)?;
        let is_made = self.targets.contains_key(&name) && !self.clashes.contains(&name);
        if let Some(codec) = self.codec.filter(|codec| !is_made && !codec.settles(path)) {
            return Err(format!("`{path}` may differ from that of codec `{}` in line {}", codec.codec, codec.at.line));
        }
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

    /// The value that a condition finds under a name. The error says why it cannot be expressed with the original
    /// event.
    pub(crate) fn look(&self, path: &str) -> Result<Seen<'_>, String> {
        let (name, is_own) = self.name(path)?;
        self.distinct(path, &name)?;
        self.note_beside(path, &name)?;
        self.look_here(&name, is_own)
    }

    /// Like [`Self::look`], with a name in Millrace.
    pub(super) fn look_here(&self, path: &str, is_own: bool) -> Result<Seen<'_>, String> {
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

    /// The original field under a name, or the only field in the text under that name. An error if it is hashed.
    pub(crate) fn plain(&self, path: &str) -> Result<String, String> {
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

    /// The place where an original field is hashed.
    pub(crate) fn hash_of(&self, field: &str) -> Option<Place> {
        outwards(field).find_map(|(outer, _)| self.hashed.get(outer).copied())
    }

    /// A text with its `%{…}` rewritten to original fields. A text for `[@metadata]` may contain dates, since an index
    /// name may use it.
    pub(crate) fn text(&self, text: &str, takes_dates: bool) -> Result<String, String> {
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
                    _ => return Err(format!("`{path}` cannot be part of a longer text")),
                },
            }
        }
        Ok(out)
    }

    /// Whether an original field with this top-level name was neither removed nor moved.
    pub(crate) fn is_own_kept(&self, name: &str) -> bool {
        let is_there = self.prefix.as_ref().is_none_or(Prefix::has_envelope);
        is_there && self.codec.is_none() && !self.gone.contains_key(name) && !self.is_pruned(name)
    }

    /// Whether an event may have an original field with this name that is still there.
    pub(crate) fn may_be_own(&self, path: &str) -> bool {
        let found = self.name(path).and_then(|(name, is_own)| self.look_here(&name, is_own));
        matches!(found, Ok(Seen::Field(_)) | Err(_)) && top(path) != "@metadata"
    }

    /// Like [`Self::may_be_own`], with a name in Millrace.
    pub(super) fn is_own_there(&self, path: &str) -> bool {
        matches!(self.look_here(path, true), Ok(Seen::Field(_)) | Err(_)) && top(path) != "@metadata"
    }

    /// Whether `key` of `metadata` is the key of a Kafka record, not the key of an S3 object.
    pub(crate) fn has_record_key(&self) -> bool {
        self.metadata.iter().any(|(name, _)| name == "@metadata.kafka.key")
    }

    /// Whether `prune` removed a top-level field.
    fn is_pruned(&self, name: &str) -> bool {
        self.kept.as_ref().is_some_and(|kept| kept.iter().all(|glob| !glob.matches(name)))
            || self.pruned.iter().any(|glob| glob.matches(name))
    }

    /// The fields that filters made below a path.
    pub(super) fn beneath(&self, path: &str) -> impl Iterator<Item = (&String, &Target)> {
        let prefix = format!("{path}.");
        self.targets.range(prefix.clone()..).take_while(move |(name, _)| name.starts_with(&prefix))
    }
}
