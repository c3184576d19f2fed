//! A query in Lucene's syntax, in the form of `select`.
//!
//! Conditions are combined so that constant parts disappear: a condition on `type` is constant if an input sets it.
//! Parentheses are written wherever AND, OR and NOT meet, since Lucene has no precedence. A NOT alone under OR is
//! written as `*:* AND NOT …`.

/// The largest number of conditions in a query. The engine's limit is 1,024, and each condition here may become several
/// there.
pub(super) const MAX_TERMS: usize = 100;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Query {
    Always,
    Never,
    /// A condition in its written form.
    Term(String),
    Not(Box<Query>),
    And(Vec<Query>),
    Or(Vec<Query>),
    /// A condition on a field that the input or a filter adds. `holds` is its result for events that came without the
    /// field, `exact` the query for all events.
    Assumed {
        holds: bool,
        exact: Box<Query>,
    },
}

impl Query {
    pub(super) fn not(self) -> Self {
        match self {
            Self::Always => Self::Never,
            Self::Never => Self::Always,
            Self::Not(inner) => *inner,
            Self::Or(any) => Self::all(any.into_iter().map(Self::not)),
            other => Self::Not(Box::new(other)),
        }
    }

    pub(super) fn all(queries: impl IntoIterator<Item = Self>) -> Self {
        let mut all = Vec::new();
        for query in queries {
            match query {
                Self::Always => {}
                Self::Never => return Self::Never,
                Self::And(inner) => all.extend(inner),
                other => all.push(other),
            }
        }
        let mut known = Vec::new();
        for query in all {
            if !known.contains(&query) {
                known.push(query);
            }
        }
        let mut all: Vec<Self> = known.iter().map(|query| query.beside(&known)).collect();
        match (all.pop(), all.is_empty()) {
            (None, _) => Self::Always,
            (Some(only), true) => only,
            (Some(last), false) => {
                all.push(last);
                Self::And(all)
            }
        }
    }

    pub(super) fn any(queries: impl IntoIterator<Item = Self>) -> Self {
        let mut any: Vec<Self> = Vec::new();
        for query in queries {
            let alternatives = if let Self::Or(inner) = query { inner } else { vec![query] };
            for alternative in alternatives {
                // In `a OR (NOT a AND b)` the second alternative becomes `b`.
                let parts = if let Self::And(inner) = alternative { inner } else { vec![alternative] };
                let is_left = |part: &Self| !any.contains(&part.clone().not());
                match Self::all(parts.into_iter().filter(is_left)) {
                    Self::Never => {}
                    Self::Always => return Self::Always,
                    other if any.contains(&other) => {}
                    other => any.push(other),
                }
            }
        }
        match (any.pop(), any.is_empty()) {
            (None, _) => Self::Never,
            (Some(only), true) => only,
            (Some(last), false) => {
                any.push(last);
                Self::Or(any)
            }
        }
    }

    /// The query for events that came without the added fields.
    pub(super) fn assume(&self) -> Self {
        self.decided(&|holds, _| if holds { Self::Always } else { Self::Never })
    }

    /// The query for all events.
    pub(super) fn exact(&self) -> Self {
        self.decided(&|_, exact| exact.clone())
    }

    fn decided(&self, decide: &impl Fn(bool, &Self) -> Self) -> Self {
        match self {
            Self::Always | Self::Never | Self::Term(_) => self.clone(),
            Self::Not(inner) => inner.decided(decide).not(),
            Self::And(inner) => Self::all(inner.iter().map(|one| one.decided(decide))),
            Self::Or(inner) => Self::any(inner.iter().map(|one| one.decided(decide))),
            Self::Assumed { holds, exact } => decide(*holds, exact),
        }
    }

    /// The query beside others that hold too: in `a AND NOT (a AND b)` the second part becomes `NOT b`.
    fn beside(&self, others: &[Self]) -> Self {
        match self {
            Self::Not(inner) => match inner.as_ref() {
                Self::And(inner) => Self::all(inner.iter().filter(|query| !others.contains(query)).cloned()).not(),
                _ => self.clone(),
            },
            _ => self.clone(),
        }
    }

    /// Whether both may hold for one event. Conditions of one field for two values exclude each other.
    pub(super) fn may_hold_with(&self, other: &Self) -> bool {
        let (here, there) = (self.parts(), other.parts());
        let is_contrary = |one: &Self, all: &[&Self]| {
            let contrary = one.clone().not();
            contrary.parts().iter().all(|part| all.contains(part))
        };
        let is_other_value = |one: &Self| there.iter().any(|other| one.is_of_another_value(other));
        *self != Self::Never
            && *other != Self::Never
            && !here.iter().any(|one| is_contrary(one, &there) || is_other_value(one))
            && !there.iter().any(|one| is_contrary(one, &here))
    }

    /// The conditions that hold together.
    fn parts(&self) -> Vec<&Self> {
        match self {
            Self::And(inner) => inner.iter().collect(),
            Self::Always => Vec::new(),
            other => vec![other],
        }
    }

    fn is_of_another_value(&self, other: &Self) -> bool {
        let (Self::Term(one), Self::Term(other)) = (self, other) else { return false };
        let (Some((field, value)), Some((other_field, other))) = (split(one), split(other)) else { return false };
        let number = |value: &str| value.trim_matches('"').parse::<f64>().ok();
        let is_text = |value: &str| {
            value.starts_with(|c: char| c.is_ascii_alphabetic()) || (value.starts_with('"') && value.len() > 2)
        };
        let is_other = match (number(value), number(other)) {
            (Some(one), Some(other)) => one.total_cmp(&other).is_ne(),
            (None, None) => value != other && is_text(value) && is_text(other),
            _ => false,
        };
        // `tags` is a list, which may have both elements.
        field == other_field && !["_exists_", "tags"].contains(&field) && is_other
    }

    /// The number of conditions in the query.
    pub(super) fn terms(&self) -> usize {
        match self {
            Self::Always | Self::Never => 0,
            // `os:(iOS OR Android)` counts as two.
            Self::Term(term) => 1 + term.matches(" OR ").count(),
            Self::Not(inner) => inner.terms(),
            Self::And(inner) | Self::Or(inner) => inner.iter().map(Self::terms).sum(),
            Self::Assumed { exact, .. } => exact.terms(),
        }
    }

    /// The query; `None` if it matches every event.
    pub(super) fn text(&self) -> Option<String> {
        match self {
            Self::Always => None,
            Self::Never => Some("NOT *:*".into()),
            _ => Some(self.written()),
        }
    }

    fn written(&self) -> String {
        let within = |query: &Self| match query {
            Self::And(_) | Self::Or(_) => format!("({})", query.written()),
            _ => query.written(),
        };
        match self {
            Self::Always => "*:*".into(),
            Self::Never => "NOT *:*".into(),
            Self::Term(term) => term.clone(),
            Self::Assumed { exact, .. } => exact.written(),
            Self::Not(inner) => format!("NOT {}", within(inner)),
            Self::And(inner) => inner.iter().map(within).collect::<Vec<_>>().join(" AND "),
            Self::Or(inner) => {
                let clause = |query: &Self| match query {
                    Self::Not(_) => format!("(*:* AND {})", query.written()),
                    _ => within(query),
                };
                inner.iter().map(clause).collect::<Vec<_>>().join(" OR ")
            }
        }
    }
}

/// The field and the value of a term, which are separated by the first `:` without a `\`.
pub(super) fn split(term: &str) -> Option<(&str, &str)> {
    let mut escaped = false;
    let at = term.find(|c: char| {
        let found = c == ':' && !escaped;
        escaped = c == '\\' && !escaped;
        found
    })?;
    Some((&term[..at], &term[at + 1..]))
}

/// The name of a field, with the characters escaped that have a meaning in Lucene.
pub(super) fn field(path: &str) -> String {
    let mut out = String::new();
    for c in path.chars() {
        if !(c.is_alphanumeric() || matches!(c, '.' | '_' | '@' | '-')) || (out.is_empty() && c == '-') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// A value, in quotes unless it is a plain word.
pub(super) fn value(text: &str) -> String {
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
        && !matches!(text, "AND" | "OR" | "NOT" | "TO");
    if is_plain { text.to_owned() } else { format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")) }
}
