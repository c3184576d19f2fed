//! The variables and outputs of the module are the parameters and outputs of the template.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::{Value, json};
use tests::{engine::json as parse, place};

use super::super::sam::{component, script, succeed};
use super::{deployed, members};

/// The blocks of a file of the module, as python-hcl2 reads them; `None` after [`place::missing`] has reported why it
/// cannot be installed.
fn blocks(file: &str) -> Option<Value> {
    static INSTALLED: OnceLock<Result<(), String>> = OnceLock::new();
    let installed = INSTALLED.get_or_init(|| script("terraform/terraform.sh", &["build"]).map(drop));
    component("python-hcl2", installed).then(|| {
        let mut command = Command::new("bash");
        command.arg(place::root().join("scripts/terraform/terraform.sh")).arg("read");
        parse(&succeed(command.arg(place::root().join("infra/terraform").join(file))))
    })
}

/// Blocks with their labels.
fn labelled(blocks: &Value) -> Vec<(&str, &Value)> {
    let blocks = blocks.as_array().expect("blocks").iter();
    blocks
        .map(|block| members(block).iter().next().map(|(name, block)| (name.as_str(), block)).expect("a label"))
        .collect()
}

/// `DomainCaSecretArn` as `domain_ca_secret_arn`.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    for character in name.chars() {
        if character.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    snake
}

/// The type of a variable, and its default.
fn expected(about: &Value) -> (&'static str, Option<Value>) {
    let default = about.get("Default");
    if about["AllowedValues"] == json!(["true", "false"]) {
        return ("bool", default.map(|default| json!(default == "true")));
    }
    match about["Type"].as_str().expect("a type") {
        "Number" => ("number", default.cloned()),
        "CommaDelimitedList" => {
            ("${list(string)}", default.map(|default| if default == "" { json!([]) } else { json!(null) }))
        }
        _ => ("string", default.cloned()),
    }
}

#[test]
fn the_variables_have_the_names_types_and_defaults_of_the_parameters() {
    let (Some(template), Some(read)) = (deployed(), blocks("variables.tf")) else { return };
    let variables = labelled(&read["variable"]);
    let parameters = members(&template["Parameters"]);
    assert_eq!(variables.len(), parameters.len());
    for (name, about) in parameters {
        let (_, variable) =
            variables.iter().find(|(own, _)| *own == snake(name)).unwrap_or_else(|| panic!("{name} is missing"));
        let (kind, default) = expected(about);
        assert_eq!(variable["type"], kind, "{name}");
        assert_eq!(variable.get("default"), default.as_ref(), "{name}");
        assert_eq!(variable["description"], about["Description"], "{name}");
        assert_eq!(variable["nullable"], false, "{name}");
        let limits = ["AllowedValues", "AllowedPattern", "MinValue", "MaxValue"];
        let limited = kind.contains("list") || kind != "bool" && limits.iter().any(|limit| about.get(limit).is_some());
        assert_eq!(variable.get("validation").is_some(), limited, "{name}");
    }
}

#[test]
fn the_module_is_one_stack_of_the_template_with_all_parameters_and_outputs() {
    let (Some(template), Some(main)) = (deployed(), blocks("main.tf")) else { return };
    let resources = labelled(&main["resource"]);
    assert_eq!(resources.len(), 1);
    let (kind, stack) = (resources[0].0, &resources[0].1["millrace"]);
    assert_eq!(kind, "aws_cloudformation_stack");
    assert_eq!(stack["template_url"], "${var.template_url}");
    assert_eq!(stack["parameters"], "${local.parameters}");
    assert_eq!(stack["capabilities"], json!(["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]));
    let own: Vec<_> = labelled(&main["variable"]).into_iter().map(|(name, _)| name.to_owned()).collect();
    assert!(members(&template["Parameters"]).keys().all(|name| !own.contains(&snake(name))), "{own:?}");
    let read = blocks("outputs.tf").expect("the same tool");
    let outputs = labelled(&read["output"]);
    assert_eq!(outputs.len(), members(&template["Outputs"]).len());
    for (name, about) in members(&template["Outputs"]) {
        let (_, output) =
            outputs.iter().find(|(own, _)| *own == snake(name)).unwrap_or_else(|| panic!("{name} is missing"));
        assert_eq!(output["description"], about["Description"], "{name}");
        assert_eq!(
            output["value"],
            format!("${{lookup(aws_cloudformation_stack.millrace.outputs, \"{name}\", null)}}")
        );
    }
}

/// Runs this machine's Terraform in a folder; `None` if there is none.
fn terraform(folder: &Path, args: &[&str]) -> Option<Output> {
    let mut command = Command::new("terraform");
    command.current_dir(folder).args(args).env("CHECKPOINT_DISABLE", "1").stdin(Stdio::null());
    match command.output() {
        Ok(output) => Some(output),
        Err(why) => {
            place::without("Terraform", &why.to_string());
            None
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Evaluates the variables and the parameters, without the resource, whose provider no registry of packages has.
fn evaluated(variables: &Value) -> Option<Result<Value, String>> {
    let folder = place::scratch();
    for file in ["variables.tf", "parameters.tf"] {
        std::fs::copy(place::root().join("infra/terraform").join(file), folder.path().join(file)).expect("a copy");
    }
    std::fs::write(folder.path().join("out.tf"), "output \"parameters\" {\n  value = local.parameters\n}\n")
        .expect("a file");
    std::fs::write(folder.path().join("terraform.tfvars.json"), variables.to_string()).expect("a file");
    let applied = terraform(folder.path(), &["apply", "-auto-approve", "-no-color"])?;
    if !applied.status.success() {
        return Some(Err(text(&applied.stderr)));
    }
    let output = terraform(folder.path(), &["output", "-json", "parameters"])?;
    Some(Ok(parse(&text(&output.stdout))))
}

#[test]
fn the_files_are_formatted_as_terraform_formats_them() {
    let Some(said) = terraform(&place::root().join("infra/terraform"), &["fmt", "-check", "-diff"]) else { return };
    assert!(said.status.success(), "{}{}", text(&said.stdout), text(&said.stderr));
}

#[test]
fn terraform_passes_the_defaults_of_the_template_as_cloudformation_reads_them() {
    let Some(template) = deployed() else { return };
    let Some(found) = evaluated(&json!({ "bucket_name": "my-logs" })) else { return };
    let found = found.expect("the bucket is the only value that is needed");
    assert_eq!(members(&found).len(), members(&template["Parameters"]).len());
    for (name, about) in members(&template["Parameters"]) {
        let wanted = match about.get("Default") {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => "my-logs".to_owned(),
        };
        assert_eq!(found[name], wanted, "{name}");
    }
    let given = json!({
        "bucket_name": "my-logs", "create_bucket": false, "transform_buffer_megabytes": 0.2, "max_body_bytes": 99_614_720,
        "kms_key_arns": ["one", "two"], "free_storage_brake": "10%", "log_level": "${x} \"%{y}\"",
    });
    let found = evaluated(&given).expect("it ran before").expect("all values are accepted");
    let passed =
        ["CreateBucket", "TransformBufferMegabytes", "MaxBodyBytes", "KmsKeyArns", "FreeStorageBrake", "LogLevel"];
    assert_eq!(
        passed.map(|name| found[name].as_str()),
        [Some("false"), Some("0.2"), Some("99614720"), Some("one,two"), Some("10%"), Some("${x} \"%{y}\"")]
    );
}

#[test]
fn terraform_refuses_what_the_template_refuses_before_the_deployment() {
    let given = json!({
        "bucket_name": "My_Logs", "domain_auth": "sigv4", "domain_endpoint": "logs", "memory_size": 127,
        "function_timeout": 61, "stream_parallelization": 11, "kms_key_arns": ["one,two"], "subnet_ids": [""],
    });
    let Some(Err(said)) = evaluated(&given) else { return };
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    for wanted in [
        "bucket_name must be text that matches",
        "domain_auth must be one of sigv4:es, sigv4:aoss, basic, apikey, none.",
        "domain_endpoint must be a URL such as https://",
        "memory_size must be at least 128 and at most 10240.",
        "function_timeout must be one of 60, 300, 900.",
        "stream_parallelization must be at least 1 and at most 10.",
        "kms_key_arns must be a list of texts without commas.",
        "subnet_ids must be a list of texts without commas.",
    ] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    assert!(said.matches("Error: Invalid value").count() == members(&given).len(), "{said}");
}
