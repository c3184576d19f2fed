//! `millrace picture` of an embedded domain.

use std::process::Command;

use emulator::domain::{Domain, DomainOptions};
use serde_json::json;
use tempfile::TempDir;

#[tokio::test]
async fn a_picture_of_an_embedded_domain_shows_times_points_and_values() {
    let domain = Domain::start(DomainOptions::default()).await.unwrap();
    let mappings = json!({ "properties": { "place": { "type": "geo_point" }, "country": { "type": "keyword" } } });
    domain.set_template("shown", json!({ "index_patterns": ["shown-*"], "template": { "mappings": mappings } }));
    let mut body = String::new();
    for number in 0..60 {
        let country = ["KR", "JP", "US"][number % 3];
        let source = json!({ "at": format!("2026-11-22T10:{number:02}:00Z"), "place": { "lat": 37.0, "lon": 126.0 + number as f64 / 60.0 },
            "country": country, "text": format!("event {number}") });
        body.extend([r#"{"create":{"_index":"shown-1"}}"#, "\n", &source.to_string(), "\n"]);
    }
    let _ = rustls::crypto::ring::default_provider().install_default();
    let sent = reqwest::Client::new().post(format!("{}/_bulk", domain.url())).body(body).send().await.unwrap();
    assert!(sent.status().is_success());

    let folder = TempDir::new().unwrap();
    let (url, path) = (domain.url(), folder.path().to_owned());
    let draw = move |index: &'static str| {
        let arguments = ["picture", "--domain", &url, "--index", index];
        Command::new(env!("CARGO_BIN_EXE_millrace")).args(arguments).current_dir(&path).output().unwrap()
    };
    let drawn = tokio::task::spawn_blocking(move || draw("shown-*")).await.unwrap();
    assert!(drawn.status.success(), "{}", String::from_utf8_lossy(&drawn.stderr));
    let page = std::fs::read_to_string(folder.path().join("picture.html")).unwrap();
    for shown in ["<dt>events</dt><dd>60</dd>", "by at<", "Heat map <small>by place<", "by country<", ">KR<"] {
        assert!(page.contains(shown), "{shown} is not in {page:.3000}");
    }
}
