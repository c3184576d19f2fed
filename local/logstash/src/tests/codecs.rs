//! Codecs: the format and the fields of records, and what differs from Logstash's.

use super::{
    Effect,
    kinds::{assert_listed, notes},
    translated,
};

#[test]
fn conditions_on_a_log_event_of_cloudwatch_use_the_names_that_it_has_here() {
    let input = "kinesis { kinesis_stream_name => x codec => cloudwatch_logs type => k }";
    let filters = "if [logGroup] != \"/aws/lambda/app\" { drop { } } if [type] == \"k\" { mutate { rename => { logStream => s } } }";
    let (yaml, notes) = notes(input, filters, "i");
    assert!(yaml.contains("select: '@log_group:\"/aws/lambda/app\"'\n"), "{yaml}");
    assert!(yaml.contains("rename: { \"@log_stream\": s }"), "{yaml}");
    assert_listed(&notes, Effect::Differs, "`logGroup` is `@log_group`");
    assert_listed(&notes, Effect::Drops, "a control message of the subscription is no event");
    // What a message has in it, and what only Logstash has, decides about no event.
    for asked in
        ["[message] =~ /x/", "[level] == \"DEBUG\"", "![messageType]", "[@log_group] == \"x\"", "\"x\" in [tags]"]
    {
        let (yaml, notes) = self::notes(input, &format!("if {asked} {{ drop {{ }} }}"), "i");
        assert!(!yaml.contains("    select:"), "{yaml}");
        assert_listed(&notes, Effect::Keeps, "`drop` under a condition that no query says");
    }
    // An array in the envelope is no array of events, and names at the top are others.
    let (yaml, _) =
        self::notes(input, "split { field => subscriptionFilters } prune { whitelist_names => [\"^id$\"] }", "i");
    assert!(yaml.contains("format: cloudwatch-logs\n") && !yaml.contains("    keep:"), "{yaml}");
    let text = format!("input {{ {input} }} output {{ opensearch {{ index => i document_id => \"%{{id}}\" }} }}");
    assert!(translated("x.conf", &text).yaml.unwrap().contains("id: { field: \"@id\" }"));
}

#[test]
fn the_time_of_an_event_of_cloudtrail_is_that_of_the_event() {
    let input = "s3 { bucket => trail codec => cloudtrail type => cloudtrail }";
    let (yaml, notes) = notes(input, "", "trail-%{+YYYY.MM.dd}");
    let time = "{ field: eventTime, format: rfc3339 }";
    assert!(yaml.contains(&format!("    timestamp: {time}\n")), "{yaml}");
    assert!(
        yaml.contains(&format!("date: {{ \"@timestamp\": {time} }}")) && yaml.contains("drop: [eventTime]"),
        "{yaml}"
    );
    assert_listed(&notes, Effect::Assumed, "`eventTime` is taken to be a time");
    assert_listed(&notes, Effect::Keeps, "an object without `Records` is an event");
    assert_listed(&notes, Effect::Differs, "`sourceHost`");
    assert!(notes.iter().all(|(_, text)| !text.contains("that of reading")), "{notes:?}");
    // A filter reads the time again, from a field that is no longer there.
    let (yaml, notes) = self::notes(input, "date { match => [eventTime, ISO8601] }", "trail-%{+YYYY.MM.dd}");
    assert!(yaml.contains(&format!("    timestamp: {time}\n")), "{yaml}");
    assert_listed(&notes, Effect::Differs, "`eventTime` was taken away before");
    let (_, notes) = self::notes(input, "if [requestParameters][disableApiTermination] { drop { } }", "i");
    assert_listed(&notes, Effect::Keeps, "`drop` under a condition that no query says");
    let (yaml, _) = self::notes(input, "split { field => resources }", "i");
    assert!(yaml.contains("format: records\n"), "{yaml}");
}

#[test]
fn a_codec_of_json_takes_no_object_apart() {
    for (input, format) in [
        ("s3 { bucket => b codec => json }", "ndjson"),
        ("s3 { bucket => b codec => json_lines }", "ndjson"),
        ("s3 { bucket => b codec => json { target => doc } }", "ndjson"),
        ("s3 { bucket => b }", "ndjson"),
        ("kinesis { kinesis_stream_name => x codec => json }", "concatenated"),
        ("kafka { topics => x codec => json }", "concatenated"),
        ("kafka { topics => x codec => plain }", "concatenated"),
        ("kafka { topics => x codec => json_lines }", "ndjson"),
        ("kafka { topics => x codec => line }", "ndjson"),
    ] {
        let (yaml, _) = notes(input, "json { source => message }", "i");
        assert!(yaml.contains(&format!("    format: {format}\n")), "{input}: {yaml}");
    }
    let (yaml, _) = notes("s3 { codec => json }", "split { field => Records }", "i");
    assert!(yaml.contains("    format: records\n"), "{yaml}");
    let (_, notes) = notes("s3 { codec => plain }", "json { source => message }", "i");
    assert_listed(&notes, Effect::Assumed, "a record is taken to be no array");
}

#[test]
fn a_delimiter_other_than_a_line_break_is_listed() {
    let input =
        |delimiter: &str| format!("s3 {{ bucket => b codec => json_lines {{ delimiter => \"{delimiter}\" }} }}");
    assert_listed(&notes(&input("|"), "", "i").1, Effect::Rejects, "delimiter `|`");
    assert!(notes(&input("\\n"), "", "i").1.iter().all(|(effect, _)| !effect.is_loss()));
}
