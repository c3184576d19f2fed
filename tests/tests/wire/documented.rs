//! The commands of README and docs. Each command in a block is run as it stands, with files, buckets and domains of this
//! test in place of the reader's, unless the block says that it needs an AWS account. Commands within sentences are
//! parsed only.
//!
//! Deliberately absent: the text that the documents show as output.

use std::fs;
use std::path::Path;
use std::time::Duration;

use tests::engine::Engine;
use tests::events;
use tests::moto::Moto;
use tests::place;
use tests::program::Program;
use tests::scene::Scene;

/// The comment in a block of commands that cannot be run here.
const NEEDS_AN_ACCOUNT: &str = "# needs an AWS account";
/// `.ci/run` runs these targets, or the tests that `make test` runs do.
const TARGETS_OF_CI: [&str; 6] = ["check", "test", "setup", "functions", "demo", "build"];
/// The ways in which the documents start the program.
const STARTS: [&str; 3] = ["millrace ", "cargo run -p millrace -- ", "cargo run --release -p millrace -- "];

#[test]
fn every_command_in_a_block_of_the_documents_succeeds_or_needs_an_account() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "documented").await;
        scene.set_source("key: \"source/jsona/**\"", &[]);
        let folder = tempfile::tempdir().expect("a folder");
        let program = program(&scene, engine);
        write_files(folder.path());
        let event = events::generate(1, 1).collect::<String>();
        engine.ask("PUT", "/documented-picture/_doc/1?refresh=true", &event).await;
        let commands = commands_in_blocks();
        assert!(commands.len() > 12, "{commands:#?}");
        for command in commands {
            let Some(arguments) = STARTS.iter().find_map(|start| command.strip_prefix(start)) else {
                assert!(is_run_elsewhere(&command), "{command}: neither run here nor marked `{NEEDS_AN_ACCOUNT}`");
                continue;
            };
            let arguments = words(&replaced(arguments, folder.path(), &scene.bucket, &engine.url()));
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let run = tokio::time::timeout(Duration::from_mins(2), program.run(&arguments)).await;
            let output = run.unwrap_or_else(|_| panic!("{command} does not end"));
            assert_eq!(output.code, Some(0), "{command}: {}{}", output.stdout, output.stderr);
        }
    });
}

#[test]
fn every_command_within_a_sentence_of_the_documents_is_accepted() {
    let moto = Moto::shared();
    let Some(moto) = moto else { return };
    place::run(async {
        let scene = Scene::new(moto, "sentences").await;
        let program = Program::of(&scene, "http://127.0.0.1:1");
        let mut found = 0;
        for (document, text) in documents() {
            for quoted in text.split('`').skip(1).step_by(2).filter(|quoted| quoted.starts_with(STARTS[0])) {
                // Synopses have optional parts in brackets, alternatives, and an ellipsis.
                let command = quoted.replace(['[', ']', '…'], "").replace("NUMBER", "1");
                for alternative in alternatives(&command) {
                    let mut arguments = words(alternative.trim_start_matches("millrace "));
                    arguments.push("--help".into());
                    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
                    let output = program.run(&arguments).await;
                    assert_eq!(output.code, Some(0), "{document}: `{quoted}`: {}", output.stderr);
                    found += 1;
                }
            }
        }
        assert!(found > 20, "{found}");
    });
}

/// `a [x | y] b` means `a x b` and `a y b`. The brackets are gone already.
fn alternatives(command: &str) -> Vec<String> {
    let words: Vec<&str> = command.split(' ').collect();
    let Some(bar) = words.iter().position(|word| *word == "|") else { return vec![command.to_owned()] };
    let without = |left_out: usize| {
        let kept = words.iter().enumerate().filter(|(n, _)| *n != bar && *n != left_out);
        kept.map(|(_, word)| *word).collect::<Vec<_>>().join(" ")
    };
    vec![without(bar + 1), without(bar - 1)]
}

fn program(scene: &Scene<'_>, engine: &Engine) -> Program {
    let functions = place::function("s3-ingest").parent().expect("a folder").display().to_string();
    let state = format!("s3://dead-{}/state", scene.prefix);
    Program::of(scene, &engine.url()).with(&[
        ("MILLRACE_FUNCTIONS", &functions),
        ("MILLRACE_STATE", &state),
        ("MILLRACE_STACK", "documented"),
    ])
}

/// The documents for users and contributors, with their names.
fn documents() -> Vec<(String, String)> {
    let root = place::root();
    let entries = fs::read_dir(root.join("docs")).expect("docs").flatten().map(|entry| entry.path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|e| e == "md")).collect();
    files.extend(["README.md", "CONTRIBUTING.md"].map(|name| root.join(name)));
    files.sort();
    files.iter().map(|file| (file.display().to_string(), fs::read_to_string(file).expect("a document"))).collect()
}

/// The commands of all blocks that need no account, without comments. A line that ends in a backslash continues.
fn commands_in_blocks() -> Vec<String> {
    let mut found = Vec::new();
    for (_, text) in documents() {
        let blocks = text.split("\n\n").filter(|block| is_block(block) && !block.contains(NEEDS_AN_ACCOUNT));
        for block in blocks {
            let joined = block.replace("\\\n", " ");
            let lines = joined.lines().map(|line| line.split(" #").next().unwrap_or_default().trim());
            found.extend(lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned));
        }
    }
    found
}

/// Whether a paragraph is a block of commands: indented by four spaces, and not a part of a list or of output.
fn is_block(paragraph: &str) -> bool {
    let programs = ["make ", "cargo ", "millrace ", "aws ", "sam ", "$EDITOR ", "CI=", "#"];
    let mut lines = paragraph.lines().skip_while(|line| line.is_empty()).peekable();
    let starts = lines.peek().and_then(|line| line.strip_prefix("    "));
    starts.is_some_and(|line| programs.iter().any(|program| line.starts_with(program)))
        && lines.all(|line| line.starts_with("    "))
}

/// Whether a command is one that CI runs by itself, or prepares a later one.
fn is_run_elsewhere(command: &str) -> bool {
    let targets = command.strip_prefix("make ").map(|targets| targets.split(' ').filter(|word| !word.contains('=')));
    targets.is_some_and(|mut targets| targets.all(|target| TARGETS_OF_CI.contains(&target)))
        || command.contains("cargo test -p tests --test wire -- ")
        || command.starts_with("$EDITOR ")
}

/// The files that the commands read, each with one event that the rules of the documents accept.
fn write_files(folder: &Path) {
    let event = events::generate(1, 1).collect::<String>();
    let logs = folder.join("logs");
    fs::create_dir(&logs).expect("a folder");
    fs::write(logs.join("a.json.gz"), events::gzip(event.as_bytes())).expect("a file");
    let dataset = "datasets:\n  - name: orders\n    from: { topic: orders }\n    index: documented-orders\n";
    fs::write(folder.join("my-pipeline.yaml"), dataset).expect("a file");
    let logstash = "input { s3 { bucket => \"logs\" codec => json } }\noutput { opensearch { hosts => [\"https://d\"] index => \"logs-%{+YYYY.MM.dd}\" } }\n";
    fs::write(folder.join("logstash.conf"), logstash).expect("a file");
    fs::write(folder.join("receipts.json"), "").expect("a file");
}

/// A command with the files, the bucket and the domain of this test.
fn replaced(command: &str, folder: &Path, bucket: &str, domain: &str) -> String {
    let at = |name: &str| folder.join(name).display().to_string();
    let rules = place::root().join("infra/pipeline.yaml").display().to_string();
    let command = command.replace("--output infra/pipeline.yaml", &format!("--output {}", at("imported.yaml")));
    let replacements = [
        ("~/logs/*.json.gz", at("logs/a.json.gz")),
        ("~/logs", at("logs")),
        ("my-pipeline.yaml", at("my-pipeline.yaml")),
        ("infra/pipeline.yaml", rules),
        ("logstash.conf", at("logstash.conf")),
        ("receipts.json", at("receipts.json")),
        ("chosen", at("chosen")),
        ("init --force", format!("init --force --output {}", folder.display())),
        ("picture --domain", format!("picture --output {} --domain", at("picture.html"))),
        ("'logs-*'", "documented-picture".to_owned()),
        ("s3://logs/", format!("s3://{bucket}/")),
        ("http://localhost:9200", domain.to_owned()),
        ("http://127.0.0.1:9200", domain.to_owned()),
    ];
    replacements.iter().fold(command, |command, (from, to)| command.replace(from, to))
}

/// The words of a command, as a shell takes single quotes.
fn words(command: &str) -> Vec<String> {
    let parts = command.split('\'').enumerate();
    let mut words: Vec<String> = Vec::new();
    for (number, part) in parts {
        if number % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}
