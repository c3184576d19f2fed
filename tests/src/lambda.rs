//! Functions as Lambda knows them: by name, with their event source mappings. moto never runs them.

use reqwest::Method;
use serde_json::{Value, json};

use crate::moto::{Moto, REGION, scope};

/// The settings of a mapping: enabled, the maximum concurrency of a queue, the parallelization factor of a shard.
pub type Set = (bool, Option<i64>, Option<i64>);

impl Moto {
    /// Creates a function if no function has this name.
    ///
    /// # Panics
    /// If moto refuses.
    pub async fn lambda_function(&self, name: &str) {
        if self.lambda(Method::GET, &format!("/2015-03-31/functions/{name}"), None).await.is_ok() {
            return;
        }
        self.iam("Action=CreateRole&RoleName=lambda&AssumeRolePolicyDocument=%7B%7D".into()).await;
        // The smallest possible zip file: an empty one, with only the end of its directory.
        let zip = base64_simd::STANDARD.encode_to_string([b"PK\x05\x06".as_slice(), &[0; 18]].concat());
        let function = json!({
            "FunctionName": name, "Role": "arn:aws:iam::123456789012:role/lambda", "Runtime": "provided.al2023",
            "Handler": "bootstrap", "Code": { "ZipFile": zip }
        });
        self.lambda(Method::POST, "/2015-03-31/functions", Some(&function)).await.expect("a new function");
    }

    /// Creates an alias of a function.
    ///
    /// # Panics
    /// If moto refuses.
    pub async fn lambda_alias(&self, function: &str, alias: &str) {
        let body = json!({ "Name": alias, "FunctionVersion": "$LATEST" });
        let path = format!("/2015-03-31/functions/{function}/aliases");
        self.lambda(Method::POST, &path, Some(&body)).await.expect("a new alias");
    }

    /// Maps a queue, by its name, to a function. Returns the id of the mapping.
    ///
    /// # Panics
    /// If moto refuses.
    pub async fn map_queue(&self, function: &str, queue: &str, maximum_concurrency: i64) -> String {
        let source = format!("arn:aws:sqs:{REGION}:123456789012:{queue}");
        self.map(json!({
            "FunctionName": function, "EventSourceArn": source,
            "ScalingConfig": { "MaximumConcurrency": maximum_concurrency }
        }))
        .await
    }

    /// Creates a stream and maps it to a function. Returns the id of the mapping.
    ///
    /// # Panics
    /// If moto refuses.
    pub async fn map_stream(&self, function: &str, stream: &str, parallelization: i64) -> String {
        let target =
            [("x-amz-target", "Kinesis_20131202.CreateStream"), ("content-type", "application/x-amz-json-1.1")];
        self.post("kinesis", &target, format!(r#"{{"StreamName":"{stream}","ShardCount":1}}"#)).await;
        let source = format!("arn:aws:kinesis:{REGION}:123456789012:stream/{stream}");
        self.map(json!({
            "FunctionName": function, "EventSourceArn": source, "ParallelizationFactor": parallelization,
            "StartingPosition": "LATEST"
        }))
        .await
    }

    async fn map(&self, mapping: Value) -> String {
        let mapped = self.lambda(Method::POST, "/2015-03-31/event-source-mappings", Some(&mapping)).await;
        mapped.expect("a new mapping")["UUID"].as_str().expect("an id").to_owned()
    }

    /// The settings of a mapping.
    ///
    /// # Panics
    /// If the mapping does not exist.
    pub async fn mapping(&self, uuid: &str) -> Set {
        let mapping = self.described(uuid).await;
        let concurrency = mapping["ScalingConfig"]["MaximumConcurrency"].as_i64();
        (mapping["State"] == "Enabled", concurrency, mapping["ParallelizationFactor"].as_i64())
    }

    async fn described(&self, uuid: &str) -> Value {
        let path = format!("/2015-03-31/event-source-mappings/{uuid}");
        self.lambda(Method::GET, &path, None).await.expect("the mapping")
    }

    /// Changes settings of a mapping, as an operator or a deployment does.
    ///
    /// # Panics
    /// If the mapping does not exist.
    pub async fn set_mapping(&self, uuid: &str, settings: Value) {
        let path = format!("/2015-03-31/event-source-mappings/{uuid}");
        self.lambda(Method::PUT, &path, Some(&settings)).await.expect("the mapping is changed");
    }

    /// Deletes a mapping.
    ///
    /// # Panics
    /// If the mapping does not exist.
    pub async fn delete_mapping(&self, uuid: &str) {
        let path = format!("/2015-03-31/event-source-mappings/{uuid}");
        self.lambda(Method::DELETE, &path, None).await.expect("the mapping is deleted");
    }

    /// Whether Millrace has tagged a mapping as paused.
    ///
    /// # Panics
    /// If the mapping does not exist.
    pub async fn is_tagged(&self, uuid: &str) -> bool {
        let mapping = self.described(uuid).await;
        let arn = crate::envelope::encode(mapping["EventSourceMappingArn"].as_str().expect("an ARN"));
        let tags = self.lambda(Method::GET, &format!("/2017-03-31/tags/{arn}"), None).await.expect("its tags");
        tags["Tags"].get("millrace:paused").is_some()
    }

    /// Sends a request to Lambda. Returns the answer. A 500 of moto, which does not lock what several requests change, is
    /// followed by another attempt.
    ///
    /// # Errors
    /// The text of a refusal.
    ///
    /// # Panics
    /// If moto does not answer.
    pub async fn lambda(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, String> {
        let mut attempts = 0;
        loop {
            let request = crate::engine::http().request(method.clone(), format!("{}{path}", self.url()));
            let request = request.header("authorization", scope("lambda")).header("content-type", "application/json");
            let sent = request.body(body.map(Value::to_string).unwrap_or_default()).send().await;
            let answer = sent.expect("moto answers");
            let (status, text) = (answer.status(), answer.text().await.expect("the answer is whole"));
            if status.is_success() {
                return Ok(serde_json::from_str(&text).unwrap_or_default());
            }
            attempts += 1;
            if !status.is_server_error() || attempts == 4 {
                return Err(text);
            }
        }
    }
}
