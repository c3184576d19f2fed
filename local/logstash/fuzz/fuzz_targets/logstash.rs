//! Any text at all, as a Logstash configuration, and as the filters and conditions of one: it is translated or refused with a
//! place within it, and what it is translated into is a pipeline.yaml that the functions take.
#![no_main]

use pipeline::{rules::Datasets, shape::HashKey};
use libfuzzer_sys::fuzz_target;
use logstash::import;

fn check(text: &str) {
    let lines = text.matches('\n').count() + 1;
    match import("x.conf", text) {
        Err(error) => assert!((1..=lines).contains(&error.at.line), "{error}"),
        Ok(import) => {
            assert!(import.notes.iter().all(|note| (1..=lines).contains(&note.at.line)));
            let Some(yaml) = import.yaml else { return };
            let key = HashKey::new(&[7; 32]).expect("32 bytes are enough");
            if let Err(error) = Datasets::parse("pipeline.yaml", &yaml, Some(&key)) {
                panic!("{error}\n{yaml}");
            }
        }
    }
}

fuzz_target!(|text: &str| {
    check(text);
    // Nearly nothing is a configuration by chance; the inside of one is more often.
    let source = "input { s3 { bucket => b codec => json type => t } }";
    check(&format!("{source} filter {{ {text} }} output {{ opensearch {{ index => \"i-%{{+YYYY}}\" }} }}"));
    check(&format!("{source} filter {{ if {text} {{ drop {{ }} }} }} output {{ opensearch {{ index => i }} }}"));
});
