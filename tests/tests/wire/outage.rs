//! 48 hours without a domain, on a simulated clock. Arriving records wait in their stream. None is given up, with the
//! settings of mappings in template.yaml.

use std::time::Duration;

use emulator::domain::{Domain, DomainFault, DomainOptions};
use tests::events::{self, Expected};
use tests::kafka::{self, Partition};
use tests::kinesis::Shard;
use tests::mapping::{Item, Limits, Mapping, Source, deliver, drain};
use tests::moto::Moto;
use tests::place::{self, figure};
use tests::proxy::{Fault, Proxy};
use tests::scene::Scene;

const HOUR_MS: u64 = 3_600_000;
/// An invocation during the outage lasts until its deadline, and there are a hundred of them.
const SHORT: Duration = Duration::from_millis(250);

/// Runs the outage. `record` makes the next record from data and a time.
async fn survive(name: &str, function: &str, from: &str, source: Source, mut record: impl FnMut(&[u8], u64) -> Item) {
    let Some(moto) = Moto::shared() else { return };
    let scene = Scene::new(moto, name).await;
    scene.set_source(from, &[]);
    let domain = Domain::start(DomainOptions::default()).await.expect("a free port");
    let proxy = Proxy::start(&domain.url()).await;
    let mut function = scene.start(function, &proxy.url(), &[]).await;
    let mut mapping = Mapping::new(source, Limits::unlimited(100));
    let lines: Vec<String> = events::generate(480, 6).collect();
    let mut hours = lines.chunks(10);
    let begin = tests::kinesis::ARRIVED_MS;
    let mut hour = 0;
    while hour < 48 {
        // For a day, the domain does not answer. For another day, it refuses every request, which fails whole batches.
        proxy.set(Fault { refuse: hour < 24, ..Fault::default() });
        if hour == 24 {
            domain.fail(DomainFault::Status { code: 403, times: u32::MAX });
        }
        for line in hours.next().expect("ten for each hour") {
            mapping.put(record(line.as_bytes(), begin + hour * HOUR_MS));
        }
        while mapping.now_ms < begin + (hour + 1) * HOUR_MS {
            let round = deliver(&mut mapping, &mut function, SHORT).await.expect("something waits");
            assert_eq!(round.left.len(), round.items.len(), "{name}: something was acknowledged");
        }
        hour = (mapping.now_ms - begin) / HOUR_MS;
    }
    let during = mapping.invocations;
    assert_eq!((domain.count("*"), mapping.depth()), (0, lines.len()));
    domain.heal();
    drain(&mut mapping, &mut function, Duration::from_mins(1), 500).await;
    let mut expected = Expected::of(lines.iter().map(String::as_str));
    domain.for_each(|_, _, source| expected.found(std::str::from_utf8(source).expect("events are UTF-8")));
    expected.assert_met();
    assert!(scene.dead_letters_of::<serde_json::Value>().await.is_empty());
    let scenario = format!("48 simulated hours without a domain, {name}");
    figure(&scenario, "invocations that failed", during);
    figure(&scenario, "records given up", mapping.given_up.len());
    figure(&scenario, "events indexed once", expected.total());
}

#[test]
fn the_template_sets_the_limits_that_the_simulated_mapping_has() {
    let template = std::fs::read_to_string(place::root().join("template.yaml")).expect("the template");
    // Lambda's retries of scheduled invocations are not a setting of a mapping.
    let template = template.replace("EventInvokeConfig:\n        MaximumRetryAttempts:", "");
    // The settings of the two mappings and of the stream. tests/cloud reads the template as CloudFormation does.
    for (line, times) in [
        ("MaximumRetryAttempts: -1", 2),
        ("MaximumRecordAgeInSeconds: -1", 2),
        ("BisectBatchOnFunctionError: true", 2),
        ("RetentionPeriodHours: 168", 1),
    ] {
        let found = template.lines().filter(|found| found.trim().starts_with(line)).count();
        assert_eq!(found, times, "{line}");
        let setting = line.split(' ').next().expect("a name");
        assert_eq!(template.matches(setting).count(), times, "{setting} is set to something else too");
    }
    let limits = Limits::unlimited(1);
    assert_eq!((limits.retry_attempts, limits.record_age, limits.bisect), (None, None, true));
    assert_eq!(limits.retention, Duration::from_hours(168));
}

#[test]
fn an_outage_of_48_hours_gives_up_no_kinesis_record() {
    let mut shard = Shard::new("outage", 0);
    place::run(survive("kinesis-outage", "kinesis-ingest", "stream: outage", Source::Kinesis, move |data, at_ms| {
        shard.record_at(data, at_ms)
    }));
}

#[test]
fn an_outage_of_48_hours_gives_up_no_kafka_record() {
    let mut partitions = [Partition::new("outage", 0), Partition::new("outage", 1)];
    let mut count = 0;
    place::run(survive(
        "kafka-outage",
        "kafka-ingest",
        "topic: outage",
        Source::Kafka(kafka::msk("c")),
        move |data, at_ms| {
            count += 1;
            partitions[count % 2].record_at(data, at_ms)
        },
    ));
}
