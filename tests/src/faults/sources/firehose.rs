//! Firehose: a rule that needs a secret transforms a batch of records. Firehose retries failed invocations.

use emulator::function::Answer;
use serde_json::json;

use super::limits::TIMEOUT;
use crate::faults::stage::Stage;
use crate::firehose::{self, Outcome};

/// Runs one cell.
///
/// # Panics
/// If a promise is broken.
pub(super) async fn run(stage: &mut Stage) {
    let name = stage.scene.prefix.clone();
    stage.scene.set_pipeline(&format!(
        "datasets:\n  - name: {name}\n    from: {{ delivery_stream: {name} }}\n    select: keep:true\n    fields: {{ hash: [user] }}\n"
    ));
    let key = stage.services.moto.secret(&format!("key-{name}"), "0123456789abcdef0123456789abcdef").await;
    let line = |n: u32, keep: bool| format!("{}\n", json!({ "keep": keep, "n": n, "user": format!("u{n}") }));
    let records = [line(0, true), line(1, false), "no JSON".into(), line(2, true) + &line(3, true)];
    let event = firehose::event(&name, &records);
    let mut function = stage.start("firehose-transform", &[("MILLRACE_HASH_KEY", &key)]).await;
    let answer = loop {
        let answer = stage.deliver(&mut function, &event, TIMEOUT).await;
        if matches!(answer, Answer::Response(_)) {
            break answer;
        }
    };
    let outcomes = firehose::outcomes(&event, &answer);
    let numbers = |outcome: &Outcome| match outcome {
        Outcome::Ok(data, _) => String::from_utf8_lossy(data).lines().filter(|line| line.contains("\"n\":")).count(),
        _ => 0,
    };
    assert_eq!(outcomes.iter().map(numbers).collect::<Vec<_>>(), [1, 0, 0, 2], "{outcomes:?}");
    assert_eq!((&outcomes[1], &outcomes[2]), (&Outcome::Dropped, &Outcome::ProcessingFailed));
    for outcome in &outcomes {
        if let Outcome::Ok(data, _) = outcome {
            assert!(!String::from_utf8_lossy(data).contains(":\"u"), "a value that is to be hashed: {outcome:?}");
        }
    }
    stage.assert_balanced(&function);
}
