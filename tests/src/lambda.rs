//! Functions as Lambda knows them: by name, with the event source mappings that bring them events. They are never run.

use aws_sdk_lambda::types::{EventSourceMappingConfiguration, EventSourcePosition, FunctionCode, ScalingConfig};

use crate::moto::{Moto, REGION};

/// How a mapping is set: enabled, most invocations at once of a queue, batches of a shard at once.
pub type Set = (bool, Option<i32>, Option<i32>);

impl Moto {
    /// Makes a function, where there is none of that name.
    ///
    /// # Panics
    /// If moto refuses.
    pub async fn lambda_function(&self, name: &str) {
        if self.lambda.get_function().function_name(name).send().await.is_ok() {
            return;
        }
        self.iam("Action=CreateRole&RoleName=lambda&AssumeRolePolicyDocument=%7B%7D".into()).await;
        // The smallest zip file there is: the end of its directory.
        let zip = [b"PK\x05\x06".as_slice(), &[0; 18]].concat();
        let code = FunctionCode::builder().zip_file(zip.into()).build();
        let request = self.lambda.create_function().function_name(name).role("arn:aws:iam::123456789012:role/lambda");
        request.runtime("provided.al2023".into()).handler("bootstrap").code(code).send().await.expect("a new function");
    }

    /// Makes an alias of a function.
    ///
    /// # Panics
    /// If moto refuses.
    pub async fn lambda_alias(&self, function: &str, alias: &str) {
        let request = self.lambda.create_alias().function_name(function).name(alias).function_version("$LATEST");
        request.send().await.expect("a new alias");
    }

    /// Maps a queue, by its name, to a function.
    ///
    /// # Panics
    /// If moto refuses.
    pub async fn map_queue(&self, function: &str, queue: &str, maximum_concurrency: i32) -> String {
        let scaling = ScalingConfig::builder().maximum_concurrency(maximum_concurrency).build();
        let request = self.lambda.create_event_source_mapping().function_name(function).scaling_config(scaling);
        let mapped = request.event_source_arn(format!("arn:aws:sqs:{REGION}:123456789012:{queue}")).send().await;
        mapped.expect("a new mapping").uuid().expect("an id").to_owned()
    }

    /// Makes a stream and maps it to a function.
    ///
    /// # Panics
    /// If moto refuses.
    pub async fn map_stream(&self, function: &str, stream: &str, parallelization: i32) -> String {
        let target =
            [("x-amz-target", "Kinesis_20131202.CreateStream"), ("content-type", "application/x-amz-json-1.1")];
        self.post("kinesis", &target, format!(r#"{{"StreamName":"{stream}","ShardCount":1}}"#)).await;
        let request =
            self.lambda.create_event_source_mapping().function_name(function).parallelization_factor(parallelization);
        let request = request.event_source_arn(format!("arn:aws:kinesis:{REGION}:123456789012:stream/{stream}"));
        let mapped = request.starting_position(EventSourcePosition::Latest).send().await;
        mapped.expect("a new mapping").uuid().expect("an id").to_owned()
    }

    /// How a mapping is set.
    ///
    /// # Panics
    /// If there is no such mapping.
    pub async fn mapping(&self, uuid: &str) -> Set {
        let mapping = self.lambda.get_event_source_mapping().uuid(uuid).send().await.expect("the mapping");
        let concurrency = mapping.scaling_config().and_then(ScalingConfig::maximum_concurrency);
        (mapping.state() == Some("Enabled"), concurrency, mapping.parallelization_factor())
    }

    /// All mappings of a function.
    ///
    /// # Panics
    /// If moto refuses.
    pub async fn mappings(&self, function: &str) -> Vec<EventSourceMappingConfiguration> {
        let listed = self.lambda.list_event_source_mappings().function_name(function).send().await;
        listed.expect("a list").event_source_mappings().to_vec()
    }
}
