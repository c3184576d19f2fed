//! Maps an item's answer to a verdict about its event: one table, by status, exception type and reason.
//!
//! In: the domain's answer to one item. Out: a verdict. A list of texts for faulty documents would never be complete, and a
//! faulty document that is missing from it would block its shard for ever. So this table lists the states of the domain. Every
//! other 400 is the document's fault if it occurs twice (docs/adr/0011). Deliberately absent: number and time of refusals
//! ([`super::refusals`]).

use super::response::{ItemError, ItemResult};

/// The meaning of one answer to an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemVerdict {
    /// Created by this request.
    Indexed,
    /// Already in the index.
    Duplicate,
    /// A `drop` processor of the domain's ingest pipeline did not want it.
    DroppedByDomain,
    /// The state of the domain is the cause, not the document. Send it again until it succeeds.
    DomainState,
    /// A 400 that names no known state of the domain. It is the document's fault if a second try also gets one.
    BadRequest,
    /// A 500. It is the document's fault if it persists while other documents are accepted.
    ServerError,
}

impl ItemResult {
    /// The verdict for this answer alone.
    ///
    /// An answer that is not listed is sent again: an unknown answer proves nothing about the document.
    pub fn verdict(&self) -> ItemVerdict {
        match (self.status, &self.error) {
            (201, None) => ItemVerdict::Indexed,
            (200, None) if self.result.as_deref() == Some("noop") => ItemVerdict::DroppedByDomain,
            (409, Some(error)) if error.error_type == "version_conflict_engine_exception" => ItemVerdict::Duplicate,
            (400, Some(error)) if error.is_domain_state() => ItemVerdict::DomainState,
            (400, _) => ItemVerdict::BadRequest,
            (500, _) => ItemVerdict::ServerError,
            _ => ItemVerdict::DomainState,
        }
    }

    /// Whether the document is in the index.
    pub fn is_accepted(&self) -> bool {
        matches!(self.verdict(), ItemVerdict::Indexed | ItemVerdict::Duplicate)
    }
}

impl ItemError {
    /// Whether a 400 with this error is a state of the domain. The table covers eleven engines.
    ///
    /// A reason is compared from its beginning. The rest of it can contain values of the document, and a document must not be able to
    /// imitate a missing pipeline.
    pub fn is_domain_state(&self) -> bool {
        match self.error_type.as_str() {
            // The limit of shards, reached when an index would be created. A document's own fault has other types.
            "validation_exception" | "index_closed_exception" => true,
            "illegal_argument_exception" => {
                let reason = self.reason.as_str();
                (reason.starts_with("pipeline with id [") && reason.ends_with("] does not exist"))
                    || reason.starts_with("no write index is defined for alias [")
                    || self.wants_create()
            }
            _ => false,
        }
    }

    /// Whether the item is for a data stream, which takes no other action than `create`.
    pub fn wants_create(&self) -> bool {
        self.error_type == "illegal_argument_exception"
            && self.reason.starts_with("only write ops with an op_type of create are allowed in data streams")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn result(status: u16, error_type: &str, reason: &str) -> ItemResult {
        let error = ItemError { error_type: error_type.into(), reason: reason.into(), caused_by: None };
        ItemResult { status, id: None, result: None, error: Some(error.into()) }
    }

    fn success(status: u16, result: Option<&str>) -> ItemVerdict {
        ItemResult { status, id: None, result: result.map(Into::into), error: None }.verdict()
    }

    #[test]
    fn an_accepted_item_is_indexed_or_was_dropped_by_a_processor_and_every_other_success_is_sent_again() {
        for (status, result, expected) in [
            (201, None, ItemVerdict::Indexed),
            (201, Some("created"), ItemVerdict::Indexed),
            (200, Some("noop"), ItemVerdict::DroppedByDomain),
            (200, None, ItemVerdict::DomainState),
            (200, Some("updated"), ItemVerdict::DomainState),
            (202, None, ItemVerdict::DomainState),
            (204, Some("noop"), ItemVerdict::DomainState),
        ] {
            assert_eq!(success(status, result), expected, "{status} {result:?}");
        }
        let contradiction = ItemResult { result: Some("noop".into()), ..result(200, "x", "y") };
        assert_eq!(contradiction.verdict(), ItemVerdict::DomainState, "a success with an error proves nothing");
        assert_eq!(result(201, "x", "y").verdict(), ItemVerdict::DomainState);
    }

    #[test]
    fn only_a_version_conflict_is_a_duplicate() {
        assert_eq!(result(409, "version_conflict_engine_exception", "").verdict(), ItemVerdict::Duplicate);
        assert_eq!(result(409, "snapshot_in_progress_exception", "").verdict(), ItemVerdict::DomainState);
        assert_eq!(success(409, None), ItemVerdict::DomainState);
    }

    #[test]
    fn a_document_cannot_pass_for_a_state_of_the_domain() {
        for reason in [
            "unable to convert [pipeline with id [x] does not exist] to long",
            "Provided Grok expressions do not match field value: [no write index is defined for alias [x]]",
            "pipeline with id [x] is angry",
        ] {
            assert_eq!(
                result(400, "illegal_argument_exception", reason).verdict(),
                ItemVerdict::BadRequest,
                "{reason}"
            );
        }
    }

    fn texts() -> impl Strategy<Value = (String, String)> {
        let types = prop_oneof![
            Just("mapper_parsing_exception".to_owned()),
            Just("illegal_argument_exception".to_owned()),
            Just("validation_exception".to_owned()),
            Just("index_closed_exception".to_owned()),
            Just("version_conflict_engine_exception".to_owned()),
            Just("fail_processor_exception".to_owned()),
            "[a-z_]{0,30}",
        ];
        let reasons = prop_oneof![
            Just("pipeline with id [p] does not exist".to_owned()),
            Just("no write index is defined for alias [a]. It may be disabled".to_owned()),
            Just("mapper [n] cannot be changed from type [long] to [float]".to_owned()),
            ".{0,60}",
        ];
        (types, reasons)
    }

    proptest! {
        #[test]
        fn a_state_of_the_domain_is_never_a_suspicion_against_the_document(
            status in prop_oneof![
                Just(401u16), Just(403), Just(404), Just(408), Just(409), Just(429), Just(502), Just(503), Just(504), 501u16..=599,
            ],
            (error_type, reason) in texts(),
        ) {
            let verdict = result(status, &error_type, &reason).verdict();
            let is_conflict = status == 409 && error_type == "version_conflict_engine_exception";
            prop_assert_eq!(verdict, if is_conflict { ItemVerdict::Duplicate } else { ItemVerdict::DomainState });
        }

        #[test]
        fn every_400_is_in_the_table_or_a_suspicion_against_the_document((error_type, reason) in texts()) {
            let result = result(400, &error_type, &reason);
            let is_state = result.error.as_deref().is_some_and(ItemError::is_domain_state);
            prop_assert_eq!(result.verdict(), if is_state { ItemVerdict::DomainState } else { ItemVerdict::BadRequest });
        }
    }
}
