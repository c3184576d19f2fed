//! The path that a field has in the document.

use super::rule::FieldRule;
use crate::decode::Path;

/// The path to which the rules put a field. `None` if the document does not contain it. Callers do not ask for dropped fields.
pub(super) fn stored_as(path: &Path, rules: &[FieldRule]) -> Option<String> {
    let renamed = rules.iter().find_map(|rule| match rule {
        FieldRule::Rename { from, to } if path.is_within(from) => Some((from, to)),
        _ => None,
    });
    // The names in between come from the event. In typed attributes, the types are removed.
    let plain = |from: &str, rest: &str| {
        let root = rules.iter().find_map(|rule| match rule {
            FieldRule::DynamoDb(root) if path.is_within(root) => Some(root.as_str().split('.').count()),
            _ => None,
        });
        let from = if from.is_empty() { 0 } else { from.split('.').count() };
        let names = rest.split('.').filter(|name| !name.is_empty()).zip(from..);
        let is_type = |at: usize| root.is_some_and(|root| at > root && (at - root) % 2 == 1);
        names.filter(|(_, at)| !is_type(*at)).map(|(name, _)| name.to_owned()).collect::<Vec<_>>().join(".")
    };
    if let Some((from, to)) = renamed {
        let below = plain(from.as_str(), &path.as_str()[from.as_str().len()..]);
        return Some(if below.is_empty() { to.as_str().to_owned() } else { format!("{to}.{below}") });
    }
    let lifted = rules.iter().find_map(|rule| if let FieldRule::Lift(lifted) = rule { Some(lifted) } else { None });
    match lifted {
        None => Some(plain("", path.as_str())),
        Some(lifted) if path.is_within(lifted) => {
            let below = plain(lifted.as_str(), &path.as_str()[lifted.as_str().len()..]);
            Some(below).filter(|below| !below.is_empty())
        }
        Some(_) => None,
    }
}
