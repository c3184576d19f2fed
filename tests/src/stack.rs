//! A template as it applies to one stack: the `CloudFormation` functions become text.
//!
//! In: a template that SAM translated, and parameters. Out: any part of it, with names and ARNs as AWS would create
//! them.
//!
//! Deliberately absent: outputs of nested stacks, which become a text that names them, and all functions that the
//! templates do not use.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// The account of all stacks.
pub const ACCOUNT: &str = "111122223333";
/// The region of all stacks.
pub const REGION: &str = "eu-west-1";
/// The name of all stacks.
pub const NAME: &str = "logs";

/// A template and the parameters of one stack of it.
#[derive(Debug)]
pub struct Template<'t> {
    template: &'t Value,
    parameters: BTreeMap<String, Value>,
}

impl<'t> Template<'t> {
    /// A template with these parameters. The others have their defaults.
    pub fn new(template: &'t Value, given: &[(&str, &str)]) -> Self {
        let declared = template["Parameters"].as_object().expect("parameters");
        let mut parameters: BTreeMap<String, Value> =
            declared.iter().map(|(name, about)| (name.clone(), value(about, &about["Default"]))).collect();
        for (name, text) in given {
            let about = declared.get(*name).unwrap_or_else(|| panic!("{name} is no parameter"));
            parameters.insert((*name).to_owned(), value(about, &json!(text)));
        }
        Self { template, parameters }
    }

    /// The properties of a resource; `None` if its condition does not hold, or no resource has this name.
    pub fn properties(&self, resource: &str) -> Option<Value> {
        let about = self.template["Resources"].get(resource)?;
        self.is_there(about).then(|| self.resolve(&about["Properties"]).unwrap_or(Value::Null))
    }

    fn is_there(&self, resource: &Value) -> bool {
        resource["Condition"].as_str().is_none_or(|condition| self.holds(condition))
    }

    /// The names of all resources of a type in the stack.
    pub fn resources(&self, kind: &str) -> Vec<&'t str> {
        let resources = self.template["Resources"].as_object().expect("resources").iter();
        resources
            .filter(|(name, about)| about["Type"] == kind && self.properties(name).is_some())
            .map(|(name, _)| name.as_str())
            .collect()
    }

    /// The descriptions of the assertions of the template's rules that these parameters do not meet.
    pub fn refusals(&self) -> Vec<&'t str> {
        let rules = self.template["Rules"].as_object().into_iter().flat_map(|rules| rules.values());
        rules
            .filter(|rule| rule.get("RuleCondition").is_none_or(|condition| self.truth(condition)))
            .flat_map(|rule| rule["Assertions"].as_array().expect("assertions"))
            .filter(|assertion| !self.truth(&assertion["Assert"]))
            .map(|assertion| assertion["AssertDescription"].as_str().expect("a description"))
            .collect()
    }

    /// The result of `Ref` for a resource.
    pub fn reference(&self, name: &str) -> String {
        match self.kind(name) {
            "AWS::SQS::Queue" => format!("https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{}", physical(name)),
            "AWS::IAM::ManagedPolicy" => self.arn(name),
            _ => self.physical(name),
        }
    }

    /// The result of `Fn::GetAtt` with `Arn` for a resource.
    pub fn arn(&self, name: &str) -> String {
        let (id, own) = (self.physical(name), format!("{REGION}:{ACCOUNT}"));
        match self.kind(name) {
            "AWS::S3::Bucket" => format!("arn:aws:s3:::{id}"),
            "AWS::SQS::Queue" => format!("arn:aws:sqs:{own}:{id}"),
            "AWS::Lambda::Function" => format!("arn:aws:lambda:{own}:function:{id}"),
            "AWS::IAM::Role" => format!("arn:aws:iam::{ACCOUNT}:role/{id}"),
            "AWS::IAM::ManagedPolicy" => format!("arn:aws:iam::{ACCOUNT}:policy/{id}"),
            "AWS::Logs::LogGroup" => format!("arn:aws:logs:{own}:log-group:{id}:*"),
            "AWS::Kinesis::Stream" => format!("arn:aws:kinesis:{own}:stream/{id}"),
            "AWS::Events::Rule" => format!("arn:aws:events:{own}:rule/{id}"),
            other => panic!("the ARN of {name}, a {other}, is not known"),
        }
    }

    /// The names and types of all resources in the stack.
    pub fn all(&self) -> Vec<(&'t str, &'t str)> {
        let resources = self.template["Resources"].as_object().expect("resources").iter();
        let there = resources.filter(|(_, about)| self.is_there(about));
        there.map(|(name, _)| (name.as_str(), self.kind(name))).collect()
    }

    /// The type of a resource.
    pub(crate) fn kind(&self, name: &str) -> &'t str {
        self.template["Resources"][name]["Type"].as_str().unwrap_or_else(|| panic!("{name} is no resource"))
    }

    /// The name that the template gives to a resource, or else a name as `CloudFormation` makes it.
    fn physical(&self, name: &str) -> String {
        let properties = &self.template["Resources"][name]["Properties"];
        let given =
            ["FunctionName", "BucketName", "LogGroupName", "Name"].iter().find_map(|member| properties.get(member));
        let given = given.filter(|_| self.kind(name) != "AWS::Lambda::Alias").and_then(|given| self.resolve(given));
        given.and_then(|given| given.as_str().map(str::to_owned)).unwrap_or_else(|| match self.kind(name) {
            "AWS::S3::Bucket" => physical(name).to_lowercase(),
            _ => physical(name),
        })
    }

    /// Whether a condition of the template holds.
    pub fn holds(&self, name: &str) -> bool {
        self.truth(&self.template["Conditions"][name])
    }

    fn truth(&self, value: &Value) -> bool {
        let (function, of) = function(value).unwrap_or_else(|| panic!("{value} is no condition"));
        let list = || of.as_array().unwrap_or_else(|| panic!("{function} takes a list"));
        match function {
            "Condition" => self.holds(of.as_str().expect("a name")),
            "Fn::And" => list().iter().all(|value| self.truth(value)),
            "Fn::Or" => list().iter().any(|value| self.truth(value)),
            "Fn::Not" => !self.truth(&list()[0]),
            "Fn::Equals" => {
                let texts: Vec<_> = list().iter().map(|value| self.resolve(value).map(|value| text(&value))).collect();
                texts[0] == texts[1]
            }
            other => panic!("{other} is no condition"),
        }
    }

    /// A value with its functions resolved; `None` for `AWS::NoValue`.
    pub fn resolve(&self, value: &Value) -> Option<Value> {
        if let Some((function, of)) = function(value) {
            return self.call(function, of);
        }
        match value {
            Value::Array(values) => Some(values.iter().filter_map(|value| self.resolve(value)).collect()),
            Value::Object(members) => {
                let members = members.iter().filter_map(|(name, value)| Some((name.clone(), self.resolve(value)?)));
                Some(Value::Object(members.collect::<Map<_, _>>()))
            }
            other => Some(other.clone()),
        }
    }

    fn call(&self, function: &str, of: &Value) -> Option<Value> {
        let item = |at: usize| &of[at];
        match function {
            "Ref" => self.named(of.as_str().expect("a name")),
            "Fn::GetAtt" => Some(self.attribute(item(0).as_str()?, item(1).as_str()?).into()),
            "Fn::Sub" => Some(self.substitute(of).into()),
            "Fn::If" => self.resolve(if self.holds(item(0).as_str()?) { item(1) } else { item(2) }),
            "Fn::Join" => {
                let parts = self.resolve(item(1))?;
                let parts: Vec<_> = parts.as_array().expect("a list").iter().map(text).collect();
                Some(parts.join(item(0).as_str()?).into())
            }
            "Fn::Split" => {
                let whole = text(&self.resolve(item(1))?);
                Some(whole.split(item(0).as_str()?).map(Value::from).collect())
            }
            "Fn::Select" => self.resolve(item(1))?.get(text(item(0)).parse::<usize>().ok()?).cloned(),
            "Fn::FindInMap" => {
                let [map, first, second] = [0, 1, 2].map(|at| self.resolve(item(at)).map(|key| text(&key)));
                Some(self.template["Mappings"][map?][first?][second?].clone())
            }
            other => panic!("{other} is not known"),
        }
    }

    fn named(&self, name: &str) -> Option<Value> {
        Some(match name {
            "AWS::NoValue" => return None,
            "AWS::AccountId" => ACCOUNT.into(),
            "AWS::Region" => REGION.into(),
            "AWS::Partition" => "aws".into(),
            "AWS::URLSuffix" => "amazonaws.com".into(),
            "AWS::StackName" => NAME.into(),
            "AWS::StackId" => format!("arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{NAME}/1").into(),
            _ => match self.parameters.get(name) {
                Some(value) => value.clone(),
                None => self.reference(name).into(),
            },
        })
    }

    fn attribute(&self, name: &str, attribute: &str) -> String {
        match (self.kind(name), attribute) {
            (_, "Arn") => self.arn(name),
            ("AWS::SQS::Queue", "QueueName") => self.physical(name),
            (_, "ConsumerARN") => format!("arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/events/consumer/{name}:1"),
            (kind, attribute) => format!("{name}.{attribute} of {kind}"),
        }
    }

    /// `Fn::Sub` of a text, or of a text with its own variables.
    fn substitute(&self, of: &Value) -> String {
        let (pattern, own) = match of {
            Value::Array(both) => (both[0].as_str().expect("a text"), &both[1]),
            other => (other.as_str().expect("a text"), &Value::Null),
        };
        let mut parts = pattern.split("${");
        let mut whole = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (name, rest) = part.split_once('}').expect("a variable ends");
            let value = match (own.get(name), name.split_once('.')) {
                (Some(value), _) => self.resolve(value),
                (None, Some((resource, attribute))) => Some(self.attribute(resource, attribute).into()),
                (None, None) => self.named(name),
            };
            whole += &text(&value.unwrap_or_else(|| panic!("{name} has no value")));
            whole += rest;
        }
        whole
    }
}

/// The function and its argument, if the value is a function.
fn function(value: &Value) -> Option<(&str, &Value)> {
    let members = value.as_object().filter(|members| members.len() == 1)?;
    let (name, of) = members.iter().next()?;
    (name == "Ref" || name.starts_with("Fn::") || (name == "Condition" && of.is_string())).then_some((name, of))
}

/// A parameter's value by its type.
fn value(about: &Value, given: &Value) -> Value {
    match about["Type"].as_str() {
        Some("CommaDelimitedList") => text(given).split(',').map(Value::from).collect(),
        _ => given.clone(),
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn physical(name: &str) -> String {
    format!("{NAME}-{name}-1")
}
