//! Opens an object at a byte, and rejects an answer that does not match the request.
//!
//! Out: the bytes from there on, and how to know their end. The end is known by the length in S3's headers, or by HEAD
//! if GET does not give the length. Without a length only a proper last chunk is the end. Deliberately absent: opening
//! again (`source::s3::fetch`).

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use aws_sdk_s3::{
    operation::{
        get_object::{GetObjectError, GetObjectOutput},
        head_object::HeadObjectOutput,
    },
    primitives::ByteStream,
    types::{StorageClass, error::InvalidObjectState},
};
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{Intercept, context::BeforeDeserializationInterceptorContextRef},
        orchestrator::HttpResponse,
        result::SdkError,
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::{config_bag::ConfigBag, error::metadata::ProvideErrorMetadata};

use super::{
    super::error::{batch_error, status},
    answer::{Expected, Headers, Misfit, total_length},
    client::{ObjectRef, Objects},
};
use pipeline::outcome::BatchError;

/// An object that is being read.
#[derive(Debug)]
pub struct Opened {
    /// The entity tag without quotes.
    pub etag: String,
    /// The version read, if the bucket keeps versions.
    pub version: Option<String>,
    /// S3's `LastModified`, in milliseconds since the epoch.
    pub last_modified_ms: i64,
    /// The length of the whole object. `None` if S3 does not give it.
    pub total: Option<u64>,
    /// Whether a last chunk marks the end of the body. Then a broken body can be distinguished from a complete one.
    pub is_chunked: bool,
    /// The bytes from the requested one on.
    pub body: ByteStream,
}

/// Why an object could not be opened.
#[derive(Debug)]
pub enum OpenError {
    /// It was deleted, or its content was replaced: the content of the notification will never return.
    Gone(String),
    /// It is archived: it cannot be read before it is restored, which may never happen.
    Archived(String),
    /// Anything else.
    Failed(BatchError),
}

impl Objects {
    /// Opens `object` at byte `from`: exactly its version, or without one exactly the content of its ETag. `total` is
    /// its length, if an earlier answer gave it.
    ///
    /// # Errors
    /// [`OpenError::Gone`] if a retry can't help and there is no error in the configuration. [`OpenError::Archived`] if
    /// the object has to be restored first. Any other 403 is neither: without `ListBucket` it also hides a missing
    /// object, so it counts as configuration (permanent). An answer that does not match the request is a retryable
    /// failure.
    pub async fn open(&self, object: &ObjectRef, from: u64, total: Option<u64>) -> Result<Opened, OpenError> {
        let chunked = Chunked::default();
        let result = self.regions.send(&object.bucket, |client| {
            client
                .get_object()
                .bucket(&object.bucket)
                .key(&object.key)
                .set_version_id(object.version.clone())
                .set_if_match(if_match(object))
                .set_range((from > 0).then(|| format!("bytes={from}-")))
                .set_expected_bucket_owner(self.owner.header())
                .customize()
                .interceptor(chunked.clone())
                .send()
        });
        let wanted = Expected { from, etag: object.etag.as_deref(), total };
        match result.await {
            Ok(output) => self.checked(object, wanted, output, chunked.is_set()).await,
            // The object may end exactly at this byte.
            Err(error) if status(&error) == Some(416) && from > 0 => self.at_the_end(object, wanted).await,
            Err(error) => match error.as_service_error() {
                Some(GetObjectError::InvalidObjectState(state)) => Err(OpenError::Archived(archived(object, state))),
                _ => Err(self.refused(object, "GET", &error)),
            },
        }
    }

    async fn checked(
        &self,
        object: &ObjectRef,
        wanted: Expected<'_>,
        output: GetObjectOutput,
        is_chunked: bool,
    ) -> Result<Opened, OpenError> {
        let headers = Headers {
            etag: output.e_tag(),
            content_length: output.content_length(),
            content_range: output.content_range(),
        };
        let mut total = match total_length(wanted, &headers) {
            Ok(total) => total,
            Err(misfit) => return Err(self.misfit(object, misfit).await),
        };
        if total.is_none() {
            total = self.length_by_head(object, wanted.etag.or(output.e_tag())).await?;
        }
        Ok(Opened {
            etag: output.e_tag().unwrap_or_default().trim_matches('"').to_owned(),
            version: output.version_id().filter(|version| *version != "null").map(str::to_owned),
            last_modified_ms: output.last_modified().and_then(|at| at.to_millis().ok()).unwrap_or_default(),
            total,
            is_chunked,
            body: output.body,
        })
    }

    /// Handles a 416. The object is read to its end only if HEAD gives the length that was read.
    async fn at_the_end(&self, object: &ObjectRef, wanted: Expected<'_>) -> Result<Opened, OpenError> {
        let output = self.head(object).await?;
        let headers = Headers { etag: output.e_tag(), content_length: output.content_length(), content_range: None };
        match total_length(Expected { from: 0, ..wanted }, &headers) {
            Ok(Some(total)) if total == wanted.from => Ok(Opened {
                etag: output.e_tag().unwrap_or_default().trim_matches('"').to_owned(),
                version: object.version.clone(),
                last_modified_ms: output.last_modified().and_then(|at| at.to_millis().ok()).unwrap_or_default(),
                total: Some(total),
                is_chunked: false,
                body: ByteStream::default(),
            }),
            Ok(total) => {
                let reason = format!("416 at byte {} of an object of {total:?} bytes", wanted.from);
                Err(OpenError::Failed(retryable(object, reason)))
            }
            Err(misfit) => Err(self.misfit(object, misfit).await),
        }
    }

    /// The object's length by HEAD. `None` if HEAD does not give it either, or answers for another content.
    async fn length_by_head(&self, object: &ObjectRef, etag: Option<&str>) -> Result<Option<u64>, OpenError> {
        match self.head(object).await {
            Ok(output) => {
                let headers =
                    Headers { etag: output.e_tag(), content_length: output.content_length(), content_range: None };
                let etag = etag.map(|etag| etag.trim_matches('"'));
                Ok(total_length(Expected { from: 0, etag, total: None }, &headers).ok().flatten())
            }
            Err(OpenError::Failed(error)) => {
                tracing::warn!(position = %object, %error, "S3 gives the object's length neither by GET nor by HEAD");
                Ok(None)
            }
            Err(never) => Err(never),
        }
    }

    /// Handles an answer with another ETag. It may be an error on the way: the object was replaced only if HEAD
    /// confirms it.
    async fn misfit(&self, object: &ObjectRef, misfit: Misfit) -> OpenError {
        match misfit {
            Misfit::Wrong(reason) => OpenError::Failed(retryable(object, reason)),
            Misfit::OtherContent(reason) => match self.head(object).await {
                Ok(output) if is_other(object, &output) => OpenError::Gone(replaced(object)),
                Ok(_) | Err(OpenError::Failed(_)) => OpenError::Failed(retryable(object, reason)),
                Err(never) => never,
            },
        }
    }

    async fn head(&self, object: &ObjectRef) -> Result<HeadObjectOutput, OpenError> {
        let answer = self.regions.send(&object.bucket, |client| {
            let request = client.head_object().bucket(&object.bucket).key(&object.key);
            let request = request.set_version_id(object.version.clone()).set_if_match(if_match(object));
            request.set_expected_bucket_owner(self.owner.header()).send()
        });
        answer.await.map_err(|error| self.refused(object, "HEAD", &error))
    }

    fn refused<E>(&self, object: &ObjectRef, method: &str, error: &SdkError<E, HttpResponse>) -> OpenError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        match (status(error), error.code().unwrap_or_default()) {
            // HEAD has no body, so it cannot distinguish a missing object from a missing bucket. Only GET can.
            (Some(404), "NoSuchKey" | "NoSuchVersion") => OpenError::Gone(format!("{object} is gone (404)")),
            // The version is a delete marker.
            (Some(405), "MethodNotAllowed") => OpenError::Gone(format!("{object} is a delete marker")),
            (Some(412), _) => OpenError::Gone(replaced(object)),
            _ => OpenError::Failed(self.owner.explain(batch_error(format!("{method} {object}"), error))),
        }
    }
}

/// Why an archived object cannot be read, and what brings it.
fn archived(object: &ObjectRef, state: &InvalidObjectState) -> String {
    let class = state.storage_class().map_or("unknown", StorageClass::as_str);
    let tier = state.access_tier().map(|tier| format!(", access tier {}", tier.as_str())).unwrap_or_default();
    format!(
        "{object} is archived (storage class {class}{tier}): restore it. The notification of its restoration brings it, or \
         a replay of this dead letter"
    )
}

fn if_match(object: &ObjectRef) -> Option<String> {
    object.etag.as_ref().map(|etag| format!("\"{etag}\""))
}

/// Whether HEAD shows another content of an object without versions.
fn is_other(object: &ObjectRef, output: &HeadObjectOutput) -> bool {
    let etag = output.e_tag().map(|etag| etag.trim_matches('"'));
    object.version.is_none() && etag.is_some_and(|etag| object.etag.as_deref().is_some_and(|wanted| wanted != etag))
}

fn replaced(object: &ObjectRef) -> String {
    format!("{object} was replaced: its content no longer has the ETag of the notification")
}

fn retryable(object: &ObjectRef, reason: String) -> BatchError {
    BatchError::retryable(format!("GET {object}"), reason)
}

/// Records whether an answer comes in chunks, since the SDK's output does not contain it.
#[derive(Debug, Clone, Default)]
struct Chunked(Arc<AtomicBool>);

impl Chunked {
    fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl Intercept for Chunked {
    fn name(&self) -> &'static str {
        "Chunked"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let encoding = context.response().headers().get("transfer-encoding");
        let is_chunked = encoding.is_some_and(|encoding| encoding.to_ascii_lowercase().contains("chunked"));
        // The last attempt counts, since the SDK retries a failed one.
        self.0.store(is_chunked, Ordering::Release);
        Ok(())
    }
}
