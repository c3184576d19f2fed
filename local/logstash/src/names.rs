//! Field names: in Logstash's form, `a` or `[a][b]`, and as paths with dots.

/// The path of a field reference; `None` if pipeline.yaml cannot contain it.
pub(super) fn path(reference: &str) -> Option<String> {
    let dotted = match reference.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(names) => names.replace("][", "."),
        None => reference.to_owned(),
    };
    is_path(&dotted).then_some(dotted)
}

/// Whether pipeline.yaml can contain this path, also in a text with `%{…}` and in `drop`.
pub(super) fn is_path(path: &str) -> bool {
    const MAX_NAMES: usize = 32;
    let is_special = |c: char| c.is_control() || matches!(c, '[' | ']' | '{' | '}' | '%' | '*' | '?' | '\\' | '+');
    !path.contains(is_special)
        && path.split('.').count() <= MAX_NAMES
        && path.split('.').all(|name| !name.trim().is_empty() && !is_index(name))
}

/// Whether Logstash reads the name as an index into a list.
fn is_index(name: &str) -> bool {
    name.strip_prefix('-').unwrap_or(name).chars().all(|c| c.is_ascii_digit())
}

/// The path and each path around it, from the inside to the outside, each with the rest of the full path below it.
pub(super) fn outwards(path: &str) -> impl Iterator<Item = (&str, &str)> {
    let outer = path.rmatch_indices('.').map(|(at, _)| (&path[..at], &path[at + 1..]));
    std::iter::once((path, "")).chain(outer)
}

/// The path `rest` below the path `outer`.
pub(super) fn below(outer: &str, rest: &str) -> String {
    if rest.is_empty() { outer.to_owned() } else { format!("{outer}.{rest}") }
}

/// The name before the first dot.
pub(super) fn top(path: &str) -> &str {
    path.split_once('.').map_or(path, |(top, _)| top)
}

/// A part of a text with `%{…}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part<'t> {
    Literal(&'t str),
    /// A path.
    Field(String),
    /// `%{+YYYY.MM.dd}`, without the plus.
    Date(&'t str),
}

/// The parts of a text. An error names a part that cannot be translated.
pub(super) fn parts(text: &str) -> Result<Vec<Part<'_>>, String> {
    let (mut parts, mut rest) = (Vec::new(), text);
    while let Some((before, inner)) = rest.split_once("%{") {
        if !before.is_empty() {
            parts.push(Part::Literal(before));
        }
        let Some((inside, after)) = inner.split_once('}') else { return Err("a `%{` without its `}`".into()) };
        parts.push(match inside.strip_prefix('+') {
            Some(date) => Part::Date(date),
            None => Part::Field(path(inside).ok_or_else(|| format!("`%{{{inside}}}` is no field"))?),
        });
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(Part::Literal(rest));
    }
    Ok(parts)
}

/// A pattern for top-level names in `prune`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NameGlob {
    pub(super) is_start: bool,
    pub(super) literal: String,
    pub(super) is_end: bool,
}

impl NameGlob {
    pub(super) fn matches(&self, name: &str) -> bool {
        match (self.is_start, self.is_end) {
            (true, true) => name == self.literal,
            (true, false) => name.starts_with(&self.literal),
            (false, true) => name.ends_with(&self.literal),
            (false, false) => name.contains(&self.literal),
        }
    }

    pub(super) fn text(&self) -> String {
        let star = |is_held: bool| if is_held { "" } else { "*" };
        format!("{}{}{}", star(self.is_start), self.literal, star(self.is_end))
    }
}
