//! The owner of templates, and the names that follow from it.

use crate::{
    settings::Domain,
    stack::{Stack, hash},
};

/// The owner of the templates.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TemplateOwner {
    /// The deployment.
    pub stack: Stack,
    /// Whether they are for a collection of `OpenSearch` Serverless. No indices are deleted there, so the templates
    /// have no mark. Templates there can only be requested by name, so the names are the same for every deployment.
    pub is_collection: bool,
}

impl From<&Domain> for TemplateOwner {
    fn from(domain: &Domain) -> Self {
        Self { stack: domain.stack.clone(), is_collection: domain.is_collection() }
    }
}

impl TemplateOwner {
    /// The name of the template for a pattern. It is unique per pattern.
    pub(super) fn name(&self, pattern: &str) -> String {
        let name = pattern.replace('*', "x");
        // A literal `x` in the pattern would look like a replaced `*`.
        let name = if pattern.contains('x') { format!("{name}-{}", hash(pattern)) } else { name };
        if self.stack.is_named() && !self.is_collection {
            // The name of a stack has no dot.
            return format!("{}.{name}", self.stack.own_lowercase("millrace", '.'));
        }
        format!("millrace-{name}")
    }

    /// The name from before deployments had names.
    pub(super) fn former_name(pattern: &str) -> String {
        format!("millrace-{}", pattern.replace('*', "x"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_patterns_have_one_name_and_those_of_a_stack_are_its_own() {
        let web = TemplateOwner { stack: Stack::named("Web"), is_collection: false };
        let lower = TemplateOwner { stack: Stack::named("web"), is_collection: false };
        let other = TemplateOwner { stack: Stack::named("web-logs"), is_collection: false };
        let unnamed = TemplateOwner::default();
        assert_eq!(unnamed.name("logs-*.*.*"), "millrace-logs-x.x.x", "as it ever was");
        assert_eq!(web.name("logs-*.*.*"), "millrace.web-29751047.logs-x.x.x");
        let patterns = ["zz-*", "zz-x", "zz-x*", "zz-*x", "*", "x", "logs-*", "web.logs-*", "web-logs-*"];
        assert_eq!(lower.name("logs-*.*.*"), "millrace.web.logs-x.x.x", "as it ever was");
        let owners = [&web, &lower, &other, &unnamed];
        let names: BTreeSet<String> =
            owners.iter().flat_map(|owner| patterns.map(|pattern| owner.name(pattern))).collect();
        assert_eq!(names.len(), owners.len() * patterns.len(), "{names:?}");
        let collection = TemplateOwner { is_collection: true, ..web };
        assert_eq!(collection.name("logs-*"), "millrace-logs-x");
    }
}
