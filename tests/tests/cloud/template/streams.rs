//! The template's promises about the stream, the topic and the delivery stream.

use serde_json::json;

use super::{deployed, properties, resources, statement, statements, texts};

#[test]
fn without_parameters_there_is_no_stream_no_topic_and_no_delivery() {
    let Some(template) = deployed() else { return };
    for (name, resource) in template["Resources"].as_object().expect("resources") {
        let of_streams = ["Stream", "Kinesis", "Kafka", "Delivery", "Firehose"];
        if of_streams.iter().any(|part| name.contains(part)) {
            assert!(resource["Condition"].is_string(), "{name} is always there");
        }
    }
    for name in ["StreamName", "DeliveryStreamName", "KafkaClusterArn", "KafkaBootstrapServers"] {
        assert_eq!(template["Parameters"][name]["Default"], "", "{name}");
    }
}

#[test]
fn a_new_stream_keeps_its_records_for_a_week_and_survives_the_stack() {
    let Some(template) = deployed() else { return };
    let resource = &template["Resources"]["SourceStream"];
    assert_eq!((&resource["DeletionPolicy"], &resource["UpdateReplacePolicy"]), (&json!("Retain"), &json!("Retain")));
    let stream = &resource["Properties"];
    assert_eq!(stream["RetentionPeriodHours"], 7 * 24);
    assert_eq!(stream["Name"], json!({ "Ref": "StreamName" }));
    assert_eq!(stream["StreamEncryption"], json!({ "EncryptionType": "KMS", "KeyId": "alias/aws/kinesis" }));
}

#[test]
fn streams_and_topics_are_answered_in_part_and_retried_without_limit() {
    let Some(template) = deployed() else { return };
    for name in ["KinesisIngestFunctionStream", "KafkaIngestMapping"] {
        let mapping = properties(template, name);
        assert_eq!(mapping["FunctionResponseTypes"], json!(["ReportBatchItemFailures"]), "{name}");
        assert_eq!(mapping["MaximumRetryAttempts"], -1, "{name}");
        assert_eq!(mapping["MaximumRecordAgeInSeconds"], -1, "{name}");
        assert_eq!(mapping["BisectBatchOnFunctionError"], true, "{name}");
        assert_eq!(mapping["StartingPosition"], json!({ "Ref": "StreamStartingPosition" }), "{name}");
        for absent in ["TumblingWindowInSeconds", "FilterCriteria"] {
            assert!(mapping.get(absent).is_none(), "{name} has {absent}");
        }
    }
    assert_eq!(template["Parameters"]["StreamStartingPosition"]["Default"], "TRIM_HORIZON");
}

#[test]
fn what_the_stream_forgets_is_kept_in_a_bucket() {
    let Some(template) = deployed() else { return };
    let destination = &properties(template, "KinesisIngestFunctionStream")["DestinationConfig"];
    let bucket = json!({ "Fn::GetAtt": ["DeadLetterBucket", "Arn"] });
    assert_eq!(*destination, json!({ "OnFailure": { "Destination": bucket } }));
    let put = statement(template, "KinesisIngestRole", "KeepForgottenRecords");
    assert_eq!(put["Action"], "s3:PutObject");
    assert_eq!(put["Resource"], json!({ "Fn::Sub": "${DeadLetterBucket.Arn}/aws/lambda/*" }));
    let look = statement(template, "KinesisIngestRole", "LookForTheBucket");
    assert_eq!((&look["Action"], &look["Resource"]), (&json!("s3:ListBucket"), &bucket));
}

#[test]
fn the_topic_has_no_destination_since_lambda_would_then_give_up_after_ten_retries() {
    let Some(template) = deployed() else { return };
    let mapping = properties(template, "KafkaIngestMapping");
    assert!(mapping.get("DestinationConfig").is_none());
    // Partial answers need the provisioned mode.
    assert_eq!(mapping["ProvisionedPollerConfig"]["MinimumPollers"], 1);
}

#[test]
fn a_function_of_kafka_runs_for_fourteen_minutes_at_most() {
    let Some(template) = deployed() else { return };
    let timeout = json!({ "Fn::If": ["IsTooLongForKafka", 14 * 60, { "Ref": "FunctionTimeout" }] });
    assert_eq!(properties(template, "KafkaIngestFunction")["Timeout"], timeout);
    let is_too_long = &template["Conditions"]["IsTooLongForKafka"]["Fn::Equals"];
    assert_eq!(is_too_long[0], json!({ "Ref": "FunctionTimeout" }));
    for timeout in template["Parameters"]["FunctionTimeout"]["AllowedValues"].as_array().expect("allowed values") {
        assert!(timeout.as_u64() <= Some(14 * 60) || *timeout == is_too_long[1], "{timeout}");
    }
}

#[test]
fn a_cluster_is_read_by_one_group_whose_name_does_not_change() {
    let Some(template) = deployed() else { return };
    let mapping = properties(template, "KafkaIngestMapping");
    let group = json!({ "ConsumerGroupId":
        { "Fn::If": ["HasKafkaGroup", { "Ref": "KafkaConsumerGroup" }, { "Ref": "AWS::StackName" }] } });
    assert_eq!(mapping["AmazonManagedKafkaEventSourceConfig"]["Fn::If"][1], group);
    assert_eq!(mapping["SelfManagedKafkaEventSourceConfig"]["Fn::If"][1], group);
    let offsets = statement(template, "KafkaIngestRole", "KeepOffsets");
    assert!(offsets["Resource"].to_string().contains(":group/"), "{offsets}");
}

#[test]
fn only_chosen_functions_read_the_stream_and_none_writes_to_it() {
    let Some(template) = deployed() else { return };
    let mut found = Vec::new();
    for role in resources(template, "AWS::IAM::Role") {
        statements(&role["Policies"], &mut found);
    }
    let mut sids = Vec::new();
    for statement in found {
        let actions = texts(&statement["Action"]);
        if actions.iter().any(|action| action.starts_with("kinesis:")) {
            let reads = |action: &&str| {
                ["Get", "Describe", "List", "SubscribeTo"]
                    .iter()
                    .any(|verb| action["kinesis:".len()..].starts_with(verb))
            };
            assert!(actions.iter().all(reads), "{statement}");
            sids.push(statement["Sid"].as_str().expect("a name"));
        }
    }
    sids.sort_unstable();
    assert_eq!(sids, ["ReadAsTheConsumer", "ReadTheStream", "ReadTheStream"]);
}

#[test]
fn firehose_calls_the_transform_and_keeps_what_it_could_not_read() {
    let Some(template) = deployed() else { return };
    let stream = properties(template, "DeliveryStream");
    assert_eq!(stream["DeliveryStreamName"], json!({ "Ref": "DeliveryStreamName" }));
    let destination = &stream["ExtendedS3DestinationConfiguration"];
    let processor = &destination["ProcessingConfiguration"]["Processors"][0];
    let function = json!({ "Fn::GetAtt": ["FirehoseTransformFunction", "Arn"] });
    assert_eq!(processor["Parameters"][0], json!({ "ParameterName": "LambdaArn", "ParameterValue": function }));
    assert_eq!(statement(template, "DeliveryRole", "Transform")["Resource"][0], function);
    let errors = destination["ErrorOutputPrefix"].as_str().expect("a prefix");
    assert!(errors.contains("!{firehose:error-output-type}"), "{errors}");
    assert_eq!(destination["S3BackupMode"], json!({ "Ref": "SourceRecordBackup" }));
    // Firehose accepts requests and answers of at most 6 MB, and buffers at most 3 MB.
    let buffer = &template["Parameters"]["TransformBufferMegabytes"];
    assert!(buffer["Default"].as_f64() <= Some(3.0) && buffer["MaxValue"] == 3, "{buffer}");
    assert!(properties(template, "FirehoseTransformFunction")["Timeout"].as_u64() <= Some(300));
    // Objects that expire are only those that were delivered or kept elsewhere.
    let rules = properties(template, "DeliveryBucket")["LifecycleConfiguration"]["Rules"].as_array().expect("rules");
    for rule in rules.iter().filter(|rule| rule.get("ExpirationInDays").is_some()) {
        assert_eq!(rule["Prefix"], "source-records/", "{rule}");
        assert_eq!(
            destination["S3BackupConfiguration"]["Fn::If"][1]["Prefix"]
                .as_str()
                .map(|p| p.starts_with("source-records/")),
            Some(true)
        );
    }
}

#[test]
fn the_transform_may_do_nothing_but_log_and_read_its_key_and_knows_no_domain() {
    let Some(template) = deployed() else { return };
    let role = properties(template, "FirehoseTransformRole");
    assert!(role.get("ManagedPolicyArns").is_none(), "{role}");
    let mut found = Vec::new();
    statements(&role["Policies"], &mut found);
    let names: Vec<_> = found.iter().map(|statement| &statement["Sid"]).collect();
    assert_eq!(names, ["Log", "ReadTheKeyOfHashes", "Decrypt"]);
    assert_eq!(found[1]["Resource"], json!({ "Ref": "HashKeySecretArn" }));
    // Without a secret, these statements are absent too.
    let statements = role["Policies"][0]["PolicyDocument"]["Statement"].as_array().expect("statements");
    for statement in &statements[1..] {
        assert_eq!(statement["Fn::If"][0], "HasHashKey", "{statement}");
    }
    let function = properties(template, "FirehoseTransformFunction");
    assert!(function.get("VpcConfig").is_none(), "{function}");
    let variables = function["Environment"]["Variables"].as_object().expect("variables");
    assert_eq!(
        variables.keys().collect::<Vec<_>>(),
        [
            "GLIBC_TUNABLES",
            "MILLRACE_HASH_KEY",
            "MILLRACE_LOG",
            "MILLRACE_MAX_EVENT_BYTES",
            "MILLRACE_MAX_RECORD_BYTES"
        ]
    );
}

#[test]
fn no_other_delivery_stream_may_use_the_role() {
    let Some(template) = deployed() else { return };
    let trust = &properties(template, "DeliveryRole")["AssumeRolePolicyDocument"]["Statement"][0];
    assert_eq!(trust["Principal"]["Service"], "firehose.amazonaws.com");
    assert_eq!(trust["Condition"]["StringEquals"]["sts:ExternalId"], json!({ "Ref": "AWS::AccountId" }));
}
