//! What the update of a stack takes away: resources that the new template does not have, or that `CloudFormation` replaces by others
//! under the same logical id.
//!
//! In: two templates, and the parameters of a stack. Out: one line for each resource that is lost, with the reason. The properties
//! that replace a resource are those of AWS's schemas. Deliberately absent: resources that hold nothing ([`holds_data`]).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde_json::Value;

use crate::sam::{succeed, tool, translated};
use crate::{engine::json, stack::Template, stateful_server::lock};

const NESTED: &str = "AWS::CloudFormation::Stack";
/// Resources that another one replaces without a loss: rights, and names that only the stack itself uses. Every type that is not in
/// this list counts as one that holds data, also a type that no template has yet.
const WITHOUT_DATA: [&str; 10] = [
    "AWS::Events::Rule",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Policy",
    "AWS::IAM::Role",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::LayerVersion",
    "AWS::Lambda::Permission",
    "AWS::Lambda::Version", // SAM keeps it when it leaves the template
    "AWS::S3::BucketPolicy",
    "AWS::SQS::QueuePolicy",
];
/// Whether a resource of this type holds data, or is known outside of the stack.
pub fn holds_data(kind: &str) -> bool {
    !WITHOUT_DATA.contains(&kind)
}

/// A template with its file, where the paths of nested templates begin.
#[derive(Debug)]
pub struct Root {
    /// The template as SAM translated it.
    pub template: Value,
    folder: PathBuf,
}

impl Root {
    /// Reads a template. SAM takes a second for one, so each is translated once.
    ///
    /// # Panics
    /// If SAM refuses it.
    pub fn read(file: &Path) -> Self {
        static READ: Mutex<BTreeMap<PathBuf, Value>> = Mutex::new(BTreeMap::new());
        let folder = file.parent().expect("a file lies in a folder").to_owned();
        let template = lock(&READ).entry(file.to_owned()).or_insert_with(|| translated(file)).clone();
        Self { template, folder }
    }

    /// The template of a nested stack, by the properties of the stack.
    fn nested(&self, properties: &Value) -> Self {
        Self::read(&self.folder.join(properties["TemplateURL"].as_str().expect("a path")))
    }
}

/// What an update of a stack with these parameters takes away.
///
/// # Panics
/// If a template has a function that [`Template`] does not know.
pub fn lost(former: &Root, current: &Root, parameters: &[(&str, &str)]) -> Vec<String> {
    compare((former, parameters), (current, parameters))
}

/// A template, and the parameters of its stack.
type Deployed<'d> = (&'d Root, &'d [(&'d str, &'d str)]);

fn compare(former: Deployed<'_>, current: Deployed<'_>) -> Vec<String> {
    if former.0.template == current.0.template && former.1 == current.1 {
        return Vec::new();
    }
    let [old, new] = [former, current].map(|(root, parameters)| Template::new(&root.template, parameters));
    let there: Vec<_> = old.all().into_iter().filter(|(_, kind)| holds_data(kind)).collect();
    let replacing = replacing(there.iter().map(|(_, kind)| *kind).collect());
    let mut lost = Vec::new();
    for (name, kind) in there {
        let before = old.properties(name).expect("it is there");
        let Some(after) = new.properties(name) else {
            lost.push(format!("{name}: deleted"));
            continue;
        };
        if new.kind(name) != kind {
            lost.push(format!("{name}: a {kind} becomes a {}", new.kind(name)));
            continue;
        }
        for property in &replacing[kind] {
            let path = property.strip_prefix("/properties").expect("a pointer from the resource");
            let [before, after] = [&before, &after].map(|properties| properties.pointer(path));
            if before != after {
                lost.push(format!("{name}: replaced, because {path} was {before:?} and is {after:?}"));
            }
        }
        if kind == NESTED {
            let nested = [(former.0, &before), (current.0, &after)];
            let [former, current] = nested.map(|(root, stack)| (root.nested(stack), given(stack)));
            let [before, after] = [&former, &current].map(|(_, given)| pairs(given));
            let nested = compare((&former.0, &before), (&current.0, &after));
            lost.extend(nested.into_iter().map(|line| format!("{name}.{line}")));
        }
    }
    lost
}

/// The parameters of a nested stack.
fn given(stack: &Value) -> Vec<(String, String)> {
    let parameters = stack["Parameters"].as_object().into_iter().flatten();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    parameters.map(|(name, value)| (name.clone(), text(value))).collect()
}

fn pairs(given: &[(String, String)]) -> Vec<(&str, &str)> {
    given.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

/// The properties of each type that replace a resource when they change, as JSON pointers.
fn replacing(kinds: BTreeSet<&str>) -> BTreeMap<String, Vec<String>> {
    static KNOWN: Mutex<BTreeMap<String, Vec<String>>> = Mutex::new(BTreeMap::new());
    let mut known = lock(&KNOWN);
    let unknown: Vec<_> = kinds.into_iter().filter(|kind| !known.contains_key(*kind)).collect();
    if !unknown.is_empty() {
        let arguments = std::iter::once("scripts/create_only.py").chain(unknown);
        let found: BTreeMap<String, Vec<String>> =
            serde_json::from_value(json(&succeed(&mut tool("python", arguments)))).expect("lists of pointers");
        known.extend(found);
    }
    known.clone()
}
