//! The deployment: the few parameters of template.yaml that have no useful default, for one of three tools.

use std::{
    fmt::Write as _,
    io::{self, BufRead, Write},
};

use super::{
    options::{DeploymentOptions, Tool},
    questions::{Question, Questions, yes},
};

/// The name of a parameter, and its value.
type Parameter = (&'static str, String);

/// The longest name of a stack: Lambda takes 64 characters for `STACK-replay`.
const MAX_STACK: usize = 57;

/// A deployment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Deployment {
    pub(super) bucket: String,
    pub(super) prefix: String,
    /// Only those that differ from the defaults of template.yaml.
    pub(super) parameters: Vec<Parameter>,
    stack: String,
    region: Option<String>,
}

impl Deployment {
    /// Takes the answers of options, and asks for the others.
    pub(super) fn ask<R: BufRead, W: Write>(
        options: &DeploymentOptions,
        questions: &mut Questions<R, W>,
    ) -> io::Result<Self> {
        let question = |option, text, default| Question { option, text, default };
        let bucket = question("--bucket NAME", "The bucket with the objects", None);
        let bucket = questions.answer(bucket, options.bucket.as_deref(), bucket_name)?;
        let mut parameters = vec![("BucketName", bucket.clone())];
        let exists = question("--existing-bucket", "Does the bucket exist already, y or n", Some("n"));
        if questions.answer(exists, options.existing_bucket.then_some("y"), yes)? {
            parameters.push(("CreateBucket", "false".into()));
        }
        let prefix =
            question("--prefix PREFIX", "The prefix of the keys, such as logs/ (empty: all objects)", Some(""));
        let prefix = questions.answer(prefix, options.prefix.as_deref(), key_prefix)?;
        if !prefix.is_empty() {
            parameters.push(("KeyPrefix", prefix.clone()));
        }
        parameters.extend(domain(options, questions)?);
        let email = question("--alarm-email ADDRESS", "The e-mail address for alarms (empty: none)", Some(""));
        let email = questions.answer(email, options.alarm_email.as_deref(), |text| {
            let is_address = text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && is_host(host));
            if text.is_empty() || is_address { plain(text) } else { Err("not an e-mail address".into()) }
        })?;
        if !email.is_empty() {
            parameters.push(("AlarmEmail", email));
        }
        let stack = word("--stack", &options.stack)?;
        let region = options.region.as_deref().map(|region| word("--region", region)).transpose()?;
        Ok(Self { bucket, prefix, parameters, stack, region })
    }

    /// What the user has to do by hand.
    pub(super) fn note(&self) -> Option<String> {
        let has_bucket = self.parameters.iter().any(|(name, _)| *name == "CreateBucket");
        has_bucket.then(|| format!("Turn on the EventBridge notifications of the bucket `{}`.", self.bucket))
    }

    /// The text of the file for a tool.
    pub(super) fn text(&self, tool: Tool) -> String {
        match tool {
            Tool::Sam => self.samconfig(),
            Tool::Cdk => self.cdk(),
            Tool::Terraform => self.terraform(),
        }
    }

    /// The settings of the SAM CLI. Values are plain ([`plain`]), so quotes suffice.
    fn samconfig(&self) -> String {
        let overrides: Vec<String> =
            self.parameters.iter().map(|(name, value)| format!("{name}=\\\"{value}\\\"")).collect();
        let region = self.region.as_ref().map(|region| format!("region = \"{region}\"\n")).unwrap_or_default();
        format!(
            "# Written by `millrace init`. `make build`, then `sam deploy`, which asks nothing.\n\
             version = 0.1\n\n[default.deploy.parameters]\nstack_name = \"{}\"\n{region}\
             capabilities = \"CAPABILITY_IAM CAPABILITY_AUTO_EXPAND\"\nresolve_s3 = true\n\
             parameter_overrides = \"{}\"\n",
            self.stack,
            overrides.join(" ")
        )
    }

    /// The use of the construct in infra/cdk, whose properties are the parameters in camel case.
    fn cdk(&self) -> String {
        let mut text = format!(
            "// Written by `millrace init`, for a stack of your app and the construct in infra/cdk.\n// {}\n\
             new Millrace(this, \"Millrace\", {{\n  template: \"template.json\",\n  parameters: {{\n",
            rules_of_a_release("rulesBucket", "rulesKey")
        );
        for (name, value) in &self.parameters {
            let (first, rest) = name.split_at(1);
            let _ = writeln!(text, "    {}{rest}: {},", first.to_ascii_lowercase(), literal(value));
        }
        text + "  },\n});\n"
    }

    /// The use of the module in infra/terraform, whose variables are the parameters in snake case.
    fn terraform(&self) -> String {
        const URL: &str = "https://NAME-REGION.s3.REGION.amazonaws.com/VERSION/template.json";
        let quoted = |text: &str| literal(&text.replace("${", "$${").replace("%{", "%%{"));
        let mut variables =
            vec![("source".to_owned(), quoted("./infra/terraform")), ("stack_name".to_owned(), quoted(&self.stack))];
        variables.push(("template_url".to_owned(), quoted(URL)));
        variables.extend(self.parameters.iter().map(|(name, value)| (snake_case(name), quoted(value))));
        let width = variables.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        let lines = variables.iter().map(|(name, value)| format!("  {name:width$} = {value}\n"));
        format!(
            "# Written by `millrace init`, for the module in infra/terraform.\n# {}\nmodule \"millrace\" {{\n{}}}\n",
            rules_of_a_release("rules_bucket", "rules_key"),
            lines.collect::<String>()
        )
    }
}

fn rules_of_a_release(bucket: &str, key: &str) -> String {
    format!(
        "The template is that of a release. Zip pipeline.yaml and mappings, put the zip into S3, and name it by {bucket} and {key}."
    )
}

/// A value in the notation of TypeScript and Terraform.
fn literal(value: &str) -> String {
    if matches!(value, "true" | "false") { value.to_owned() } else { format!("\"{value}\"") }
}

fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

/// The parameters of the domain.
fn domain<R: BufRead, W: Write>(
    options: &DeploymentOptions,
    questions: &mut Questions<R, W>,
) -> io::Result<Vec<Parameter>> {
    let text = "The URL of the domain (empty: the stack creates one)";
    let given = if options.create_domain { Some("") } else { options.endpoint.as_deref() };
    // A new domain costs money, so it never follows from an answer that is missing without a terminal.
    let default = questions.is_in_terminal().then_some("");
    let question = Question { option: "--endpoint URL or --create-domain", text, default };
    let endpoint = questions.answer(question, given, |text| endpoint(text, options.insecure))?;
    if endpoint.is_empty() {
        return Ok(vec![("CreateDomain", "true".into())]);
    }
    let mut parameters = vec![("DomainEndpoint", endpoint.clone())];
    let likely = likely_auth(&endpoint);
    let text = "How requests are authenticated: sigv4:es, sigv4:aoss, basic, apikey or none";
    let question = Question { option: "--auth AUTH", text, default: Some(likely) };
    let auth = questions.answer(question, options.auth.as_deref(), |text| match text {
        "sigv4:es" | "sigv4:aoss" | "basic" | "apikey" | "none" => Ok(text.to_owned()),
        _ => Err("write sigv4:es, sigv4:aoss, basic, apikey or none".into()),
    })?;
    if auth != "sigv4:es" {
        parameters.push(("DomainAuth", auth.clone()));
    }
    let unused = if auth.starts_with("sigv4") {
        options.secret_arn.as_ref().map(|_| "--secret-arn")
    } else {
        options.domain_arn.as_ref().map(|_| "--domain-arn")
    };
    if let Some(option) = unused {
        return Err(io::Error::other(format!("{option} has no effect with the authentication {auth}")));
    }
    if let Some(service) = auth.strip_prefix("sigv4:") {
        let text = "The ARN of the domain or collection";
        let question = Question { option: "--domain-arn ARN", text, default: None };
        let arn = questions.answer(question, options.domain_arn.as_deref(), |text| arn(text, service))?;
        parameters.push(("DomainArn", arn));
    } else if auth != "none" {
        let text = "The ARN of the secret with the credentials";
        let question = Question { option: "--secret-arn ARN", text, default: None };
        let arn = questions.answer(question, options.secret_arn.as_deref(), |text| arn(text, "secretsmanager"))?;
        parameters.push(("BasicAuthSecretArn", arn));
    }
    if options.insecure {
        parameters.push(("DomainInsecure", "true".into()));
    }
    Ok(parameters)
}

/// The authentication that domains at such a URL have.
fn likely_auth(endpoint: &str) -> &'static str {
    let host = endpoint.split('/').nth(2).unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default();
    if host.contains(".aoss.") && host.ends_with(".amazonaws.com") {
        "sigv4:aoss"
    } else if (host.contains(".es.") && host.ends_with(".amazonaws.com"))
        || (host.contains(".aos.") && host.ends_with(".on.aws"))
    {
        "sigv4:es"
    } else {
        "basic"
    }
}

fn endpoint(text: &str, is_insecure: bool) -> Result<String, String> {
    let text = plain(text)?;
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    if text.is_empty() || (text.starts_with("https://") && host.is_some_and(is_host)) {
        Ok(text)
    } else if host.is_some_and(is_host) {
        if is_insecure { Ok(text) } else { Err("plain http: give an https URL, or --insecure".into()) }
    } else {
        Err("write a URL such as https://search-logs-abc.eu-west-1.es.amazonaws.com".into())
    }
}

fn is_host(rest: &str) -> bool {
    !rest.is_empty() && !rest.starts_with('/') && !rest.contains('@')
}

fn arn(text: &str, service: &str) -> Result<String, String> {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let is_partition = |text: &str| text.starts_with("aws") && text.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    let is_arn = matches!(&parts[..], [arn, partition, of, region, _, resource]
        if *arn == "arn" && is_partition(partition) && *of == service && !region.is_empty() && !resource.is_empty());
    if is_arn { plain(text) } else { Err(format!("write an ARN such as arn:aws:{service}:eu-west-1:111122223333:…")) }
}

fn bucket_name(text: &str) -> Result<String, String> {
    let is_end = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_valid = (3..=63).contains(&text.len())
        && text.starts_with(is_end)
        && text.ends_with(is_end)
        && text.chars().all(|c| is_end(c) || c == '.' || c == '-');
    if is_valid { Ok(text.to_owned()) } else { Err("a bucket has 3 to 63 of a-z, 0-9, `.` and `-`".into()) }
}

fn key_prefix(text: &str) -> Result<String, String> {
    if text.starts_with('/') || text.starts_with("s3://") {
        return Err("keys begin neither with `/` nor `s3://`: write a prefix such as logs/app/".into());
    }
    plain(text)
}

/// A value that needs no escapes in any of the files.
fn plain(text: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\'' | '\\' | '`');
    if text.chars().all(is_plain) && text.len() <= 1_000 {
        return Ok(text.to_owned());
    }
    Err("only ASCII without spaces, quotes and `\\`; set the parameter by hand".into())
}

fn word(option: &str, text: &str) -> io::Result<String> {
    let is_word = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.len() <= MAX_STACK
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if is_word {
        Ok(text.to_owned())
    } else {
        Err(io::Error::other(format!(
            "{option} {text}: at most {MAX_STACK} letters, digits and `-`, with a letter first"
        )))
    }
}

#[cfg(test)]
mod tests;
