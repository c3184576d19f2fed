//! `prune`: keeps or removes top-level fields by their names.

use super::{state::Filtered, under::Under};
use crate::{
    ast::Plugin,
    names::{NameGlob, is_path, top},
    note::Effect,
    settings::Settings,
};

impl Filtered<'_> {
    pub(super) fn prune(&mut self, plugin: &Plugin, mut settings: Settings<'_>, under: &Under) {
        if !self.is_permitted(plugin.at, "prune", under, &[], &[]) {
            return self.fields.suspect(None, plugin.at, "`prune` under a condition");
        }
        if self.fields.prefix.is_some() || self.fields.codec.is_some() {
            let text =
                "prune: it applies to the names at the top, where the members of one of them are here; all fields stay";
            self.notes.differs(plugin.at, text);
            return self.fields.suspect(None, plugin.at, "`prune`");
        }
        let values = "fields stay or go by their names alone";
        if settings.has("whitelist_values") || settings.has("blacklist_values") {
            self.fields.suspect(None, plugin.at, "`prune`");
        }
        settings.lose(&["whitelist_values", "blacklist_values"], Effect::Differs, values, self.notes);
        if settings.is_true("interpolate") {
            self.notes.add(
                plugin.at,
                Effect::Unknown,
                "`interpolate` of `prune`: names with fields in them are not known here",
            );
            self.fields.suspect(None, plugin.at, "`prune`");
        }
        let mut kept = Vec::new();
        let mut is_whole = true;
        for (at, regexp) in settings.texts("whitelist_names") {
            if let Some(globs) = globs(regexp) {
                kept.extend(globs);
            } else {
                is_whole = false;
                self.fields.suspect(None, plugin.at, "`prune`");
                self.notes.differs(at, format!("whitelist_names `{regexp}` {NO_GLOB}; all fields stay"));
            }
        }
        if !kept.is_empty() && is_whole {
            if self.fields.kept.is_some() {
                self.fields.suspect(None, plugin.at, "`prune`");
                self.notes.differs(
                    plugin.at,
                    "a second `whitelist_names`: put both into one; the fields that the second one removes stay",
                );
            } else {
                self.fields.targets.retain(|name, _| {
                    name.starts_with("@metadata.") || kept.iter().any(|glob| glob.matches(top(name)))
                });
                self.fields.kept = Some(kept);
            }
        }
        for (at, regexp) in settings.texts("blacklist_names") {
            if let Some(globs) = globs(regexp) {
                let goes = |name: &str| globs.iter().any(|glob| glob.matches(top(name)));
                self.fields.targets.retain(|name, _| name.starts_with("@metadata.") || !goes(name));
                self.fields.pruned.extend(globs);
            } else {
                self.fields.suspect(None, plugin.at, "`prune`");
                self.notes.differs(at, format!("blacklist_names `{regexp}` {NO_GLOB}; such fields stay"));
            }
        }
        self.common(&mut settings, under);
        settings.end(self.notes);
    }
}

const NO_GLOB: &str = "is no name with `*` at its ends";

/// The globs that match the same names as a regular expression; `None` if there are none.
fn globs(regexp: &str) -> Option<Vec<NameGlob>> {
    let inner = regexp.strip_prefix("^(").and_then(|rest| rest.strip_suffix(")$"));
    match inner {
        Some(names) => names.split('|').map(|name| glob(&format!("^{name}$"))).collect(),
        None => regexp.split('|').map(glob).collect(),
    }
}

fn glob(regexp: &str) -> Option<NameGlob> {
    let after_start = regexp.strip_prefix('^').or_else(|| regexp.strip_prefix("\\A"));
    let rest = after_start.unwrap_or(regexp);
    let before_end = rest.strip_suffix('$').or_else(|| rest.strip_suffix("\\z"));
    let rest = before_end.unwrap_or(rest);
    let (front, rest) = rest.strip_prefix(".*").map_or((false, rest), |rest| (true, rest));
    let (back, rest) = rest.strip_suffix(".*").map_or((false, rest), |rest| (true, rest));
    // A name with a dot is not translated: here it could be one name or a path.
    let is_literal = is_path(rest) && rest.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '@' | ' '));
    is_literal.then(|| NameGlob {
        is_start: after_start.is_some() && !front,
        literal: rest.to_owned(),
        is_end: before_end.is_some() && !back,
    })
}
