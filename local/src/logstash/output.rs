//! Outputs: which index a document goes to, and under which id.

use ingest::route::IndexPattern;

use super::{
    ast::{Branch, Place, Plugin, Statement},
    fields::{Fields, Seen},
    filter::Filtered,
    names::{Part, parts, path},
    note::Notes,
    query::Query,
    settings::Settings,
};

/// Where documents go.
pub(super) struct Output {
    pub(super) at: Place,
    /// Which events.
    pub(super) wanted: Query,
    pub(super) index: String,
    pub(super) id: Option<Id>,
}

pub(super) enum Id {
    Content,
    Field(String),
}

impl Filtered<'_> {
    /// The outputs to a domain that events may come to, in their order.
    pub(super) fn outputs(&mut self, statements: &[Statement], under: &Query, outputs: &mut Vec<Output>) {
        for statement in statements {
            match statement {
                Statement::Plugin(plugin) => self.output(plugin, under, outputs),
                Statement::Branches(branches) => self.output_branches(branches, under, outputs),
            }
        }
    }

    fn output_branches(&mut self, branches: &[Branch], under: &Query, outputs: &mut Vec<Output>) {
        let mut left = under.clone();
        for branch in branches {
            if left == Query::Never {
                return;
            }
            let this = match branch.condition.as_ref().map(|condition| self.query(condition)) {
                None => Query::Always,
                Some(Ok(query)) => query,
                Some(Err(error)) => {
                    let text = format!("the condition cannot be said as a query: {error}; write your own `select`");
                    self.notes.lost(branch.at, text);
                    Query::Always
                }
            };
            let here = Query::all([left.clone(), this.clone()]);
            if here != Query::Never {
                self.outputs(&branch.body, &here, outputs);
            }
            left = Query::all([left, this.not()]);
        }
    }

    fn output(&mut self, plugin: &Plugin, under: &Query, outputs: &mut Vec<Output>) {
        if !matches!(plugin.name.as_str(), "elasticsearch" | "opensearch" | "amazon_es") {
            let what = match plugin.name.as_str() {
                "stdout" | "null" => "nothing is printed; the receipts of the functions say what became of each event",
                "s3" => "documents go to a domain alone; into S3 Firehose writes, with `from: { delivery_stream: … }`",
                _ => "documents go to a domain alone",
            };
            return self.notes.lost(plugin.at, format!("output `{}`: {what}", plugin.name));
        }
        let mut settings = Settings::of(plugin);
        let index = self.index(plugin, &mut settings);
        let id = self.id(&mut settings);
        if let Some((at, action)) = settings.text("action")
            && !matches!(action, "index" | "create")
        {
            self.notes.lost(at, format!("action `{action}`: documents are created; what is there is not changed"));
        }
        note_deployment(&mut settings, self.notes);
        settings.end(self.notes);
        outputs.push(Output { at: plugin.at, wanted: under.clone(), index, id });
    }

    fn index(&mut self, plugin: &Plugin, settings: &mut Settings<'_>) -> String {
        const DEFAULT: &str = "logstash-%{+YYYY.MM.dd}";
        if settings.is_true("data_stream") {
            self.notes.lost(
                plugin.at,
                "data_stream: write the name of the data stream as `index`; it takes no `id` but its own",
            );
        }
        settings.ignore(&["data_stream_auto_routing", "data_stream_sync_fields"]);
        let Some((at, text)) = settings.text("index") else {
            self.notes.note(plugin.at, format!("no `index`: Logstash's own default is `{DEFAULT}`"));
            return DEFAULT.into();
        };
        let said = said(text, &self.fields).and_then(|index| match IndexPattern::parse(&index) {
            Ok(_) => Ok(index),
            Err(error) => Err(error),
        });
        said.unwrap_or_else(|error| {
            self.notes.lost(at, format!("index `{text}`: {error}; `{DEFAULT}` stands there for now"));
            DEFAULT.into()
        })
    }

    fn id(&mut self, settings: &mut Settings<'_>) -> Option<Id> {
        let (at, text) = settings.text("document_id")?;
        let whole = text.strip_prefix("%{").and_then(|rest| rest.strip_suffix('}')).and_then(path);
        let id = match whole {
            Some(path) => match self.fields.see(&path) {
                Ok(Seen::Checksum([])) => Ok(Id::Content),
                Ok(Seen::Checksum([field])) => Ok(Id::Field(field.clone())),
                Ok(Seen::Field(field)) => Ok(Id::Field(field)),
                Ok(_) => Err("it is made of more than one field".to_owned()),
                Err(error) => Err(error),
            },
            None => Err("an id is the value of one field".to_owned()),
        };
        let id = id.and_then(|id| match &id {
            Id::Field(field) if self.fields.hash_of(field).is_some() => Err(format!("`{field}` is hashed")),
            _ => Ok(id),
        });
        match id {
            Ok(id) => Some(id),
            Err(error) => {
                let text = format!(
                    "document_id `{text}`: {error}; `id: position`, the default, makes a second delivery harmless as well"
                );
                self.notes.lost(at, text);
                None
            }
        }
    }
}

/// The index name, said about fields as they came; constants in their place.
fn said(text: &str, fields: &Fields) -> Result<String, String> {
    let mut out = String::new();
    for part in parts(text)? {
        match part {
            Part::Literal(literal) => out.push_str(literal),
            Part::Date(date) => out.extend(["%{+", date, "}"]),
            Part::Field(path) => match fields.see(&path)? {
                Seen::Field(field) if fields.hash_of(&field).is_some() => return Err(format!("`{field}` is hashed")),
                Seen::Field(field) => out.extend(["%{", &field, "}"]),
                // Made by a filter, with dates still in it: `[@metadata][index]` is often.
                Seen::Text(text) => {
                    let is_hashed =
                        |part: &Part<'_>| matches!(part, Part::Field(field) if fields.hash_of(field).is_some());
                    if parts(text)?.iter().any(is_hashed) {
                        return Err(format!("`{path}` is made of what is hashed"));
                    }
                    out.push_str(text);
                }
                Seen::Nothing => return Err(format!("`{path}` was taken away before")),
                _ => return Err(format!("`{path}` stands in no index name")),
            },
        }
    }
    Ok(out)
}

fn note_deployment(settings: &mut Settings<'_>, notes: &mut Notes) {
    let deployment = [
        "hosts",
        "host",
        "port",
        "protocol",
        "region",
        "user",
        "password",
        "cloud_id",
        "cloud_auth",
        "api_key",
        "auth_type",
        "aws_access_key_id",
        "aws_secret_access_key",
        "ssl",
        "ssl_enabled",
        "cacert",
        "ssl_certificate_authorities",
        "ssl_certificate_verification",
        "ssl_verification_mode",
        "keystore",
        "keystore_password",
        "truststore",
        "truststore_password",
        "proxy",
        "path",
        "default_server_major_version",
    ];
    settings.note(&deployment, "endpoint and credentials are parameters of the deployment", notes);
    settings.note(
        &[
            "template",
            "template_name",
            "template_overwrite",
            "manage_template",
            "template_api",
            "ilm_enabled",
            "ilm_rollover_alias",
            "ilm_pattern",
            "ilm_policy",
        ],
        "index templates and policies are the domain's; put yours there",
        notes,
    );
    settings.note(&["document_type"], "indices have no types any more", notes);
    settings.note(
        &[
            "flush_size",
            "idle_flush_time",
            "bulk_path",
            "http_compression",
            "workers",
            "retry_max_interval",
            "retry_initial_interval",
            "retry_on_conflict",
            "timeout",
            "pool_max",
            "pool_max_per_route",
            "sniffing",
            "sniffing_delay",
            "resurrect_delay",
            "validate_after_inactivity",
            "codec",
            "silence_errors_in_log",
            "failure_type_logging_whitelist",
            "ecs_compatibility",
            "compression_level",
            "max_bulk_bytes",
            "legacy_template",
        ],
        "requests, sizes and repetitions adapt to the domain by themselves",
        notes,
    );
    settings.lose(&["pipeline"], "make it `index.default_pipeline` of the index template", notes);
    settings.lose(&["routing", "parent", "join_field"], "documents have no routing", notes);
}
