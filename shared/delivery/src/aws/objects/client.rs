//! The calls to S3 that need no care with their answers: list objects, write dead letters, read and write small
//! documents.

use aws_config::SdkConfig;
use aws_sdk_s3::{
    primitives::ByteStream,
    types::{EncodingType, OptionalObjectAttributes::RestoreStatus},
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::{
    super::error::{batch_error, status},
    listed::{Listed, Page, listed},
    owner::Owner,
    region::Regions,
};
use pipeline::outcome::BatchError;

/// S3's client.
#[derive(Debug, Clone)]
pub struct Objects {
    pub(super) regions: Regions,
    /// The account that must own the bucket of every request.
    pub(super) owner: Owner,
}

/// An object from a notification.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ObjectRef {
    /// The bucket's name.
    pub bucket: String,
    /// The key, decoded.
    pub key: String,
    /// The version to read, if the bucket keeps versions.
    pub version: Option<String>,
    /// The entity tag without quotes. Only this content is read.
    pub etag: Option<String>,
}

impl std::fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)
    }
}

impl Objects {
    /// A client of the configuration's endpoint.
    pub fn new(config: &SdkConfig) -> Self {
        Self { regions: Regions::new(config), owner: Owner::default() }
    }

    /// The same client for buckets of this account. S3 refuses the requests if another account owns the bucket.
    #[must_use]
    pub fn owned_by(&self, account: Option<&str>) -> Self {
        Self { regions: self.regions.clone(), owner: Owner::of(account) }
    }

    /// Writes one object. Returns its entity tag without quotes.
    ///
    /// # Errors
    /// Any failure. The object may be missing.
    pub async fn put(&self, bucket: &str, key: &str, body: Vec<u8>) -> Result<String, BatchError> {
        let request = self.regions.own().put_object().bucket(bucket).key(key).content_type("application/x-ndjson");
        match request.body(ByteStream::from(body)).send().await {
            Ok(output) => Ok(output.e_tag().unwrap_or_default().trim_matches('"').to_owned()),
            Err(error) => Err(batch_error(format!("PUT s3://{bucket}/{key}"), &error)),
        }
    }

    /// The objects whose keys begin with `prefix` and come after `start_after`, at most 1,000 of them. `start_after`
    /// may be any key, even a deleted one, so the last key of a listing resumes it at any later time.
    ///
    /// # Errors
    /// Permanent if the bucket is missing or may not be listed (`s3:ListBucket`), retryable for all else.
    pub async fn list(&self, bucket: &str, prefix: &str, start_after: Option<&str>) -> Result<Page, BatchError> {
        let answer = self.regions.send(bucket, |client| {
            let request = client.list_objects_v2().bucket(bucket).prefix(prefix);
            let request = request.set_start_after(start_after.map(str::to_owned));
            let request = request.set_expected_bucket_owner(self.owner.header());
            // Keys may hold characters that XML does not allow. The SDK does not decode the keys of this encoding.
            request.encoding_type(EncodingType::Url).optional_object_attributes(RestoreStatus).send()
        });
        let output = match answer.await {
            Ok(output) => output,
            Err(error) => {
                let failed = batch_error(format!("ListObjectsV2 s3://{bucket}/{prefix}"), &error);
                return Err(self.owner.explain(failed));
            }
        };
        let objects: Vec<Listed> = output.contents().iter().filter_map(listed).collect();
        let next = match (output.is_truncated(), objects.last()) {
            (Some(true), Some(last)) => Some(last.key.clone()),
            (Some(true), None) => {
                let what = format!("ListObjectsV2 s3://{bucket}/{prefix}");
                return Err(BatchError::retryable(what, "a page without keys, and more to come"));
            }
            _ => None,
        };
        Ok(Page { objects, next })
    }

    /// Reads a small object with its entity tag. `None` if there is none.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn get(&self, bucket: &str, key: &str) -> Result<Option<(String, Vec<u8>)>, BatchError> {
        let what = || format!("GET s3://{bucket}/{key}");
        let output = match self.regions.own().get_object().bucket(bucket).key(key).send().await {
            Ok(output) => output,
            Err(error) if error.code() == Some("NoSuchKey") => return Ok(None),
            Err(error) => return Err(batch_error(what(), &error)),
        };
        let etag = output.e_tag().unwrap_or_default().to_owned();
        match output.body.collect().await {
            Ok(bytes) => Ok(Some((etag, bytes.to_vec()))),
            Err(error) => Err(BatchError::retryable(what(), error.to_string())),
        }
    }

    /// Writes a small object over the one with the entity tag `over`, or a new one without `over`. Returns the new
    /// entity tag, or `None` if another content is there.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn put_over(
        &self,
        bucket: &str,
        key: &str,
        body: Vec<u8>,
        over: Option<&str>,
    ) -> Result<Option<String>, BatchError> {
        let request = self.regions.own().put_object().bucket(bucket).key(key).content_type("application/json");
        let request = match over {
            Some(etag) => request.if_match(etag),
            None => request.if_none_match("*"),
        };
        match request.body(ByteStream::from(body)).send().await {
            Ok(output) => Ok(Some(output.e_tag().unwrap_or_default().to_owned())),
            // 409: two writes at once. 404: the object was deleted since.
            Err(error) if matches!(status(&error), Some(404 | 409 | 412)) => Ok(None),
            Err(error) => Err(batch_error(format!("PUT s3://{bucket}/{key}"), &error)),
        }
    }

    /// Deletes one object. A missing object is not an error. In a bucket with versions this leaves a delete marker.
    ///
    /// # Errors
    /// Any failure. The object may or may not still exist.
    pub async fn delete(&self, bucket: &str, key: &str) -> Result<(), BatchError> {
        match self.regions.own().delete_object().bucket(bucket).key(key).send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(batch_error(format!("DELETE s3://{bucket}/{key}"), &error)),
        }
    }
}
