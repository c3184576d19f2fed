//! The options of `millrace init`: one for each question.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// The options of `millrace init`.
#[derive(Debug, Clone, Args)]
pub struct InitOptions {
    /// Files and folders with events like those of the bucket
    #[arg(value_name = "FILE")]
    pub samples: Vec<PathBuf>,
    /// The folder to write to. In a clone of Millrace, the rules go to its `infra`
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    pub output: PathBuf,
    /// Replaces files that exist
    #[arg(long)]
    pub force: bool,
    /// How the stack is deployed
    #[arg(long = "for", value_enum, value_name = "TOOL", default_value = "sam")]
    pub tool: Tool,
    /// The name of the dataset [default: the last folder of --prefix, else `events`]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// The format of the files, as `format` in pipeline.yaml; `records:a.b` for an array in objects [default: detected]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<String>,
    /// The field with the time of an event [default: found in the sample]
    #[arg(long, value_name = "FIELD")]
    pub timestamp: Option<String>,
    /// How the time is written, as `format` of `timestamp` in pipeline.yaml [default: found in the sample]
    #[arg(long, value_name = "FORMAT", requires = "timestamp")]
    pub timestamp_format: Option<String>,
    /// Events have no time of their own: that of their object counts
    #[arg(long, conflicts_with = "timestamp")]
    pub no_timestamp: bool,
    /// The index [default: NAME-%{+YYYY.MM.dd}]
    #[arg(long, value_name = "INDEX")]
    pub index: Option<String>,
    /// The answers about the deployment.
    #[command(flatten)]
    pub deployment: DeploymentOptions,
}

/// What the deployment has to know.
#[derive(Debug, Clone, Default, Args)]
pub struct DeploymentOptions {
    /// The bucket with the objects
    #[arg(long, value_name = "NAME")]
    pub bucket: Option<String>,
    /// The bucket exists already. Without this, the stack creates it
    #[arg(long)]
    pub existing_bucket: bool,
    /// Only objects whose keys begin with this are read [default: all objects]
    #[arg(long, value_name = "PREFIX")]
    pub prefix: Option<String>,
    /// The URL of the domain, collection or cluster
    #[arg(long, value_name = "URL", conflicts_with = "create_domain")]
    pub endpoint: Option<String>,
    /// The stack creates a domain
    #[arg(long)]
    pub create_domain: bool,
    /// How requests to the domain are authenticated: sigv4:es, sigv4:aoss, basic, apikey or none [default: by the URL]
    #[arg(long, value_name = "AUTH", conflicts_with = "create_domain")]
    pub auth: Option<String>,
    /// With sigv4, the ARN of the domain or collection
    #[arg(long, value_name = "ARN", conflicts_with = "create_domain")]
    pub domain_arn: Option<String>,
    /// With basic or apikey, the ARN of the secret with the credentials
    #[arg(long, value_name = "ARN", conflicts_with = "create_domain")]
    pub secret_arn: Option<String>,
    /// Allows plain http to the domain: everyone on the network path can read the events and the credentials
    #[arg(long)]
    pub insecure: bool,
    /// Gets a message from each alarm [default: no messages]
    #[arg(long, value_name = "ADDRESS")]
    pub alarm_email: Option<String>,
    /// The name of the stack
    #[arg(long, value_name = "NAME", default_value = "millrace")]
    pub stack: String,
    /// The region of the stack [default: that of your AWS configuration]
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
}

/// The tool that deploys the stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Tool {
    /// The SAM CLI: `samconfig.toml`.
    Sam,
    /// The CDK: `millrace.ts`.
    Cdk,
    /// Terraform: `millrace.tf`.
    Terraform,
}

impl Tool {
    /// The name of the file for the tool.
    pub(super) fn file_name(self) -> &'static str {
        match self {
            Self::Sam => "samconfig.toml",
            Self::Cdk => "millrace.ts",
            Self::Terraform => "millrace.tf",
        }
    }
}
