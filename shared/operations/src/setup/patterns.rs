//! Index patterns of the engine, in which only `*` is special, and the shapes of a dataset's index names
//! (`IndexPattern::shape`), in which `#` is a digit.

/// Whether `wide` matches every name that `narrow` matches, which may be a shape. In doubt it returns `false`.
pub(crate) fn covers(wide: &str, narrow: &str) -> bool {
    let Some((before, after)) = wide.split_once('*') else { return wide == narrow };
    let Some(rest) = narrow.strip_prefix(before) else { return false };
    (0..=rest.len()).filter(|at| rest.is_char_boundary(*at)).any(|at| covers(after, &rest[at..]))
}

/// Whether a name exists that both match. Either may be a shape.
pub(crate) fn overlap(one: &str, other: &str) -> bool {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    // Dynamic programming from the end: `rest[i][j]` is the answer for `one[i..]` and `other[j..]`.
    let mut rest = vec![vec![false; other.len() + 1]; one.len() + 1];
    for i in (0..=one.len()).rev() {
        for j in (0..=other.len()).rev() {
            rest[i][j] = match (one.get(i), other.get(j)) {
                (None, None) => true,
                (Some('*'), right) => rest[i + 1][j] || (right.is_some() && rest[i][j + 1]),
                (left, Some('*')) => rest[i][j + 1] || (left.is_some() && rest[i + 1][j]),
                (Some(left), Some(right)) => (left == right || is_digit(*left, *right)) && rest[i + 1][j + 1],
                _ => false,
            };
        }
    }
    rest[0][0]
}

fn is_digit(left: char, right: char) -> bool {
    (left == '#' && right.is_ascii_digit()) || (right == '#' && left.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_cover_and_overlap_as_the_engine_reads_them() {
        for (one, other, first_covers, both) in [
            ("*", "logs-*.*.*", true, true),
            ("logs-*", "logs-*.*.*", true, true),
            ("logs-*", "logs-a", true, true),
            ("logs-2026*", "logs-*.*.*", false, true),
            ("*-logs", "logs-*", false, true),
            ("metrics-*", "logs-*", false, false),
            ("logs", "logs", true, true),
            ("logs", "logs-*", false, false),
            ("a*b", "a*c", false, false),
            ("logs-*", "logs-####.##.##", true, true),
            ("logs-2026*", "logs-####.##.##", false, true),
            ("logs-*-*", "logs-####.##.##", false, false),
            ("logs-*-*", "logs-*-####.##.##", true, true),
            ("logs-*-*", "logs-*.####.##.##", false, true),
            ("logs-a*", "logs-####.##.##", false, false),
            ("logs-####.##", "logs-####.##", true, true),
        ] {
            assert_eq!((covers(one, other), overlap(one, other)), (first_covers, both), "{one} {other}");
            assert_eq!(overlap(one, other), overlap(other, one), "{one} {other}");
        }
    }
}
