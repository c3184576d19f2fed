//! A download that breaks resumes where it broke, at the same `ETag`.

use std::time::Duration;

use tests::engine::Engine;
use tests::events::{self, Expected};
use tests::moto::Moto;
use tests::place;
use tests::proxy::{Fault, Proxy};
use tests::scene::{Scene, receipts};

#[test]
fn a_download_that_is_cut_again_and_again_is_resumed_by_range() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    let mut random = fastrand::Rng::with_seed(place::seed("download"));
    place::run(async {
        let lines: Vec<String> = events::generate(20_000, 10).collect();
        for (name, bytes) in
            [("cut-plain", lines.concat().into_bytes()), ("cut-gzip", events::gzip(lines.concat().as_bytes()))]
        {
            let scene = Scene::new(moto, name).await;
            let object = scene.put("a", bytes).await;
            scene.notify(&object).await;
            let proxy = Proxy::that_listens(&moto.url()).await;
            let (a, b) = (object.size as u64 / 20, object.size as u64 / 5);
            let mut cut = random.fork();
            proxy.set_by(move |_| Fault { cut_response_after: Some(cut.u64(a..b)), ..Fault::default() });
            let mut function = scene.function(&engine.url(), &[("AWS_ENDPOINT_URL_S3", &proxy.url())]).await;
            scene.queue.drain(&mut function, Duration::from_mins(2), 1).await;
            assert!(proxy.cuts() >= 4, "{name}: {} cuts", proxy.cuts());
            let sent = proxy.sent().to_lowercase();
            assert!(sent.contains("\r\nrange: bytes="), "{name} was not resumed by Range");
            assert!(sent.contains("\r\nif-match: "), "{name} was not resumed at its ETag");
            let receipt = &receipts(&function)[0];
            assert!(receipt.is_final && receipt.bytes_in == object.size as u64, "{receipt:?}");
            let mut expected = Expected::of(lines.iter().map(String::as_str));
            engine.each_document(&scene.indices(), |document| expected.found(&document.source)).await;
            expected.assert_met();
            assert!(scene.dead_letters().await.is_empty(), "a cut download is no broken object");
        }
    });
}

#[test]
fn a_download_that_never_comes_is_undelivered_and_not_a_broken_object() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "never-comes").await;
        let lines: Vec<String> = events::generate(1000, 10).collect();
        let object = scene.put("a.gz", events::gzip(lines.concat().as_bytes())).await;
        scene.notify(&object).await;
        let proxy = Proxy::start(&moto.url()).await;
        // The head of the answer arrives, the object does not.
        proxy.set(Fault { cut_response_after: Some(50), ..Fault::default() });
        let mut function = scene.function(&engine.url(), &[("AWS_ENDPOINT_URL_S3", &proxy.url())]).await;
        let round = scene.queue.deliver(&mut function, Duration::from_secs(5)).await.expect("a message");
        assert_eq!(round.failed.len(), 1, "{:?}", round.answer);
        assert!(scene.dead_letters().await.is_empty());
        proxy.set(Fault::default());
        scene.queue.drain(&mut function, Duration::from_mins(2), 1).await;
        assert_eq!(engine.count(&scene.indices()).await, 1000);
    });
}
