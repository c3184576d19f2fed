//! Queries select what `_search` finds with the same `query_string`, on a mapping that fits the documents.

use std::fmt::Write as _;

use fastrand::Rng;
use serde_json::{Value, json};
use tests::choice::Choice;
use tests::engine::{self, Engine};
use tests::place::{self, figure};
use tests::query;

const DOCUMENTS: usize = 600;
const QUERIES: u64 = 2_000;
/// The number of searches in one request.
const AT_ONCE: usize = 100;
const INDEX: &str = "query-oracle";

/// The documents that each query finds, by number, or the reason why the engine refuses the query.
async fn found(engine: &Engine, queries: &[String]) -> Vec<Result<Vec<usize>, String>> {
    let mut found = Vec::new();
    for queries in queries.chunks(AT_ONCE) {
        let mut body = String::new();
        for query in queries {
            // With `lenient`, a failing query would look like a query without results.
            let query = json!({ "query_string": { "query": query, "lenient": false } });
            let search = json!({ "query": query, "size": DOCUMENTS, "_source": false });
            let _ = writeln!(body, "{}\n{search}", json!({ "index": INDEX }));
        }
        let answer: Value = engine::json(&engine.ask("POST", "/_msearch", &body).await);
        for response in answer["responses"].as_array().expect("an answer for each") {
            let Some(hits) = response["hits"]["hits"].as_array() else {
                found.push(Err(response["error"].to_string()));
                continue;
            };
            let number = |hit: &Value| hit["_id"].as_str().expect("an id").parse().expect("a number");
            let mut numbers: Vec<usize> = hits.iter().map(number).collect();
            numbers.sort_unstable();
            found.push(Ok(numbers));
        }
    }
    found
}

#[test]
fn queries_choose_what_the_engine_finds() {
    let Some(engine) = Engine::shared() else { return };
    let mut random = Rng::with_seed(place::seed("queries"));
    let documents: Vec<String> = (0..DOCUMENTS).map(|_| query::document(&mut random).to_string()).collect();
    let queries: Vec<String> = (0..place::event_count(QUERIES)).map(|_| query::query(&mut random)).collect();
    place::run(async {
        let index = json!({ "mappings": { "dynamic": "strict", "properties": query::mapping() } });
        engine.ask("PUT", &format!("/{INDEX}"), &index.to_string()).await;
        let mut body = String::new();
        for (number, document) in documents.iter().enumerate() {
            let _ = writeln!(body, "{}\n{document}", json!({ "index": { "_id": number.to_string() } }));
        }
        let indexed: Value = engine::json(&engine.ask("POST", &format!("/{INDEX}/_bulk?refresh=true"), &body).await);
        assert_eq!(indexed["errors"], false, "{indexed:.2000}");

        let theirs = found(engine, &queries).await;
        let rules: Vec<String> = queries.iter().map(|query| Value::from(query.as_str()).to_string()).collect();
        let mut choice = Choice::start(&rules).await;
        let (mut some, mut differences) = (0, Vec::new());
        for (number, (query, theirs)) in queries.iter().zip(theirs).enumerate() {
            let theirs = match (theirs, &choice.faults[number]) {
                (Ok(theirs), None) => theirs,
                (theirs, fault) => {
                    let theirs =
                        theirs.map(|found| found.len()).map_err(|error| error[..error.len().min(300)].to_owned());
                    differences.push(format!("{query}\n  theirs {theirs:?}\n  ours {fault:?}"));
                    continue;
                }
            };
            let chosen = choice.of(number, &documents).await;
            let ours: Vec<usize> = (0..DOCUMENTS).filter(|document| chosen[*document] == Some(true)).collect();
            some += usize::from(!ours.is_empty() && ours.len() < DOCUMENTS);
            if ours != theirs {
                let differs = |document: &usize| ours.contains(document) != theirs.contains(document);
                let document = (0..DOCUMENTS).find(differs).expect("one that differs");
                let wanted = theirs.contains(&document);
                differences.push(format!("{query}\n  {}\n  theirs {wanted}", documents[document]));
            }
        }
        let shown: Vec<&String> = differences.iter().take(20).collect();
        assert!(differences.is_empty(), "{} of {} queries differ: {shown:#?}", differences.len(), queries.len());
        assert!(some * 2 > queries.len(), "{some} of {} queries find some documents: they say little", queries.len());
        figure(
            "queries",
            "documents; queries; of them find some and not all",
            format!("{DOCUMENTS}; {}; {some}", queries.len()),
        );
    });
}
