//! This release reads and finishes the work that an earlier release left before an upgrade, each event once.
//!
//! tests/data/upgrade/VERSION holds data that the binaries of that release wrote: continuations in the queue, dead
//! letters, progress of replays, the brake's state, templates, roles and mappings. Every later release keeps these
//! tests, and adds its own folder, as tests/data/upgrade/README.md describes.

mod brake;
mod domain;
mod letters;
mod objects;
mod recreate;
mod replay;

use std::path::{Path, PathBuf};
use std::time::Duration;

use flate2::{Compression, read::MultiGzDecoder, write::GzEncoder};
use serde_json::{Value, json};
use tests::engine::{Engine, json as parse};
use tests::moto::Moto;
use tests::place;

/// The releases that have fixtures.
const RELEASES: [&str; 1] = ["0.1.0"];
/// Long enough for every step.
const LIMIT: Duration = Duration::from_mins(1);
/// The variable that names the release whose fixtures are written.
const LEAVE: &str = "MILLRACE_LEAVE";

/// A file of a release.
fn fixture(release: &str, name: &str) -> PathBuf {
    place::root().join("tests/data/upgrade").join(release).join(name)
}

fn read(release: &str, name: &str) -> Vec<u8> {
    let path = fixture(release, name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A fixture of JSON lines. It is compressed, because there are many documents.
fn lines(release: &str, name: &str) -> Vec<Value> {
    let mut text = String::new();
    let bytes = read(release, name);
    std::io::Read::read_to_string(&mut MultiGzDecoder::new(bytes.as_slice()), &mut text).expect("gzip of text");
    text.lines().map(parse).collect()
}

fn write(release: &str, name: &str, bytes: &[u8]) {
    let path = fixture(release, name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("the clone is writable");
    std::fs::write(path, bytes).expect("the clone is writable");
}

fn write_lines(release: &str, name: &str, lines: impl IntoIterator<Item = Value>) {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    for line in lines {
        std::io::Write::write_all(&mut gzip, format!("{line}\n").as_bytes()).expect("memory");
    }
    write(release, name, &gzip.finish().expect("memory"));
}

/// Every document of these indices, in the form of a fixture.
async fn documents(engine: &Engine, indices: &str) -> Vec<Value> {
    let found = engine.documents(indices).await.into_iter();
    found.map(|found| json!({ "index": found.index, "id": found.id, "source": found.source })).collect()
}

/// Puts documents back unchanged, under their ids.
async fn restore(engine: &Engine, documents: &[Value]) {
    for document in documents {
        let [index, id, source] = ["index", "id", "source"].map(|member| document[member].as_str().expect("a text"));
        engine.ask("PUT", &format!("/{index}/_create/{id}"), source).await;
    }
}

/// Every object below a prefix, in the form of a fixture.
async fn kept(moto: &Moto, bucket: &str, prefix: &str) -> Vec<Value> {
    let objects = moto.objects(bucket, prefix).await.into_iter();
    objects.map(|(key, body)| json!({ "key": key, "body": String::from_utf8(body).expect("text") })).collect()
}

/// Puts objects back, with some texts replaced: ids that AWS creates are different here.
async fn put_back(moto: &Moto, bucket: &str, objects: &[Value], others: &[(&str, &str)]) {
    for object in objects {
        let [key, body] = ["key", "body"].map(|member| object[member].as_str().expect("a text"));
        let body = others.iter().fold(body.to_owned(), |body, (old, new)| body.replace(old, new));
        moto.put(bucket, key, body.into_bytes()).await;
    }
}

/// Not a test: writes the fixtures of a release, with the release's binaries in `MILLRACE_FUNCTIONS`.
#[test]
#[ignore = "writes the fixtures of the release that MILLRACE_LEAVE names"]
fn a_release_leaves_its_fixtures() {
    #[expect(clippy::disallowed_methods, reason = "whoever runs it says what it writes")]
    let Ok(release) = std::env::var(LEAVE) else { return };
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        objects::leave(&release, engine, moto).await;
        letters::leave(&release, engine, moto).await;
        replay::leave(&release, engine, moto).await;
        brake::leave(&release, moto).await;
        domain::leave(&release, moto).await;
    });
}

#[test]
fn every_release_has_its_fixtures() {
    let folder = fixture("", "");
    let found = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let names = found.map(|entry| entry.expect("an entry").path()).filter(|path| Path::is_dir(path));
    let names: Vec<_> = names.filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned())).collect();
    assert_eq!(names, RELEASES);
}
