//! `*` and `?` in texts and ARNs.

/// Whether a text matches a pattern. `*` stands for any number of characters, including none, `:` and `/`. `?` stands
/// for exactly one.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    matches_characters(&pattern.chars().collect::<Vec<_>>(), &text.chars().collect::<Vec<_>>())
}

fn matches_characters(pattern: &[char], text: &[char]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some(('*', rest)), _) => (0..=text.len()).any(|taken| matches_characters(rest, &text[taken..])),
        (Some((wanted, rest)), Some((found, others))) => {
            (*wanted == '?' || wanted == found) && matches_characters(rest, others)
        }
        _ => false,
    }
}

/// Whether an ARN matches a pattern. Each of the six parts is compared separately, so a `*` does not match across a `:`
/// into another part.
pub(super) fn matches_arn(pattern: &str, arn: &str) -> bool {
    let parts = |text: &str| text.splitn(6, ':').map(str::to_owned).collect::<Vec<_>>();
    let (wanted, found) = (parts(pattern), parts(arn));
    wanted.len() == 6 && found.len() == 6 && wanted.iter().zip(&found).all(|(wanted, found)| matches(wanted, found))
}
