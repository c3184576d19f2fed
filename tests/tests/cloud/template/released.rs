//! What a release holds: templates that name its files, and zips whose bytes depend only on the files in them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};
use tests::engine::json as parse;
use tests::place;
use tests::stack::Template;

use super::{FUNCTIONS, TEMPLATES, deployed};
use crate::cloud::sam::{installed, succeed, tool};

/// Parameters with which the stack has every function.
const EVERYTHING: [(&str, &str); 6] = [
    ("BucketName", "b"),
    ("CreateDomain", "true"),
    ("StreamName", "s"),
    ("DeliveryStreamName", "d"),
    ("KafkaBootstrapServers", "k:9092"),
    ("Architecture", "x86_64"),
];

fn script(name: &str, args: &[&str]) {
    let script = format!("scripts/release/{name}");
    succeed(&mut tool("python", std::iter::once(script.as_str()).chain(args.iter().copied())));
}

/// The root template of release 1.2.3 in the buckets `acme-REGION`.
fn released(folder: &Path) -> Value {
    script("templates.py", &["1.2.3", "acme", &folder.display().to_string()]);
    parse(&fs::read_to_string(folder.join("template.json")).expect("the root"))
}

/// The logical id of the layer of the shipped rules. SAM adds a hash of its properties.
fn layer(template: &Value) -> String {
    let resources = template["Resources"].as_object().expect("resources");
    resources.keys().find(|name| name.starts_with("PipelineLayer")).expect("a layer").clone()
}

#[test]
fn a_released_template_names_only_files_of_its_release_in_the_bucket_of_the_region() {
    if !installed() {
        return;
    }
    let folder = place::scratch();
    let template = released(folder.path());
    let stack = Template::new(&template, &EVERYTHING);
    for function in FUNCTIONS {
        let properties = stack.properties(function).expect(function);
        let key = properties["Code"]["S3Key"].as_str().expect("a key");
        let name = key.strip_prefix("1.2.3/x86_64/").and_then(|key| key.strip_suffix(".zip")).expect(key);
        assert!(place::root().join("functions").join(name).is_dir(), "{key}");
        assert_eq!(function.to_lowercase(), format!("{name}function").replace('-', ""), "each has its own code");
        assert_eq!(properties["Code"], json!({ "S3Bucket": "acme-eu-west-1", "S3Key": key }));
    }
    let content = &stack.properties(&layer(&template)).expect("the shipped rules")["Content"];
    assert_eq!(*content, json!({ "S3Bucket": "acme-eu-west-1", "S3Key": "1.2.3/pipeline.zip" }));
    for (name, file) in [("Domain", TEMPLATES[1]), ("Monitoring", TEMPLATES[2])] {
        let file = file.strip_prefix("infra/").expect("its folder");
        let url = format!("https://acme-eu-west-1.s3.eu-west-1.amazonaws.com/1.2.3/{file}");
        assert_eq!(stack.properties(name).expect(name)["TemplateURL"], url);
        let copy = fs::read(folder.path().join(file)).expect("a copy");
        assert_eq!(copy, fs::read(place::root().join("infra").join(file)).expect("a template"));
    }
    let [quick, ours] = [folder.path(), &place::root().join("infra")].map(|folder| {
        let text = fs::read_to_string(folder.join("quick.yaml")).expect("the quick stack");
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    });
    let changed: Vec<_> =
        quick.iter().zip(&ours).filter(|(one, other)| one != other).map(|(line, _)| line.trim()).collect();
    let url = "https://acme-${AWS::Region}.s3.${AWS::Region}.${AWS::URLSuffix}/1.2.3/template.json";
    assert_eq!(changed, [format!("TemplateURL: !Sub \"{url}\"")]);
    assert_eq!(quick.len(), ours.len());
}

/// So a stack that was deployed by SAM can be updated to a release, and the other way round: no resource is replaced.
#[test]
fn a_released_template_is_else_the_template_that_sam_deploys() {
    let Some(ours) = deployed() else { return };
    let folder = place::scratch();
    let [released, deployed] = [released(folder.path()), ours.clone()].map(|template| {
        let mut template = parse(&template.to_string().replace(&layer(&template), "PipelineLayer"));
        for resource in template["Resources"].as_object_mut().expect("resources").values_mut() {
            // How SAM builds the resource.
            if resource["Metadata"].get("BuildMethod").is_some() {
                resource.as_object_mut().expect("a resource").remove("Metadata");
            }
            for place in ["Code", "Content", "TemplateURL"] {
                if resource["Type"] != "AWS::Lambda::LayerVersion" || resource["Condition"] != "HasRules" {
                    resource["Properties"].as_object_mut().expect("properties").remove(place);
                }
            }
        }
        template
    });
    for (part, value) in deployed.as_object().expect("a template") {
        assert_eq!(&released[part], value, "{part}");
    }
    assert_eq!(released.as_object().map(serde_json::Map::len), deployed.as_object().map(serde_json::Map::len));
    assert!(!released.to_string().contains("AWS::Serverless") && released.get("Transform").is_none());
}

#[test]
fn every_function_and_setup_follow_the_rules_that_the_parameters_name() {
    let Some(template) = deployed() else { return };
    let shipped = layer(template);
    let own = [("RulesBucket", "mine"), ("RulesKey", "team/rules.zip"), ("RulesVersion", "v7")];
    // How many of these are given, the layer, and the content of RulesLayer.
    let cases = [
        (0, shipped.as_str(), Value::Null),
        (2, "RulesLayer", json!({ "S3Bucket": "mine", "S3Key": "team/rules.zip" })),
        (3, "RulesLayer", json!({ "S3Bucket": "mine", "S3Key": "team/rules.zip", "S3ObjectVersion": "v7" })),
    ];
    for (count, wanted, content) in cases {
        let given = &own[..count];
        let parameters: Vec<_> = EVERYTHING.iter().chain(given).copied().collect();
        let stack = Template::new(template, &parameters);
        let layer = stack.reference(wanted);
        for function in FUNCTIONS {
            assert_eq!(stack.properties(function).expect(function)["Layers"], json!([layer]), "{function} {given:?}");
        }
        assert_eq!(stack.properties("Setup").expect("setup")["Pipeline"], layer, "{given:?}");
        let layers = stack.resources("AWS::Lambda::LayerVersion");
        assert_eq!(layers, [wanted], "{given:?}");
        if wanted == "RulesLayer" {
            assert_eq!(stack.properties(wanted).expect("a layer")["Content"], content);
        }
    }
}

#[test]
fn zips_of_the_same_files_are_equal_whatever_their_folders_dates_and_permissions_are() {
    if !installed() {
        return;
    }
    let folder = place::scratch();
    let files = [("pipeline.yaml", "datasets: []"), ("mappings/b.json", "{}"), ("mappings/a.json", "{ }")];
    let zips = [(false, 0o600, 1_000_000_000), (true, 0o755, 1_700_000_000)].map(|(backwards, mode, date)| {
        let source = folder.path().join(format!("{mode}"));
        fs::create_dir_all(source.join("mappings")).expect("the clone is writable");
        let mut files = files.to_vec();
        if backwards {
            files.reverse();
        }
        for (name, text) in files {
            let path = source.join(name);
            fs::write(&path, text).expect("the clone is writable");
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("permissions");
            let date = std::time::UNIX_EPOCH + std::time::Duration::from_secs(date);
            fs::File::options().append(true).open(&path).and_then(|file| file.set_modified(date)).expect("a date");
        }
        let zip = folder.path().join(format!("{mode}.zip"));
        script("zips.py", &[&zip.display().to_string(), &source.display().to_string()]);
        zip
    });
    let [one, other] = [0, 1].map(|at| fs::read(&zips[at]).expect("a zip"));
    assert!(one == other, "{zips:?}");
    let list = "import sys, zipfile; print([(e.filename, oct(e.external_attr >> 16)) for e in zipfile.ZipFile(sys.argv[1]).filelist])";
    let entries = succeed(&mut tool("python", ["-c", list, &zips[0].display().to_string()]));
    let wanted = "[('mappings/a.json', '0o100644'), ('mappings/b.json', '0o100644'), ('pipeline.yaml', '0o100644')]";
    assert_eq!(entries.trim(), wanted);
}
