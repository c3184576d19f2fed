//! The operations, with the error codes of S3.

use std::{
    future::poll_fn,
    io::{self, Write},
    path::Path,
    pin::Pin,
    sync::{Arc, PoisonError},
    time::Duration,
};

use futures_core::Stream;
use md5::{Digest, Md5};
use s3s::{
    S3Error, S3Request, S3Response, S3Result,
    dto::{
        CommonPrefix, DeleteObjectInput, DeleteObjectOutput, ETag, ETagCondition, GetObjectInput, GetObjectOutput,
        HeadObjectInput, HeadObjectOutput, ListObjectsV2Input, ListObjectsV2Output, Object as Listed, PutObjectInput,
        PutObjectOutput,
    },
    s3_error,
};

use super::{
    bucket::{Bucket, Object, UPLOAD_PREFIX},
    state::{S3Fault, State},
    stream::body,
};

pub(super) struct Operations {
    pub(super) state: Arc<State>,
}

/// The effect of the active faults on one request.
#[derive(Debug, Default)]
struct Trouble {
    slow_down: bool,
    cut: Option<u64>,
    wait: Option<Duration>,
}

impl Operations {
    fn bucket(&self, name: &str) -> S3Result<Bucket> {
        self.state.bucket(name).ok_or_else(|| s3_error!(NoSuchBucket, "The specified bucket does not exist"))
    }

    async fn open(&self, bucket: &str, key: &str, version: Option<&str>) -> S3Result<Object> {
        let (bucket, key) = (self.bucket(bucket)?, key.to_owned());
        if version.is_some_and(|version| version != "null") {
            return Err(s3_error!(NoSuchVersion, "The specified version does not exist."));
        }
        let opened = tokio::task::spawn_blocking(move || bucket.open(&key)).await;
        let object = opened.map_err(S3Error::internal_error)?.map_err(S3Error::internal_error)?;
        object.ok_or_else(|| s3_error!(NoSuchKey, "The specified key does not exist."))
    }

    fn trouble(&self, length: u64) -> Trouble {
        let mut faults = self.state.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let mut trouble = Trouble::default();
        for fault in faults.iter_mut() {
            match fault {
                S3Fault::SlowDown { times } if *times > 0 && !trouble.slow_down => {
                    *times -= 1;
                    trouble.slow_down = true;
                }
                S3Fault::CutAfter { bytes, times } if *times > 0 && trouble.cut.is_none() && *bytes < length => {
                    *times -= 1;
                    trouble.cut = Some(*bytes);
                }
                S3Fault::Slow(wait) => trouble.wait = Some(*wait),
                S3Fault::SlowDown { .. } | S3Fault::CutAfter { .. } => {}
            }
        }
        trouble
    }
}

fn holds(condition: &ETagCondition, etag: &str) -> bool {
    match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(tag) => tag.value() == etag,
    }
}

fn check(object: &Object, if_match: Option<&ETagCondition>, if_none_match: Option<&ETagCondition>) -> S3Result<()> {
    if if_match.is_some_and(|condition| !holds(condition, &object.etag)) {
        return Err(s3_error!(PreconditionFailed, "At least one of the pre-conditions you specified did not hold"));
    }
    if if_none_match.is_some_and(|condition| holds(condition, &object.etag)) {
        return Err(s3_error!(NotModified));
    }
    Ok(())
}

fn length(bytes: u64) -> Option<i64> {
    i64::try_from(bytes).ok()
}

#[async_trait::async_trait]
impl s3s::S3 for Operations {
    async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let input = request.input;
        self.state.count(|stats| stats.gets += 1);
        let object = self.open(&input.bucket, &input.key, input.version_id.as_deref()).await?;
        check(&object, input.if_match.as_ref(), input.if_none_match.as_ref())?;
        let whole = 0..object.size;
        let range = input.range.map(|range| range.check(object.size)).transpose()?;
        let content_range =
            range.as_ref().map(|range| format!("bytes {}-{}/{}", range.start, range.end - 1, object.size));
        let range = range.unwrap_or(whole);
        let trouble = self.trouble(range.end - range.start);
        if let Some(wait) = trouble.wait {
            tokio::time::sleep(wait).await;
        }
        if trouble.slow_down {
            return Err(s3_error!(SlowDown, "Please reduce your request rate."));
        }
        let sent = range.end - range.start;
        Ok(S3Response::new(GetObjectOutput {
            accept_ranges: Some("bytes".into()),
            content_length: length(sent),
            content_range,
            content_type: Some("application/octet-stream".into()),
            e_tag: Some(ETag::Strong(object.etag)),
            last_modified: Some(object.modified.into()),
            body: Some(body(Arc::clone(&self.state), object.file, range, trouble.cut)),
            ..GetObjectOutput::default()
        }))
    }

    async fn head_object(&self, request: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        let input = request.input;
        let object = self.open(&input.bucket, &input.key, input.version_id.as_deref()).await?;
        check(&object, input.if_match.as_ref(), input.if_none_match.as_ref())?;
        Ok(S3Response::new(HeadObjectOutput {
            accept_ranges: Some("bytes".into()),
            content_length: length(object.size),
            content_type: Some("application/octet-stream".into()),
            e_tag: Some(ETag::Strong(object.etag)),
            last_modified: Some(object.modified.into()),
            ..HeadObjectOutput::default()
        }))
    }

    async fn put_object(&self, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let input = request.input;
        let bucket = self.bucket(&input.bucket)?;
        let Some(path) = bucket.place(&input.key) else {
            return Err(s3_error!(InvalidArgument, "the key is no path inside the folder of the bucket"));
        };
        let folder = path.parent().unwrap_or(Path::new(".")).to_owned();
        let mut upload = blocking(move || {
            std::fs::create_dir_all(&folder)?;
            tempfile::Builder::new().prefix(UPLOAD_PREFIX).tempfile_in(folder)
        })
        .await?;
        let mut md5 = Md5::new();
        if let Some(mut body) = input.body {
            while let Some(chunk) = poll_fn(|context| Pin::new(&mut body).poll_next(context)).await {
                let chunk = chunk.map_err(|error| s3_error!(IncompleteBody, "the body was not received: {error}"))?;
                md5.update(&chunk);
                upload.write_all(&chunk).map_err(S3Error::internal_error)?;
            }
        }
        if let Some(condition) = &input.if_none_match {
            let key = input.key.clone();
            let present = blocking(move || bucket.open(&key)).await?;
            if present.is_some_and(|object| holds(condition, &object.etag)) {
                return Err(s3_error!(
                    PreconditionFailed,
                    "At least one of the pre-conditions you specified did not hold"
                ));
            }
        }
        blocking(move || upload.persist(path).map_err(|error| error.error)).await?;
        self.state.count(|stats| stats.puts += 1);
        let etag = hex::encode(md5.finalize());
        Ok(S3Response::new(PutObjectOutput { e_tag: Some(ETag::Strong(etag)), ..PutObjectOutput::default() }))
    }

    async fn delete_object(&self, request: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
        let bucket = self.bucket(&request.input.bucket)?;
        blocking(move || bucket.delete(&request.input.key)).await?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let bucket = self.bucket(&request.input.bucket)?;
        Ok(S3Response::new(blocking(move || list(&bucket, request.input)).await?))
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> S3Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(S3Error::internal_error)?.map_err(S3Error::internal_error)
}

/// One page. The continuation token is the last key or common prefix of the previous page.
fn list(bucket: &Bucket, input: ListObjectsV2Input) -> io::Result<ListObjectsV2Output> {
    let prefix = input.prefix.clone().unwrap_or_default();
    let max_keys = input.max_keys.unwrap_or(1000).clamp(0, 1000);
    let after = input.continuation_token.clone().or_else(|| input.start_after.clone()).unwrap_or_default();
    let delimiter = input.delimiter.clone().filter(|delimiter| !delimiter.is_empty());
    let (mut contents, mut prefixes) = (Vec::new(), Vec::<CommonPrefix>::new());
    let (mut last, mut next) = (None::<String>, None);
    for key in bucket.keys(&prefix)? {
        let rest = &key[prefix.len()..];
        let common = delimiter.as_ref().and_then(|delimiter| {
            rest.find(delimiter.as_str()).map(|at| key[..prefix.len() + at + delimiter.len()].to_owned())
        });
        let name = common.as_ref().unwrap_or(&key);
        if *name <= after || last.as_ref() == Some(name) {
            continue;
        }
        if i32::try_from(contents.len() + prefixes.len()).unwrap_or(i32::MAX) >= max_keys {
            next.clone_from(&last);
            break;
        }
        last = Some(name.clone());
        if common.is_some() {
            prefixes.push(CommonPrefix { prefix: common });
        } else if let Some(object) = bucket.open(&key)? {
            contents.push(Listed {
                key: Some(key),
                e_tag: Some(ETag::Strong(object.etag)),
                last_modified: Some(object.modified.into()),
                size: length(object.size),
                ..Listed::default()
            });
        }
    }
    Ok(ListObjectsV2Output {
        key_count: i32::try_from(contents.len() + prefixes.len()).ok(),
        is_truncated: Some(next.is_some()),
        next_continuation_token: next,
        contents: Some(contents),
        common_prefixes: Some(prefixes),
        name: Some(input.bucket),
        prefix: input.prefix,
        max_keys: Some(max_keys),
        continuation_token: input.continuation_token,
        start_after: input.start_after,
        delimiter: input.delimiter,
        ..ListObjectsV2Output::default()
    })
}
