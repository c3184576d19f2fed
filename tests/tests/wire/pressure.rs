//! Promises 2, 3 and 8 under pressure: an engine that answers 429, cut connections, slow answers. Nothing is lost,
//! nothing is duplicated.

use std::time::Duration;

use tests::engine::Engine;
use tests::events::{self, Expected};
use tests::moto::Moto;
use tests::place::{self, figure};
use tests::proxy::{Fault, Proxy};
use tests::receipt::{S3 as Receipt, sum};
use tests::scene::{Scene, receipts};

const TIMEOUT: Duration = Duration::from_mins(4);
const EVENTS: u64 = 5000;

/// Ingests generated events through `domain` to the end, and compares them with the documents in `engine`.
async fn arrive_once(name: &str, engine: &Engine, domain: &str, moto: &Moto, more: &[(&str, &str)]) -> Vec<Receipt> {
    let scene = Scene::new(moto, name).await;
    let lines: Vec<String> = events::generate(EVENTS, 9).collect();
    for (number, part) in lines.chunks(1000).enumerate() {
        let object = scene.put(&format!("{number}.gz"), events::gzip(part.concat().as_bytes())).await;
        scene.notify(&object).await;
    }
    // Bodies of 128 KiB make many requests.
    let mut env = vec![("MILLRACE_MAX_BODY_BYTES", "131072"), ("MILLRACE_MAX_EVENT_BYTES", "65536")];
    env.extend_from_slice(more);
    let mut function = scene.function(domain, &env).await;
    scene.queue.drain(&mut function, TIMEOUT, 30).await;
    assert_eq!(engine.count(&scene.indices()).await, EVENTS, "{name}");
    let mut expected = Expected::of(lines.iter().map(String::as_str));
    engine.each_document(&scene.indices(), |document| expected.found(&document.source)).await;
    expected.assert_met();
    assert!(scene.dead_letters().await.is_empty(), "{name}");
    let receipts = receipts(&function);
    figure(name, "lost or doubled", 0);
    figure(name, "bulk requests", sum(&receipts, |r| r.bulk_requests));
    figure(name, "sent again", sum(&receipts, |r| r.retries));
    receipts
}

#[test]
fn items_that_meet_a_full_write_queue_are_sent_again() {
    let settings = [("thread_pool.write.size", "1"), ("thread_pool.write.queue_size", "1")];
    let (Some(engine), Some(moto)) = (Engine::with_settings(&settings), Moto::shared()) else { return };
    place::run(async {
        // One request becomes a task for each shard: more than the queue can hold.
        let shards = r#"{"index_patterns":["write-queue-*"],"template":{"settings":{"number_of_shards":12,"number_of_replicas":0}}}"#;
        engine.ask("PUT", "/_index_template/write-queue", shards).await;
        let many = [("MILLRACE_MAX_IN_FLIGHT", "16")];
        let receipts = arrive_once("write-queue", &engine, &engine.url(), moto, &many).await;
        assert!(sum(&receipts, |r| r.retries) > 0, "the engine never said 429: {receipts:?}");
    });
}

#[test]
fn requests_that_meet_indexing_pressure_are_sent_again() {
    let (Some(engine), Some(moto)) =
        (Engine::with_settings(&[("indexing_pressure.memory.limit", "300kb")]), Moto::shared())
    else {
        return;
    };
    place::run(async {
        let many = [("MILLRACE_MAX_IN_FLIGHT", "16")];
        let receipts = arrive_once("indexing-pressure", &engine, &engine.url(), moto, &many).await;
        assert!(sum(&receipts, |r| r.retries) > 0, "the engine never said 429: {receipts:?}");
    });
}

#[test]
fn bodies_that_the_engine_finds_too_large_are_halved() {
    let (Some(engine), Some(moto)) = (Engine::with_settings(&[("http.max_content_length", "40kb")]), Moto::shared())
    else {
        return;
    };
    place::run(async {
        let plain = [("MILLRACE_COMPRESSION", "none")];
        let receipts = arrive_once("too-large", &engine, &engine.url(), moto, &plain).await;
        assert!(sum(&receipts, |r| r.retries) > 0, "the engine never said 413: {receipts:?}");
    });
}

#[test]
fn connections_cut_anywhere_lose_nothing_and_double_nothing() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    let mut random = fastrand::Rng::with_seed(place::seed("cuts"));
    place::run(async {
        let proxy = Proxy::start(&engine.url()).await;
        // The kinds take turns, because chance alone would sometimes leave most connections whole.
        proxy.set_by(move |number| match number % 4 {
            0 | 2 => Fault { cut_request_after: Some(random.u64(1..100_000)), ..Fault::default() },
            1 => Fault { cut_response_after: Some(random.u64(1..20_000)), ..Fault::default() },
            _ => Fault { refuse: true, ..Fault::default() },
        });
        let receipts = arrive_once("cut-connections", engine, &proxy.url(), moto, &[]).await;
        assert!(proxy.cuts() > 5 && sum(&receipts, |r| r.retries) > 0, "{} cuts: {receipts:?}", proxy.cuts());
        // A cut answer hides created documents: they are sent again and are duplicates.
        figure("cut-connections", "cuts", proxy.cuts());
        figure("cut-connections", "duplicates met", sum(&receipts, |r| r.duplicates));
    });
}

#[test]
fn slow_answers_lose_nothing_and_double_nothing() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    let mut random = fastrand::Rng::with_seed(place::seed("slow"));
    place::run(async {
        let proxy = Proxy::start(&engine.url()).await;
        proxy.set_by(move |_| Fault { delay: Duration::from_millis(random.u64(20..400)), ..Fault::default() });
        arrive_once("slow-answers", engine, &proxy.url(), moto, &[]).await;
    });
}

#[test]
fn an_embedded_domain_that_fails_in_every_way_at_once_gets_everything_once() {
    use emulator::domain::{Domain, DomainFault, DomainOptions};
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let domain = Domain::start(DomainOptions::default()).await.expect("a free port");
        for fault in [
            DomainFault::Items429 { share: 0.2 },
            DomainFault::Whole429 { times: 3, retry_after: Some(Duration::from_secs(1)) },
            DomainFault::Status { code: 503, times: 3 },
            DomainFault::MaxBodyBytes(100_000),
            DomainFault::CutConnection { times: 3, applied: true },
            DomainFault::CutConnection { times: 3, applied: false },
            DomainFault::Unreadable { times: 1 },
        ] {
            domain.fail(fault);
        }
        let scene = Scene::new(moto, "all-faults").await;
        let lines: Vec<String> = events::generate(2000, 9).collect();
        let object = scene.put("a.gz", events::gzip(lines.concat().as_bytes())).await;
        scene.notify(&object).await;
        let small = [("MILLRACE_MAX_BODY_BYTES", "131072"), ("MILLRACE_MAX_EVENT_BYTES", "65536")];
        let mut function = scene.function(&domain.url(), &small).await;
        // An unreadable answer is permanent, so it fails the message once.
        scene.queue.drain(&mut function, TIMEOUT, 5).await;
        let mut expected = Expected::of(lines.iter().map(String::as_str));
        domain.for_each(|_, _, source| expected.found(std::str::from_utf8(source).expect("events are UTF-8")));
        expected.assert_met();
        assert!(scene.dead_letters().await.is_empty());
        assert!(sum(&receipts(&function), |r| r.retries) > 10);
    });
}
