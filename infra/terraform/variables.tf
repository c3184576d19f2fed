# Made by scripts/parameters.py from template.yaml. Do not edit.

variable "create_domain" {
  description = "true creates a domain by infra/domain.yaml. The domain stays when the stack is deleted"
  type        = bool
  default     = false
  nullable    = false
}

variable "domain_endpoint" {
  description = "URL of the domain, collection or cluster. With CreateDomain, set it only if the functions reach the domain by another URL"
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(https?://[^/]+.*)?$", var.domain_endpoint))
    error_message = "domain_endpoint must be a URL such as https://search-logs-abc.eu-west-1.es.amazonaws.com."
  }
}

variable "domain_auth" {
  description = "How requests authenticate (sigv4:es for domains, sigv4:aoss for serverless collections, apikey for Elastic Cloud)"
  type        = string
  default     = "sigv4:es"
  nullable    = false

  validation {
    condition     = contains(["sigv4:es", "sigv4:aoss", "basic", "apikey", "none"], var.domain_auth)
    error_message = "domain_auth must be one of sigv4:es, sigv4:aoss, basic, apikey, none."
  }
}

variable "domain_arn" {
  description = "ARN of an existing domain or collection. Required with sigv4, because the functions may write only to this ARN, and sign for its region"
  type        = string
  default     = "arn:aws:es:::none"
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:(es|aoss):([a-z0-9-]+:.+|::none)$", var.domain_arn))
    error_message = "domain_arn must be text that matches ^arn:[a-z-]+:(es|aoss):([a-z0-9-]+:.+|::none)$."
  }
}

variable "domain_role_arn" {
  description = "With sigv4, a role that the functions assume to sign, for a domain in another account. All functions share its rights"
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(arn:[a-z-]+:iam::[0-9]{12}:role/[^,]+)?$", var.domain_role_arn))
    error_message = "domain_role_arn must be the ARN of a role such as arn:aws:iam::123456789012:role/logs."
  }
}

variable "basic_auth_secret_arn" {
  description = "With DomainAuth basic, the ARN of the secret {username, password}. With apikey, of {id, api_key} or an encoded API key"
  type        = string
  default     = "arn:aws:secretsmanager:::none"
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:secretsmanager:.+$", var.basic_auth_secret_arn))
    error_message = "basic_auth_secret_arn must be text that matches ^arn:[a-z-]+:secretsmanager:.+$."
  }
}

variable "domain_ca_secret_arn" {
  description = "ARN of a secret with the certificate (PEM) of the authority that signed the domain's certificate. Needed only for a private authority"
  type        = string
  default     = "arn:aws:secretsmanager:::none"
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:secretsmanager:.+$", var.domain_ca_secret_arn))
    error_message = "domain_ca_secret_arn must be text that matches ^arn:[a-z-]+:secretsmanager:.+$."
  }
}

variable "domain_insecure" {
  description = "true allows plain http in DomainEndpoint and S3Endpoint. Everyone on the network path can then read the events and the credentials"
  type        = bool
  default     = false
  nullable    = false
}

variable "domain_name" {
  description = "Name of the new domain"
  type        = string
  default     = "millrace"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,27}$", var.domain_name))
    error_message = "domain_name must be text that matches ^[a-z][a-z0-9-]{2,27}$."
  }
}

variable "domain_engine_version" {
  description = "Engine and version of the new domain. A changed value upgrades the domain, which cannot be undone"
  type        = string
  default     = "OpenSearch_2.19"
  nullable    = false

  validation {
    condition     = can(regex("^(OpenSearch|Elasticsearch)_[0-9]+\\.[0-9]+$", var.domain_engine_version))
    error_message = "domain_engine_version must be text that matches ^(OpenSearch|Elasticsearch)_[0-9]+\\.[0-9]+$."
  }
}

variable "domain_node_type" {
  description = "Instance type of the data nodes"
  type        = string
  default     = "r7g.large.search"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9]+\\.[a-z0-9]+\\.search$", var.domain_node_type))
    error_message = "domain_node_type must be text that matches ^[a-z0-9]+\\.[a-z0-9]+\\.search$."
  }
}

variable "domain_node_count" {
  description = "Number of data nodes, a multiple of DomainZones"
  type        = number
  default     = 3
  nullable    = false

  validation {
    condition     = var.domain_node_count >= 1
    error_message = "domain_node_count must be at least 1."
  }
}

variable "domain_zones" {
  description = "Number of availability zones"
  type        = number
  default     = 3
  nullable    = false

  validation {
    condition     = contains([1, 2, 3], var.domain_zones)
    error_message = "domain_zones must be one of 1, 2, 3."
  }
}

variable "domain_master_type" {
  description = "Instance type of the dedicated masters"
  type        = string
  default     = "m7g.large.search"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9]+\\.[a-z0-9]+\\.search$", var.domain_master_type))
    error_message = "domain_master_type must be text that matches ^[a-z0-9]+\\.[a-z0-9]+\\.search$."
  }
}

variable "domain_master_count" {
  description = "Number of dedicated masters. 0 for none, 3 for production with more than three data nodes"
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = contains([0, 3, 5], var.domain_master_count)
    error_message = "domain_master_count must be one of 0, 3, 5."
  }
}

variable "domain_volume_gigabytes" {
  description = "Storage of each data node, in gigabytes"
  type        = number
  default     = 100
  nullable    = false

  validation {
    condition     = var.domain_volume_gigabytes >= 10
    error_message = "domain_volume_gigabytes must be at least 10."
  }
}

variable "domain_master_user_arn" {
  description = "A role that may do everything in the new domain. If empty, the setup function's role, and setup then maps the other roles"
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(arn:[a-z-]+:iam::.+)?$", var.domain_master_user_arn))
    error_message = "domain_master_user_arn must be text that matches ^(arn:[a-z-]+:iam::.+)?$."
  }
}

variable "domain_subnet_ids" {
  description = "For a new domain inside a VPC, one subnet for each zone. The functions then need SubnetIds"
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for item in var.domain_subnet_ids : can(regex("^[^,]+$", item))])
    error_message = "domain_subnet_ids must be a list of texts without commas."
  }
}

variable "domain_security_group_ids" {
  description = "With DomainSubnetIds, security groups that allow port 443 from the functions' security groups"
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for item in var.domain_security_group_ids : can(regex("^[^,]+$", item))])
    error_message = "domain_security_group_ids must be a list of texts without commas."
  }
}

variable "rules_bucket" {
  description = "A bucket of the stack's region with your rules. Empty for the rules that are deployed with the stack"
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?$", var.rules_bucket))
    error_message = "rules_bucket must be text that matches ^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?$."
  }
}

variable "rules_key" {
  description = "With RulesBucket, the key of a zip with pipeline.yaml at its top, the files that it includes, and mappings/"
  type        = string
  default     = ""
  nullable    = false
}

variable "rules_version" {
  description = "With RulesKey, the version of that object. A changed value deploys the changed rules. Empty in a bucket without versions: then give changed rules another key"
  type        = string
  default     = ""
  nullable    = false
}

variable "hash_key_secret_arn" {
  description = "If pipeline.yaml has a hash rule, the ARN of the secret with its key of at least 16 bytes"
  type        = string
  default     = "arn:aws:secretsmanager:::none"
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:secretsmanager:.+$", var.hash_key_secret_arn))
    error_message = "hash_key_secret_arn must be text that matches ^arn:[a-z-]+:secretsmanager:.+$."
  }
}

variable "rollover_lookups" {
  description = "true if a dataset has a data stream or an alias as its index: with sigv4:es, the functions may then read documents of the domain by their ids"
  type        = bool
  default     = false
  nullable    = false
}

variable "bucket_name" {
  description = "The bucket whose objects are ingested"
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.bucket_name))
    error_message = "bucket_name must be text that matches ^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$."
  }
}

variable "create_bucket" {
  description = "false for an existing bucket. Turn on its EventBridge notifications"
  type        = bool
  default     = true
  nullable    = false
}

variable "bucket_account" {
  description = "With CreateBucket=false, the account of the bucket if it is another one. The bucket may then notify the queue directly. Name it as owner in pipeline.yaml too"
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^([0-9]{12})?$", var.bucket_account))
    error_message = "bucket_account must be the 12 digits of an account."
  }
}

variable "key_prefix" {
  description = "Only objects whose keys begin with this prefix are ingested. Empty for all objects"
  type        = string
  default     = ""
  nullable    = false
}

variable "kms_key_arns" {
  description = "ARNs of customer managed keys that encrypt the objects, an existing stream or a secret"
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for item in var.kms_key_arns : can(regex("^[^,]+$", item))])
    error_message = "kms_key_arns must be a list of texts without commas."
  }
}

variable "s3_endpoint" {
  description = "https URL of S3, such as an interface endpoint in a VPC. Empty for the default endpoint of each bucket's region"
  type        = string
  default     = ""
  nullable    = false
}

variable "stream_name" {
  description = "The Kinesis stream whose records are ingested. Empty for none"
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9_.-]{0,128}$", var.stream_name))
    error_message = "stream_name must be text that matches ^[a-zA-Z0-9_.-]{0,128}$."
  }
}

variable "create_stream" {
  description = "false for an existing stream, in this account and region"
  type        = bool
  default     = true
  nullable    = false
}

variable "stream_shards" {
  description = "Shards of the new stream. 0 for on-demand, which needs no planning and costs more under steady load"
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.stream_shards >= 0
    error_message = "stream_shards must be at least 0."
  }
}

variable "enhanced_fan_out" {
  description = "true gives this consumer its own 2 MB a second from each shard. Use it if other consumers read the stream too"
  type        = bool
  default     = false
  nullable    = false
}

variable "stream_parallelization" {
  description = "Batches of one shard that are processed at once. Raise it if the iterator age grows"
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.stream_parallelization >= 1 && var.stream_parallelization <= 10
    error_message = "stream_parallelization must be at least 1 and at most 10."
  }
}

variable "stream_batch_size" {
  description = "Maximum number of records in one invocation, for the stream and for the topic"
  type        = number
  default     = 5000
  nullable    = false

  validation {
    condition     = var.stream_batch_size >= 1 && var.stream_batch_size <= 10000
    error_message = "stream_batch_size must be at least 1 and at most 10000."
  }
}

variable "stream_batching_window" {
  description = "Seconds for which Lambda gathers records into a batch, for the stream and for the topic"
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.stream_batching_window >= 0 && var.stream_batching_window <= 300
    error_message = "stream_batching_window must be at least 0 and at most 300."
  }
}

variable "stream_starting_position" {
  description = "Where a new event source mapping begins. LATEST skips the records that are already in the stream or the topic"
  type        = string
  default     = "TRIM_HORIZON"
  nullable    = false

  validation {
    condition     = contains(["TRIM_HORIZON", "LATEST"], var.stream_starting_position)
    error_message = "stream_starting_position must be one of TRIM_HORIZON, LATEST."
  }
}

variable "delivery_stream_name" {
  description = "The Firehose stream that delivers the selected events to S3. Empty for none"
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9_.-]{0,64}$", var.delivery_stream_name))
    error_message = "delivery_stream_name must be text that matches ^[a-zA-Z0-9_.-]{0,64}$."
  }
}

variable "delivery_bucket_name" {
  description = "An existing bucket to deliver to. none creates a bucket"
  type        = string
  default     = "none"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.delivery_bucket_name))
    error_message = "delivery_bucket_name must be text that matches ^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$."
  }
}

variable "delivery_prefix" {
  description = "Prefix of the keys of delivered objects. !{partitionKeyFromLambda:key} stands for an entry of partition_keys in pipeline.yaml"
  type        = string
  default     = "chosen/dt=!{timestamp:yyyy-MM-dd}/"
  nullable    = false

  validation {
    condition     = can(regex("^.+/$", var.delivery_prefix))
    error_message = "delivery_prefix must be text that matches ^.+/$."
  }
}

variable "delivery_interval_seconds" {
  description = "Seconds after which Firehose delivers an object. It delivers earlier when it has 128 MB"
  type        = number
  default     = 300
  nullable    = false

  validation {
    condition     = var.delivery_interval_seconds >= 60 && var.delivery_interval_seconds <= 900
    error_message = "delivery_interval_seconds must be at least 60 and at most 900."
  }
}

variable "dynamic_partitioning" {
  description = "true if DeliveryPrefix names partition keys. Can be set only when the delivery stream is created"
  type        = bool
  default     = false
  nullable    = false
}

variable "source_record_backup" {
  description = "Whether Firehose also keeps every source record unchanged. It cannot be disabled once it was enabled"
  type        = string
  default     = "Enabled"
  nullable    = false

  validation {
    condition     = contains(["Enabled", "Disabled"], var.source_record_backup)
    error_message = "source_record_backup must be one of Enabled, Disabled."
  }
}

variable "transform_buffer_megabytes" {
  description = "MB of records in one call of the function. Up to 3 if records have a kilobyte or more"
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.transform_buffer_megabytes >= 0.2 && var.transform_buffer_megabytes <= 3
    error_message = "transform_buffer_megabytes must be at least 0.2 and at most 3."
  }
}

variable "kafka_cluster_arn" {
  description = "ARN of the MSK cluster. Empty for none"
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(arn:[a-z-]+:kafka:.+:cluster/.+)?$", var.kafka_cluster_arn))
    error_message = "kafka_cluster_arn must be text that matches ^(arn:[a-z-]+:kafka:.+:cluster/.+)?$."
  }
}

variable "kafka_bootstrap_servers" {
  description = "Bootstrap servers of a self-managed cluster, as host:port,host:port. Empty for none"
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^([^:,\\s]+:[0-9]+(,[^:,\\s]+:[0-9]+)*)?$", var.kafka_bootstrap_servers))
    error_message = "kafka_bootstrap_servers must be text that matches ^([^:,\\s]+:[0-9]+(,[^:,\\s]+:[0-9]+)*)?$."
  }
}

variable "kafka_topic" {
  description = "The topic whose records are ingested"
  type        = string
  default     = "none"
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9_.-]{1,249}$", var.kafka_topic))
    error_message = "kafka_topic must be text that matches ^[a-zA-Z0-9_.-]{1,249}$."
  }
}

variable "kafka_consumer_group" {
  description = "Consumer group that holds the offsets. A recreated event source mapping resumes there. Empty for the stack's name"
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9_.-]{0,200}$", var.kafka_consumer_group))
    error_message = "kafka_consumer_group must be text that matches ^[a-zA-Z0-9_.-]{0,200}$."
  }
}

variable "kafka_auth" {
  description = "How Lambda authenticates to the brokers. With MSK, none means IAM"
  type        = string
  default     = "none"
  nullable    = false

  validation {
    condition     = contains(["none", "BASIC_AUTH", "SASL_SCRAM_256_AUTH", "SASL_SCRAM_512_AUTH", "CLIENT_CERTIFICATE_TLS_AUTH"], var.kafka_auth)
    error_message = "kafka_auth must be one of none, BASIC_AUTH, SASL_SCRAM_256_AUTH, SASL_SCRAM_512_AUTH, CLIENT_CERTIFICATE_TLS_AUTH."
  }
}

variable "kafka_secret_arn" {
  description = "With any KafkaAuth except none, the ARN of the secret that holds the credentials"
  type        = string
  default     = "arn:aws:secretsmanager:::none"
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:secretsmanager:.+$", var.kafka_secret_arn))
    error_message = "kafka_secret_arn must be text that matches ^arn:[a-z-]+:secretsmanager:.+$."
  }
}

variable "kafka_subnet_ids" {
  description = "Two subnets from which Lambda reaches a self-managed cluster. Empty if it is reached over the internet"
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(subnet-[0-9a-f]+,subnet-[0-9a-f]+)?$", var.kafka_subnet_ids))
    error_message = "kafka_subnet_ids must be text that matches ^(subnet-[0-9a-f]+,subnet-[0-9a-f]+)?$."
  }
}

variable "kafka_security_group_id" {
  description = "With KafkaSubnetIds, a security group that the brokers allow"
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(sg-[0-9a-f]+)?$", var.kafka_security_group_id))
    error_message = "kafka_security_group_id must be text that matches ^(sg-[0-9a-f]+)?$."
  }
}

variable "kafka_cluster_name" {
  description = "Name of a self-managed cluster in document ids. Without it, the ids change when the list of its servers changes"
  type        = string
  default     = ""
  nullable    = false
}

variable "kafka_maximum_pollers" {
  description = "Maximum number of event pollers. Each reads up to 5 MB a second, and is billed by the hour"
  type        = number
  default     = 2
  nullable    = false

  validation {
    condition     = var.kafka_maximum_pollers >= 1 && var.kafka_maximum_pollers <= 2000
    error_message = "kafka_maximum_pollers must be at least 1 and at most 2000."
  }
}

variable "run_setup" {
  description = "false if an operator runs the setup with permissions that no function should have"
  type        = bool
  default     = true
  nullable    = false
}

variable "map_roles" {
  description = "true if SetupRoleArn is an administrator of an existing domain's fine-grained access control"
  type        = bool
  default     = false
  nullable    = false
}

variable "operator_role_arns" {
  description = "Roles of the domain's operators. setup maps them with MapRoles, and a new domain's access policy allows them"
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for item in var.operator_role_arns : can(regex("^[^,]+$", item))])
    error_message = "operator_role_arns must be a list of texts without commas."
  }
}

variable "dashboards_url" {
  description = "URL of OpenSearch Dashboards or Kibana, such as https://DOMAIN/_dashboards. Empty for a new domain's default URL, or none"
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(https?://.+)?$", var.dashboards_url))
    error_message = "dashboards_url must be text that matches ^(https?://.+)?$."
  }
}

variable "create_snapshot_bucket" {
  description = "true creates a bucket for snapshots, and the role with which the domain writes to it. Only with sigv4:es"
  type        = bool
  default     = false
  nullable    = false
}

variable "snapshots" {
  description = "Location of the snapshots that are taken before indices are deleted, s3://bucket/prefix. Empty for none or with CreateSnapshotBucket"
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(s3://.+)?$", var.snapshots))
    error_message = "snapshots must be text that matches ^(s3://.+)?$."
  }
}

variable "snapshot_role_arn" {
  description = "With Snapshots, the role with which the domain writes to that location"
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(arn:[a-z-]+:iam::[0-9]+:role/.+)?$", var.snapshot_role_arn))
    error_message = "snapshot_role_arn must be text that matches ^(arn:[a-z-]+:iam::[0-9]+:role/.+)?$."
  }
}

variable "retention_schedule" {
  description = "How often retention looks for old indices"
  type        = string
  default     = "rate(1 hour)"
  nullable    = false
}

variable "free_storage_watermark" {
  description = "With less free storage on any node, retention deletes the oldest indices, down to keep_at_least. 15% or 20gb, empty for never"
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^([0-9.]+%|[0-9]+(mb|gb|tb))?$", var.free_storage_watermark))
    error_message = "free_storage_watermark must be text that matches ^([0-9.]+%|[0-9]+(mb|gb|tb))?$."
  }
}

variable "free_storage_brake" {
  description = "With less free storage on any node, brake pauses the event sources. A write block pauses them too; Amazon's domains set one earlier"
  type        = string
  default     = "5%"
  nullable    = false

  validation {
    condition     = can(regex("^([0-9.]+%|[0-9]+(mb|gb|tb))?$", var.free_storage_brake))
    error_message = "free_storage_brake must be text that matches ^([0-9.]+%|[0-9]+(mb|gb|tb))?$."
  }
}

variable "architecture" {
  description = "arm64 costs a fifth less"
  type        = string
  default     = "arm64"
  nullable    = false

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture must be one of arm64, x86_64."
  }
}

variable "memory_size" {
  description = "MB; 1769 is one vCPU"
  type        = number
  default     = 1769
  nullable    = false

  validation {
    condition     = var.memory_size >= 128 && var.memory_size <= 10240
    error_message = "memory_size must be at least 128 and at most 10240."
  }
}

variable "function_timeout" {
  description = "Seconds. If an object takes longer, the next invocation continues it. If a batch takes longer, Lambda redelivers it"
  type        = number
  default     = 300
  nullable    = false

  validation {
    condition     = contains([60, 300, 900], var.function_timeout)
    error_message = "function_timeout must be one of 60, 300, 900."
  }
}

variable "maximum_concurrency" {
  description = "Maximum number of concurrent invocations for the bucket. Each keeps a few requests to the domain in flight"
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.maximum_concurrency >= 2 && var.maximum_concurrency <= 1000
    error_message = "maximum_concurrency must be at least 2 and at most 1000."
  }
}

variable "batch_size" {
  description = "Maximum number of messages of the bucket's queue in one invocation. For objects of a few kilobytes, 100 make fewer and larger requests to the domain"
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.batch_size >= 1 && var.batch_size <= 100
    error_message = "batch_size must be at least 1 and at most 100."
  }
}

variable "subnet_ids" {
  description = "For a domain inside a VPC"
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for item in var.subnet_ids : can(regex("^[^,]+$", item))])
    error_message = "subnet_ids must be a list of texts without commas."
  }
}

variable "security_group_ids" {
  description = "For a domain inside a VPC"
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for item in var.security_group_ids : can(regex("^[^,]+$", item))])
    error_message = "security_group_ids must be a list of texts without commas."
  }
}

variable "max_body_bytes" {
  description = "Largest _bulk body before compression, in bytes. The small instance types take at most 10 MiB"
  type        = number
  default     = 5242880
  nullable    = false
}

variable "max_event_bytes" {
  description = "Largest event, in bytes. A longer line becomes a dead letter with its first 64 KiB"
  type        = number
  default     = 1048576
  nullable    = false
}

variable "max_record_bytes" {
  description = "Largest decompressed record of a stream or topic, in bytes. The rest of a larger record becomes a dead letter"
  type        = number
  default     = 1073741824
  nullable    = false

  validation {
    condition     = var.max_record_bytes >= 1048576
    error_message = "max_record_bytes must be at least 1048576."
  }
}

variable "max_in_flight" {
  description = "Maximum number of requests to the domain at once. The function sends fewer while the domain is busy"
  type        = number
  default     = 3
  nullable    = false

  validation {
    condition     = var.max_in_flight >= 1
    error_message = "max_in_flight must be at least 1."
  }
}

variable "compression" {
  description = "Compression of the _bulk bodies"
  type        = string
  default     = "gzip"
  nullable    = false

  validation {
    condition     = contains(["gzip", "none"], var.compression)
    error_message = "compression must be one of gzip, none."
  }
}

variable "log_level" {
  description = "MILLRACE_LOG: error, warn, info, debug, or directives for single modules"
  type        = string
  default     = "info"
  nullable    = false
}

variable "log_retention_days" {
  description = "Days for which receipts and errors are kept"
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827, 3653], var.log_retention_days)
    error_message = "log_retention_days must be one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827, 3653."
  }
}

variable "dead_letter_retention_days" {
  description = "Days after which dead letters are deleted"
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = var.dead_letter_retention_days >= 1
    error_message = "dead_letter_retention_days must be at least 1."
  }
}

variable "backup_retention_days" {
  description = "Days after which the records of SourceRecordBackup are deleted in a bucket that the stack created"
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.backup_retention_days >= 1
    error_message = "backup_retention_days must be at least 1."
  }
}

variable "alarm_email" {
  description = "E-mail address that the alarms notify. Empty for no subscription"
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^([^@\\s]+@[^@\\s]+)?$", var.alarm_email))
    error_message = "alarm_email must be text that matches ^([^@\\s]+@[^@\\s]+)?$."
  }
}

variable "lag_alarm_seconds" {
  description = "An alarm goes off when objects or records of the stream wait longer than this many seconds"
  type        = number
  default     = 900
  nullable    = false

  validation {
    condition     = var.lag_alarm_seconds >= 60
    error_message = "lag_alarm_seconds must be at least 60."
  }
}

variable "topic_lag_alarm_records" {
  description = "An alarm goes off when more than this many records of the topic wait"
  type        = number
  default     = 50000
  nullable    = false

  validation {
    condition     = var.topic_lag_alarm_records >= 1
    error_message = "topic_lag_alarm_records must be at least 1."
  }
}

variable "free_storage_alarm_megabytes" {
  description = "An alarm goes off when a data node has less free storage. Use a quarter of its storage, DomainVolumeGigabytes"
  type        = number
  default     = 25600
  nullable    = false

  validation {
    condition     = var.free_storage_alarm_megabytes >= 1
    error_message = "free_storage_alarm_megabytes must be at least 1."
  }
}

variable "unmatched_alarm" {
  description = "false if the bucket also holds objects that no dataset takes on purpose. Then no alarm reports them"
  type        = bool
  default     = true
  nullable    = false
}
