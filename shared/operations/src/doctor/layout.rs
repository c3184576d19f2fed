//! Whether each declared data stream and alias is in the domain what pipeline.yaml says.

use super::{
    context::{Connected, Context, soon},
    finding::{Finding, some},
};
use crate::layouts::{Checked, State, check};

const CHECK: &str = "layout";

/// Checks the names of data streams and aliases.
pub(super) async fn layout(context: &Context, it: &Connected) -> Vec<Finding> {
    let Some(rules) = &context.rules else { return vec![Finding::skipped(CHECK, "the rules have faults")] };
    if !rules.datasets.iter().any(|dataset| dataset.rolls_over()) {
        return vec![Finding::skipped(CHECK, "no dataset has a data stream or an alias")];
    }
    match check(&it.admin, &rules.datasets, it.version, soon()).await {
        Ok(names) => findings(&names),
        Err(error) => vec![Finding::unseen(CHECK, &error)],
    }
}

fn findings(names: &[Checked<'_>]) -> Vec<Finding> {
    let fault = |one: &Checked<'_>| match &one.state {
        State::Ready | State::ByItsTemplate => None,
        State::WithoutIndex(index) => Some(Finding::fault(
            CHECK,
            format!("the alias {} has no index: an event would make an index of that name", one.name),
            format!("run `millrace setup`, or deploy again: it creates {index}"),
        )),
        State::Fault { found, fix } => Some(Finding::fault(CHECK, found, fix)),
    };
    let found: Vec<Finding> = names.iter().filter_map(fault).collect();
    if !found.is_empty() {
        return found;
    }
    let names: Vec<String> = names.iter().map(|one| one.name.to_owned()).collect();
    vec![Finding::ok(CHECK, format!("as pipeline.yaml says: {}", some(&names)))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;

    #[test]
    fn a_name_that_stands_for_something_else_is_a_fault_with_a_fix() {
        let one = |state| Checked { name: "a", pattern: "a".into(), state };
        let fault = State::Fault { found: "alias: a: it is an index".into(), fix: "delete it".into() };
        for (state, level, found, fix) in [
            (State::Ready, Level::Ok, "as pipeline.yaml says: a", None),
            (State::ByItsTemplate, Level::Ok, "as pipeline.yaml says: a", None),
            (
                State::WithoutIndex("a-000001".into()),
                Level::Fault,
                "the alias a has no index: an event would make an index of that name",
                Some("run `millrace setup`, or deploy again: it creates a-000001"),
            ),
            (fault, Level::Fault, "alias: a: it is an index", Some("delete it")),
        ] {
            let findings = findings(&[one(state)]);
            assert_eq!((findings.len(), findings[0].level), (1, level), "{findings:?}");
            assert_eq!((findings[0].found.as_str(), findings[0].fix.as_deref()), (found, fix), "{findings:?}");
        }
    }
}
