//! Produces and delivers, side by side, until both are over: the bodies that a producer seals are each delivered on their
//! own, and what became of all of them is summed up.

use std::sync::Arc;

use tokio::{runtime::Handle, sync::Semaphore, sync::mpsc, time::Instant};

use super::{
    deliveries::{Deliveries, Sealed},
    marker::Marker,
    pool::Pool,
    produce::Bodies,
    send::{DeadLetterSink, Failure, Sender},
    settle::Settlement,
    turns::Turn,
};
use crate::{
    aws::{Aws, Secrets},
    cluster::Cluster,
    lambda::Deadline,
    settings::{Compression, Settings},
};
use pipeline::{
    outcome::{ConfigError, Fault},
    record::{ItemPosition, Origin},
    rules::{Dataset, Datasets},
    shape::HashKey,
};

/// The user's rules, and the key that they hash by, from the secret that the settings name.
///
/// # Errors
/// Every fault of pipeline.yaml, or a key that cannot be read.
pub async fn datasets(
    pipeline: &std::path::Path,
    hash_key_secret: Option<&str>,
    aws: &Aws,
) -> Result<Datasets, ConfigError> {
    let key = match hash_key_secret {
        Some(secret) => Some(hash_key(&aws.secrets, secret).await?),
        None => None,
    };
    Datasets::load(pipeline, key.as_ref())
}

/// Reads the key for `hash`.
pub(super) async fn hash_key(secrets: &Secrets, secret: &str) -> Result<HashKey, ConfigError> {
    let key = match secrets.key(secret).await {
        Ok(bytes) => HashKey::new(&bytes).map_err(|weak| weak.to_string()),
        Err(error) => Err(error.to_string()),
    };
    key.map_err(|message| ConfigError { faults: vec![Fault { place: "MILLRACE_HASH_KEY".into(), message }] })
}

/// What every producer of a function shares: the bodies, and where they go.
#[derive(Debug)]
pub(super) struct Carrier {
    pub(super) sender: Arc<Sender>,
    pool: Arc<Pool>,
    marker: Arc<Marker>,
}

impl Carrier {
    pub(super) fn new(settings: &Settings, aws: &Aws) -> Result<Self, ConfigError> {
        let vcpus = settings.vcpus();
        Ok(Self {
            sender: Arc::new(Sender {
                cluster: Arc::new(Cluster::new(settings, aws)?),
                letterbox: DeadLetterSink::Bucket { objects: aws.objects.clone(), at: settings.dead_letters.clone() },
                gzip: settings.compression == Compression::Gzip,
                encoders: Arc::new(Semaphore::new(vcpus)),
                suspects: Arc::default(),
            }),
            // One body for each request in flight, and one for each producer to fill meanwhile.
            pool: Arc::new(Pool::new(settings.max_in_flight + vcpus, settings.max_body_bytes)),
            marker: Arc::new(Marker::new(settings, aws)),
        })
    }

    /// Does the work of one invocation. Where the domain refused all of it, a mark for the brake is left.
    pub(super) async fn invocation<T>(&self, deadline: Deadline, work: impl Future<Output = T>) -> T {
        self.sender.cluster.limit.forget_pause();
        self.sender.cluster.met.begin();
        let result = Box::pin(work).await;
        if let Some((reason, message)) = self.sender.cluster.met.standstill(std::time::Instant::now()) {
            Box::pin(self.marker.mark(reason, message, deadline)).await;
        }
        result
    }

    /// The same domain and bodies; rejected events are handed to the caller.
    pub(super) fn holding(&self, letterbox: DeadLetterSink) -> Self {
        let Sender { cluster, gzip, encoders, suspects, .. } = self.sender.as_ref();
        let (cluster, encoders, suspects) = (Arc::clone(cluster), Arc::clone(encoders), Arc::clone(suspects));
        let sender = Sender { cluster, letterbox, gzip: *gzip, encoders, suspects };
        Self { sender: Arc::new(sender), pool: Arc::clone(&self.pool), marker: Arc::clone(&self.marker) }
    }

    /// [`Self::carry_in_turn`] of what shares its time with nobody.
    pub(super) async fn carry<P: Send + 'static>(
        &self,
        origin: &Arc<Origin>,
        dataset: &Arc<Dataset>,
        start: ItemPosition,
        deadline: Deadline,
        produce: impl FnOnce(Bodies) -> P + Send + 'static,
    ) -> (Settlement, Option<P>) {
        self.carry_in_turn(origin, dataset, start, deadline, &Turn::whole(), produce).await
    }

    /// Runs `produce` on a blocking thread, and delivers what it seals. It is told to stop when reading has to stop, when
    /// its share of the time is over and others wait, or when sending failed for good. Returns what became of everything it sealed, and what it left: nothing where it
    /// panicked.
    pub(super) async fn carry_in_turn<P: Send + 'static>(
        &self,
        origin: &Arc<Origin>,
        dataset: &Arc<Dataset>,
        start: ItemPosition,
        deadline: Deadline,
        turn: &Turn,
        produce: impl FnOnce(Bodies) -> P + Send + 'static,
    ) -> (Settlement, Option<P>) {
        let stop = Arc::clone(&turn.stop);
        let (sealed, mut bodies) = mpsc::unbounded_channel();
        let (pool, seat) = (Arc::clone(&self.pool), Arc::clone(&turn.seat));
        let filling = Bodies::new(pool, Arc::clone(&stop), seat, sealed, Handle::current());
        let producer = tokio::task::spawn_blocking(|| produce(filling));
        let name: Arc<str> = dataset.name.as_str().into();
        let mut settlement = Settlement::new(start);
        let mut deliveries = Deliveries::default();
        let mut time_is_up = std::pin::pin!(tokio::time::sleep_until(deadline.stop_reading.into()));
        let mut share_is_over = std::pin::pin!(turn.is_over());
        let mut cut_at = None;
        let mut is_producing = true;
        while is_producing || !deliveries.is_empty() {
            tokio::select! {
                body = bodies.recv(), if is_producing => match body {
                    Some(body) => {
                        let sealed = Sealed::of(&body);
                        let delivery = Arc::clone(&self.sender).deliver(body, Arc::clone(origin), Arc::clone(&name), deadline, deliveries.is_cut());
                        deliveries.spawn(sealed, delivery);
                    }
                    None => is_producing = false,
                },
                Some(mut delivered) = deliveries.next() => {
                    settlement.add(&delivered);
                    // None where its delivery panicked: the pool then makes another.
                    self.pool.give(delivered.body.take());
                }
                () = &mut time_is_up, if !stop.is_set() => stop.set(),
                grace = &mut share_is_over, if cut_at.is_none() && !stop.is_set() => {
                    stop.set();
                    cut_at = Some(Instant::now() + grace);
                }
                () = until(cut_at), if cut_at.is_some() => {
                    deliveries.cut();
                    cut_at = None;
                }
            }
            if settlement.failure.as_ref().is_some_and(|failure| failure.is_permanent) && !stop.is_set() {
                stop.set();
            }
        }
        settlement.panicked = deliveries.panicked;
        match producer.await {
            Ok(left) => (settlement, Some(left)),
            // What it held unsent was neither counted nor settled; its body's place is given back.
            Err(panic) => {
                settlement.panicked += 1;
                settlement.fail(Failure { reason: format!("the producer panicked: {panic}"), is_permanent: true });
                self.pool.give(None);
                (settlement, None)
            }
        }
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
