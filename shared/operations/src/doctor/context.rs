//! What the checks use: the deployment, its rules, and the domain that responded.

use std::{collections::BTreeSet, time::Duration};

use super::endpoint;
use crate::{
    admin::{Admin, Version},
    deployment::Deployment,
    settings::Domain,
    setup::template::Template,
};
use delivery::{aws::Aws, lambda::Deadline, settings::Auth};
use pipeline::rules::Datasets;

/// The timeout of one request, including retries.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// The data about the deployment that the checks use.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) deployment: Deployment,
    pub(super) aws: Aws,
    /// None if the rules have a fault.
    pub(super) rules: Option<Rules>,
}

/// The rules, and what they require of the domain.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) datasets: Datasets,
    pub(super) templates: Vec<Template>,
}

/// A domain that responds.
#[derive(Debug)]
pub(super) struct Connected {
    pub(super) domain: Domain,
    pub(super) admin: Admin,
    /// None for a collection, which does not report it.
    pub(super) version: Option<Version>,
}

impl Context {
    /// The index patterns of the datasets, without repetition.
    pub(super) fn patterns(&self) -> Vec<String> {
        self.rules.iter().flat_map(|rules| rules.datasets.wildcards()).collect()
    }

    /// Patterns for every name that the domain may ask a permission for, without repetition.
    pub(super) fn permitted(&self) -> BTreeSet<String> {
        self.rules.iter().flat_map(|rules| rules.datasets.iter()).flat_map(|dataset| dataset.permitted()).collect()
    }

    /// The names that datasets write to, as patterns, without repetition, except those that are declared as data streams or aliases.
    pub(super) fn undeclared_names(&self) -> Vec<String> {
        let datasets =
            self.rules.iter().flat_map(|rules| rules.datasets.iter()).filter(|dataset| !dataset.rolls_over());
        datasets.map(|dataset| dataset.router.index().wildcard()).collect::<BTreeSet<_>>().into_iter().collect()
    }
}

impl Connected {
    /// Whether the domain is Amazon's, which has its own limits.
    pub(super) fn is_amazon(&self) -> bool {
        matches!(self.domain.auth, Auth::SigV4(_)) || endpoint::region(&self.domain.endpoint).is_some()
    }
}

/// The deadline of one request.
pub(super) fn soon() -> Deadline {
    Deadline::after(REQUEST_TIMEOUT)
}
