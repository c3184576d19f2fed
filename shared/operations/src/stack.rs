//! The name of a deployment. It distinguishes the deployments that share a domain.
//!
//! In: `MILLRACE_STACK`. Out: the mark of the indices, and the names of roles, templates and repository.

use std::fmt;

use sha2::{Digest, Sha256};

use delivery::settings::Reader;

/// The mark of a deployment without a name. No name begins like this.
const UNNAMED: &str = "_unnamed";
const MAX_BYTES: usize = 128;
/// The number of hash bytes in a name.
const HASH_BYTES: usize = 4;
const FORM: &str = "the name of the stack: letters, digits, `-` and `_`, beginning with a letter or digit, 128 at most";

/// One deployment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stack {
    name: Option<String>,
}

impl Stack {
    /// A deployment with this name.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: Some(name.into()) }
    }

    /// The mark of this deployment's indices and templates.
    pub fn mark(&self) -> &str {
        self.name.as_deref().unwrap_or(UNNAMED)
    }

    /// Whether it has a name. Without one, roles and templates have the names from before deployments had names.
    pub fn is_named(&self) -> bool {
        self.name.is_some()
    }

    /// A name of this deployment's own, such as `millrace_ingest_logs`. Without a name it is `base`.
    pub fn own(&self, base: &str, separator: char) -> String {
        self.name.as_ref().map_or_else(|| base.to_owned(), |name| format!("{base}{separator}{name}"))
    }

    /// As [`Self::own`], in lower case: the engine requires it for the names of templates and repositories. `Web` and
    /// `web` are two stacks, so a name that had capitals ends with its hash.
    pub fn own_lowercase(&self, base: &str, separator: char) -> String {
        let lowercase = self.former_lowercase(base, separator);
        match &self.name {
            Some(name) if name.bytes().any(|byte| byte.is_ascii_uppercase()) => format!("{lowercase}-{}", hash(name)),
            _ => lowercase,
        }
    }

    /// The name before names with capitals had a hash. It may be another stack's.
    pub fn former_lowercase(&self, base: &str, separator: char) -> String {
        self.own(base, separator).to_ascii_lowercase()
    }
}

impl fmt::Display for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(shown(self.mark()))
    }
}

/// A short hash, as a part of a name.
pub fn hash(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    let number = digest.iter().take(HASH_BYTES).fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
    format!("{number:08x}")
}

/// A mark, formatted for a person.
pub fn shown(mark: &str) -> &str {
    if mark == UNNAMED { "(a deployment without MILLRACE_STACK)" } else { mark }
}

fn name(value: &str) -> Option<String> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let is_name = value.len() <= MAX_BYTES
        && value.bytes().all(is_allowed)
        && value.starts_with(|first: char| first.is_ascii_alphanumeric());
    is_name.then(|| value.to_owned())
}

/// `MILLRACE_STACK`.
pub(crate) fn read<L: Fn(&str) -> Option<String>>(env: &mut Reader<L>) -> Stack {
    Stack { name: env.or("MILLRACE_STACK", None, FORM, |value| name(value).map(Some)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_carry_the_stack_and_no_stack_is_called_like_the_unnamed_one() {
        let stack = Stack::named("Web-Logs");
        assert_eq!(stack.own("millrace_ingest", '_'), "millrace_ingest_Web-Logs");
        assert_eq!(stack.own_lowercase("millrace", '-'), "millrace-web-logs-5d42a093");
        assert_eq!(Stack::named("web-logs").own_lowercase("millrace", '-'), "millrace-web-logs", "as it ever was");
        assert_ne!(Stack::named("WEB-logs").own_lowercase("millrace", '-'), stack.own_lowercase("millrace", '-'));
        assert_eq!(stack.former_lowercase("millrace", '-'), "millrace-web-logs");
        assert_eq!((Stack::default().own("millrace", '-').as_str(), Stack::default().mark()), ("millrace", UNNAMED));
        for (value, is_name) in [("web", true), ("web-2_a", true), (UNNAMED, false), ("a b", false), ("a*", false)] {
            assert_eq!(name(value).is_some(), is_name, "{value}");
        }
        assert!(name(&"a".repeat(129)).is_none());
    }
}
