// Made by scripts/parameters.py from template.yaml. Do not edit.

/** The parameters of template.yaml. One that is not given has its default. */
export interface MillraceParameters {
  /**
   * true creates a domain by infra/domain.yaml. The domain stays when the stack is deleted
   * @default false
   */
  readonly createDomain?: boolean;
  /**
   * URL of the domain, collection or cluster. With CreateDomain, set it only if the functions reach the domain by another URL
   * @default ""
   */
  readonly domainEndpoint?: string;
  /**
   * How requests authenticate (sigv4:es for domains, sigv4:aoss for serverless collections, apikey for Elastic Cloud)
   * @default "sigv4:es"
   */
  readonly domainAuth?: "sigv4:es" | "sigv4:aoss" | "basic" | "apikey" | "none";
  /**
   * ARN of an existing domain or collection. Required with sigv4, because the functions may write only to this ARN, and sign for its region
   * @default "arn:aws:es:::none"
   */
  readonly domainArn?: string;
  /**
   * With sigv4, a role that the functions assume to sign, for a domain in another account. All functions share its rights
   * @default ""
   */
  readonly domainRoleArn?: string;
  /**
   * With DomainAuth basic, the ARN of the secret {username, password}. With apikey, of {id, api_key} or an encoded API key
   * @default "arn:aws:secretsmanager:::none"
   */
  readonly basicAuthSecretArn?: string;
  /**
   * ARN of a secret with the certificate (PEM) of the authority that signed the domain's certificate. Needed only for a private authority
   * @default "arn:aws:secretsmanager:::none"
   */
  readonly domainCaSecretArn?: string;
  /**
   * true allows plain http in DomainEndpoint and S3Endpoint. Everyone on the network path can then read the events and the credentials
   * @default false
   */
  readonly domainInsecure?: boolean;
  /**
   * Name of the new domain
   * @default "millrace"
   */
  readonly domainName?: string;
  /**
   * Engine and version of the new domain. A changed value upgrades the domain, which cannot be undone
   * @default "OpenSearch_2.19"
   */
  readonly domainEngineVersion?: string;
  /**
   * Instance type of the data nodes
   * @default "r7g.large.search"
   */
  readonly domainNodeType?: string;
  /**
   * Number of data nodes, a multiple of DomainZones
   * @default 3
   */
  readonly domainNodeCount?: number;
  /**
   * Number of availability zones
   * @default 3
   */
  readonly domainZones?: 1 | 2 | 3;
  /**
   * Instance type of the dedicated masters
   * @default "m7g.large.search"
   */
  readonly domainMasterType?: string;
  /**
   * Number of dedicated masters. 0 for none, 3 for production with more than three data nodes
   * @default 0
   */
  readonly domainMasterCount?: 0 | 3 | 5;
  /**
   * Storage of each data node, in gigabytes
   * @default 100
   */
  readonly domainVolumeGigabytes?: number;
  /**
   * A role that may do everything in the new domain. If empty, the setup function's role, and setup then maps the other roles
   * @default ""
   */
  readonly domainMasterUserArn?: string;
  /**
   * For a new domain inside a VPC, one subnet for each zone. The functions then need SubnetIds
   * @default []
   */
  readonly domainSubnetIds?: string[];
  /**
   * With DomainSubnetIds, security groups that allow port 443 from the functions' security groups
   * @default []
   */
  readonly domainSecurityGroupIds?: string[];
  /**
   * A bucket of the stack's region with your rules. Empty for the rules that are deployed with the stack
   * @default ""
   */
  readonly rulesBucket?: string;
  /**
   * With RulesBucket, the key of a zip with pipeline.yaml at its top, the files that it includes, and mappings/
   * @default ""
   */
  readonly rulesKey?: string;
  /**
   * With RulesKey, the version of that object. A changed value deploys the changed rules. Empty in a bucket without versions: then give changed rules another key
   * @default ""
   */
  readonly rulesVersion?: string;
  /**
   * If pipeline.yaml has a hash rule, the ARN of the secret with its key of at least 16 bytes
   * @default "arn:aws:secretsmanager:::none"
   */
  readonly hashKeySecretArn?: string;
  /**
   * true if a dataset has a data stream or an alias as its index: with sigv4:es, the functions may then read documents of the domain by their ids
   * @default false
   */
  readonly rolloverLookups?: boolean;
  /**
   * The bucket whose objects are ingested
   */
  readonly bucketName: string;
  /**
   * false for an existing bucket. Turn on its EventBridge notifications
   * @default true
   */
  readonly createBucket?: boolean;
  /**
   * With CreateBucket=false, the account of the bucket if it is another one. The bucket may then notify the queue directly. Name it as owner in pipeline.yaml too
   * @default ""
   */
  readonly bucketAccount?: string;
  /**
   * Only objects whose keys begin with this prefix are ingested. Empty for all objects
   * @default ""
   */
  readonly keyPrefix?: string;
  /**
   * ARNs of customer managed keys that encrypt the objects, an existing stream or a secret
   * @default []
   */
  readonly kmsKeyArns?: string[];
  /**
   * https URL of S3, such as an interface endpoint in a VPC. Empty for the default endpoint of each bucket's region
   * @default ""
   */
  readonly s3Endpoint?: string;
  /**
   * The Kinesis stream whose records are ingested. Empty for none
   * @default ""
   */
  readonly streamName?: string;
  /**
   * false for an existing stream, in this account and region
   * @default true
   */
  readonly createStream?: boolean;
  /**
   * Shards of the new stream. 0 for on-demand, which needs no planning and costs more under steady load
   * @default 0
   */
  readonly streamShards?: number;
  /**
   * true gives this consumer its own 2 MB a second from each shard. Use it if other consumers read the stream too
   * @default false
   */
  readonly enhancedFanOut?: boolean;
  /**
   * Batches of one shard that are processed at once. Raise it if the iterator age grows
   * @default 1
   */
  readonly streamParallelization?: number;
  /**
   * Maximum number of records in one invocation, for the stream and for the topic
   * @default 5000
   */
  readonly streamBatchSize?: number;
  /**
   * Seconds for which Lambda gathers records into a batch, for the stream and for the topic
   * @default 1
   */
  readonly streamBatchingWindow?: number;
  /**
   * Where a new event source mapping begins. LATEST skips the records that are already in the stream or the topic
   * @default "TRIM_HORIZON"
   */
  readonly streamStartingPosition?: "TRIM_HORIZON" | "LATEST";
  /**
   * The Firehose stream that delivers the selected events to S3. Empty for none
   * @default ""
   */
  readonly deliveryStreamName?: string;
  /**
   * An existing bucket to deliver to. none creates a bucket
   * @default "none"
   */
  readonly deliveryBucketName?: string;
  /**
   * Prefix of the keys of delivered objects. !{partitionKeyFromLambda:key} stands for an entry of partition_keys in pipeline.yaml
   * @default "chosen/dt=!{timestamp:yyyy-MM-dd}/"
   */
  readonly deliveryPrefix?: string;
  /**
   * Seconds after which Firehose delivers an object. It delivers earlier when it has 128 MB
   * @default 300
   */
  readonly deliveryIntervalSeconds?: number;
  /**
   * true if DeliveryPrefix names partition keys. Can be set only when the delivery stream is created
   * @default false
   */
  readonly dynamicPartitioning?: boolean;
  /**
   * Whether Firehose also keeps every source record unchanged. It cannot be disabled once it was enabled
   * @default "Enabled"
   */
  readonly sourceRecordBackup?: "Enabled" | "Disabled";
  /**
   * MB of records in one call of the function. Up to 3 if records have a kilobyte or more
   * @default 1
   */
  readonly transformBufferMegabytes?: number;
  /**
   * ARN of the MSK cluster. Empty for none
   * @default ""
   */
  readonly kafkaClusterArn?: string;
  /**
   * Bootstrap servers of a self-managed cluster, as host:port,host:port. Empty for none
   * @default ""
   */
  readonly kafkaBootstrapServers?: string;
  /**
   * The topic whose records are ingested
   * @default "none"
   */
  readonly kafkaTopic?: string;
  /**
   * Consumer group that holds the offsets. A recreated event source mapping resumes there. Empty for the stack's name
   * @default ""
   */
  readonly kafkaConsumerGroup?: string;
  /**
   * How Lambda authenticates to the brokers. With MSK, none means IAM
   * @default "none"
   */
  readonly kafkaAuth?: "none" | "BASIC_AUTH" | "SASL_SCRAM_256_AUTH" | "SASL_SCRAM_512_AUTH" | "CLIENT_CERTIFICATE_TLS_AUTH";
  /**
   * With any KafkaAuth except none, the ARN of the secret that holds the credentials
   * @default "arn:aws:secretsmanager:::none"
   */
  readonly kafkaSecretArn?: string;
  /**
   * Two subnets from which Lambda reaches a self-managed cluster. Empty if it is reached over the internet
   * @default ""
   */
  readonly kafkaSubnetIds?: string;
  /**
   * With KafkaSubnetIds, a security group that the brokers allow
   * @default ""
   */
  readonly kafkaSecurityGroupId?: string;
  /**
   * Name of a self-managed cluster in document ids. Without it, the ids change when the list of its servers changes
   * @default ""
   */
  readonly kafkaClusterName?: string;
  /**
   * Maximum number of event pollers. Each reads up to 5 MB a second, and is billed by the hour
   * @default 2
   */
  readonly kafkaMaximumPollers?: number;
  /**
   * false if an operator runs the setup with permissions that no function should have
   * @default true
   */
  readonly runSetup?: boolean;
  /**
   * true if SetupRoleArn is an administrator of an existing domain's fine-grained access control
   * @default false
   */
  readonly mapRoles?: boolean;
  /**
   * Roles of the domain's operators. setup maps them with MapRoles, and a new domain's access policy allows them
   * @default []
   */
  readonly operatorRoleArns?: string[];
  /**
   * URL of OpenSearch Dashboards or Kibana, such as https://DOMAIN/_dashboards. Empty for a new domain's default URL, or none
   * @default ""
   */
  readonly dashboardsUrl?: string;
  /**
   * true creates a bucket for snapshots, and the role with which the domain writes to it. Only with sigv4:es
   * @default false
   */
  readonly createSnapshotBucket?: boolean;
  /**
   * Location of the snapshots that are taken before indices are deleted, s3://bucket/prefix. Empty for none or with CreateSnapshotBucket
   * @default ""
   */
  readonly snapshots?: string;
  /**
   * With Snapshots, the role with which the domain writes to that location
   * @default ""
   */
  readonly snapshotRoleArn?: string;
  /**
   * How often retention looks for old indices
   * @default "rate(1 hour)"
   */
  readonly retentionSchedule?: string;
  /**
   * With less free storage on any node, retention deletes the oldest indices, down to keep_at_least. 15% or 20gb, empty for never
   * @default ""
   */
  readonly freeStorageWatermark?: string;
  /**
   * With less free storage on any node, brake pauses the event sources. A write block pauses them too; Amazon's domains set one earlier
   * @default "5%"
   */
  readonly freeStorageBrake?: string;
  /**
   * arm64 costs a fifth less
   * @default "arm64"
   */
  readonly architecture?: "arm64" | "x86_64";
  /**
   * MB; 1769 is one vCPU
   * @default 1769
   */
  readonly memorySize?: number;
  /**
   * Seconds. If an object takes longer, the next invocation continues it. If a batch takes longer, Lambda redelivers it
   * @default 300
   */
  readonly functionTimeout?: 60 | 300 | 900;
  /**
   * Maximum number of concurrent invocations for the bucket. Each keeps a few requests to the domain in flight
   * @default 10
   */
  readonly maximumConcurrency?: number;
  /**
   * Maximum number of messages of the bucket's queue in one invocation. For objects of a few kilobytes, 100 make fewer and larger requests to the domain
   * @default 10
   */
  readonly batchSize?: number;
  /**
   * For a domain inside a VPC
   * @default []
   */
  readonly subnetIds?: string[];
  /**
   * For a domain inside a VPC
   * @default []
   */
  readonly securityGroupIds?: string[];
  /**
   * Largest _bulk body before compression, in bytes. The small instance types take at most 10 MiB
   * @default 5242880
   */
  readonly maxBodyBytes?: number;
  /**
   * Largest event, in bytes. A longer line becomes a dead letter with its first 64 KiB
   * @default 1048576
   */
  readonly maxEventBytes?: number;
  /**
   * Largest decompressed record of a stream or topic, in bytes. The rest of a larger record becomes a dead letter
   * @default 1073741824
   */
  readonly maxRecordBytes?: number;
  /**
   * Maximum number of requests to the domain at once. The function sends fewer while the domain is busy
   * @default 3
   */
  readonly maxInFlight?: number;
  /**
   * Compression of the _bulk bodies
   * @default "gzip"
   */
  readonly compression?: "gzip" | "none";
  /**
   * MILLRACE_LOG: error, warn, info, debug, or directives for single modules
   * @default "info"
   */
  readonly logLevel?: string;
  /**
   * Days for which receipts and errors are kept
   * @default 30
   */
  readonly logRetentionDays?: 1 | 3 | 5 | 7 | 14 | 30 | 60 | 90 | 120 | 150 | 180 | 365 | 400 | 545 | 731 | 1827 | 3653;
  /**
   * Days after which dead letters are deleted
   * @default 90
   */
  readonly deadLetterRetentionDays?: number;
  /**
   * Days after which the records of SourceRecordBackup are deleted in a bucket that the stack created
   * @default 30
   */
  readonly backupRetentionDays?: number;
  /**
   * E-mail address that the alarms notify. Empty for no subscription
   * @default ""
   */
  readonly alarmEmail?: string;
  /**
   * An alarm goes off when objects or records of the stream wait longer than this many seconds
   * @default 900
   */
  readonly lagAlarmSeconds?: number;
  /**
   * An alarm goes off when more than this many records of the topic wait
   * @default 50000
   */
  readonly topicLagAlarmRecords?: number;
  /**
   * An alarm goes off when a data node has less free storage. Use a quarter of its storage, DomainVolumeGigabytes
   * @default 25600
   */
  readonly freeStorageAlarmMegabytes?: number;
  /**
   * false if the bucket also holds objects that no dataset takes on purpose. Then no alarm reports them
   * @default true
   */
  readonly unmatchedAlarm?: boolean;
}

/** The outputs of template.yaml. Some exist only with the parameters that they belong to. */
export type MillraceOutput =
  | 'FunctionAlias'
  | 'DomainEndpoint'
  | 'SnapshotBucketName'
  | 'AlarmTopicArn'
  | 'SetupFunctionName'
  | 'RetentionFunctionName'
  | 'BrakeFunctionName'
  | 'RoleArn'
  | 'SetupRoleArn'
  | 'ReplayFunctionName'
  | 'QueueUrl'
  | 'QueueArn'
  | 'DeadLetterQueueArn'
  | 'DeadLetterBucketName'
  | 'BucketName'
  | 'LogGroupName'
  | 'StreamArn'
  | 'KinesisRoleArn'
  | 'KafkaRoleArn'
  | 'DeliveryStreamArn'
  | 'DeliveryBucketName';
