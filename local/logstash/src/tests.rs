use pipeline::{rules::Datasets, shape::HashKey};

use super::*;

mod codecs;
mod kinds;
mod plugins;

/// The translation, checked to be a pipeline.yaml that the functions accept.
fn translated(file_name: &str, text: &str) -> Import {
    let import = import(file_name, text).unwrap_or_else(|error| panic!("{file_name}:{error}"));
    if let Some(yaml) = &import.yaml {
        let key = HashKey::new(&[7; 32]).unwrap();
        if let Err(error) = Datasets::parse("pipeline.yaml", yaml, Some(&key)) {
            panic!("{file_name}: {error}\n{yaml}");
        }
    }
    import
}

/// The rules of the dataset that these filters give, and the notes about lines without an exact counterpart.
fn dataset(filters: &str) -> (String, Vec<String>) {
    let text = format!(
        "input {{ s3 {{ bucket => b codec => json }} }}\nfilter {{\n{filters}\n}}\noutput {{ opensearch {{ index => i }} }}"
    );
    let import = translated("x.conf", &text);
    let yaml = import.yaml.unwrap();
    let rules = yaml.split_once("    format: ndjson\n").unwrap().1.split_once("    index: i").unwrap().0;
    let inexact = import.notes.iter().filter(|note| note.is_inexact() && !note.text.starts_with("Logstash puts"));
    let lost = inexact.map(|note| format!("{} {}", note.at, note.text));
    (rules.lines().map(str::trim).collect::<Vec<_>>().join("\n"), lost.collect())
}

#[test]
fn whole_configurations_become_whole_pipelines() {
    for (name, conf, yaml) in [
        ("design.conf", include_str!("tests/design.conf"), include_str!("tests/design.yaml")),
        ("mobile.conf", include_str!("tests/mobile.conf"), include_str!("tests/mobile.yaml")),
        ("orders.conf", include_str!("tests/orders.conf"), include_str!("tests/orders.yaml")),
    ] {
        let import = translated(name, conf);
        let made = import.yaml.unwrap();
        assert!(made == yaml, "{name}, made:\n{made}\nexpected:\n{yaml}");
    }
}

#[test]
fn the_configuration_of_the_story_comes_out_complete() {
    let notes = translated("design.conf", include_str!("tests/design.conf")).notes;
    let loss = notes.iter().find(|note| note.effect.is_loss());
    assert_eq!(loss, None);
    let lines = |effect| notes.iter().filter(|note| note.effect == effect).map(|note| note.at.line).collect::<Vec<_>>();
    assert_eq!(lines(Effect::None), [1, 3], "region and hosts are the deployment's: {notes:?}");
    assert_eq!(
        lines(Effect::Differs),
        [2, 3],
        "the text does not stay, nor are there Logstash's own fields: {notes:?}"
    );
}

#[test]
fn rules_use_the_original_names_of_fields() {
    for (filters, rules) in [
        ("", ""),
        ("mutate { rename => { a => b } remove_field => [b] }", "fields:\ndrop: [a, b]"),
        ("mutate { rename => { a => b } } mutate { rename => { b => c } }", "fields:\ndrop: [b]\nrename: { a: c }"),
        ("mutate { rename => { a => b } } mutate { rename => { b => a } }", "fields:\ndrop: [b]"),
        (
            "mutate { rename => { a => b } } mutate { remove_field => \"[b][c]\" }",
            "fields:\ndrop: [a.c]\nrename: { a: b }",
        ),
        (
            "mutate { rename => { a => b } } mutate { add_field => { c => \"%{b}-%{[b][x]}\" } }",
            "fields:\nrename: { a: b }\nadd: { c: \"%{a}-%{a.x}\" }",
        ),
        (
            "mutate { rename => { a => b } } if [b] == 1 { drop {} }",
            "select: NOT (a:1 AND NOT a:/1/) AND NOT (NOT _exists_:a AND b:1 AND NOT b:/1/)\nfields:\nrename: { a: b }",
        ),
        ("mutate { rename => { a => b } } if [a] == 1 { drop {} }", "fields:\nrename: { a: b }"),
        (
            "mutate { add_field => { a => 7 } } if [a] == \"7\" { mutate { remove_field => b } }",
            "fields:\ndrop: [b]\nadd: { a: \"7\" }",
        ),
        (
            "mutate { add_field => [ p, \"%{lon}\" ] add_field => [ p, \"%{lat}\" ] }",
            "fields:\ngeo_point: { p: { lat: lat, lon: lon } }",
        ),
        (
            "mutate { rename => { lat => \"[p][lat]\" lon => \"[p][lon]\" } }",
            "fields:\ndrop: [lat, lon]\ngeo_point: { p: { lat: lat, lon: lon } }",
        ),
        ("mutate { add_tag => [p, q] replace => { m => \"a b\" } }", "fields:\nadd: { m: \"a b\", tags: [p, q] }"),
        ("mutate { copy => { a => b } }", "fields:\nadd: { b: \"%{a}\" }"),
        ("if [a] { mutate { rename => { a => b } } }", "fields:\nrename: { a: b }"),
        ("prune { blacklist_names => [\"^_\", \"tmp$\"] }", "fields:\ndrop: [\"_*\", \"*tmp\"]"),
        ("json { source => message remove_field => [message] }", "fields:\njson: [message]"),
        ("if [m] =~ /^{/ { json { source => m } }", "fields:\njson: [m]"),
        (
            "date { match => [t, \"dd/MMM/yyyy:HH:mm:ss Z\"] target => u }",
            "fields:\ndate: { u: { field: t, format: [\"%d/%b/%Y:%H:%M:%S %z\", \"%d/%b/%Y:%H:%M:%S %:::z\", \"%d/%b/%Y:%H:%M:%S Z\"] } }",
        ),
    ] {
        assert_eq!(dataset(filters).0, rules, "{filters}");
    }
}

#[test]
fn conditions_become_queries() {
    for (condition, select) in [
        ("[a] == \"x\"", "NOT a:x"),
        ("[a] != \"x y\"", "'a:\"x y\"'"),
        ("[a][b] == -5", "'NOT (a.b:\"-5\" AND NOT a.b:/-5/)'"),
        ("[a] > 5 and [b] <= -1.5", "NOT (a:>5 AND b:<=-1.5)"),
        ("5 > [a]", "NOT a:<5"),
        ("[a]", "'NOT (_exists_:a AND NOT a:(\"\" OR false))'"),
        ("![a]", "'_exists_:a AND NOT a:(\"\" OR false)'"),
        ("[a] == \"5\"", "NOT a:/5/"),
        ("[a] == \"true\"", "NOT a:/true/"),
        ("[a] == \"\"", "'NOT a:\"\"'"),
        ("[a] in [5, \"6\", \"x\", \"007\"]", "NOT a:(5 OR 6 OR x OR /007/)"),
        ("[a] == \"x\" or !([b] == \"y\")", "NOT a:x AND b:y"),
        ("[a] in [\"x\", \"y z\"]", "'NOT a:(x OR \"y z\")'"),
        ("\"t\" in [tags]", "NOT tags:t"),
        ("\"a.b\" in [m]", "'NOT m:/.*a\\.b.*/'"),
        ("[a] =~ /x|^y$/", "NOT a:/.*x.*|y/"),
        ("[a] =~ \"a/b\"", "'NOT a:/.*a\\/b.*/'"),
        ("[a] =~ /^\\d{3}-(?:a|b)?@/", "'NOT a:/\\d{3}-(a|b)?\\@.*/'"),
        ("[d] == \"2026-11-22\"", "NOT d:/2026-11-22/"),
        ("!([a] == \"x\" or !([b] == \"y\"))", "NOT (NOT a:x AND b:y)"),
        ("[a] == \"x\" xor [b] == \"y\"", "NOT (a:x AND NOT b:y) AND NOT (NOT a:x AND b:y)"),
        ("[a] == \"x\" nand [b] == \"y\"", "a:x AND b:y"),
    ] {
        let (rules, lost) = dataset(&format!("if {condition} {{ drop {{ }} }}"));
        assert_eq!(rules, format!("select: {select}"), "{condition}");
        let is_in = |lost: &String| condition.ends_with("in [m]") && lost.contains("of a list an element");
        assert!(lost.iter().all(is_in), "{condition}: {lost:?}");
    }
}

#[test]
fn everything_that_cannot_be_translated_is_listed_with_its_line() {
    for (filters, says) in [
        ("if [a] == [b] { drop {} }", "3:1 the condition cannot be said as a query: Lucene compares no field"),
        ("if [a] =~ /(?i)x/ { drop {} }", "3:1 the condition cannot be said as a query: `/(?i)x/`: `(?i)`"),
        ("if [a] =~ /a\\bb/ { drop {} }", "`\\b` has no counterpart in Lucene"),
        ("if [a] == 1 { mutate { rename => { b => c } } }", "3:36 rename `b` under a condition"),
        ("mutate { gsub => [a, b, c] }", "3:10 `gsub` of `mutate`: no rule changes"),
        ("mutate { convert => { n => integer } }", "3:23 convert `n`: the type is the mapping's"),
        ("date { match => [t, \"MMM dd HH:mm:ss\"] }", "3:21 date: `MMM dd HH:mm:ss`"),
        ("date { match => [t, \"yyyy-MM-dd HH:mm\"] timezone => KST }", "timezone `KST`"),
        ("fingerprint { source => a target => a }", "the value stays readable"),
        ("json { source => \"[a][b]\" }", "json: `a.b` lies in an object"),
        ("mutate { add_field => { a => \"%{b}\" } } mutate { add_field => { a => \"%{c}\" } }", "it is made already"),
        ("mutate { remove_field => [a] } mutate { add_field => { b => \"%{a}\" } }", "`a` was taken away before"),
        ("mutate { add_field => { a => \"%{+YYYY}\" } }", "a date stands in `index` alone"),
        ("drop { percentage => 50 }", "`percentage` of `drop`"),
        ("ruby { code => \"x\" }", "3:1 filter `ruby`: no code is run"),
    ] {
        let (_, lost) = dataset(filters);
        assert!(lost.iter().any(|lost| lost.contains(says)), "{filters}: {lost:?}");
    }
}

#[test]
fn of_several_outputs_the_first_is_taken_for_the_events_of_all() {
    let text = "input { kinesis { kinesis_stream_name => s codec => json } }\noutput {\n  if [level] == \"ERROR\" { opensearch { index => e } \
                }\n  else { opensearch { index => o } }\n}";
    let import = translated("x.conf", text);
    assert!(
        import.yaml.unwrap().contains("from: { stream: s }\n    format: concatenated\n    index: e\n"),
        "events for the other are kept too"
    );
    assert!(
        import.notes.iter().any(|note| note.is_inexact() && note.at.line == 4 && note.text.contains("a second output"))
    );
}

#[test]
fn without_a_source_or_an_output_there_is_no_pipeline() {
    let import = translated("x.conf", "input { stdin { } } output { stdout { } }");
    assert!(import.yaml.is_none() && import.notes.len() == 1, "{import:?}");
}

#[test]
fn the_time_that_a_configuration_takes_grows_with_its_length() {
    let many = |part: &str, count: usize| part.repeat(count);
    for filters in [
        many("mutate { remove_field => [a, b] }\n", 5_000),
        (0..5_000).map(|n| format!("mutate {{ rename => {{ a{n} => b{n} }} }}\n")).collect::<Vec<_>>().concat(),
        many("if [a] == 1 { drop { } }\n", 5_000),
        format!("if [a] {} {{ drop {{ }} }}", many("or [b] == 1 ", 40_000)),
        format!("if [a] {{ }} {}", many("else if [b] == 1 { drop { } } ", 5_000)),
        format!("if [a] =~ /{}/ {{ drop {{ }} }}", many("(", 100_000)),
        (0..5_000).map(|n| format!("mutate {{ gsub => [a{n}, b, c] }}\n")).collect::<Vec<_>>().concat(),
        format!("prune {{ whitelist_names => [{} a] }}", many("'^x$', ", 40_000)),
    ] {
        let text = format!("input {{ s3 {{ }} }} filter {{ {filters} }} output {{ opensearch {{ }} }}");
        let _ = import("x.conf", &text);
    }
    assert!(import("x.conf", &many(" ", MAX_BYTES + 1)).is_err());
}

#[test]
fn the_example_of_the_documentation_becomes_what_is_shown() {
    let document = include_str!("../../../docs/LOGSTASH.md");
    let block = |language: &str| {
        let after = document.split_once(&format!("```{language}\n")).unwrap().1;
        after.split_once("```").unwrap().0
    };
    assert_eq!(translated("logstash.conf", block("logstash")).yaml.as_deref(), Some(block("yaml")));
}

#[test]
fn a_prefix_takes_what_begins_with_it_and_a_name_only_itself() {
    let takes = |input: &str, bucket: &str, key: &str| {
        let text = format!("input {{ s3 {{ {input} codec => json }} }} output {{ opensearch {{ index => i }} }}");
        let yaml = translated("x.conf", &text).yaml.unwrap();
        Datasets::parse("x", &yaml, None).unwrap().find_s3(bucket, key).is_some()
    };
    for key in ["a/dt=1", "a/dt=1.json", "a/dt=2026/b/c.gz"] {
        assert!(takes("bucket => b prefix => 'a/dt='", "b", key), "{key}");
    }
    assert!(takes("bucket => b prefix => 'a/'", "b", "a/b/c") && takes("", "any", "x/y"));
    assert!(!takes("bucket => b prefix => 'a/dt='", "b", "a/d") && !takes("bucket => b prefix => 'a/'", "c", "a/b"));
    assert!(takes("prefix => 'a[1]{x,y}*/'", "b", "a[1]{x,y}*/c") && !takes("prefix => 'a[1]{x,y}*/'", "b", "a1x/c"));
}

/// Random filters and conditions with few field names, so that rules affect the same fields.
fn any_filters(random: &mut fastrand::Rng) -> String {
    const NAMES: [&str; 12] =
        ["a", "b", "[a][b]", "[b][c]", "[a][b][c]", "lat", "lon", "[p][lat]", "[p][lon]", "p", "message", "@timestamp"];
    const TEXTS: [&str; 8] =
        ["x", "%{a}", "%{lat},%{lon}", "%{[a][b]}-%{b}", "%{lon}", "%{lat}", "7", "a: 'b' \\d # \u{e9}"];
    let mut filters = String::new();
    for _ in 0..random.usize(1..8) {
        let (one, other) = (NAMES[random.usize(..NAMES.len())], NAMES[random.usize(..NAMES.len())]);
        let text = TEXTS[random.usize(..TEXTS.len())];
        let field = |name: &str| if name.starts_with('[') { name.to_owned() } else { format!("[{name}]") };
        let filter = match random.u8(..12) {
            0 => format!("mutate {{ rename => {{ \"{one}\" => \"{other}\" }} }}"),
            1 => format!("mutate {{ remove_field => \"{one}\" }}"),
            2 | 3 => format!("mutate {{ add_field => {{ \"{one}\" => \"{text}\" }} }}"),
            4 => format!("mutate {{ copy => {{ \"{one}\" => \"{other}\" }} add_tag => t }}"),
            5 => format!("date {{ match => [\"{one}\", ISO8601] target => \"{other}\" }}"),
            6 => format!("json {{ source => \"{one}\" }}"),
            7 => format!("json {{ source => \"{one}\" target => \"{other}\" }}"),
            8 => format!("fingerprint {{ source => \"{one}\" target => \"{one}\" method => SHA256 key => k }}"),
            9 => format!(
                "prune {{ whitelist_names => [\"^{}$\", a] blacklist_names => [\"^b\"] }}",
                one.trim_matches(['[', ']'])
            ),
            10 => format!("if {} == \"x\" or {} > 5 {{ drop {{ }} }}", field(one), field(other)),
            _ => format!(
                "if !({} and \"{text}\" in {}) {{ drop {{ }} }} else if [a] =~ /x|y$/ {{ drop {{ }} }}",
                field(one),
                field(other)
            ),
        };
        filters.push_str(&filter);
        filters.push('\n');
    }
    filters
}

#[test]
fn whatever_the_filters_the_pipeline_is_one_that_the_functions_take() {
    let mut random = fastrand::Rng::with_seed(5);
    for _ in 0..5_000 {
        let filters = any_filters(&mut random);
        let text = format!(
            "input {{ s3 {{ codec => json type => a }} }}\nfilter {{\n{filters}}}\noutput {{ opensearch {{ index => \"i-%{{b}}-%{{+YYYY}}\" \
             document_id => \"%{{[a][b]}}\" }} }}"
        );
        let import = std::panic::catch_unwind(|| translated("x.conf", &text));
        assert!(import.is_ok(), "{text}");
    }
}

#[test]
fn unprintable_characters_are_escaped_in_values_and_left_out_of_comments() {
    let text = "input { s3 { } } filter { mutate { add_field => { a => '\u{feff}\u{2028}\u{7}\u{ffff}' } } foo\n{ b => '\u{feff}' }\n\
                if [x\u{feff}] == '\u{feff}' { drop { } } } output { opensearch { index => 'i\u{feff}' } }";
    let yaml = translated("\u{feff}\n.conf", text).yaml.unwrap();
    assert!(yaml.contains(r#"add: { a: "\ufeff\u2028\u0007\uffff" }"#), "{yaml}");
}

#[test]
fn an_impossible_name_is_listed_and_replaced_by_a_wildcard() {
    let text = "input { kafka { topics => ['arn:a/b'] codec => json } kinesis { kinesis_stream_name => '${NAME}' } }\noutput { opensearch { index => i } }";
    let import = translated("x.conf", text);
    let lost: Vec<&str> = import.notes.iter().filter(|note| note.is_inexact()).map(|note| note.text.as_str()).collect();
    assert!(lost.iter().any(|text| text.starts_with("topic `arn:a/b` is none that there can be")), "{lost:?}");
    assert!(lost.iter().any(|text| text.starts_with("stream `${NAME}` is a variable")), "{lost:?}");
    assert!(import.yaml.unwrap().contains("{ stream: \"*\" }"));
    assert!(translated("x.conf", text).yaml.unwrap().contains("{ topic: \"*\" }"));
}
