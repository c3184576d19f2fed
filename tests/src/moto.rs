//! An S3, a queue service and a secret store: moto.
//!
//! In: names and bytes. Out: S3's answers about each object. All tests of one binary share one server. A test that
//! needs signature checks or the credentials of a role starts its own server. Deliberately absent: notifications, which
//! [`crate::envelope`] writes as AWS does.

use std::sync::OnceLock;

use aws_credential_types::Credentials;
use aws_smithy_http_client::{Builder, tls};
use serde_json::Value;

use crate::{place, service::Service};

/// The region of all resources.
pub const REGION: &str = "eu-west-1";

/// A running server and its clients.
#[derive(Debug)]
pub struct Moto {
    service: Service,
    /// The credentials of the clients and of the function.
    pub credentials: Credentials,
    /// The client of S3.
    pub s3: aws_sdk_s3::Client,
    /// The client of SQS.
    pub sqs: aws_sdk_sqs::Client,
    /// The client of Secrets Manager.
    pub secrets: aws_sdk_secretsmanager::Client,
}

/// An object that S3 stored.
#[derive(Debug, Clone)]
pub struct Object {
    /// Its bucket.
    pub bucket: String,
    /// Its key, not encoded.
    pub key: String,
    /// Its entity tag, without quotes.
    pub etag: String,
    /// Its version, in a versioned bucket.
    pub version: Option<String>,
    /// Its length in bytes.
    pub size: usize,
}

impl Moto {
    /// The server that all tests of this binary share; `None` after [`place::missing`] has reported it.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Result<Moto, String>> = OnceLock::new();
        match SHARED.get_or_init(|| Self::start(&[], credentials("AKIAMILLRACE", "tests/only+never=seen"))) {
            Ok(moto) => Some(moto),
            Err(why) => {
                place::missing("moto (Python)", why);
                None
            }
        }
    }

    /// A server for this caller only. `None` after [`place::missing`] has reported it.
    pub fn separate() -> Option<Self> {
        Self::separate_with(&[])
    }

    /// A server for this caller only, which checks SigV4 and policies after `count` requests. `None` after
    /// [`place::missing`] has reported it. The first requests must create the user: see [`Self::as_user`].
    pub fn that_checks_signatures_after(count: usize) -> Option<Self> {
        Self::separate_with(&[("INITIAL_NO_AUTH_ACTION_COUNT", &count.to_string())])
    }

    fn separate_with(env: &[(&str, &str)]) -> Option<Self> {
        Self::start(env, credentials("AKIAMILLRACE", "tests/only+never=seen"))
            .map_err(|why| place::missing("moto (Python)", &why))
            .ok()
    }

    /// The same server with the credentials of another user.
    #[must_use]
    pub fn as_user(self, credentials: Credentials) -> Self {
        let (s3, sqs, secrets) = clients(&self.service.url(), &credentials);
        Self { service: self.service, credentials, s3, sqs, secrets }
    }

    /// Creates a user with all permissions, in three requests. Returns its credentials.
    pub async fn make_user(&self) -> Credentials {
        let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
        let mut said = String::new();
        for form in [
            "Action=CreateUser&UserName=u".to_owned(),
            format!("Action=PutUserPolicy&UserName=u&PolicyName=p&PolicyDocument={}", crate::envelope::encode(policy)),
            "Action=CreateAccessKey&UserName=u".to_owned(),
        ] {
            said = self.iam(form).await;
        }
        let part = |name: &str| {
            let (_, rest) = said.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("no {name} in {said}"));
            rest.split('<').next().unwrap_or_default().to_owned()
        };
        credentials(&part("AccessKeyId"), &part("SecretAccessKey"))
    }

    /// Sends a form-encoded request to IAM. Returns the answer.
    pub(crate) async fn iam(&self, form: String) -> String {
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        self.post("iam", &headers, form + "&Version=2010-05-08").await
    }

    /// Sends a request to a service that has no client here. Returns the answer.
    pub(crate) async fn post(&self, service: &str, headers: &[(&str, &str)], body: String) -> String {
        let request = crate::engine::http().post(self.url());
        let mut request = request.header("authorization", scope(service)).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.expect("moto answers");
        answer.text().await.expect("the answer is whole")
    }

    /// The credentials that STS has given out for a role. Needs a [separate](Self::separate) server: moto fails to list
    /// what another test changes meanwhile, and Lambda functions on a machine without a Docker daemon.
    pub async fn credentials_of_role(&self, arn: &str) -> Vec<Credentials> {
        let answer = crate::engine::http().get(self.url() + "/moto-api/data.json").send().await;
        let data: Value =
            crate::engine::json(&answer.expect("moto answers").text().await.expect("the answer is whole"));
        let roles = data["sts"]["AssumedRole"].as_array().into_iter().flatten().filter(|role| role["role_arn"] == arn);
        let text =
            |role: &Value, name: &str| role[name].as_str().unwrap_or_else(|| panic!("{name} of {role}")).to_owned();
        roles
            .map(|role| {
                let token = Some(text(role, "session_token"));
                Credentials::new(text(role, "access_key_id"), text(role, "secret_access_key"), token, None, "moto")
            })
            .collect()
    }

    fn start(env: &[(&str, &str)], credentials: Credentials) -> Result<Self, String> {
        Ok(Self::of(Service::start("moto/moto.sh", &[], env)?, credentials))
    }

    /// The clients of a server with the same API.
    pub(crate) fn of(service: Service, credentials: Credentials) -> Self {
        let (s3, sqs, secrets) = clients(&service.url(), &credentials);
        Self { service, credentials, s3, sqs, secrets }
    }

    /// Its URL, for `AWS_ENDPOINT_URL`.
    pub fn url(&self) -> String {
        self.service.url()
    }

    /// Creates a bucket.
    pub async fn bucket(&self, name: &str, versioned: bool) {
        use aws_sdk_s3::types::{
            BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration, VersioningConfiguration,
        };
        let here = CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::EuWest1).build();
        self.s3.create_bucket().bucket(name).create_bucket_configuration(here).send().await.expect("a new bucket");
        if versioned {
            let versioning = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
            let request = self.s3.put_bucket_versioning().bucket(name).versioning_configuration(versioning);
            request.send().await.expect("versioning");
        }
    }

    /// Puts an object.
    pub async fn put(&self, bucket: &str, key: &str, body: Vec<u8>) -> Object {
        let size = body.len();
        let put =
            self.s3.put_object().bucket(bucket).key(key).body(body.into()).send().await.expect("the object is put");
        Object {
            bucket: bucket.into(),
            key: key.into(),
            etag: put.e_tag().expect("an ETag").trim_matches('"').into(),
            version: put.version_id().filter(|version| *version != "null").map(Into::into),
            size,
        }
    }

    /// Deletes an object.
    pub async fn delete(&self, object: &Object) {
        self.s3.delete_object().bucket(&object.bucket).key(&object.key).send().await.expect("the object is deleted");
    }

    /// Every object below a prefix: key and bytes.
    pub async fn objects(&self, bucket: &str, prefix: &str) -> Vec<(String, Vec<u8>)> {
        let mut objects = Vec::new();
        let mut pages = self.s3.list_objects_v2().bucket(bucket).prefix(prefix).into_paginator().send();
        while let Some(page) = pages.next().await {
            for object in page.expect("a list").contents() {
                let key = object.key().expect("a key");
                let got = self.s3.get_object().bucket(bucket).key(key).send().await.expect("a listed object");
                objects.push((key.to_owned(), got.body.collect().await.expect("its bytes").to_vec()));
            }
        }
        objects
    }

    /// Every object below a prefix: key and entity tag without quotes.
    pub async fn etags(&self, bucket: &str, prefix: &str) -> Vec<(String, String)> {
        let mut objects = Vec::new();
        let mut pages = self.s3.list_objects_v2().bucket(bucket).prefix(prefix).into_paginator().send();
        while let Some(page) = pages.next().await {
            for object in page.expect("a list").contents() {
                let etag = object.e_tag().expect("an ETag").trim_matches('"').to_owned();
                objects.push((object.key().expect("a key").to_owned(), etag));
            }
        }
        objects
    }

    /// Creates a queue. Received messages stay hidden for hours. Returns its URL.
    pub async fn queue(&self, name: &str) -> String {
        use aws_sdk_sqs::types::QueueAttributeName::VisibilityTimeout;
        let request = self.sqs.create_queue().queue_name(name).attributes(VisibilityTimeout, "43200");
        request.send().await.expect("a new queue").queue_url().expect("a URL").to_owned()
    }

    /// Stores a secret. Returns its ARN.
    pub async fn secret(&self, name: &str, value: &str) -> String {
        let request = self.secrets.create_secret().name(name).secret_string(value);
        request.send().await.expect("a new secret").arn().expect("an ARN").to_owned()
    }
}

/// Long-lived credentials.
pub fn credentials(key: &str, secret: &str) -> Credentials {
    Credentials::new(key, secret, None, None, "tests")
}

fn clients(
    url: &str,
    credentials: &Credentials,
) -> (aws_sdk_s3::Client, aws_sdk_sqs::Client, aws_sdk_secretsmanager::Client) {
    let http = Builder::new().tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring)).build_https();
    let config = aws_config::SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(aws_config::Region::new(REGION))
        .endpoint_url(url)
        .http_client(http)
        .credentials_provider(aws_credential_types::provider::SharedCredentialsProvider::new(credentials.clone()))
        .build();
    (aws_sdk_s3::Client::new(&config), aws_sdk_sqs::Client::new(&config), aws_sdk_secretsmanager::Client::new(&config))
}

/// The header from which an emulator of AWS reads the service and the region. It does not check the signature.
pub(crate) fn scope(service: &str) -> String {
    signed_by("x", service)
}

/// The same for an access key.
pub(crate) fn signed_by(key: &str, service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential={key}/20261122/{REGION}/{service}/aws4_request, SignedHeaders=host, Signature=x"
    )
}
