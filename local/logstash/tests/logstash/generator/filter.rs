//! Random filters, each with the settings that all filters have in common.

use super::{
    super::evaluator::{After, Change, Field, Filter},
    Generator,
};

const FILLED: [&str; 8] = ["k", "7", "%{a}", "%{b}-%{c}", "%{[o][x]}", "%{e}", "%{[@metadata][x]}", "%{lat},%{lon}"];
const FORMATS: [&str; 8] = [
    "ISO8601",
    "UNIX",
    "UNIX_MS",
    "yyyy-MM-dd HH:mm:ss",
    "yyyy-MM-dd HH:mm:ss.SSS",
    "yyyy-MM-dd'T'HH:mm:ssZ",
    "yyyy-MM-dd'T'HH:mm:ss.SSSZZ",
    "dd/MMM/yyyy:HH:mm:ss Z",
];
const METHODS: [&str; 4] = ["SHA256", "MURMUR3", "UUID", "PUNCTUATION"];

impl Generator<'_> {
    pub(super) fn filter(&mut self) -> (Filter, After) {
        let kind = self.random.u8(..24);
        let filter = match kind {
            0..=9 => self.mutate(),
            10..=12 => self.date(),
            13 | 14 => self.json(),
            15 if self.once_in(2) => self.prune(),
            16 if self.once_in(3) => Filter::Split(self.own_field()),
            17 if self.once_in(2) => Filter::Translate { source: self.own_field(), target: self.target() },
            18 if self.once_in(2) => Filter::Dissect(self.own_field(), [self.target(), &["h"]]),
            19 if self.once_in(3) => Filter::Kv(self.own_field()),
            20 if self.once_in(3) => Filter::Ruby(self.target(), "x"),
            21 if self.once_in(6) => Filter::Drop,
            22 => self.fingerprint(),
            _ => Filter::Mutate(Vec::new()),
        };
        let is_bare = matches!(&filter, Filter::Mutate(changes) if changes.is_empty());
        let after = match &filter {
            Filter::Drop => After::default(),
            Filter::Json { source, .. } | Filter::Date { source, .. } if self.random.bool() => {
                After { removed: vec![*source], ..After::default() }
            }
            _ if is_bare || self.once_in(4) => self.after(),
            _ => After::default(),
        };
        (filter, after)
    }

    fn after(&mut self) -> After {
        let mut after = After::default();
        for _ in 0..self.random.usize(1..3) {
            match self.random.u8(..8) {
                0..=2 => after.added.push((self.target(), self.one(&FILLED))),
                3..=5 => after.removed.push(self.field()),
                6 => after.tag = Some(self.one(&["in", "p", "%{a}"])),
                _ => after.lost_tag = Some(self.one(&["in", "p"])),
            }
        }
        // A hash has each name only once.
        after.added.dedup_by_key(|(field, _)| *field);
        after
    }

    fn mutate(&mut self) -> Filter {
        let count = if self.once_in(3) { self.random.usize(2..4) } else { 1 };
        let mut changes: Vec<Change> = Vec::new();
        for _ in 0..count {
            let change = self.change();
            // Each setting occurs once, since settings are written as hashes and lists with one entry.
            let is_new = |known: &Change| std::mem::discriminant(known) != std::mem::discriminant(&change);
            if changes.iter().all(is_new) {
                changes.push(change);
            }
        }
        Filter::Mutate(changes)
    }

    fn change(&mut self) -> Change {
        let field = self.field();
        match self.random.u8(..22) {
            0..=4 => self.rename(field),
            5..=7 => Change::Replace(self.target(), self.one(&FILLED)),
            8..=10 => Change::Copy(field, self.target()),
            11 => Change::Lowercase(field),
            12 => Change::Uppercase(field),
            13 => Change::Capitalize(field),
            14 => Change::Strip(field),
            15 => Change::Update(field, self.one(&FILLED)),
            16 => Change::Gsub(field, "x", "y"),
            17 => Change::Convert(field, self.one(&["integer", "string", "boolean"])),
            18 => Change::Split(field, "x"),
            19 => Change::Join(field, "-"),
            20 => Change::Merge(self.target(), field),
            _ => Change::Coerce(field, "x"),
        }
    }

    fn rename(&mut self, field: Field) -> Change {
        match self.random.u8(..8) {
            0 if !self.is_inside => Change::Rename(&["lat"], &["location", "lat"]),
            1 if !self.is_inside => Change::Rename(&["lon"], &["location", "lon"]),
            2 if self.is_inside => Change::Rename(&["doc", "a"], &["a"]),
            _ => Change::Rename(field, self.target()),
        }
    }

    fn date(&mut self) -> Filter {
        let mut formats = vec![self.one(&FORMATS)];
        while self.once_in(2) && formats.len() < 3 {
            formats.push(self.one(&FORMATS));
        }
        let zone = self.one(&[Some("UTC"), Some("UTC"), Some("Asia/Seoul"), Some("America/New_York"), None]);
        let source: Field = if self.is_inside { &["doc", "t"] } else { &["t"] };
        let targets: [Field; 4] = [&["@timestamp"], &["@timestamp"], &["when"], source];
        Filter::Date { source, formats, zone, target: self.one(&targets) }
    }

    fn fingerprint(&mut self) -> Filter {
        let source = if self.once_in(3) { None } else { Some(self.own_field()) };
        let targets: [Field; 3] = [&["@metadata", "id"], &["@metadata", "id"], &["f"]];
        Filter::Fingerprint { source, method: self.one(&METHODS), target: self.one(&targets) }
    }

    fn json(&mut self) -> Filter {
        let source = self.json;
        let targets: [Option<Field>; 6] = [None, None, None, Some(&["n"]), Some(source), Some(&["a"])];
        Filter::Json { source, target: self.one(&targets) }
    }

    fn prune(&mut self) -> Filter {
        if self.random.bool() {
            Filter::Prune { kept: &["a", "o", "t", "tags", "@timestamp", "id", "e", "location"], gone: &[] }
        } else {
            Filter::Prune { kept: &[], gone: &["b", "o", "e"] }
        }
    }
}
