use super::{faults, parse, with};
use crate::{decode::Decoder, route::RouteScratch};

#[test]
fn each_fault_of_a_template_names_its_place() {
    let settings = |settings: &str| with(&format!("template: {{ settings: {settings} }}"));
    for (yaml, place, says) in [
        (with("template: {}"), "5:15", "`template` is empty"),
        (with("template: { setting: { a: b } }"), "5:17", "did you mean `settings`?"),
        (with("template: [a]"), "5:15", "not a map"),
        (settings("{}"), "5:27", "is empty"),
        (settings("[a]"), "5:27", "`settings` is a list, not a map"),
        (settings("{ a..b: 1 }"), "5:29", "not the name of a setting"),
        (settings("{ \"a b\": 1 }"), "5:29", "not the name of a setting"),
        (settings("{ a: }"), "5:30", "`index.a` is nothing"),
        (settings("{ a: { } }"), "5:32", "`index.a` is empty"),
        (settings("{ a: [] }"), "5:32", "`index.a` is a list"),
        (settings("{ a: [{ b: c }] }"), "5:32", "`index.a` is a list"),
        (settings("{ number_of_shards: 3 }"), "5:29", "give `shards` beside `template`"),
        (settings("{ index: { number_of_replicas: 3 } }"), "5:38", "give `replicas`"),
        (settings("{ mapping: { total_fields: { limit: 5 } } }"), "5:56", "give `total_fields_limit`"),
        (settings("{ blocks.write: true }"), "5:29", "a new index would refuse every event"),
        (settings("{ index: { hidden: true } }"), "5:38", "`retention`, `replay` and the brake"),
        (settings("{ mode: time_series }"), "5:29", "document ids"),
        (settings("{ translog.durability: async }"), "5:29", "can lose when a node stops"),
        (settings("{ codec: a, index: { codec: a } }"), "5:48", "`index.codec` is in line 5 already"),
        (with("template: { composed_of: common }"), "5:30", "`composed_of` is a text"),
        (with("template: { composed_of: [] }"), "5:30", "an empty list"),
        (with("template: { composed_of: [a, a] }"), "5:34", "twice: `a`"),
        (with("template: { priority: -1 }"), "5:27", "a whole number from 0"),
        (with("").replace("index: logs", "index: { name: logs, routing: a..b }"), "4:35", "`routing: a..b`"),
        (
            with("").replace("index: logs", "index: { name: logs, pipeline: \"%{p}\" }"),
            "4:36",
            "the same for every event",
        ),
        (
            with("").replace("index: logs", "index: { data_stream: logs, routing: a }"),
            "4:33",
            "`routing` beside `data_stream`: a data stream takes no document with a routing",
        ),
        (with("").replace("index: logs", "index: { alias: logs, routing: a..b }"), "4:36", "`routing: a..b`"),
        (with("").replace("index: logs", "index: { name: logs, pipeline: \"\" }"), "4:36", "1 to 255 bytes"),
        (with("").replace("index: logs", "index: { name: logs, pipeline: \"a\\n\" }"), "4:36", "control characters"),
        (
            with("fields: { hash: [adid] }").replace("index: logs", "index: { name: logs, routing: adid }"),
            "4:12",
            "`routing` reveals the value of `adid`",
        ),
    ] {
        let found = faults(&yaml);
        let [(at, message)] = found.as_slice() else { panic!("{yaml}: {found:?}") };
        assert!(at.ends_with(place), "{yaml}: {at} {message}");
        assert!(message.contains(says), "{yaml}: {message}");
    }
}

#[test]
fn each_kind_of_index_sends_its_parameters() {
    for (index, routing) in [
        ("{ name: logs, timezone: UTC, routing: a, pipeline: p }", Some("a")),
        ("{ alias: logs, rollover: { max_age: 1d }, routing: a, pipeline: p }", Some("a")),
        ("{ data_stream: logs, pipeline: p }", None),
    ] {
        let index = if index.contains("name") { index.replace("logs", "\"logs-%{+YYYY}\"") } else { index.to_owned() };
        let datasets = parse(&with("").replace("index: logs", &format!("index: {index}")));
        let router = &datasets.by_name("a").unwrap().router;
        assert_eq!(router.routing().map(ToString::to_string).as_deref(), routing, "{index}");
        let (mut action, mut decoder) = (Vec::new(), Decoder::new());
        let parsed = decoder.decode(br#"{"a":"r"}"#).unwrap();
        router.route(&parsed.event(), "p", 0, 0, &mut RouteScratch::default(), &mut action).unwrap();
        let action = String::from_utf8(action).unwrap();
        assert!(action.ends_with(",\"pipeline\":\"p\"}}\n"), "{action}");
        assert_eq!(action.contains(",\"routing\":\"r\""), routing.is_some(), "{action}");
    }
}

#[test]
fn a_name_that_no_list_has_goes_to_the_engine() {
    let datasets = parse(&with("template: { settings: { knn: true, a_setting_of_2031: [1, x] } }"));
    let settings = &datasets.by_name("a").unwrap().template.settings;
    let found: Vec<_> = settings.iter().map(|(name, setting)| (name.as_str(), setting.value.to_string())).collect();
    let expected = [("index.a_setting_of_2031", r#"["1","x"]"#), ("index.knn", r#""true""#)];
    assert_eq!(found, expected.map(|(name, value)| (name, value.to_owned())));
}
