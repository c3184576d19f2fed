//! Rules of `fields` that contradict one another, and secret fields that another rule would reveal.

use super::{super::reader::Reader, rule::Rule};
use crate::{decode::Path, shape::Shape, yaml::Location};

impl Reader<'_> {
    pub(super) fn refuse_conflicts(&mut self, rules: &[Rule]) {
        let targets: Vec<(&Path, &Rule)> = rules.iter().filter_map(|rule| Some((rule.target()?, rule))).collect();
        for (ordinal, (to, rule)) in targets.iter().enumerate() {
            for (other, earlier) in &targets[..ordinal] {
                // The complaint is about the rule that stands further down in the file.
                let ((to, rule), (other, earlier)) = if rule.place < earlier.place {
                    ((other, earlier), (to, rule))
                } else {
                    ((to, rule), (other, earlier))
                };
                let at = format!("`{}` in line {}", earlier.under, earlier.place.line);
                if to == other {
                    self.complain(rule.place, format!("`{to}` is made by {at} already; a field is made once"));
                } else if to.is_within(other) || other.is_within(to) {
                    let message = format!("`{to}` beside `{other}`, made by {at}: one of them lies in the other");
                    self.complain(rule.place, message);
                }
            }
        }
        for (hashed, rule) in rules.iter().filter_map(|rule| Some((rule.hashed()?, rule))) {
            let is_made = |(to, made): &&(&Path, &Rule)| *to == hashed && made.under != "rename";
            if let Some((_, made)) = targets.iter().find(is_made) {
                let by = format!("`{}` in line {}", made.under, made.place.line);
                self.complain(
                    rule.place,
                    format!("`hash: {hashed}`: the field is made by {by}; `hash` is only for fields of the event"),
                );
            }
        }
        for (rule, read) in rules.iter().flat_map(|rule| rule.plainly_read().into_iter().map(move |read| (rule, read)))
        {
            if rules.iter().filter_map(Rule::hashed).any(|hashed| read.is_within(hashed)) {
                let message = format!("`{}` reads `{read}`, whose value `hash` hides", rule.under);
                self.complain(rule.place, message);
            }
        }
    }

    /// Complains if a hashed field is part of the index name, the id or a partition key.
    pub(in crate::rules::read) fn refuse_telling(
        &mut self,
        name: &str,
        place: Option<Location>,
        shape: &Shape,
        read: &[&Path],
    ) {
        for path in read.iter().filter(|path| shape.hashes(path)) {
            let message = format!(
                "`{name}` reveals the value of `{path}`, which `hash` hides; take another field, or do not hash it"
            );
            self.complain(place.unwrap_or(Location { line: 1, column: 1 }), message);
        }
    }
}
