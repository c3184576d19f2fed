//! Tests of the runtime API and the child process. The function is a short shell script.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, time::Duration};

use emulator::function::{Answer, Function};
use serde_json::json;
use tempfile::TempDir;

const LONG: Duration = Duration::from_mins(1);

/// A script that uses the runtime API over bash's /dev/tcp: it takes an event, then runs `handler` with `$event` and
/// `$id`.
fn function(folder: &TempDir, handler: &str) -> PathBuf {
    let script = format!(
        r#"#!/bin/bash
host=${{AWS_LAMBDA_RUNTIME_API%:*}} port=${{AWS_LAMBDA_RUNTIME_API#*:}}
post() {{ exec 3<>/dev/tcp/$host/$port
  printf 'POST /2018-06-01/runtime/%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s' "$1" "${{#2}}" "$2" >&3
  read -r status <&3; cat <&3 >/dev/null; exec 3>&-; }}
echo "started with ${{GREETING-nothing}} and ${{UNWANTED-nothing}}"
while true; do
  exec 3<>/dev/tcp/$host/$port
  printf 'GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' >&3
  while IFS= read -r line <&3; do
    line=${{line%$'\r'}}
    [[ $line == lambda-runtime-aws-request-id:* ]] && id=${{line#*: }}
    [[ $line == lambda-runtime-deadline-ms:* ]] && deadline=${{line#*: }}
    [[ -z $line ]] && break
  done
  event=$(cat <&3); exec 3>&-
  {handler}
done
"#
    );
    let path = folder.path().join("function");
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[tokio::test]
async fn an_event_goes_in_and_its_answer_comes_out_with_what_was_printed_before_it() {
    let folder = TempDir::new().unwrap();
    let handler = r#"echo "{\"message\":\"receipt\",\"event\":$event}" >&2; post "invocation/$id/response" "$event""#;
    let binary = function(&folder, handler);
    let mut function = Function::start(&binary, &[("GREETING", "hello".to_owned())]).await.unwrap();
    for n in 0..3 {
        let event = json!({"n": n});
        assert_eq!(function.invoke(&event, LONG).await.unwrap(), Answer::Response(event.to_string().into()));
        assert_eq!(function.receipts().len(), n + 1);
        assert_eq!(function.receipts()[n]["event"]["n"], n);
    }
    assert_eq!(function.lines()[0], "started with hello and nothing");
    assert_eq!(function.lines().iter().filter(|line| line.starts_with("started")).count(), 1, "one process for all");
    assert!(function.peak_memory_bytes() > 100_000);
}

#[tokio::test]
async fn an_error_and_a_failed_start_are_told_apart() {
    let folder = TempDir::new().unwrap();
    let body = r#"{"errorType":"Bad","errorMessage":"no"}"#;
    let binary = function(&folder, &format!("post \"invocation/$id/error\" '{body}'"));
    let mut failing = Function::start(&binary, &[]).await.unwrap();
    let (error_type, message) = ("Bad".to_owned(), "no".to_owned());
    let expected = Answer::Error { error_type: error_type.clone(), message: message.clone() };
    assert_eq!(failing.invoke(&json!({}), LONG).await.unwrap(), expected);

    let other = TempDir::new().unwrap();
    let binary = function(&other, "");
    let script = fs::read_to_string(&binary).unwrap();
    fs::write(&binary, script.replace("while true; do", &format!("post init/error '{body}'; exit 1\nwhile true; do")))
        .unwrap();
    let mut refusing = Function::start(&binary, &[]).await.unwrap();
    let expected = Answer::InitError { error_type, message };
    assert_eq!(refusing.invoke(&json!({}), LONG).await.unwrap(), expected);
    fs::write(&binary, "#!/bin/sh\necho why; exit 3\n").unwrap();
    let mut silent = Function::start(&binary, &[]).await.unwrap();
    let answer = silent.invoke(&json!({}), LONG).await.unwrap();
    assert!(matches!(&answer, Answer::InitError { error_type, .. } if error_type == "Runtime.ExitError"), "{answer:?}");
    assert_eq!(silent.lines().last().unwrap(), "why");
}

#[tokio::test]
async fn a_process_that_dies_or_times_out_is_restarted() {
    let folder = TempDir::new().unwrap();
    let handler =
        r#"case $event in *die*) exit 3;; *hang*) sleep 600;; *) post "invocation/$id/response" "$deadline";; esac"#;
    let binary = function(&folder, handler);
    let mut function = Function::start(&binary, &[]).await.unwrap();
    assert_eq!(function.invoke(&json!("die"), LONG).await.unwrap(), Answer::Exited);
    assert!(matches!(function.invoke(&json!("work"), LONG).await.unwrap(), Answer::Response(_)));
    let first = function.pid().unwrap();
    assert_eq!(function.invoke(&json!("hang"), Duration::from_millis(100)).await.unwrap(), Answer::TimedOut);
    assert_eq!(function.pid(), None);
    assert!(matches!(function.invoke(&json!("work"), LONG).await.unwrap(), Answer::Response(_)));
    assert_ne!(function.pid(), Some(first));
    function.kill().await;
    let Answer::Response(deadline) = function.invoke(&json!("work"), LONG).await.unwrap() else { panic!("no answer") };
    let deadline: u128 = String::from_utf8(deadline.to_vec()).unwrap().parse().unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    assert!((deadline - 60_000..=deadline).contains(&now), "{deadline} is 60 s after the event was taken");
    assert_eq!(function.lines().len(), 4, "four processes");
}

#[tokio::test]
async fn a_binary_that_is_not_there_is_an_error() {
    assert!(Function::start(&PathBuf::from("/nowhere/bootstrap"), &[]).await.is_err());
}
