//! The destination of dead letters, and the writing of them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use crate::{
    aws::Objects,
    retry::{UNLIMITED, retry},
    settings::S3Prefix,
};
use pipeline::{dead_letter::Letters, outcome::BatchError, record::ItemPosition};

/// The destination of dead letters.
#[derive(Debug, Clone)]
pub(super) enum DeadLetterSink {
    /// A bucket, where they are durable.
    Bucket { objects: Objects, at: S3Prefix },
    /// Memory only: the events are dead letters already. The caller that retries them decides about their object.
    Held(Arc<Mutex<BTreeMap<ItemPosition, Vec<u8>>>>),
}

impl DeadLetterSink {
    /// Writes dead letters, with retries until `until`.
    pub(super) async fn write(&self, letters: &Letters, until: Instant) -> Result<(), BatchError> {
        let (objects, at) = match self {
            Self::Bucket { objects, at } => (objects, at),
            Self::Held(held) => {
                let lines = letters.ndjson().split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec);
                let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
                held.extend(letters.positions().iter().copied().zip(lines));
                return Ok(());
            }
        };
        let (bucket, key) = (&at.bucket, at.key(&letters.key()));
        let what = format!("PUT s3://{bucket}/{key}");
        retry(until, UNLIMITED, &what, || objects.put(bucket, &key, letters.ndjson().to_vec())).await.map(drop)
    }
}
