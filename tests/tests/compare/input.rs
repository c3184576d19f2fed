//! The events: gzip objects in S3, and the same objects as files for the programs without a network.

use std::path::PathBuf;

use tests::{events, moto::Object, place, scene::Scene};

const EVENTS_AN_OBJECT: usize = 50_000;
/// A request for each event takes so long that a part of the events is enough.
const MOST_ONE_BY_ONE: u64 = 10_000;

/// The events of a round.
pub(crate) struct Input {
    pub(crate) all: Part,
    /// The first ones, for a program that sends a request for each.
    pub(crate) first: Part,
    pub(crate) files: Vec<PathBuf>,
    pub(crate) bytes: usize,
    _folder: tempfile::TempDir,
}

/// Objects below one prefix.
pub(crate) struct Part {
    pub(crate) objects: Vec<Object>,
    pub(crate) prefix: &'static str,
    pub(crate) count: u64,
}

impl Input {
    /// Generates the events and puts them into S3.
    pub(crate) async fn new(scene: &Scene<'_>, count: u64) -> Self {
        let folder = place::scratch();
        let lines: Vec<String> = events::generate(count, 1).collect();
        let (mut objects, mut files) = (Vec::new(), Vec::new());
        for (n, lines) in lines.chunks(EVENTS_AN_OBJECT).enumerate() {
            let bytes = events::gzip(lines.concat().as_bytes());
            let file = folder.path().join(format!("{n}.gz"));
            std::fs::write(&file, &bytes).expect("the clone is writable");
            files.push(file);
            objects.push(scene.put(&format!("all/{n}.gz"), bytes).await);
        }
        let some = count.min(MOST_ONE_BY_ONE);
        let bytes: String =
            lines.iter().take(usize::try_from(some).expect("it is small")).map(String::as_str).collect();
        let first = vec![scene.put("first/0.gz", events::gzip(bytes.as_bytes())).await];
        Self {
            all: Part { objects, prefix: "all/", count },
            first: Part { objects: first, prefix: "first/", count: some },
            files,
            bytes: lines.iter().map(String::len).sum(),
            _folder: folder,
        }
    }
}
