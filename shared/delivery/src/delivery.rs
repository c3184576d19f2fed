//! Runs a producer and its deliveries side by side until both are finished. Each body that the producer seals is
//! delivered separately. The fates of all bodies are summed up.

use std::sync::Arc;

use tokio::{
    runtime::Handle,
    sync::{Semaphore, mpsc},
    task::JoinHandle,
    time::Instant,
};

use super::{
    bundles::Bundles,
    dead_letters::DeadLetterSink,
    delivered::Failure,
    deliveries::{Deliveries, Sealed},
    marker::Marker,
    pool::{Memory, Pool},
    produce::Bodies,
    send::deliver,
    sender::Sender,
    settle::Settlement,
    turns::Turn,
};
use crate::{
    aws::Aws,
    cluster::Cluster,
    lambda::Deadline,
    settings::{Compression, Settings},
};
use pipeline::{
    outcome::ConfigError,
    record::{ItemPosition, Origin},
    rules::Dataset,
};

/// The state that all producers of a function share: the bodies and their destination.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) sender: Arc<Sender>,
    pool: Arc<Pool>,
    marker: Arc<Marker>,
}

impl Delivery {
    pub(super) fn new(settings: &Settings, aws: &Aws) -> Result<Self, ConfigError> {
        let vcpus = settings.vcpus();
        Ok(Self {
            sender: Arc::new(Sender {
                cluster: Arc::new(Cluster::new(settings, aws)?),
                dead_letters: DeadLetterSink::Bucket {
                    objects: aws.objects.clone(),
                    at: settings.dead_letters.clone(),
                },
                gzip: settings.compression == Compression::Gzip,
                encoders: Arc::new(Semaphore::new(vcpus)),
                suspects: Arc::default(),
                rollovers: Arc::default(),
            }),
            // One body for each request in flight, and one for each producer to fill meanwhile.
            pool: Arc::new(Pool::new(settings.max_in_flight + vcpus, settings.max_body_bytes)),
            marker: Arc::new(Marker::new(settings, aws)),
        })
    }

    /// Runs the work of one invocation. If the domain refused all of it, leaves a mark for the brake.
    pub(super) async fn invocation<T>(&self, deadline: Deadline, work: impl Future<Output = T>) -> T {
        self.sender.cluster.limit.forget_pause();
        self.sender.cluster.met.begin();
        let result = Box::pin(work).await;
        if let Some((reason, message)) = self.sender.cluster.met.standstill(std::time::Instant::now()) {
            Box::pin(self.marker.mark(reason, message, deadline)).await;
        }
        result
    }

    /// The requests that the objects of one invocation share. While one of half the size of a body is being sent, the small bodies
    /// of the next one still have room.
    pub(super) fn bundles(&self) -> Arc<Bundles> {
        Bundles::new(Arc::clone(&self.sender), self.pool.max_bytes() / 2)
    }

    /// A delivery with the same domain and bodies, and another sink for dead letters.
    pub(super) fn holding(&self, dead_letters: DeadLetterSink) -> Self {
        let Sender { cluster, gzip, encoders, suspects, rollovers, .. } = self.sender.as_ref();
        let (cluster, encoders, suspects) = (Arc::clone(cluster), Arc::clone(encoders), Arc::clone(suspects));
        let sender =
            Sender { cluster, dead_letters, gzip: *gzip, encoders, suspects, rollovers: Arc::clone(rollovers) };
        Self { sender: Arc::new(sender), pool: Arc::clone(&self.pool), marker: Arc::clone(&self.marker) }
    }

    /// [`Self::run_in_turn`] with the whole time of the invocation.
    pub(super) async fn run<P: Send + 'static>(
        &self,
        origin: &Arc<Origin>,
        dataset: &Arc<Dataset>,
        start: ItemPosition,
        deadline: Deadline,
        produce: impl FnOnce(Bodies) -> P + Send + 'static,
    ) -> (Settlement, Option<P>) {
        self.run_in_turn(origin, dataset, start, deadline, &mut Turn::whole(), produce).await
    }

    /// Runs `produce` on a blocking thread, and delivers the bodies that it seals. Tells it to stop at the end of the
    /// reading time, when its share of the time is over while others wait, or when sending failed permanently. Returns
    /// the fates of all sealed events, and the result of `produce`: `None` if it panicked.
    pub(super) async fn run_in_turn<P: Send + 'static>(
        &self,
        origin: &Arc<Origin>,
        dataset: &Arc<Dataset>,
        start: ItemPosition,
        deadline: Deadline,
        turn: &mut Turn,
        produce: impl FnOnce(Bodies) -> P + Send + 'static,
    ) -> (Settlement, Option<P>) {
        let mut coming = turn.coming.take();
        let turn = &*turn;
        let stop = Arc::clone(&turn.stop);
        let (sealed, mut bodies) = mpsc::unbounded_channel();
        let (pool, seat) = (Arc::clone(&self.pool), Arc::clone(&turn.seat));
        let filling = Bodies::new(pool, Arc::clone(&stop), seat, sealed, Handle::current());
        let producer = tokio::task::spawn_blocking(|| produce(filling));
        let mut settlement = Settlement::new(start);
        let mut deliveries = Deliveries::default();
        let mut time_is_up = std::pin::pin!(tokio::time::sleep_until(deadline.stop_reading.into()));
        let mut share_is_over = std::pin::pin!(turn.is_over());
        let mut cut_at = None;
        let mut is_producing = true;
        while is_producing || !deliveries.is_empty() {
            tokio::select! {
                body = bodies.recv(), if is_producing => if let Some(body) = body {
                    let sealed = Sealed::of(&body);
                    let bundles = turn.bundles.as_ref().filter(|_| self.pool.is_small(&body));
                    let (body, memory) = if bundles.is_some() { self.pool.compact(body) } else { (body, Memory::Pooled) };
                    // A body of the pool does not wait for others, because other objects may wait for it.
                    // Nor does one that is looked up just before each of its requests.
                    let bundles = bundles.filter(|_| !dataset.rolls_over());
                    let member = bundles.map(|bundles| bundles.member(matches!(memory, Memory::Compact(_))));
                    let delivery = deliver(Arc::clone(&self.sender), body, Arc::clone(origin), Arc::clone(dataset), deadline, deliveries.is_cut(), member);
                    deliveries.spawn(sealed, memory, delivery);
                } else {
                    is_producing = false;
                    drop(coming.take());
                },
                Some((mut delivered, memory)) = deliveries.next() => {
                    settlement.add(&delivered);
                    // `None` if its delivery panicked: the pool then makes another body.
                    self.pool.give_back(delivered.body.take(), memory);
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
        let result = self.finished(producer, &mut settlement).await;
        (settlement, result)
    }

    /// The result of a producer. If it panicked, its unsent events were neither counted nor settled.
    async fn finished<P>(&self, producer: JoinHandle<P>, settlement: &mut Settlement) -> Option<P> {
        match producer.await {
            Ok(result) => Some(result),
            Err(panic) => {
                settlement.panicked += 1;
                settlement.fail(Failure { reason: format!("the producer panicked: {panic}"), is_permanent: true });
                // Its body is lost, and its permit returns to the pool.
                self.pool.give(None);
                None
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{settle::Attempted, telemetry::Subject};
    use pipeline::rules::Datasets;

    async fn delivery() -> Delivery {
        let settings = Settings::read(|name| match name {
            "MILLRACE_DOMAIN_ENDPOINT" => Some("http://127.0.0.1:9".to_owned()),
            "MILLRACE_DOMAIN_AUTH" => Some("none".to_owned()),
            "MILLRACE_DEAD_LETTERS" => Some("s3://dead-letters/a".to_owned()),
            _ => None,
        });
        Delivery::new(&settings.unwrap(), &Aws::load_in("eu-west-1".into()).await).unwrap()
    }

    fn panics(_: Bodies) {
        panic!("on purpose");
    }

    #[tokio::test]
    async fn a_pause_of_the_invocation_before_does_not_delay_this_one() {
        let delivery = delivery().await;
        let limit = &delivery.sender.cluster.limit;
        limit.acquire().await.overloaded(Duration::from_mins(1));
        let begins = async { tokio::time::timeout(Duration::from_secs(5), limit.acquire()).await.is_ok() };
        assert!(delivery.invocation(Deadline::after(Duration::from_mins(1)), begins).await);
    }

    #[tokio::test]
    async fn a_producer_that_panics_is_counted_by_the_receipt_of_its_attempt() {
        let yaml = "datasets:\n  - { name: app, from: { key: \"**\" }, index: app }\n";
        let datasets = Datasets::parse("pipeline.yaml", yaml, None).unwrap();
        let origin = Arc::new(Origin::s3("logs", "a.json", "e"));
        let (start, deadline) = (ItemPosition::in_object(0), Deadline::after(Duration::from_mins(1)));
        let dataset = datasets.by_name("app").unwrap();
        let (settlement, result) = delivery().await.run(&origin, dataset, start, deadline, panics).await;
        assert!(result.is_none() && settlement.failure.as_ref().is_some_and(|failure| failure.is_permanent));
        let (bucket, key) = ("logs".to_owned(), "a.json".to_owned());
        let receipt = settlement.receipt(Attempted {
            subject: Subject::S3 { bucket, key, etag: None, start_offset: 0, end_offset: 0 },
            dataset: "app",
            is_final: false,
            handed_on: false,
            bytes_in: 0,
            bytes_raw: 0,
            started: deadline.began,
        });
        assert_eq!(receipt.unwrap().panicked, 1);
    }
}
