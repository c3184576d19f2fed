# Made by scripts/parameters.py from template.yaml. Do not edit.
# An output whose condition does not hold is null.

output "function_alias" {
  description = "ARN of s3-ingest, to invoke it or to send it notifications"
  value       = lookup(aws_cloudformation_stack.millrace.outputs, "FunctionAlias", null)
}

output "domain_endpoint" {
  description = "URL of the domain that receives the documents"
  value       = lookup(aws_cloudformation_stack.millrace.outputs, "DomainEndpoint", null)
}

output "snapshot_bucket_name" {
  description = "Bucket of the domain's snapshots, below snapshots/"
  value       = lookup(aws_cloudformation_stack.millrace.outputs, "SnapshotBucketName", null)
}

output "alarm_topic_arn" {
  description = "SNS topic of the alarms. Subscribe the people who have to handle them"
  value       = lookup(aws_cloudformation_stack.millrace.outputs, "AlarmTopicArn", null)
}

output "setup_function_name" {
  description = "Invoke it with {} to set up the domain again"
  value       = lookup(aws_cloudformation_stack.millrace.outputs, "SetupFunctionName", null)
}

output "retention_function_name" {
  description = "Invoke it with {\"dry_run\": true} to list the indices that would be deleted"
  value       = lookup(aws_cloudformation_stack.millrace.outputs, "RetentionFunctionName", null)
}

output "brake_function_name" {
  description = "Invoke it with {} to check the domain at once"
  value       = lookup(aws_cloudformation_stack.millrace.outputs, "BrakeFunctionName", null)
}

output "role_arn" {
  description = "Allow it in an existing domain's access policy, and map it to a role if the domain has fine-grained access control"
  value       = lookup(aws_cloudformation_stack.millrace.outputs, "RoleArn", null)
}

output "setup_role_arn" {
  description = "With MapRoles, make it an administrator of the domain's security"
  value       = lookup(aws_cloudformation_stack.millrace.outputs, "SetupRoleArn", null)
}

output "replay_function_name" {
  description = "To replay a prefix: aws lambda invoke --function-name this --payload '{\"from\": \"s3://bucket/prefix\"}'"
  value       = lookup(aws_cloudformation_stack.millrace.outputs, "ReplayFunctionName", null)
}

output "queue_url" {
  description = "Queue that receives the notifications. You can also send notifications to it by hand"
  value       = lookup(aws_cloudformation_stack.millrace.outputs, "QueueUrl", null)
}

output "queue_arn" {
  description = "ARN of that queue, for the notifications of a bucket in another account"
  value       = lookup(aws_cloudformation_stack.millrace.outputs, "QueueArn", null)
}

output "dead_letter_queue_arn" {
  description = "Failed notifications. To retry: aws sqs start-message-move-task --source-arn this --destination-arn the queue's"
  value       = lookup(aws_cloudformation_stack.millrace.outputs, "DeadLetterQueueArn", null)
}

output "dead_letter_bucket_name" {
  description = "Events that can never be indexed, each with its position and reason"
  value       = lookup(aws_cloudformation_stack.millrace.outputs, "DeadLetterBucketName", null)
}

output "bucket_name" {
  description = "Bucket whose objects are ingested"
  value       = lookup(aws_cloudformation_stack.millrace.outputs, "BucketName", null)
}

output "log_group_name" {
  description = "Receipts and errors of s3-ingest. The log groups of the other functions end with their names"
  value       = lookup(aws_cloudformation_stack.millrace.outputs, "LogGroupName", null)
}

output "stream_arn" {
  description = "Stream whose records are ingested"
  value       = lookup(aws_cloudformation_stack.millrace.outputs, "StreamArn", null)
}

output "kinesis_role_arn" {
  description = "As RoleArn, for the function that reads the stream"
  value       = lookup(aws_cloudformation_stack.millrace.outputs, "KinesisRoleArn", null)
}

output "kafka_role_arn" {
  description = "As RoleArn, for the function that reads the topic. The cluster also has to allow it"
  value       = lookup(aws_cloudformation_stack.millrace.outputs, "KafkaRoleArn", null)
}

output "delivery_stream_arn" {
  description = "Delivery stream to put records into if there is no Kinesis stream"
  value       = lookup(aws_cloudformation_stack.millrace.outputs, "DeliveryStreamArn", null)
}

output "delivery_bucket_name" {
  description = "Bucket of the selected events, and below failed/ of the records that could not be read"
  value       = lookup(aws_cloudformation_stack.millrace.outputs, "DeliveryBucketName", null)
}
