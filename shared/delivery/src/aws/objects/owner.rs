//! The account that must own a bucket. S3 compares it, and refuses the request with 403 if another account owns the
//! bucket (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html>).

use std::sync::Arc;

use pipeline::outcome::BatchError;

/// The account, if the rules name one.
#[derive(Debug, Clone, Default)]
pub(super) struct Owner(Option<Arc<str>>);

impl Owner {
    pub(super) fn of(account: Option<&str>) -> Self {
        Self(account.map(Arc::from))
    }

    /// The value of `x-amz-expected-bucket-owner`.
    pub(super) fn header(&self) -> Option<String> {
        self.0.as_deref().map(str::to_owned)
    }

    /// Adds to a refusal that the owner may be its reason. S3 does not say which of the reasons it is.
    pub(super) fn explain(&self, error: BatchError) -> BatchError {
        match (&self.0, error) {
            (Some(owner), BatchError::Permanent { what, code, reason })
                if matches!(&*code, "" | "AccessDenied" | "Forbidden") =>
            {
                let reason = format!(
                    "{reason}; `owner` in pipeline.yaml requires a bucket of the account {owner}: either another \
                     account owns the bucket, or this role may not read it"
                );
                BatchError::Permanent { what, code, reason }
            }
            (_, error) => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_refusal_that_the_owner_can_explain_names_the_owner() {
        let refused = |code: &str| BatchError::Permanent { what: "GET".into(), code: code.into(), reason: "no".into() };
        let owner = Owner::of(Some("111122223333"));
        for (owner, error, expected) in [
            (&owner, refused("AccessDenied"), true),
            // HEAD has no body, so no code.
            (&owner, refused(""), true),
            (&owner, refused("NoSuchBucket"), false),
            (&owner, BatchError::retryable("GET", "no"), false),
            (&Owner::default(), refused("AccessDenied"), false),
        ] {
            let explained = owner.explain(error).to_string();
            assert_eq!(explained.contains("111122223333"), expected, "{explained}");
            assert!(explained.contains("no"), "{explained}");
        }
    }
}
