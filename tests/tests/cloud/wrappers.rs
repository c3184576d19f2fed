//! The CDK construct of infra/cdk, and the Terraform module of infra/terraform: other ways to deploy template.yaml.
//!
//! In: the same template, as SAM translates it. Deliberately absent: AWS, `cdk deploy`, and the AWS provider of
//! Terraform, which no registry of packages has.

mod cdk;
mod terraform;

use serde_json::{Map, Value, json};
use tests::place;

use super::sam::{installed, succeed, tool};
use super::template::deployed;

/// The files that scripts/parameters.py writes.
const MADE: [&str; 4] =
    ["cdk/lib/parameters.ts", "terraform/variables.tf", "terraform/parameters.tf", "terraform/outputs.tf"];

#[test]
fn the_cdk_construct_and_the_terraform_module_have_the_parameters_of_the_template() {
    if !installed() {
        return;
    }
    let folder = place::scratch();
    let script = "scripts/parameters.py";
    succeed(&mut tool("python", [script, &folder.path().display().to_string()]));
    for file in MADE {
        let [committed, made] = [place::root().join("infra"), folder.path().to_owned()]
            .map(|folder| std::fs::read_to_string(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}")));
        assert!(
            committed == made,
            "infra/{file} is not that of template.yaml. Run .cache/sam-venv/bin/python {script}"
        );
    }
}

/// The limits of the names of stacks in the construct, in the module and in docs/DEPLOY.md follow from it.
#[test]
fn the_longest_name_of_a_function_is_the_name_of_the_stack_and_replay() {
    let Some(template) = deployed() else { return };
    let resources = members(&template["Resources"]).values();
    let named: Vec<_> = resources.filter_map(|resource| resource["Properties"].get("FunctionName")).collect();
    let named: Vec<_> = named.into_iter().filter(|name| name.get("Fn::Sub").is_some()).collect();
    assert_eq!(named, [&json!({ "Fn::Sub": "${AWS::StackName}-replay" })]);
}

fn members(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap_or_else(|| panic!("{value} is no object"))
}
