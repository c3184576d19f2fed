//! Tests of the S3 with the AWS SDK.

use aws_sdk_s3::{
    Client,
    config::{BehaviorVersion, Credentials, Region, retry::RetryConfig},
    error::ProvideErrorMetadata,
    primitives::ByteStream,
};
use aws_smithy_http_client::{Builder, tls};
use emulator::s3::{S3, S3Fault};
use tempfile::TempDir;

fn credentials() -> Credentials {
    Credentials::new("AKIDLOCAL", "secret", None, None, "tests")
}

fn client(s3: &S3, credentials: Credentials) -> Client {
    let provider = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(s3.url())
        .credentials_provider(credentials)
        .retry_config(RetryConfig::disabled())
        .http_client(Builder::new().tls_provider(provider).build_https())
        .build();
    Client::from_conf(config)
}

async fn started() -> (TempDir, S3, Client) {
    let folder = TempDir::new().unwrap();
    let s3 = S3::start(&credentials()).await.unwrap();
    s3.add_bucket("logs", folder.path());
    let client = client(&s3, credentials());
    (folder, s3, client)
}

#[tokio::test]
async fn an_object_is_read_in_ranges_and_only_at_its_etag() {
    let (folder, _s3, client) = started().await;
    let key = "source/dt=2026-11-22/a b+c%2F한.json";
    let put = client.put_object().bucket("logs").key(key).body(ByteStream::from_static(b"0123456789")).send().await;
    let etag = put.unwrap().e_tag.unwrap();
    assert_eq!(std::fs::read(folder.path().join(key)).unwrap(), b"0123456789");
    assert_eq!(etag, "\"781e5e245d69b566979b86e28d23f2c7\"", "the MD5, as S3 has it");

    let got = client.get_object().bucket("logs").key(key).if_match(&etag).range("bytes=3-").send().await.unwrap();
    assert_eq!(got.e_tag.as_deref(), Some(etag.as_str()));
    assert_eq!(got.content_range.as_deref(), Some("bytes 3-9/10"));
    assert_eq!(got.content_length, Some(7));
    assert!(got.last_modified.is_some());
    assert_eq!(got.body.collect().await.unwrap().to_vec(), b"3456789");

    let head = client.head_object().bucket("logs").key(key).send().await.unwrap();
    assert_eq!((head.e_tag, head.content_length), (Some(etag.clone()), Some(10)));

    client.put_object().bucket("logs").key(key).body(ByteStream::from_static(b"9876543210")).send().await.unwrap();
    let gone = client.get_object().bucket("logs").key(key).if_match(&etag).send().await.unwrap_err();
    assert_eq!((gone.code(), gone.raw_response().unwrap().status().as_u16()), (Some("PreconditionFailed"), 412));
    let unquoted = client.get_object().bucket("logs").key(key).if_match("abc").send().await.unwrap_err();
    assert_eq!(unquoted.raw_response().unwrap().status().as_u16(), 412);
    let beyond = client.get_object().bucket("logs").key(key).range("bytes=10-").send().await.unwrap_err();
    assert_eq!(beyond.code(), Some("InvalidRange"));
}

#[tokio::test]
async fn missing_keys_and_buckets_are_named_and_nothing_outside_the_folder_is_reached() {
    let (folder, s3, client) = started().await;
    let secret = folder.path().parent().unwrap().join(format!("secret-{}", std::process::id()));
    std::fs::write(&secret, "secret").unwrap();
    std::os::unix::fs::symlink(&secret, folder.path().join("link")).unwrap();
    let outside = format!("../{}", secret.file_name().unwrap().to_str().unwrap());
    for key in ["none", "link", &outside, "a/../../x", "/etc/passwd", "none/"] {
        let error = client.get_object().bucket("logs").key(key).send().await.unwrap_err();
        assert!(error.as_service_error().unwrap().is_no_such_key(), "{key}: {error:?}");
    }
    let put = client.put_object().bucket("logs").key("../evil").body(ByteStream::from_static(b"x")).send().await;
    assert_eq!(put.unwrap_err().code(), Some("InvalidArgument"));
    std::fs::remove_file(secret).unwrap();
    let error = client.get_object().bucket("nowhere").key("none").send().await.unwrap_err();
    assert_eq!(error.code(), Some("NoSuchBucket"));
    let stranger = self::client(&s3, Credentials::new("AKIDLOCAL", "wrong", None, None, "tests"));
    let error = stranger.get_object().bucket("logs").key("none").send().await.unwrap_err();
    assert_eq!(error.code(), Some("SignatureDoesNotMatch"));
}

#[tokio::test]
async fn a_listing_has_pages_prefixes_and_delimiters() {
    let (folder, s3, client) = started().await;
    let elsewhere = TempDir::new().unwrap();
    std::fs::write(elsewhere.path().join("x"), "x").unwrap();
    s3.add_object("logs", "z/in place", &elsewhere.path().join("x"));
    for key in ["a/1", "a/2", "b", "a-", "c/d/e"] {
        let file = folder.path().join(key);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, key).unwrap();
    }
    let mut keys = Vec::new();
    let mut token = None;
    loop {
        let page =
            client.list_objects_v2().bucket("logs").max_keys(2).set_continuation_token(token).send().await.unwrap();
        assert!(page.contents().len() <= 2);
        keys.extend(page.contents().iter().map(|object| object.key().unwrap().to_owned()));
        token = page.next_continuation_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(keys, ["a-", "a/1", "a/2", "b", "c/d/e", "z/in place"]);
    let page = client.list_objects_v2().bucket("logs").delimiter("/").send().await.unwrap();
    let prefixes: Vec<_> = page.common_prefixes().iter().map(|prefix| prefix.prefix().unwrap()).collect();
    assert_eq!((prefixes, page.contents().len()), (vec!["a/", "c/", "z/"], 2));
    let page = client.list_objects_v2().bucket("logs").prefix("a/").start_after("a/1").send().await.unwrap();
    assert_eq!(page.contents()[0].key(), Some("a/2"));
    client.delete_object().bucket("logs").key("a/2").send().await.unwrap();
    assert!(!folder.path().join("a/2").exists());
}

#[tokio::test]
async fn a_cut_download_is_an_error_and_can_be_resumed() {
    let (folder, s3, client) = started().await;
    let content: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    std::fs::write(folder.path().join("big"), &content).unwrap();
    s3.fail(S3Fault::CutAfter { bytes: 1_000_000, times: 1 });
    let got = client.get_object().bucket("logs").key("big").send().await.unwrap();
    let etag = got.e_tag.clone().unwrap();
    assert_eq!(got.content_length, Some(3_000_000));
    assert!(got.body.collect().await.is_err());
    let rest =
        client.get_object().bucket("logs").key("big").if_match(etag).range("bytes=1000000-").send().await.unwrap();
    assert_eq!(rest.body.collect().await.unwrap().to_vec(), content[1_000_000..]);
    s3.fail(S3Fault::SlowDown { times: 1 });
    let slow = client.get_object().bucket("logs").key("big").send().await.unwrap_err();
    assert_eq!((slow.code(), slow.raw_response().unwrap().status().as_u16()), (Some("SlowDown"), 503));
    assert_eq!(s3.stats().gets, 3);
}

#[test]
fn the_etag_of_a_large_file_stays_while_the_file_does() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("large");
    std::fs::File::create(&file).unwrap().set_len(64 * 1024 * 1024).unwrap();
    let etag = emulator::s3::etag(&file).unwrap();
    assert!(etag.ends_with("-1"), "{etag}");
    assert_eq!(emulator::s3::etag(&file).unwrap(), etag);
    std::fs::File::create(&file).unwrap().set_len(64 * 1024 * 1024 + 1).unwrap();
    assert_ne!(emulator::s3::etag(&file).unwrap(), etag);
}
