//! Functions as Lambda knows them: by name, with their event source mappings. moto never runs them.

use aws_sdk_lambda::types::{EventSourceMappingConfiguration, EventSourcePosition, FunctionCode, ScalingConfig};

use crate::moto::{Moto, REGION};

/// The settings of a mapping: enabled, the maximum concurrency of a queue, the parallelization factor of a shard.
pub type Set = (bool, Option<i32>, Option<i32>);

impl Moto {
    /// Creates a function if no function has this name.
    ///
    /// # Panics
    /// If moto refuses.
    pub async fn lambda_function(&self, name: &str) {
        if self.lambda.get_function().function_name(name).send().await.is_ok() {
            return;
        }
        self.iam("Action=CreateRole&RoleName=lambda&AssumeRolePolicyDocument=%7B%7D".into()).await;
        // The smallest possible zip file: an empty one, with only the end of its directory.
        let zip = [b"PK\x05\x06".as_slice(), &[0; 18]].concat();
        let code = FunctionCode::builder().zip_file(zip.into()).build();
        let request = self.lambda.create_function().function_name(name).role("arn:aws:iam::123456789012:role/lambda");
        request.runtime("provided.al2023".into()).handler("bootstrap").code(code).send().await.expect("a new function");
    }

    /// Creates an alias of a function.
    ///
    /// # Panics
    /// If moto refuses.
    pub async fn lambda_alias(&self, function: &str, alias: &str) {
        let request = self.lambda.create_alias().function_name(function).name(alias).function_version("$LATEST");
        request.send().await.expect("a new alias");
    }

    /// Maps a queue, by its name, to a function. Returns the id of the mapping.
    ///
    /// # Panics
    /// If moto refuses.
    pub async fn map_queue(&self, function: &str, queue: &str, maximum_concurrency: i32) -> String {
        let scaling = ScalingConfig::builder().maximum_concurrency(maximum_concurrency).build();
        let request = self.lambda.create_event_source_mapping().function_name(function).scaling_config(scaling);
        let mapped = request.event_source_arn(format!("arn:aws:sqs:{REGION}:123456789012:{queue}")).send().await;
        mapped.expect("a new mapping").uuid().expect("an id").to_owned()
    }

    /// Creates a stream and maps it to a function. Returns the id of the mapping.
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

    /// The settings of a mapping.
    ///
    /// # Panics
    /// If the mapping does not exist.
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
