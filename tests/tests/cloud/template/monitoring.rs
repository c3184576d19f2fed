//! The alarms and the dashboard of infra/monitoring.yaml: their metrics exist, and the alarms notify.

use std::{collections::BTreeSet, sync::OnceLock};

use delivery::telemetry;
use operations::{brake, retention};
use serde_json::{Value, json};
use tests::{engine::json as parse, place};

use super::{FUNCTIONS, TEMPLATES, deployed, properties, resources, translated};

/// Names of metrics, with their units.
type Metrics = &'static [(&'static str, &'static str)];

/// The metrics by `function`. Each function has its name in the nested template.
const BY_FUNCTION: [(&str, Metrics); 7] = [
    ("S3Ingest", &telemetry::ALARMED),
    ("S3Ingest", &telemetry::UNMATCHED),
    ("KinesisIngest", &telemetry::ALARMED),
    ("KafkaIngest", &telemetry::ALARMED),
    ("FirehoseTransform", &telemetry::TRANSFORM_ALARMED),
    ("Retention", &retention::METRICS),
    ("Brake", &brake::METRICS),
];

/// Whether the code writes a metric with the dimension `function`.
fn writes(function: &str, metric: &str) -> bool {
    BY_FUNCTION.iter().any(|(name, metrics)| *name == function && has(metrics, metric))
}

fn has(metrics: Metrics, metric: &str) -> bool {
    metrics.iter().any(|(name, _)| *name == metric)
}

fn nested() -> Option<&'static Value> {
    static NESTED: OnceLock<Value> = OnceLock::new();
    translated(&NESTED, TEMPLATES[2])
}

/// The alarms with their names.
fn alarms(template: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let resources = template["Resources"].as_object().expect("resources").iter();
    let alarms = resources.filter(|(_, resource)| resource["Type"] == "AWS::CloudWatch::Alarm");
    alarms.map(|(name, alarm)| (name.as_str(), &alarm["Properties"]))
}

/// The metrics of an alarm: its own, or those that its expression uses.
fn watched(alarm: &Value) -> Vec<&Value> {
    match alarm["Metrics"].as_array() {
        Some(metrics) => metrics.iter().filter_map(|metric| metric["MetricStat"].get("Metric")).collect(),
        None => vec![alarm],
    }
}

/// The value of a metric's dimension, or the name of the parameter that holds it.
fn dimension<'t>(metric: &'t Value, name: &str) -> Option<&'t str> {
    let dimensions = metric["Dimensions"].as_array().expect("dimensions");
    dimensions.iter().find(|dimension| dimension["Name"] == name)?["Value"]["Ref"].as_str()
}

/// The metrics of the dashboard, each as its line in the dashboard says.
fn dashboard(template: &Value) -> Vec<Value> {
    let body = properties(template, "Dashboard")["DashboardBody"]["Fn::Sub"].as_str().expect("a body");
    let body = parse(body);
    let widgets = body["widgets"].as_array().expect("widgets");
    widgets.iter().flat_map(|widget| widget["properties"]["metrics"].as_array().expect("metrics").clone()).collect()
}

#[test]
fn alarms_of_events_look_at_metrics_that_the_functions_write() {
    let Some(template) = nested() else { return };
    let mut looked_at = BTreeSet::new();
    let all = alarms(template).flat_map(|(name, alarm)| watched(alarm).into_iter().map(move |metric| (name, metric)));
    for (name, watched) in all.filter(|(_, watched)| watched["Namespace"] == telemetry::NAMESPACE) {
        let metric = watched["MetricName"].as_str().expect("a metric");
        let function = dimension(watched, "function").expect("a function");
        assert!(writes(function, metric), "{name}: {function} writes no {metric}");
        looked_at.insert((metric, function));
    }
    for (function, metrics) in BY_FUNCTION {
        // Bytes and counts of successes are only shown. They have no alarm.
        let told = [
            "rejected",
            "refused_by_domain",
            "undelivered",
            "unbalanced",
            "unmatched",
            "failed",
            "failed_deletions",
            "unowned",
            "paused",
        ];
        for (metric, _) in metrics.iter().filter(|(metric, _)| told.contains(metric)) {
            assert!(looked_at.contains(&(*metric, function)), "nobody looks at {metric} of {function}");
        }
    }
}

#[test]
fn the_dashboard_shows_metrics_that_the_functions_write() {
    let Some(template) = nested() else { return };
    let mut shown = BTreeSet::new();
    for metric in dashboard(template) {
        if let Some(expression) = metric[0]["expression"].as_str() {
            if let Some((_, search)) = expression.split_once("{Millrace,dataset} MetricName=\"") {
                let name = search.split('"').next().expect("a name").to_owned();
                let known = has(&telemetry::METRICS, &name) || has(&telemetry::TRANSFORM_METRICS, &name);
                assert!(known, "nobody writes {name}");
                shown.insert(name);
            }
        } else if metric[0] == telemetry::NAMESPACE {
            let of = metric[3].as_str().expect("a function").trim_matches(['$', '{', '}']);
            let known = writes(of, metric[1].as_str().expect("a metric"));
            assert!(known && metric[2] == "function", "nobody writes {metric}");
        }
    }
    for fate in ["dropped", "expired", "indexed", "duplicates", "rejected", "undelivered"] {
        assert!(shown.contains(fate), "{fate} is not shown");
    }
}

#[test]
fn the_dashboard_shows_events_lag_latency_retries_and_the_domain() {
    let Some(template) = nested() else { return };
    let shown = dashboard(template);
    let text = Value::from(shown).to_string();
    for metric in [
        "ApproximateAgeOfOldestMessage",
        "IteratorAge",
        "OffsetLag",
        "DeliveryToS3.DataFreshness",
        "IndexingLatency",
        "elapsed_ms",
        "retries",
        "ClusterStatus.red",
        "FreeStorageSpace",
        "JVMMemoryPressure",
    ] {
        assert!(text.contains(metric), "{metric} is not shown");
    }
}

#[test]
fn every_alarm_notifies_the_one_topic_when_it_begins_and_when_it_ends() {
    let Some(template) = nested() else { return };
    let topic = json!([{ "Ref": "AlarmTopic" }]);
    for (name, alarm) in alarms(template) {
        assert_eq!((&alarm["AlarmActions"], &alarm["OKActions"]), (&topic, &topic), "{name}");
        assert!(alarm["AlarmDescription"].as_str().is_some_and(|description| description.len() > 20), "{name}");
        assert!(alarm["TreatMissingData"].is_string(), "{name}: what it means when nothing comes is decided");
    }
    assert_eq!(resources(template, "AWS::SNS::Topic").len(), 1);
    // CloudWatch cannot use the account's default key of SNS. An encrypted topic needs its own key, which allows
    // CloudWatch.
    assert_eq!(properties(template, "AlarmTopic")["KmsMasterKeyId"], json!({ "Ref": "AlarmKey" }));
    let key = properties(template, "AlarmKey")["KeyPolicy"]["Statement"].to_string();
    assert!(key.contains("cloudwatch.amazonaws.com"), "{key}");
}

#[test]
fn an_alarm_comes_when_the_domain_refuses_most_of_a_hundred_events_and_more() {
    let Some(template) = nested() else { return };
    for function in ["S3Ingest", "KinesisIngest", "KafkaIngest"] {
        let alarm = properties(template, &format!("{function}RejectedByDomain"));
        let share = alarm["Metrics"].as_array().expect("metrics").iter().find(|metric| metric["Id"] == "share");
        assert_eq!(share.expect("a share")["Expression"], "IF(refused >= 100, 100 * refused / sent, 0)");
        assert_eq!((&alarm["ComparisonOperator"], &alarm["Threshold"]), (&json!("GreaterThanThreshold"), &json!(50)));
        let metrics: Vec<_> = watched(alarm).into_iter().map(|metric| &metric["MetricName"]).collect();
        assert_eq!(metrics, ["refused_by_domain", "sent"], "{function}");
        for metric in alarm["Metrics"].as_array().expect("metrics") {
            let is_computed = metric.get("Expression").is_some();
            // An alarm uses one result. All other expressions must set `ReturnData` to false.
            assert_eq!(metric.get("ReturnData").is_none(), is_computed, "{metric}");
            assert!(is_computed || (metric["MetricStat"]["Period"] == 300 && metric["MetricStat"]["Stat"] == "Sum"));
        }
    }
}

#[test]
fn objects_that_no_dataset_takes_raise_an_alarm_unless_a_parameter_expects_them() {
    let (Some(root), Some(template)) = (deployed(), nested()) else { return };
    assert_eq!(template["Resources"]["S3IngestUnmatched"]["Condition"], "HasUnmatchedAlarm");
    assert_eq!(
        template["Conditions"]["HasUnmatchedAlarm"],
        json!({ "Fn::Equals": [{ "Ref": "UnmatchedAlarm" }, "true"] })
    );
    assert_eq!(root["Parameters"]["UnmatchedAlarm"]["Default"], "true");
    assert_eq!(properties(root, "Monitoring")["Parameters"]["UnmatchedAlarm"], json!({ "Ref": "UnmatchedAlarm" }));
}

#[test]
fn alarms_of_the_domain_name_it_and_its_account() {
    let Some(template) = nested() else { return };
    let mut watched = BTreeSet::new();
    for (name, alarm) in alarms(template).filter(|(_, alarm)| alarm["Namespace"] == "AWS/ES") {
        // Without both dimensions, CloudWatch finds no metric and the alarm never fires.
        let dimensions = (dimension(alarm, "DomainName"), dimension(alarm, "ClientId"));
        assert_eq!(dimensions, (Some("DomainName"), Some("AWS::AccountId")), "{name}");
        assert_eq!(template["Resources"][name]["Condition"], "HasDomain", "{name}");
        watched.insert(alarm["MetricName"].as_str().expect("a metric"));
    }
    for metric in [
        "ClusterStatus.red",
        "ClusterStatus.yellow",
        "FreeStorageSpace",
        "ClusterIndexWritesBlocked",
        "CPUUtilization",
        "JVMMemoryPressure",
        "MasterCPUUtilization",
    ] {
        assert!(watched.contains(metric), "nobody looks at {metric}");
    }
    assert_eq!(properties(template, "CPUUtilization")["Threshold"], 80);
}

#[test]
fn every_function_has_alarms_of_its_errors_and_throttles() {
    let (Some(root), Some(template)) = (deployed(), nested()) else { return };
    let parameters = properties(root, "Monitoring")["Parameters"].as_object().expect("parameters");
    for function in FUNCTIONS {
        let name = function.trim_end_matches("Function");
        assert!(parameters[name].to_string().contains(&json!({ "Ref": function }).to_string()), "{name} is not told");
        for metric in ["Errors", "Throttles"] {
            let alarm = properties(template, &format!("{name}{metric}"));
            assert_eq!((&alarm["Namespace"], &alarm["MetricName"]), (&json!("AWS/Lambda"), &json!(metric)), "{name}");
            assert_eq!(dimension(alarm, "FunctionName"), Some(name));
        }
    }
    for name in parameters.keys() {
        assert!(template["Parameters"][name].is_object(), "{name} is none of the nested template's");
    }
}

#[test]
fn an_alarm_comes_at_half_of_the_time_for_which_a_source_keeps_what_waits() {
    let (Some(root), Some(template)) = (deployed(), nested()) else { return };
    let half = |resource, property, of: u64| properties(root, resource)[property].as_u64().expect("a number") * of / 2;
    let queue = half("IngestQueue", "MessageRetentionPeriod", 1);
    assert_eq!(properties(template, "QueueHalfway")["Threshold"], queue);
    let stream = half("SourceStream", "RetentionPeriodHours", 3600);
    let told = &properties(root, "Monitoring")["Parameters"];
    // An existing stream may keep only Kinesis's default of 24 hours.
    assert_eq!(told["StreamHalfwaySeconds"], json!({ "Fn::If": ["IsNewStream", stream, 12 * 3600] }));
    let milliseconds = json!({ "Fn::Sub": "${StreamHalfwaySeconds}000" });
    assert_eq!(properties(template, "StreamHalfway")["Threshold"], milliseconds);
    // While the brake pauses a stream, no function reads it, so there is no metric of its lag.
    let hours = json!({ "Fn::If": ["HasStream", { "Fn::If": ["IsNewStream", stream / 3600, 12] }, queue / 3600] });
    assert_eq!(told["BrakeHalfwayHours"], hours);
    assert_eq!(properties(template, "BrakeHalfway")["Period"], 3600);
    // A message in a dead-letter queue keeps the date on which it was first sent.
    let left = 14 * 86_400 - 2 * queue;
    assert_eq!(properties(template, "DeadLetterQueueHalfway")["Threshold"], left / 2);
}

#[test]
fn every_alarm_has_a_heading_that_says_what_to_do() {
    let Some(template) = nested() else { return };
    let guide = place::root().join("docs/OPERATIONS.md");
    let guide = std::fs::read_to_string(&guide).unwrap_or_else(|error| panic!("{}: {error}", guide.display()));
    let headings: BTreeSet<&str> =
        guide.lines().filter(|line| line.starts_with("### ")).flat_map(|line| line[4..].split(", ")).collect();
    let names: BTreeSet<&str> = alarms(template).map(|(name, _)| name).collect();
    for name in &names {
        assert!(headings.contains(name), "docs/OPERATIONS.md has no heading for {name}");
    }
    // There is also no heading for a removed alarm. A heading of one word is the name of an alarm in the template.
    for heading in headings.iter().filter(|heading| !heading.contains(' ')) {
        assert!(names.contains(heading), "there is no alarm {heading}");
    }
}
