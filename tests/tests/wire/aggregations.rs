//! The embedded domain answers aggregations, ranges, orders and field capabilities as the engine does, and refuses every
//! other one.

use std::fmt::Write as _;

use emulator::domain::{Domain, DomainOptions};
use fastrand::Rng;
use serde_json::{Value, json};
use tests::aggregated::{document, first, mapping, search};
use tests::engine::{self, Engine};
use tests::place::{self, figure};

const DOCUMENTS: usize = 300;
const SEARCHES: u64 = 150;
/// The lengths of time of the documents: bars of seconds, minutes, hours, weeks and years.
const LENGTHS_MS: [i64; 5] = [1_000, 3_600_000, 259_200_000, 34_560_000_000, 946_080_000_000];

/// Both domains.
struct Both<'e> {
    engine: &'e Engine,
    embedded: Domain,
    http: reqwest::Client,
}

impl<'e> Both<'e> {
    async fn start(engine: &'e Engine) -> Self {
        let embedded = Domain::start(DomainOptions::default()).await.expect("a free port");
        Self { engine, embedded, http: engine::http() }
    }

    async fn embedded(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let method = method.parse().expect("a method");
        let request = self.http.request(method, self.embedded.url() + path).body(body.to_owned());
        let answer = request.header("content-type", "application/json").send().await.expect("an answer");
        (answer.status().as_u16(), engine::json(&answer.text().await.expect("a whole answer")))
    }

    async fn real(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let (status, answer) = self.engine.send(method, path, body).await;
        (status, engine::json(&answer))
    }

    /// Creates these documents in the engine, and those that it takes in the embedded domain.
    async fn create(&self, documents: &[(String, Value)]) -> usize {
        let lines = |number: usize| {
            let (index, source) = &documents[number];
            format!("{}\n{source}\n", json!({ "create": { "_index": index, "_id": number.to_string() } }))
        };
        let all: String = (0..documents.len()).map(lines).collect();
        let (_, answer) = self.real("POST", "/_bulk?refresh=true", &all).await;
        let items = answer["items"].as_array().expect("items").clone();
        let taken: Vec<usize> = (0..items.len()).filter(|item| items[*item]["create"]["status"] == 201).collect();
        let (_, answer) = self.embedded("POST", "/_bulk", &taken.iter().copied().map(lines).collect::<String>()).await;
        assert_eq!(answer["errors"], false);
        taken.len()
    }
}

/// What has to be equal: the error, or the aggregations, hits and counts.
fn compared(search: &Value, (status, answer): &(u16, Value)) -> Value {
    if *status != 200 {
        return json!([status, answer["error"]["type"], answer["error"]["root_cause"][0]["type"]]);
    }
    let hits = answer["hits"]["hits"].as_array().into_iter().flatten();
    let hits: Vec<Value> = hits.map(|hit| json!([hit["_index"], hit["_id"], hit["sort"], hit["_source"]])).collect();
    let asked = search.get("aggs").map(|_| &answer["aggregations"]);
    json!([asked, hits, answer["hits"]["total"], answer["_shards"]["failed"]])
}

fn fields(answer: &Value) -> Value {
    let mut fields = answer["fields"].clone();
    fields.as_object_mut().expect("an object").retain(|name, _| !name.starts_with('_'));
    json!([answer["indices"], fields])
}

#[test]
fn searches_find_and_count_what_the_engine_does() {
    let Some(engine) = Engine::shared() else { return };
    let mut random = Rng::with_seed(place::seed("aggregations"));
    place::run(async {
        let both = Both::start(engine).await;
        let (mut taken, mut some, mut differences) = (0, 0, String::new());
        for (round, length_ms) in LENGTHS_MS.into_iter().enumerate() {
            let pattern = format!("aggregated{round}-*");
            let template =
                json!({ "index_patterns": [pattern], "priority": 500, "template": { "mappings": mapping() } });
            engine.set_template(&format!("aggregated{round}"), &template).await;
            both.embedded("PUT", &format!("/_index_template/aggregated{round}"), &template.to_string()).await;
            let index = |number: usize| format!("aggregated{round}-{}", number % (1 + round % 3));
            let firsts = (0..3).map(|number| (index(number), first(number)));
            let others = (3..DOCUMENTS).map(|order| (index(order), document(&mut random, order, length_ms)));
            taken += both.create(&firsts.chain(others).collect::<Vec<_>>()).await;

            let path = format!("/{pattern}/_field_caps?fields=*");
            let (real, embedded) = (both.real("GET", &path, "").await.1, both.embedded("GET", &path, "").await.1);
            assert_eq!(fields(&embedded), fields(&real));
            for _ in 0..place::event_count(SEARCHES) / LENGTHS_MS.len() as u64 {
                let search = search(&mut random, length_ms);
                let (path, body) = (format!("/{pattern}/_search"), search.to_string());
                let real = compared(&search, &both.real("POST", &path, &body).await);
                let embedded = compared(&search, &both.embedded("POST", &path, &body).await);
                some += usize::from(real[1].as_array().is_some_and(|hits| !hits.is_empty()));
                if real != embedded {
                    let _ =
                        writeln!(differences, "{pattern} {search}\n  engine   {real:.900}\n  embedded {embedded:.900}");
                }
            }
        }
        assert!(differences.is_empty(), "{differences:.8000}");
        assert!(some > 20, "{some} searches find documents: they say little");
        figure("aggregations", "documents; searches", format!("{taken}; {}", place::event_count(SEARCHES)));
    });
}

#[test]
fn what_the_domain_does_not_know_is_refused_and_never_ignored() {
    let Some(engine) = Engine::shared() else { return };
    place::run(async {
        let both = Both::start(engine).await;
        let mapping = json!({ "properties": { "k": { "type": "keyword" }, "t": { "type": "text" }, "g": { "type": "geo_point" },
            "d": { "type": "date" }, "n": { "type": "long" } } });
        let template = json!({ "index_patterns": ["refused-*"], "priority": 500, "template": { "mappings": mapping } });
        engine.set_template("refused", &template).await;
        both.embedded("PUT", "/_index_template/refused", &template.to_string()).await;
        let document = json!({ "k": "a", "t": "a", "g": "1,2", "d": "2026-11-22", "n": 1 });
        both.create(&[("refused-1".to_owned(), document)]).await;
        for search in refused_by_both() {
            let body = search.to_string();
            let real = compared(&search, &both.real("POST", "/refused-*/_search", &body).await);
            let embedded = compared(&search, &both.embedded("POST", "/refused-*/_search", &body).await);
            assert_eq!((&embedded, &embedded[0]), (&real, &json!(400)), "{search}");
        }
        for search in answered_by_the_engine_only() {
            let body = search.to_string();
            assert_eq!(both.real("POST", "/refused-*/_search", &body).await.0, 200, "{search}");
            let (status, answer) = both.embedded("POST", "/refused-*/_search", &body).await;
            assert_eq!(status, 400, "{search}: {answer}");
            assert!(
                answer["error"]["root_cause"][0]["reason"]
                    .as_str()
                    .is_some_and(|reason| reason.contains("this domain"))
            );
        }
    });
}

/// A search with one aggregation.
fn of(kind: &str, settings: &Value) -> Value {
    json!({ "size": 0, "aggs": { "a": { kind: settings } } })
}

/// Searches that the engine refuses too, with the same errors.
fn refused_by_both() -> Vec<Value> {
    vec![
        of("terms", &json!({ "field": "t" })),
        of("cardinality", &json!({ "field": "t" })),
        of("geo_bounds", &json!({ "field": "t", "wrap_longitude": false })),
        of("terms", &json!({ "field": "g" })),
        of("auto_date_histogram", &json!({ "field": "k" })),
        of("geohash_grid", &json!({ "field": "n" })),
        of("terms", &json!({})),
        of("terms", &json!({ "field": 5 })),
        of("terms", &json!({ "field": "k", "size": 0 })),
        of("terms", &json!({ "field": "k", "unknown": 1 })),
        of("terms", &json!([])),
        of("geohash_grid", &json!({ "field": "g", "precision": 13 })),
        of("auto_date_histogram", &json!({ "field": "d", "buckets": 0 })),
        of("auto_date_histogram", &json!({ "field": "d", "buckets": 2185 })),
        of("unknown", &json!({ "field": "k" })),
        json!({ "aggs": { "a": {} } }),
        json!({ "aggs": { "a[": { "terms": { "field": "k" } } } }),
        json!({ "aggs": { "a": { "terms": { "field": "k" }, "cardinality": { "field": "k" } } } }),
        json!({ "aggs": [] }),
        json!({ "unknown": 1 }),
        json!({ "size": -1 }),
        json!({ "query": {} }),
        json!({ "query": { "unknown": {} } }),
        json!({ "query": { "range": { "n": { "gte": 1 }, "d": {} } } }),
        json!({ "query": { "range": { "n": { "unknown": 1 } } } }),
        json!({ "query": { "range": { "n": { "gte": "x" } } } }),
        json!({ "query": { "range": { "d": { "gte": "x", "format": "epoch_millis" } } } }),
        json!({ "query": { "range": { "g": { "gte": 1 } } } }),
        json!({ "query": { "match_all": {}, "range": {} } }),
        json!({ "sort": [{ "unknown": "asc" }] }),
        json!({ "sort": [{ "t": "asc" }] }),
        json!({ "sort": [{ "g": "asc" }] }),
        json!({ "sort": [{ "n": { "unknown": 1 } }] }),
    ]
}

/// Searches that the engine answers. The domain says that it does not.
fn answered_by_the_engine_only() -> Vec<Value> {
    vec![
        json!({ "aggs": { "a": { "terms": { "field": "k" }, "aggs": { "b": { "terms": { "field": "k" } } } } } }),
        of("max", &json!({ "field": "n" })),
        of("terms", &json!({ "field": "k", "order": { "_key": "asc" } })),
        of("geo_bounds", &json!({ "field": "g" })),
        json!({ "_source": false }),
        json!({ "query": { "term": { "k": "a" } } }),
        json!({ "query": { "bool": { "must_not": [] } } }),
        json!({ "query": { "range": { "d": { "gte": "2026-11-22" } } } }),
        json!({ "query": { "range": { "k": { "gte": "a" } } } }),
        json!({ "sort": [{ "n": "asc", "k": "asc" }] }),
    ]
}
