//! A query in Lucene's syntax, as `select` takes it.
//!
//! Conditions are joined so that what is constant falls out: `type` is one where an input sets it. Everything is put in
//! parentheses where AND, OR and NOT meet, since Lucene has no precedence, and a lone NOT under OR gets something to be taken from.

/// Most conditions of one query: the engine takes 1,024, each of ours may be several of its.
pub(super) const MAX_TERMS: usize = 100;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Query {
    Always,
    Never,
    /// A condition as it is written.
    Term(String),
    Not(Box<Query>),
    And(Vec<Query>),
    Or(Vec<Query>),
    /// Constant for an event without a field of this name, which the input adds; and what it is for every event.
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
                // Of `a OR (NOT a AND b)` the second is `b`.
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

    /// The query for events that came without the fields which the input adds.
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

    /// What it says beside others that hold too: of `a AND NOT (a AND b)` the second is `NOT b`.
    fn beside(&self, others: &[Self]) -> Self {
        match self {
            Self::Not(inner) => match inner.as_ref() {
                Self::And(inner) => Self::all(inner.iter().filter(|query| !others.contains(query)).cloned()).not(),
                _ => self.clone(),
            },
            _ => self.clone(),
        }
    }

    /// How many conditions there are in it.
    pub(super) fn terms(&self) -> usize {
        match self {
            Self::Always | Self::Never => 0,
            // `os:(iOS OR Android)` is two.
            Self::Term(term) => 1 + term.matches(" OR ").count(),
            Self::Not(inner) => inner.terms(),
            Self::And(inner) | Self::Or(inner) => inner.iter().map(Self::terms).sum(),
            Self::Assumed { exact, .. } => exact.terms(),
        }
    }

    /// The query; `None` where it is every event.
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

/// The name of a field, with what Lucene would misread escaped.
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
