//! The layout of a dataset's indices: an index for each period, a data stream, or an alias with a write index.
//!
//! In: the rules. Out: which indices of the domain belong to a dataset, by their names. The engine names the indices of data
//! streams and of rolled-over aliases; these names are the same on all engines but for the date that newer ones put into
//! those of a data stream. Deliberately absent: requests to a domain.

use std::time::Duration;

/// The first index of an alias is its name with this suffix. The engine counts on from there.
pub const FIRST_OF_ALIAS: &str = "-000001";
/// The engine counts with at least six digits.
const MIN_COUNTER_DIGITS: usize = 6;
/// The beginning of the names of the indices of a data stream.
const DATA_STREAM_PREFIX: &str = ".ds-";
/// The longest name of a data stream or an alias, in bytes. The engine puts `.ds-` before it, and a date and six digits after it, and takes
/// 255 bytes as the name of an index.
pub(super) const MAX_ROLLED_NAME_BYTES: usize = 255 - ".ds--2099.12.31-000001".len();

/// The layout of a dataset's indices.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Layout {
    /// Each event goes into the index that its time and fields name.
    #[default]
    Indices,
    /// All events go into one data stream. The engine keeps them in indices named `.ds-NAME-…`.
    DataStream(Option<Rollover>),
    /// All events go into one alias, whose write index is `NAME-000001` and later numbers.
    Alias(Option<Rollover>),
}

/// When the write index of a data stream or an alias is replaced by a new one: as soon as one of the conditions is met. At least one is
/// given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rollover {
    /// The age of the write index since its creation.
    pub max_age: Option<Duration>,
    /// The size of its primary shards together, in bytes.
    pub max_size: Option<u64>,
}

impl Layout {
    /// Whether the name that the events go to stands for several indices, of which the last takes the events.
    pub fn rolls_over(self) -> bool {
        !matches!(self, Self::Indices)
    }

    /// The conditions of its rollover. `None` if the function `retention` rolls nothing over.
    pub fn rollover(self) -> Option<Rollover> {
        match self {
            Self::Indices => None,
            Self::DataStream(rollover) | Self::Alias(rollover) => rollover,
        }
    }

    /// The key of `index` that it is given by.
    pub fn key(self) -> &'static str {
        match self {
            Self::Indices => "name",
            Self::DataStream(_) => "data_stream",
            Self::Alias(_) => "alias",
        }
    }
}

/// A pattern for the indices of a data stream.
pub(super) fn of_data_stream(name: &str) -> String {
    format!("{DATA_STREAM_PREFIX}{name}-*")
}

/// Whether an index has the name that the engine gives to the indices of this data stream: `.ds-NAME-2026.11.22-000001`, or on
/// `OpenSearch` `.ds-NAME-000001`.
pub(super) fn is_of_data_stream(name: &str, index: &str) -> bool {
    let rest = index.strip_prefix(DATA_STREAM_PREFIX).and_then(|rest| rest.strip_prefix(name));
    rest.and_then(|rest| rest.strip_prefix('-')).is_some_and(is_numbered)
}

/// Whether an index has the name that the engine gives to the indices of this alias: `NAME-000001`, or `NAME-2026.11.22-000001` if the
/// first one had a date.
pub(super) fn is_of_alias(name: &str, index: &str) -> bool {
    index.strip_prefix(name).and_then(|rest| rest.strip_prefix('-')).is_some_and(is_numbered)
}

/// The shape of the names of the indices of an alias, in which `#` is a digit.
pub(super) fn shape_of_alias(name: &str) -> String {
    format!("{name}-{}", "#".repeat(MIN_COUNTER_DIGITS))
}

/// A counter, or a date and a counter.
fn is_numbered(rest: &str) -> bool {
    is_counter(rest) || rest.split_once('-').is_some_and(|(date, counter)| is_date(date) && is_counter(counter))
}

fn is_counter(text: &str) -> bool {
    text.len() >= MIN_COUNTER_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_date(text: &str) -> bool {
    let digits = |part: &str, len| part.len() == len && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = text.split('.').collect();
    matches!(parts.as_slice(), [year, month, day] if digits(year, 4) && digits(month, 2) && digits(day, 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_belongs_to_the_name_that_the_engine_made_it_for() {
        for (index, of_stream, of_alias) in [
            (".ds-app-000001", true, false),
            (".ds-app-1000000", true, false),
            (".ds-app-2026.11.22-000001", true, false),
            ("app-000001", false, true),
            ("app-1000000", false, true),
            ("app", false, false),
            ("app-00001", false, false),
            ("app-", false, false),
            ("app-2026.11.22", false, false),
            ("app-2026.11.22-000001", false, true),
            ("app-x-000001", false, false),
            ("xapp-000001", false, false),
            (".ds-app", false, false),
            (".ds-app-", false, false),
            (".ds-app-x-000001", false, false),
            (".ds-app-2026.11-000001", false, false),
            (".ds-app-2026.11.22-", false, false),
            (".ds-apps-000001", false, false),
            (".ds-app-2026.11.22-x-000001", false, false),
        ] {
            assert_eq!((is_of_data_stream("app", index), is_of_alias("app", index)), (of_stream, of_alias), "{index}");
        }
    }
}
