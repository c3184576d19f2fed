//! An S3 on folders, served on 127.0.0.1: a bucket is a folder, a key is a path inside it.
//!
//! Signatures are checked. It implements `GetObject` (`Range`, `If-Match`), `HeadObject`, `PutObject`, `ListObjectsV2`
//! and `DeleteObject`. Objects are streamed. Faults can be added. Deliberately absent: versions, multipart uploads,
//! object metadata, virtual-host addressing, and any path outside the folder (`..`, links that lead out).

mod bucket;
mod operations;
mod state;
mod stream;

use std::{
    io,
    path::Path,
    sync::{Arc, PoisonError},
};

use aws_credential_types::Credentials;
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};

use self::{bucket::Bucket, operations::Operations, state::State};
pub use self::{
    bucket::{UPLOAD_PREFIX, etag},
    state::{S3Fault, S3Stats},
};
use crate::server::Server;

/// A running S3. Dropping it stops it; the folders stay.
#[derive(Debug)]
pub struct S3 {
    server: Server,
    state: Arc<State>,
}

impl S3 {
    /// Serves on a free port. Every request has to be signed with these credentials.
    ///
    /// # Errors
    /// The port could not be bound.
    pub async fn start(credentials: &Credentials) -> io::Result<Self> {
        let state = Arc::new(State::default());
        let mut builder = S3ServiceBuilder::new(Operations { state: Arc::clone(&state) });
        builder.set_auth(SimpleAuth::from_single(credentials.access_key_id(), credentials.secret_access_key()));
        let server = Server::start(builder.build()).await?;
        Ok(Self { server, state })
    }

    /// The value for `AWS_ENDPOINT_URL_S3`. SDKs use path-style requests, since the host is an IP address.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Serves the files of a folder as the objects of a bucket. Requests for names shorter than 3 characters are
    /// refused.
    pub fn add_bucket(&self, name: &str, folder: &Path) {
        let mut buckets = self.state.buckets.write().unwrap_or_else(PoisonError::into_inner);
        buckets.insert(name.to_owned(), Bucket::new(Some(folder.to_owned())));
    }

    /// Serves one file in place, under its own key. A missing bucket is created.
    pub fn add_object(&self, bucket: &str, key: &str, file: &Path) {
        let mut buckets = self.state.buckets.write().unwrap_or_else(PoisonError::into_inner);
        buckets.entry(bucket.to_owned()).or_insert_with(|| Bucket::new(None)).add(key, file);
    }

    /// Adds a fault. Several may be active. They take effect in the order in which they were added.
    pub fn fail(&self, fault: S3Fault) {
        self.state.faults.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
    }

    /// Removes all faults.
    pub fn heal(&self) {
        self.state.faults.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The counts so far.
    pub fn stats(&self) -> S3Stats {
        *self.state.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
