//! The result of one check, and how its parts are shown to a person.

use serde::Serialize;

use pipeline::outcome::BatchError;

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// No problem.
    Ok,
    /// Not checked, because there is nothing to check or because the check was not possible.
    Skipped,
    /// Events are delivered, but something should be corrected.
    Warning,
    /// Events are not delivered, or soon will not be.
    Fault,
}

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The name of the check, such as `clock`.
    pub check: &'static str,
    /// Its severity.
    pub level: Level,
    /// The result, for a person.
    pub found: String,
    /// What to do. Only for warnings and faults.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Finding {
    pub(super) fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, level: Level::Ok, found: found.into(), fix: None }
    }

    pub(super) fn skipped(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, level: Level::Skipped, found: found.into(), fix: None }
    }

    pub(super) fn warning(check: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { check, level: Level::Warning, found: found.into(), fix: Some(fix.into()) }
    }

    pub(super) fn fault(check: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { check, level: Level::Fault, found: found.into(), fix: Some(fix.into()) }
    }

    /// The finding for something that this identity may not see, or for a missing response: nothing is known about it.
    pub(super) fn unseen(check: &'static str, error: &BatchError) -> Self {
        Self::warning(
            check,
            format!("could not be examined: {error}"),
            "run it again with credentials that allow it, such as those of a role in MILLRACE_OPERATE_ROLES",
        )
    }
}

/// Formats bytes for a person.
pub(super) fn size(bytes: u64) -> String {
    let mut unit = (bytes as f64, "B");
    for next in ["KiB", "MiB", "GiB", "TiB"] {
        if unit.0 >= 1024.0 {
            unit = (unit.0 / 1024.0, next);
        }
    }
    let digits = usize::from(unit.0 < 10.0 && unit.1 != "B" && unit.0.fract() > 0.05);
    format!("{:.digits$} {}", unit.0, unit.1)
}

/// At most three of many names, such as names of indices.
pub(super) fn some(names: &[String]) -> String {
    let shown = names.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > 3 { format!("{shown} and {} more", names.len() - 3) } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_formatted_for_a_person() {
        for (bytes, said) in [(0, "0 B"), (262_144, "256 KiB"), (1_572_864, "1.5 MiB"), (10 << 30, "10 GiB")] {
            assert_eq!(size(bytes), said);
        }
        let names: Vec<String> = ["a", "b", "c", "d"].map(Into::into).into();
        assert_eq!((some(&names).as_str(), some(&names[..2]).as_str()), ("a, b, c and 1 more", "a, b"));
    }
}
