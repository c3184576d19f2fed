//! The indices of data streams and of aliases that roll over, and which of them may hold an event already.
//!
//! In: the name that a dataset writes to, and the arrival of an event. Out: the indices that took writes at or after the
//! arrival. In the usual case that is only the one that takes writes now, and the domain finds a duplicate there by itself.
//! Deliberately absent: the look-up of ids in them (`send::stored`).

mod view;

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::Mutex;

pub(super) use self::view::View;
use crate::cluster::Cluster;
use pipeline::outcome::BatchError;

/// So long the first request of a body relies on an answer about the indices. An event that is delivered a second time within
/// this time after a rollover may be indexed twice.
const MAX_AGE: Duration = Duration::from_secs(1);

/// The indices of each name, as this process read them last.
#[derive(Debug, Default)]
pub(super) struct Rollovers(Mutex<HashMap<String, Known>>);

#[derive(Debug)]
struct Known {
    /// When the request was sent.
    asked: Instant,
    view: Arc<View>,
}

impl Rollovers {
    /// The indices of a name. Asks the domain if the last answer is older than a second, or if `is_retry` is set: a request
    /// that failed may have met a rollover.
    pub(super) async fn view(&self, cluster: &Cluster, name: &str, is_retry: bool) -> Result<Arc<View>, BatchError> {
        let now = Instant::now();
        // Deliveries that wait here use the answer to the first one.
        let mut known = self.0.lock().await;
        let is_new = |known: &&Known| if is_retry { known.asked >= now } else { known.asked + MAX_AGE >= now };
        if let Some(known) = known.get(name).filter(is_new) {
            return Ok(Arc::clone(&known.view));
        }
        let asked = Instant::now();
        let view = Arc::new(View::new(cluster.backing_indices(name).await?));
        known.insert(name.to_owned(), Known { asked, view: Arc::clone(&view) });
        Ok(view)
    }
}
