use super::*;
use crate::ast::{Condition, Operand};

fn error(text: &str) -> String {
    parse(&[text]).map(|_| ()).unwrap_err().to_string()
}

fn condition(text: &str) -> Condition {
    let text = format!("filter {{ if {text} {{ drop {{ }} }} }}");
    let config = parse(&[&text]).unwrap_or_else(|error| panic!("{text}: {error}"));
    let Some(Statement::Branches(branches)) = config.filters.into_iter().next() else { panic!("{text}") };
    branches.into_iter().next().and_then(|branch| branch.condition).unwrap()
}

#[test]
fn sections_plugins_and_values_are_read_with_their_places() {
    let text = "# head\ninput { s3 { bucket => \"lo#gs\" codec => json { charset => 'UTF-8' } } }\nfilter {\n  mutate {\n    \
                rename => { \"a\" => \"b\" c => \"d\" }\n    add_field => [ 'x', -12.5, bare ] # tail\n  }\n}\noutput { }";
    let config = parse(&[text]).unwrap();
    let Statement::Plugin(s3) = &config.inputs[0] else { panic!() };
    assert_eq!((s3.name.as_str(), s3.at.to_string().as_str()), ("s3", "2:9"));
    assert!(matches!(&s3.settings[0].value.data, Data::Text(text) if text == "lo#gs"));
    assert!(matches!(&s3.settings[1].value.data, Data::Plugin(codec) if codec.name == "json"));
    let Statement::Plugin(mutate) = &config.filters[0] else { panic!() };
    assert_eq!(mutate.settings[1].at.to_string(), "6:5");
    assert!(matches!(&mutate.settings[0].value.data, Data::Hash(entries) if entries.len() == 2));
    let Data::List(values) = &mutate.settings[1].value.data else { panic!() };
    assert!(matches!(&values[1].data, Data::Number(number) if number == "-12.5"));
    assert!(config.outputs.is_empty());
}

#[test]
fn conditions_bind_as_in_logstash() {
    let Condition::Any(any) = condition("[a] and [b] or ![c] or ([d][e] == 'x' or 1 < [f])") else { panic!() };
    assert!(matches!(&any[0], Condition::All(all) if all.len() == 2));
    assert!(matches!(&any[1], Condition::Not(_)));
    assert!(matches!(&any[2], Condition::Any(inner) if inner.len() == 2));
    assert!(matches!(condition("[a] =~ /x\\/y/"), Condition::Matches { regexp, .. } if regexp == "x\\/y"));
    assert!(matches!(condition("[a] nand [b]"), Condition::Not(_)));
    assert!(matches!(condition("[a] xor [b]"), Condition::Either(_)));
    let Condition::Not(inner) = condition("[a] not in [\"x\", 'y', 3]") else { panic!() };
    assert!(matches!(*inner, Condition::In { list: Operand::List(list), .. } if list.len() == 3));
    assert!(
        matches!(condition("\"x\" in [tags]"), Condition::In { list: Operand::Field(field), .. } if field == "tags")
    );
}

#[test]
fn a_syntax_error_is_reported_with_its_place_and_what_is_expected() {
    for (text, expected) in [
        ("", "1:1: a section"),
        ("datasets:\n  - name: x", "1:1: a section"),
        ("input {\n  s3 {\n    bucket = \"x\"\n", "3:12: `=>` after the name of a setting is expected, found `=`"),
        ("input { s3 { bucket => \"x } }", "1:24: a string without its closing `\"`"),
        ("input { s3 { bucket => } }", "1:24: a value"),
        ("input { s3 { } ", "the name of a plugin, `if`, or `}` is expected, found the end of the file"),
        ("input { s3 }", "1:12: `{` after the name of a plugin"),
        ("filter { mutate { a => { \"x\" => 1, \"y\" => 2 } } }", "1:34: a key, or `}`; entries have no comma"),
        ("filter { mutate { a => { x => 1 x => 2 } } }", "1:33: the key `x`"),
        ("filter { if [a { } }", "1:13: a field reference"),
        ("filter { if \"x\" { } }", "1:17: `==`"),
        ("filter { if [a] and { } }", "1:21: a condition"),
        ("filter { if [a] not [b] { } }", "1:21: `in` after `not`"),
        ("filter { if [a] xor [b] or [c] { } }", "need parentheses beside"),
        ("filter { if 'x' =~ /a/ { } }", "1:13: a field reference is expected before `=~`"),
        ("filter { } }", "1:12: a section"),
    ] {
        let error = error(text);
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn deep_nesting_is_refused_and_no_depth_ends_the_program() {
    for (open, head) in
        [("[", "filter { mutate { a => "), ("(", "filter { if "), ("!", "filter { if "), ("a => { b => {", "")]
    {
        let deep = format!("{head}{}", open.repeat(100_000));
        assert!(parse(&[&deep]).is_err(), "{head}");
    }
    let nested = format!("filter {{ {} drop {{ }} {} }}", "if [a] { ".repeat(60), "} ".repeat(60));
    assert!(error(&nested).contains("nested blocks"));
}
