//! IAM's decision about a request, by the policies of the template.
//!
//! In: policy documents without `CloudFormation` functions ([`crate::stack`]), and a request. Out: allowed, denied by a
//! statement, or denied because no statement allows it, with the deciding statement. moto and `LocalStack` ignore
//! conditions.
//!
//! Deliberately absent: permission boundaries, session policies, policies of an organisation, and variables in
//! policies. The template uses none of them. Anything that is not understood is a panic, never an answer.

mod condition;
pub(crate) mod pattern;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::policy::pattern::matches;

/// A request that a policy decides about.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The principal, if the policy of a resource decides: `events.amazonaws.com`, or the ARN of a role.
    pub principal: Option<String>,
    /// `service:Name`.
    pub action: String,
    /// The ARN of the resource; `*` for an action without a resource.
    pub resource: String,
    /// Context keys and their values. The names of keys are not case-sensitive in IAM.
    pub context: BTreeMap<String, Vec<String>>,
}

/// The decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision<'p> {
    /// Allowed by this statement.
    Allowed(&'p Value),
    /// Denied by this statement, even if others allow it.
    Denied(&'p Value),
    /// Denied, because no statement allows it.
    NotAllowed,
}

impl Request {
    /// A request without a principal and without context.
    pub fn new(action: &str, resource: &str) -> Self {
        Self { action: action.into(), resource: resource.into(), ..Self::default() }
    }

    /// The same request by this principal.
    #[must_use]
    pub fn by(mut self, principal: &str) -> Self {
        self.principal = Some(principal.into());
        self
    }

    /// The same request with one more context key.
    #[must_use]
    pub fn with(mut self, key: &str, values: &[&str]) -> Self {
        self.context.insert(key.to_ascii_lowercase(), values.iter().map(|value| (*value).to_owned()).collect());
        self
    }
}

impl Decision<'_> {
    /// Whether the request is carried out.
    pub fn is_allowed(&self) -> bool {
        matches!(self, Decision::Allowed(_))
    }
}

/// The decision by all these policy documents together. One `Deny` is enough to deny. Nothing is allowed by default.
///
/// # Panics
/// If a document holds something that is not understood.
pub fn decide<'p>(documents: impl IntoIterator<Item = &'p Value>, request: &Request) -> Decision<'p> {
    let mut decision = Decision::NotAllowed;
    for statement in documents.into_iter().flat_map(statements) {
        if !applies(statement, request) {
            continue;
        }
        match statement["Effect"].as_str() {
            Some("Deny") => return Decision::Denied(statement),
            Some("Allow") => decision = Decision::Allowed(statement),
            effect => panic!("{effect:?} is no effect"),
        }
    }
    decision
}

/// The statements of a document, which may be one or a list.
pub fn statements(document: &Value) -> &[Value] {
    match &document["Statement"] {
        Value::Array(statements) => statements,
        Value::Object(_) => std::slice::from_ref(&document["Statement"]),
        other => panic!("{other} is no list of statements"),
    }
}

fn applies(statement: &Value, request: &Request) -> bool {
    let members = statement.as_object().expect("a statement is an object");
    members.iter().all(|(member, value)| match member.as_str() {
        "Sid" | "Effect" => true,
        "Action" => acts(value, &request.action),
        "NotAction" => !acts(value, &request.action),
        "Resource" => texts(value).iter().any(|pattern| matches(pattern, &request.resource)),
        "NotResource" => !texts(value).iter().any(|pattern| matches(pattern, &request.resource)),
        "Principal" => is_principal(value, request),
        "Condition" => condition::holds(value, &request.context),
        other => panic!("{other} in {statement} is not understood"),
    })
}

/// Compares actions without regard to case.
fn acts(patterns: &Value, action: &str) -> bool {
    texts(patterns).iter().any(|pattern| matches(&pattern.to_ascii_lowercase(), &action.to_ascii_lowercase()))
}

fn is_principal(allowed: &Value, request: &Request) -> bool {
    let Some(principal) = &request.principal else { return false };
    match allowed {
        Value::String(all) => all == "*",
        Value::Object(kinds) => kinds.iter().any(|(kind, who)| is_one_of(kind, &texts(who), principal)),
        other => panic!("{other} is no principal"),
    }
}

/// In IAM, the root of an account stands for all identities of the account, as far as their own policies allow. Here it
/// stands only for itself.
fn is_one_of(kind: &str, who: &[&str], principal: &str) -> bool {
    match kind {
        "Service" => who.contains(&principal),
        "AWS" => who.contains(&"*") || who.contains(&principal),
        other => panic!("principals of the kind {other} are not understood"),
    }
}

/// The texts of a member that may be one or a list.
pub fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![plain(text)],
        Value::Array(texts) => texts.iter().map(|text| plain(text.as_str().expect("a text"))).collect(),
        other => panic!("{other} is neither a text nor a list of texts"),
    }
}

fn plain(text: &str) -> &str {
    assert!(!text.contains("${"), "{text}: variables are not understood");
    text
}
