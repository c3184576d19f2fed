//! The destination of dead letters, and the writing of them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::time::Instant;

use crate::{aws::Objects, retry::Backoff, settings::S3Prefix};
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
    pub(super) async fn write(
        &self,
        letters: &Letters,
        backoff: &mut Backoff,
        until: Instant,
    ) -> Result<(), BatchError> {
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
        loop {
            let what = || format!("PUT s3://{bucket}/{key}");
            let put = objects.put(bucket, &key, letters.ndjson().to_vec());
            let error = match tokio::time::timeout_at(until, put).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error @ BatchError::Permanent { .. })) => return Err(error),
                Ok(Err(error)) => error,
                Err(_) => BatchError::Retryable {
                    what: what(),
                    reason: "no answer before the deadline".into(),
                    retry_after: None,
                },
            };
            let pause = backoff.next_pause(None);
            if Instant::now() + pause >= until {
                return Err(error);
            }
            tracing::warn!(position = what(), %error, "dead letters could not be written, trying again");
            tokio::time::sleep(pause).await;
        }
    }
}
