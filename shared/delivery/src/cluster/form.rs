//! The form of `_bulk` requests that the domain accepts. It is learnt from the domain's refusals, so other domains cost no request.
//!
//! In: a refused request. Out: whether it is to be sent again in another form. Some engines need another form than the rest:
//! Elasticsearch 6 wants a type in the path; Elasticsearch 6.8 to 7.4 take a document without an id only by `index`, but a data stream
//! (from 7.9 on) takes it only by `create`. A domain that is upgraded while the process is warm refuses the old form, and
//! so the form is learnt again. Deliberately absent: the version of the engine. Nothing in an answer to `_bulk` tells it.

use std::sync::Mutex;

use pipeline::bulk::{ItemError, ItemResult};

/// After more changes without an answer, requests are sent again with pauses. So a component that refuses every form cannot make
/// them circle.
const MOST_CHANGES: u32 = 20;

/// The place of an index in a path with a type. No index can have a name with upper case, so an engine without types, which reads
/// `/NAME/_doc/_bulk` as a document of the id `_bulk`, refuses the request and creates nothing. The index of each item is in its action.
const NO_INDEX: &str = "MILLRACE";

/// The form of a `_bulk` request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Form {
    /// The path has a type (Elasticsearch 6).
    pub has_type: bool,
    /// A document without an id has the action `index`, not `create` (Elasticsearch 6.8 to 7.4).
    pub indexes_without_id: bool,
}

/// What a refused request says of its form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OfForm {
    /// Nothing.
    Nothing,
    /// The next request has another form, in which the same items are to be sent at once.
    Again,
    /// It was refused for its form, as others were in other forms: a later attempt may succeed. The items are not at fault.
    Later,
}

/// The form for the next request, and how often it changed since the last answer.
#[derive(Debug, Default)]
pub struct Forms(Mutex<(Form, u32)>);

impl Forms {
    /// The form for the next request.
    pub fn next(&self) -> Form {
        self.lock().0
    }

    /// Learns from the refusal of a whole request.
    pub fn refused(&self, sent: Form, status: u16, body: &[u8]) -> OfForm {
        let Some(wanted) = sent.refused(status, body) else { return OfForm::Nothing };
        match self.change(sent, wanted) {
            // A 403 may be about the rights after all.
            OfForm::Later if status == 403 => OfForm::Nothing,
            of_form => of_form,
        }
    }

    /// Learns from the answers to the items of a request.
    pub fn answered(&self, sent: Form, results: &[ItemResult]) {
        let mut state = self.lock();
        if state.0 == sent {
            state.1 = 0;
        }
        drop(state);
        if sent.indexes_without_id
            && results.iter().filter_map(|result| result.error.as_deref()).any(ItemError::wants_create)
        {
            self.change(sent, Form { indexes_without_id: false, ..sent });
        }
    }

    /// Changes the form of the next request, unless the answer to another request has changed it already.
    fn change(&self, sent: Form, wanted: Form) -> OfForm {
        let mut state = self.lock();
        if state.0 == sent {
            *state = (wanted, state.1.saturating_add(1));
            tracing::info!(?wanted, "the domain wants another form of _bulk");
        }
        if state.1 > MOST_CHANGES { OfForm::Later } else { OfForm::Again }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, (Form, u32)> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Form {
    /// The path of a `_bulk` request. `details` asks for the id and the result of each item. Only the fields that are read are
    /// requested. Escaped as the canonical form of signatures requires.
    pub fn path(self, details: bool) -> &'static str {
        macro_rules! path {
            ($before:literal, $more:literal) => {
                concat!($before, "/_bulk?filter_path=errors%2Citems.%2A.status%2Citems.%2A.error", $more)
            };
        }
        match (self.has_type, details) {
            (false, false) => path!("", ""),
            (false, true) => path!("", "%2Citems.%2A.result%2Citems.%2A._id"),
            (true, false) => path!("/MILLRACE/_doc", ""),
            (true, true) => path!("/MILLRACE/_doc", "%2Citems.%2A.result%2Citems.%2A._id"),
        }
    }

    /// The form that the refusal of a whole request of this form demands, if it is about the form.
    fn refused(self, status: u16, body: &[u8]) -> Option<Self> {
        if status == 403 && self.has_type {
            // An engine without types that checks the right to write into the index of the path before it reads the name.
            return Some(Self::default());
        }
        if !matches!(status, 400 | 404 | 405) {
            return None;
        }
        let error = ItemError::of_request(body)?;
        let reason = error.reason.as_str();
        if self.has_type {
            // An engine without types, which reads the path as a document, or does not have it.
            let is_about_path = reason.contains(&format!("[{NO_INDEX}]")) || reason.contains(&format!("/{NO_INDEX}/"));
            if is_about_path {
                return Some(Self::default());
            }
        }
        if error.error_type != "action_request_validation_exception" {
            return None;
        }
        // The first item is at fault. Otherwise this is not about the form, or not only.
        let first = reason.strip_prefix("Validation Failed: 1: ")?;
        if !self.has_type && first.starts_with("type is missing") {
            return Some(Self { has_type: true, indexes_without_id: true });
        }
        let lacks_id = first.starts_with("an id must be provided") || first.starts_with("an id is required");
        (lacks_id && !self.indexes_without_id).then_some(Self { indexes_without_id: true, ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Form = Form { has_type: false, indexes_without_id: false };
    const INDEXING: Form = Form { has_type: false, indexes_without_id: true };
    const TYPED: Form = Form { has_type: true, indexes_without_id: true };

    /// Answers of real engines.
    const NO_TYPE: &str = r#"{"error":{"root_cause":[],"type":"action_request_validation_exception","reason":"Validation Failed: 1: type is missing;2: type is missing;3: an id is required for a CREATE operation;4: an id must be provided if version type or value are set;"},"status":400}"#;
    const NO_ID: &str = r#"{"error":{"root_cause":[],"type":"action_request_validation_exception","reason":"Validation Failed: 1: an id must be provided if version type or value are set;"},"status":400}"#;
    const NO_NAME: &str = r#"{"error":{"root_cause":[],"type":"invalid_index_name_exception","reason":"Invalid index name [MILLRACE], must be lowercase","index":"MILLRACE","index_uuid":"_na_"},"status":400}"#;

    #[test]
    fn a_refusal_of_the_form_names_the_form_to_use_and_any_other_refusal_does_not() {
        let no_handler = r#"{"error":"no handler found for uri [/MILLRACE/_doc/_bulk?x] and method [POST]"}"#;
        let not_allowed = r#"{"error":"Incorrect HTTP method for uri [/MILLRACE/_doc/_bulk] and method [POST], allowed: [GET]","status":405}"#;
        let no_index =
            r#"{"error":{"type":"index_not_found_exception","reason":"no such index [MILLRACE]"},"status":404}"#;
        let other = r#"{"error":{"type":"illegal_argument_exception","reason":"type is missing"},"status":400}"#;
        let too_late = NO_ID.replace("1: an id", "1: a fault;2: an id");
        for (sent, status, body, expected) in [
            (PLAIN, 400, NO_TYPE, Some(TYPED)),
            (INDEXING, 400, NO_TYPE, Some(TYPED)),
            (PLAIN, 400, NO_ID, Some(INDEXING)),
            (Form { has_type: true, indexes_without_id: false }, 400, NO_ID, Some(TYPED)),
            (TYPED, 400, NO_NAME, Some(PLAIN)),
            (TYPED, 400, no_handler, Some(PLAIN)),
            (TYPED, 405, not_allowed, Some(PLAIN)),
            (TYPED, 404, no_index, Some(PLAIN)),
            (TYPED, 400, NO_TYPE, None),
            (TYPED, 400, NO_ID, None),
            (INDEXING, 400, NO_ID, None),
            (PLAIN, 400, NO_NAME, None),
            (TYPED, 400, other, None),
            (PLAIN, 400, other, None),
            (PLAIN, 400, too_late.as_str(), None),
            (PLAIN, 403, NO_TYPE, None),
            (INDEXING, 403, NO_TYPE, None),
            (
                TYPED,
                403,
                r#"{"error":{"type":"security_exception","reason":"no permissions"},"status":403}"#,
                Some(PLAIN),
            ),
            (TYPED, 503, NO_NAME, None),
            (PLAIN, 400, "", None),
            (TYPED, 404, "<html>MILLRACE</html>", None),
        ] {
            assert_eq!(sent.refused(status, body.as_bytes()), expected, "{sent:?} {status} {body}");
        }
    }

    #[test]
    fn a_request_that_others_overtook_is_sent_again_without_another_change() {
        let forms = Forms::default();
        assert_eq!(forms.refused(PLAIN, 400, NO_TYPE.as_bytes()), OfForm::Again);
        assert_eq!(forms.refused(PLAIN, 400, NO_TYPE.as_bytes()), OfForm::Again);
        assert_eq!(forms.lock().1, 1);
        assert_eq!(forms.next(), TYPED);
        assert_eq!(forms.refused(TYPED, 400, NO_NAME.as_bytes()), OfForm::Again, "the domain was upgraded");
        assert_eq!(forms.next(), PLAIN);
    }

    #[test]
    fn a_component_that_refuses_every_form_does_not_make_requests_circle() {
        let forms = Forms::default();
        let refused = |forms: &Forms| {
            let sent = forms.next();
            forms.refused(sent, 400, if sent.has_type { NO_NAME } else { NO_TYPE }.as_bytes())
        };
        for _ in 0..2 {
            let mut requests = 0;
            while refused(&forms) == OfForm::Again {
                requests += 1;
            }
            assert_eq!(requests, MOST_CHANGES);
            assert_eq!(refused(&forms), OfForm::Later, "the items are not at fault");
            // One name in front of two engines: the one has answered, and the other may refuse again.
            forms.answered(forms.next(), &[]);
        }
    }

    #[test]
    fn a_data_stream_brings_create_back() {
        let reason = "only write ops with an op_type of create are allowed in data streams";
        let error =
            ItemError { error_type: "illegal_argument_exception".into(), reason: reason.into(), caused_by: None };
        let results = [ItemResult { status: 400, id: None, result: None, error: Some(error.into()) }];
        for (sent, after) in [(INDEXING, PLAIN), (TYPED, Form { has_type: true, indexes_without_id: false })] {
            let forms = Forms(Mutex::new((sent, 0)));
            forms.answered(sent, &[]);
            assert_eq!(forms.next(), sent);
            forms.answered(sent, &results);
            assert_eq!(forms.next(), after);
            forms.answered(sent, &results);
            assert_eq!(forms.next(), after);
        }
    }

    #[test]
    fn a_path_names_what_is_read() {
        assert_eq!(PLAIN.path(false), "/_bulk?filter_path=errors%2Citems.%2A.status%2Citems.%2A.error");
        assert!(TYPED.path(true).starts_with(&format!("/{NO_INDEX}/_doc/_bulk?filter_path=errors")));
        assert!(TYPED.path(true).ends_with("items.%2A._id"));
    }
}
