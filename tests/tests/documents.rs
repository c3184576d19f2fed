//! The documents match the repository: their links lead to existing files and headings, and the tests that they name
//! exist.
//!
//! In: every Markdown file of the repository. Deliberately absent: whether a sentence is true.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use tests::place;

/// Tests are named as sentences. A name with fewer words than this is not taken for the name of a test.
const WORDS_OF_A_SENTENCE: usize = 5;

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let mut broken = Vec::new();
    for document in files("md") {
        let text = read(&document);
        for link in links(&text) {
            if ["http://", "https://", "mailto:"].iter().any(|scheme| link.starts_with(scheme)) {
                continue;
            }
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let folder = document.parent().expect("a file lies in a folder");
            let target = if path.is_empty() { document.clone() } else { folder.join(path) };
            if !target.exists() {
                broken.push(format!("{}: {link} is not there", document.display()));
            } else if !anchor.is_empty() && !anchors(&read(&target)).contains(anchor) {
                broken.push(format!("{}: {link} names no heading", document.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_test_that_a_document_names_exists() {
    let code: String = files("rs").iter().map(|file| read(file)).collect();
    let mut missing = Vec::new();
    for document in files("md") {
        let text = read(&document);
        for name in quoted(&text).filter(|name| is_a_sentence(name)) {
            if !code.contains(&format!("fn {name}(")) {
                missing.push(format!("{}: no test is named {name}", document.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn every_file_of_tests_that_a_document_names_exists() {
    let mut missing = Vec::new();
    for document in files("md") {
        let text = read(&document);
        for name in text.split(|c: char| !(c.is_ascii_alphanumeric() || "_/.:".contains(c))) {
            let name = name.trim_matches(['.', ':']).replace("::", "/");
            let Some(file) =
                ["wire/", "tests/tests/"].iter().find_map(|prefix| name.strip_prefix(prefix).map(|_| &name))
            else {
                continue;
            };
            let file = file.strip_prefix("tests/tests/").unwrap_or(file);
            let path = place::root().join("tests/tests").join(file);
            if !path.exists() && !path.with_extension("rs").exists() {
                missing.push(format!("{}: {name} is not there", document.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn every_source_file_that_a_document_names_exists() {
    let known: Vec<String> = files("rs").iter().map(|file| format!("/{}", file.display())).collect();
    let mut missing = Vec::new();
    for document in files("md") {
        // A changelog may describe former states of the code.
        if document.ends_with("CHANGELOG.md") {
            continue;
        }
        for name in quoted(&read(&document)).filter(|name| is_source(name)) {
            if !known.iter().any(|file| file.ends_with(&format!("/{name}"))) {
                missing.push(format!("{}: {name} is not there", document.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

/// The repository's files with an extension, without built or installed files.
fn files(extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![place::root()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of the clone").flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let hidden = name.to_string_lossy().starts_with('.') || name == "target" || name == "node_modules";
            match entry.file_type().expect("it is there") {
                kind if kind.is_dir() && !hidden => folders.push(path),
                kind if kind.is_file() && path.extension().is_some_and(|e| e == extension) => found.push(path),
                _ => {}
            }
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> String {
    if path.is_dir() { String::new() } else { std::fs::read_to_string(path).expect("a text file of the clone") }
}

/// The targets of `[text](target)`.
fn links(text: &str) -> impl Iterator<Item = &str> {
    without_code(text)
        .flat_map(|line| line.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target))
}

/// Lines outside of blocks of code.
fn without_code(text: &str) -> impl Iterator<Item = &str> {
    let mut code = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        !code && !fence
    })
}

/// The anchors that GitHub makes from headings: lower case, hyphens for spaces, no punctuation.
fn anchors(text: &str) -> BTreeSet<String> {
    let of = |heading: &str| {
        let kept = |c: char| c.is_alphanumeric() || " -_".contains(c);
        heading.trim().to_lowercase().chars().filter(|c| kept(*c)).collect::<String>().replace(' ', "-")
    };
    without_code(text).filter(|line| line.starts_with('#')).map(|line| of(line.trim_start_matches('#'))).collect()
}

/// The texts between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Whether a name is the path of one source file, or the end of a path.
fn is_source(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "rs") && !name.contains(['*', ' '])
}

fn is_a_sentence(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && name.split('_').count() >= WORDS_OF_A_SENTENCE
}
