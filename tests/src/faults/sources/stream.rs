//! Kinesis and Kafka: records of two shards or topic-partitions in batches. One record is poison, one has a bad line.

use emulator::function::Function;

use super::limits::TIMEOUT;
use crate::events;
use crate::faults::stage::Stage;
use crate::faults::verify::Given;
use crate::kafka::{self, Partition};
use crate::kinesis::Shard;
use crate::mapping::{Batch, Item, Limits, Mapping, Source, assert_clean};

/// Records in a batch.
const BATCH: usize = 4;

/// Runs a cell of Kinesis.
///
/// # Panics
/// If a promise is broken.
pub(super) async fn kinesis(stage: &mut Stage) {
    let name = stage.scene.prefix.clone();
    stage.scene.set_source(&format!("stream: {name}"), &[]);
    let mut shards = [Shard::new(&name, 0), Shard::new(&name, 1)];
    run(stage, "kinesis-ingest", Source::Kinesis, |lane, data| shards[lane].record(data)).await;
}

/// Runs a cell of Kafka.
///
/// # Panics
/// If a promise is broken.
pub(super) async fn kafka(stage: &mut Stage) {
    let name = stage.scene.prefix.clone();
    stage.scene.set_source(&format!("topic: {name}"), &[]);
    let mut partitions = [Partition::new(&name, 0), Partition::new(&name, 1)];
    let source = Source::Kafka(kafka::msk("matrix"));
    run(stage, "kafka-ingest", source, |lane, data| partitions[lane].record(data)).await;
}

async fn run(stage: &mut Stage, function: &str, source: Source, mut record: impl FnMut(usize, &[u8]) -> Item) {
    let lines: Vec<String> = events::generate(14, 4).collect();
    let mut given = Given { good: lines.clone(), bad: Vec::new() };
    let mut mapping = Mapping::new(source, Limits::unlimited(BATCH));
    for (number, two) in lines.chunks(2).enumerate() {
        let mut data = two.concat();
        if number == 2 {
            data += "{\"n\": 1\n";
            given.bad.push(b"{\"n\": 1".to_vec());
        }
        mapping.put(record(number % 2, data.as_bytes()));
        if number == 4 {
            mapping.put(record(1, b"poison"));
            given.bad.push(b"poison".to_vec());
        }
    }
    let mut function = stage.start(function, &[]).await;
    if stage.is_delivered("out-of-order") {
        let mut batches: Vec<Batch> = std::iter::from_fn(|| mapping.receive()).collect();
        batches.reverse();
        for batch in batches {
            deliver(stage, &mut mapping, batch, &mut function).await;
        }
    }
    loop {
        while let Some(batch) = mapping.receive() {
            deliver(stage, &mut mapping, batch, &mut function).await;
        }
        stage.network.is_quiet().await;
        if mapping.depth() == 0 {
            break;
        }
    }
    assert_clean(&mapping);
    given.assert_met(stage, &[&function]).await;
}

async fn deliver(stage: &mut Stage, mapping: &mut Mapping, batch: Batch, function: &mut Function) {
    let event = mapping.event(&batch);
    let answer = stage.deliver(function, &event, TIMEOUT).await;
    mapping.settle(batch, answer);
}
