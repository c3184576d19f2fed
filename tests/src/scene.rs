//! The environment of one test: a bucket, a dead-letter bucket, a queue, an index prefix and a pipeline.yaml, under
//! names that only this test uses, and a function that runs with them.
//!
//! Out: the function's receipts and dead letters, as types. Parsing fails if a key is missing or unknown. Deliberately
//! absent: the domain, which each test names itself.

use std::path::PathBuf;

use base64_simd::STANDARD;
use emulator::function::Function;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::moto::{Moto, Object, REGION};
use crate::{envelope, place, queue::Queue, receipt};

/// The variable for the allocator of the C library. A test compares it with template.yaml.
pub const GLIBC_TUNABLES: &str =
    "glibc.malloc.mmap_threshold=67108864:glibc.malloc.trim_threshold=134217728:glibc.malloc.arena_max=1";

/// The environment of one test.
#[derive(Debug)]
pub struct Scene<'m> {
    /// The AWS services.
    pub moto: &'m Moto,
    /// The bucket of its objects.
    pub bucket: String,
    /// The queue of its messages.
    pub queue: Queue<'m>,
    /// The prefix of its indices.
    pub prefix: String,
    /// The path of its pipeline.yaml.
    pub pipeline: PathBuf,
    _folder: tempfile::TempDir,
}

/// One line of a dead-letter object. `P` is the source's type of positions.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the keys are documented where dead letters are: docs/DELIVERY.md")]
pub struct DeadLetter<P = S3Position> {
    pub position: P,
    pub stage: String,
    pub error_type: String,
    pub reason: String,
    pub dataset: Option<String>,
    pub record_time_ms: Option<i64>,
    pub record: Option<Value>,
    pub payload: Option<String>,
    pub payload_base64: Option<String>,
    pub payload_length: Option<u64>,
    pub payload_of: Option<String>,
    pub continuation: Option<Value>,
}

/// The position of a rejected event.
#[derive(Debug, Clone, Deserialize)]
#[expect(missing_docs, reason = "the keys are documented where dead letters are: docs/DELIVERY.md")]
pub struct S3Position {
    pub bucket: String,
    pub key: String,
    pub etag: String,
    pub offset: u64,
}

impl<'m> Scene<'m> {
    /// Creates the environment, with one dataset: all objects of any bucket except `dead-…`, indexed by day.
    ///
    /// # Panics
    /// If moto refuses, for example because a name is used twice.
    pub async fn new(moto: &'m Moto, name: &str) -> Self {
        Self::of(moto, name, false).await
    }

    /// The same with a versioned bucket.
    ///
    /// # Panics
    /// If moto refuses.
    pub async fn versioned(moto: &'m Moto, name: &str) -> Self {
        Self::of(moto, name, true).await
    }

    async fn of(moto: &'m Moto, name: &str, versioned: bool) -> Self {
        let bucket = format!("t-{name}");
        moto.bucket(&bucket, versioned).await;
        moto.bucket(&format!("dead-{name}"), false).await;
        let folder = place::scratch();
        let pipeline = folder.path().join("pipeline.yaml");
        let queue = Queue::new(moto, name).await;
        let scene = Self { moto, bucket, queue, prefix: name.to_owned(), pipeline, _folder: folder };
        scene.set_pipeline(&format!(
            "datasets:\n  - name: {name}\n    from: {{ bucket: \"[!d]*\", key: \"**\" }}\n    timestamp: base_dt\n    \
             index: {name}-%{{+YYYY.MM.dd}}\n"
        ));
        scene
    }

    /// Replaces the pipeline.yaml. The next function that starts reads it.
    ///
    /// # Panics
    /// If the disk is full.
    pub fn set_pipeline(&self, yaml: &str) {
        std::fs::write(&self.pipeline, yaml).expect("the clone is writable");
    }

    /// Writes a mapping file, which pipeline.yaml names as `mappings/NAME`.
    ///
    /// # Panics
    /// If the disk is full.
    pub fn set_mapping(&self, name: &str, json: &str) {
        let folder = self.pipeline.parent().expect("it lies in a folder").join("mappings");
        std::fs::create_dir_all(&folder).expect("the clone is writable");
        std::fs::write(folder.join(name), json).expect("the clone is writable");
    }

    /// Replaces its dataset by one with another source. `from` is for example `stream: "logs"`. `more` holds further
    /// lines, for example `select: a:1`.
    ///
    /// # Panics
    /// If the disk is full.
    pub fn set_source(&self, from: &str, more: &[&str]) {
        let name = &self.prefix;
        let mut yaml = format!("datasets:\n  - name: {name}\n    from: {{ {from} }}\n");
        for line in [&["timestamp: base_dt", &format!("index: {name}-%{{+YYYY.MM.dd}}")], more].concat() {
            yaml.extend(["    ", line, "\n"]);
        }
        self.set_pipeline(&yaml);
    }

    /// A pattern that matches all its indices.
    pub fn indices(&self) -> String {
        format!("{}-*", self.prefix)
    }

    /// Starts s3-ingest in this environment, with this domain. Variables in `more` take precedence.
    ///
    /// # Panics
    /// If the binary is missing.
    pub async fn function(&self, domain: &str, more: &[(&str, &str)]) -> Function {
        let queue = [&[("MILLRACE_QUEUE_URL", self.queue.url.as_str())], more].concat();
        self.start("s3-ingest", domain, &queue).await
    }

    /// Starts another function in this environment, without the queue.
    ///
    /// # Panics
    /// If the binary is missing.
    pub async fn start(&self, function: &str, domain: &str, more: &[(&str, &str)]) -> Function {
        let env = self.environment(domain, more);
        let env: Vec<_> = env.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        Function::start(&place::function(function), &env).await.expect("the function starts")
    }

    /// The environment variables of a function.
    pub fn environment(&self, domain: &str, more: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut env = vec![
            ("GLIBC_TUNABLES", GLIBC_TUNABLES.to_owned()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", self.moto.credentials.access_key_id().to_owned()),
            ("AWS_SECRET_ACCESS_KEY", self.moto.credentials.secret_access_key().to_owned()),
            ("AWS_ENDPOINT_URL", self.moto.url()),
            ("MILLRACE_DOMAIN_ENDPOINT", domain.to_owned()),
            ("MILLRACE_DOMAIN_AUTH", "none".to_owned()),
            ("MILLRACE_PIPELINE", self.pipeline.display().to_string()),
            ("MILLRACE_DEAD_LETTERS", format!("s3://dead-{}/letters", self.prefix)),
        ];
        for (name, value) in more {
            env.retain(|(set, _)| set != name);
            env.push((name, (*value).to_owned()));
        }
        env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Puts an object.
    pub async fn put(&self, key: &str, body: impl Into<Vec<u8>>) -> Object {
        self.moto.put(&self.bucket, key, body.into()).await
    }

    /// Sends the notification of one object to the queue.
    pub async fn notify(&self, object: &Object) {
        self.queue.send(&envelope::s3(&[object])).await;
    }

    /// Sends the messages that `replay` sends for every object of dead letters. Returns their number.
    pub async fn replay_letters(&self) -> usize {
        let bucket = format!("dead-{}", self.prefix);
        let objects = self.moto.etags(&bucket, "letters/").await;
        for (key, etag) in &objects {
            let task = json!({ "millrace": "dead_letters", "bucket": bucket, "key": key, "etag": etag });
            self.queue.send(&task).await;
        }
        objects.len()
    }

    /// All dead letters of the bucket, in the order of keys.
    ///
    /// # Panics
    /// If a line is not a dead letter.
    pub async fn dead_letters(&self) -> Vec<DeadLetter> {
        self.dead_letters_of().await
    }

    /// The same for a source with these positions.
    ///
    /// # Panics
    /// If a line is not such a dead letter.
    pub async fn dead_letters_of<P: DeserializeOwned>(&self) -> Vec<DeadLetter<P>> {
        let objects = self.moto.objects(&format!("dead-{}", self.prefix), "letters/").await;
        let lines = objects.iter().flat_map(|(key, bytes)| {
            let text = std::str::from_utf8(bytes).unwrap_or_else(|e| panic!("{key}: {e}"));
            assert!(text.ends_with('\n'), "{key} does not end in a newline");
            text.lines().map(move |line| (key, line))
        });
        lines.map(|(key, line)| serde_json::from_str(line).unwrap_or_else(|e| panic!("{key}: {e}: {line}"))).collect()
    }
}

impl<P: std::fmt::Debug> DeadLetter<P> {
    /// The rejected bytes, unchanged.
    ///
    /// # Panics
    /// If there are two payloads, or base64 is used although the bytes are text.
    pub fn payload(&self) -> Vec<u8> {
        match (&self.payload, &self.payload_base64) {
            (Some(text), None) => text.clone().into_bytes(),
            (None, Some(encoded)) => {
                let bytes = STANDARD.decode_to_vec(encoded).expect("base64");
                assert!(std::str::from_utf8(&bytes).is_err(), "text is kept as text: {self:?}");
                bytes
            }
            (None, None) => Vec::new(),
            (Some(_), Some(_)) => panic!("two payloads: {self:?}"),
        }
    }
}

/// The receipts of a function so far. Each balances, and is a CloudWatch metric.
///
/// # Panics
/// If one lacks a key, does not balance, or is not an EMF record with only the dimension `dataset`.
pub fn receipts(function: &Function) -> Vec<receipt::S3> {
    receipt::of(function)
}
