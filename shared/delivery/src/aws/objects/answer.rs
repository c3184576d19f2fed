//! Checks the answer to a GET against the request: the ETag, the range, the total length, and how the end is known.
//!
//! In: the headers of an answer. Out: the total length, or the mismatch. Deliberately absent: the network (`open`), and
//! the reaction to a mismatch (`fetch` retries, then reports it).

/// The request of a GET, and the facts known of the object from earlier answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Expected<'w> {
    /// The first byte.
    pub from: u64,
    /// The entity tag without quotes, if it is known.
    pub etag: Option<&'w str>,
    /// The length of the whole object, if it is known.
    pub total: Option<u64>,
}

/// The headers of an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Headers<'s> {
    pub etag: Option<&'s str>,
    pub content_length: Option<i64>,
    pub content_range: Option<&'s str>,
}

/// Why an answer does not match the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Misfit {
    /// Its ETag differs: the object was replaced, or the answer belongs to another request.
    OtherContent(String),
    /// Anything else.
    Wrong(String),
}

/// The length of the whole object by this answer. `None` if the answer does not give it.
pub(super) fn total_length(wanted: Expected<'_>, headers: &Headers<'_>) -> Result<Option<u64>, Misfit> {
    check_etag(wanted, headers)?;
    let length = headers.content_length.map(u64::try_from).transpose();
    let length = length.map_err(|_| Misfit::Wrong("the answer has a negative length".into()))?;
    let range = headers.content_range.map(|text| parse_range(text).ok_or_else(|| unreadable(text))).transpose()?;
    let by_range = match range {
        Some(range) => Some(total_by_range(wanted.from, length, range)?),
        // S3 answers every Range with 206 and a Content-Range. An answer without one holds another part of the object.
        None if wanted.from > 0 => {
            return Err(Misfit::Wrong(format!("the answer to `bytes={}-` has no Content-Range", wanted.from)));
        }
        None => None,
    };
    let total = by_range.or(length);
    match (wanted.total, total) {
        (Some(known), Some(total)) if known != total => {
            Err(Misfit::Wrong(format!("this answer gives the object {total} bytes, and an earlier one gave {known}")))
        }
        (known, total) => Ok(known.or(total)),
    }
}

fn check_etag(wanted: Expected<'_>, headers: &Headers<'_>) -> Result<(), Misfit> {
    let etag = headers.etag.map(|etag| etag.trim_matches('"')).filter(|etag| !etag.is_empty());
    match (wanted.etag, etag) {
        // The ids are made from the ETag. Without it, events would get the ids of another content.
        (_, None) => Err(Misfit::Wrong("the answer has no ETag".into())),
        (Some(wanted), Some(etag)) if wanted != etag => {
            Err(Misfit::OtherContent(format!("the answer has the ETag `{etag}` instead of `{wanted}`")))
        }
        _ => Ok(()),
    }
}

fn total_by_range(from: u64, length: Option<u64>, (first, last, total): (u64, u64, u64)) -> Result<u64, Misfit> {
    let is_rest = first == from && last.checked_add(1) == Some(total) && first <= last;
    let is_as_long = length.is_none_or(|length| is_rest && length == total - from);
    if is_rest && is_as_long {
        Ok(total)
    } else {
        let length = length.map_or_else(|| "an unknown number of".to_owned(), |length| length.to_string());
        let reason = format!("the answer to `bytes={from}-` is `bytes {first}-{last}/{total}` with {length} bytes");
        Err(Misfit::Wrong(reason))
    }
}

fn unreadable(range: &str) -> Misfit {
    Misfit::Wrong(format!("the Content-Range `{range}` does not give a range of bytes and the total"))
}

/// `bytes 5-9/10` as (5, 9, 10).
fn parse_range(text: &str) -> Option<(u64, u64, u64)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    Some((first.parse().ok()?, last.parse().ok()?, total.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn total(wanted: Expected<'_>, headers: &Headers<'_>) -> Result<Option<u64>, Misfit> {
        total_length(wanted, headers)
    }

    #[test]
    fn only_the_answer_that_was_asked_for_is_taken() {
        let whole = Expected { from: 0, etag: Some("e"), total: None };
        let rest = Expected { from: 4, total: Some(10), ..whole };
        let headers = |etag, content_length, content_range| Headers { etag, content_length, content_range };
        for (name, wanted, headers, expected) in [
            ("the whole object", whole, headers(Some("\"e\""), Some(10), None), Some(Some(10))),
            ("no length", whole, headers(Some("e"), None, None), Some(None)),
            ("the whole object as a range", whole, headers(Some("e"), Some(10), Some("bytes 0-9/10")), Some(Some(10))),
            ("a part of it", whole, headers(Some("e"), Some(5), Some("bytes 0-4/10")), None),
            ("no ETag", whole, headers(None, Some(10), None), None),
            ("the rest", rest, headers(Some("e"), Some(6), Some("bytes 4-9/10")), Some(Some(10))),
            ("the rest without its length", rest, headers(Some("e"), None, Some("bytes 4-9/10")), Some(Some(10))),
            ("the rest with another length", rest, headers(Some("e"), Some(7), Some("bytes 4-9/10")), None),
            ("the whole instead of the rest", rest, headers(Some("e"), Some(10), None), None),
            ("another range", rest, headers(Some("e"), Some(5), Some("bytes 5-9/10")), None),
            ("less than the rest", rest, headers(Some("e"), Some(5), Some("bytes 4-8/10")), None),
            ("another length of the whole", rest, headers(Some("e"), Some(7), Some("bytes 4-10/11")), None),
            ("an unknown length of the whole", rest, headers(Some("e"), Some(6), Some("bytes 4-9/*")), None),
            (
                "a range of the greatest numbers",
                rest,
                headers(Some("e"), None, Some("bytes 4-18446744073709551615/0")),
                None,
            ),
            ("another content", rest, headers(Some("f"), Some(6), Some("bytes 4-9/10")), None),
        ] {
            assert_eq!(total(wanted, &headers).ok(), expected, "{name}");
        }
        let other = headers(Some("f"), Some(10), None);
        assert!(matches!(total(whole, &other), Err(Misfit::OtherContent(_))));
    }

    proptest! {
        #[test]
        fn what_is_taken_is_the_rest_of_the_object(
            from in 0_u64..6, first in 0_u64..6, last in 0_u64..8, of in 0_u64..8, length in proptest::option::of(0_i64..8),
        ) {
            let range = format!("bytes {first}-{last}/{of}");
            let headers = Headers { etag: Some("e"), content_length: length, content_range: Some(&range) };
            if let Ok(taken) = total_length(Expected { from, etag: Some("e"), total: Some(7) }, &headers) {
                prop_assert_eq!((taken, first, last + 1), (Some(7), from, 7));
                prop_assert!(length.is_none_or(|length| i64::try_from(7 - from) == Ok(length)));
            }
        }
    }
}
