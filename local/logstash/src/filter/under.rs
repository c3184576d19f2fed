//! The conditions around a statement: their query, and whether a rule about fields may ignore them.

use super::condition::{about, presence};
use crate::{
    ast::{Branch, Condition, Place},
    difference::Difference,
    query::{MAX_TERMS, Query},
};

/// The conditions around a statement.
#[derive(Clone)]
pub(crate) struct Under {
    /// The query for all conditions together; `None` if no query can express it.
    pub(super) query: Option<Query>,
    /// The consequence of the conditions for rules about fields.
    pub(super) rules: Rules,
    /// Differences between the conditions here and in Logstash.
    pub(super) differences: Vec<(Place, Difference)>,
}

/// Whether rules about fields are translated under the conditions.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Rules {
    /// The conditions hold for every event.
    Free,
    /// The conditions require only that these fields exist. A rule that does nothing without them needs no condition.
    Presence(Vec<String>),
    /// Rules are not translated. `about` is the field, if all conditions use the same one. `is_json` is true if the
    /// conditions hold for every JSON object in that field.
    Refused { about: Option<String>, is_json: bool },
    /// The conditions hold only for events that come with a field which the input sets. This case is noted at the
    /// input.
    Silent,
}

impl Under {
    /// No condition.
    pub(crate) fn nothing() -> Self {
        Self { query: Some(Query::Always), rules: Rules::Free, differences: Vec::new() }
    }

    /// The fields that are known to exist.
    pub(super) fn present(&self) -> &[String] {
        if let Rules::Presence(fields) = &self.rules { fields } else { &[] }
    }

    /// Whether a rule that does nothing without the fields `needs` has the same effect without the condition.
    pub(super) fn permits(&self, needs: &[&str]) -> bool {
        match &self.rules {
            Rules::Free => true,
            Rules::Presence(fields) => fields.iter().all(|field| needs.contains(&field.as_str())),
            Rules::Refused { .. } | Rules::Silent => false,
        }
    }

    /// Adds the condition of a branch. `left` is the query for the events that earlier branches left, and `this` the
    /// branch's own condition.
    pub(super) fn and(
        &self,
        branch: &Branch,
        left: Option<&Query>,
        this: Option<&Query>,
        differences: &[(Place, Difference)],
    ) -> Self {
        let here = left.zip(this).map(|(left, this)| Query::all([left.clone(), this.clone()]));
        let query = here.clone().zip(self.query.clone()).map(|(here, outer)| Query::all([outer, here]));
        let is_first = left.is_some_and(|left| left.assume() == Query::Always);
        let rules = self.rules_of(branch, is_first, here.map(|here| here.assume()).as_ref());
        let mut all = self.differences.clone();
        all.extend_from_slice(differences);
        Self { query: query.filter(|query| query.terms() <= MAX_TERMS), rules, differences: all }
    }

    fn rules_of(&self, branch: &Branch, is_first: bool, here: Option<&Query>) -> Rules {
        match (here, &self.rules) {
            (_, Rules::Silent) | (Some(Query::Never), _) => return Rules::Silent,
            (Some(Query::Always), outer) => return outer.clone(),
            _ => {}
        }
        let present = branch.condition.as_ref().filter(|_| is_first).and_then(presence);
        match (present, &self.rules) {
            (Some(fields), Rules::Free) => Rules::Presence(fields),
            (Some(mut fields), Rules::Presence(others)) => {
                fields.extend(others.iter().cloned());
                Rules::Presence(fields)
            }
            (_, Rules::Free) if is_first => Rules::Refused {
                about: sole(branch.condition.as_ref()),
                is_json: matches!(&branch.condition, Some(Condition::Matches { regexp, .. }) if begins_json(regexp)),
            },
            _ => Rules::Refused { about: None, is_json: false },
        }
    }
}

/// The only field that a condition uses.
fn sole(condition: Option<&Condition>) -> Option<String> {
    match about(condition?)?.as_slice() {
        [first, rest @ ..] if rest.iter().all(|field| field == first) => Some((*first).to_owned()),
        _ => None,
    }
}

/// Whether the expression matches every JSON object, like `^\{`.
fn begins_json(regexp: &str) -> bool {
    let rest = regexp.strip_prefix('^').or_else(|| regexp.strip_prefix("\\A")).unwrap_or(regexp);
    let rest = rest.strip_prefix("\\s*").unwrap_or(rest);
    let Some(rest) = rest.strip_prefix("\\{").or_else(|| rest.strip_prefix('{')) else { return false };
    let rest = rest.strip_suffix('$').unwrap_or(rest);
    matches!(rest, "" | ".*" | ".*}" | ".*\\}" | ".+}" | ".+\\}" | ".*\\}\\s*")
}
