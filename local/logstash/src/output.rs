//! Outputs: the index and the id of documents.

mod deployment;

use pipeline::route::IndexPattern;

use super::{
    ast::{Branch, Place, Plugin, Statement},
    difference::Difference,
    fields::{Fields, Made, Seen, sole_field},
    filter::Filtered,
    names::{Part, parts, path},
    note::Effect,
    query::{MAX_TERMS, Query},
    settings::Settings,
};

/// An output to a domain.
pub(super) struct Output {
    pub(super) at: Place,
    /// The query for its events, with all outer conditions.
    pub(super) wanted: Query,
    /// Differences between its conditions here and in Logstash.
    pub(super) differences: Vec<(Place, Difference)>,
    pub(super) index: String,
    /// The ingest pipeline of the domain.
    pub(super) pipeline: Option<String>,
    pub(super) id: Option<Id>,
}

pub(super) enum Id {
    Content,
    Field(String),
}

/// The conditions around an output.
#[derive(Clone)]
pub(super) struct Path {
    query: Query,
    differences: Vec<(Place, Difference)>,
}

impl Path {
    /// No condition.
    pub(super) fn open() -> Self {
        Self { query: Query::Always, differences: Vec::new() }
    }
}

impl Filtered<'_> {
    /// Collects the outputs to a domain that events may reach, in their order.
    pub(super) fn outputs(&mut self, statements: &[Statement], under: &Path, outputs: &mut Vec<Output>) {
        for statement in statements {
            match statement {
                Statement::Plugin(plugin) => self.output(plugin, under, outputs),
                Statement::Branches(branches) => self.output_branches(branches, under, outputs),
            }
        }
    }

    fn output_branches(&mut self, branches: &[Branch], under: &Path, outputs: &mut Vec<Output>) {
        let mut left = under.clone();
        for branch in branches {
            if left.query == Query::Never {
                return;
            }
            let this = match branch.condition.as_ref().map(|condition| self.query(condition)) {
                None => Some(Query::Always),
                Some(Ok(query)) => Some(query),
                Some(Err(error)) => {
                    let text = format!(
                        "the condition cannot be said as a query: {error}; the events are kept, whether it holds or not; write your own `select`"
                    );
                    self.notes.add(branch.at, Effect::Keeps, text);
                    None
                }
            };
            let mut here = left.clone();
            if let Some(this) = &this {
                here.query = Query::all([here.query, this.clone()]);
                here.differences.extend(self.differences(branch, false));
            }
            if here.query != Query::Never {
                self.outputs(&branch.body, &here, outputs);
            }
            if let Some(this) = this.filter(|this| left.query.terms() + this.terms() <= MAX_TERMS) {
                left.query = Query::all([left.query, this.not()]);
                left.differences.extend(self.differences(branch, true));
            }
        }
    }

    fn output(&mut self, plugin: &Plugin, under: &Path, outputs: &mut Vec<Output>) {
        if !matches!(plugin.name.as_str(), "elasticsearch" | "opensearch" | "amazon_es") {
            let what = match plugin.name.as_str() {
                "stdout" | "null" => "nothing is printed; the receipts of the functions say what became of each event",
                "s3" => "documents go only to a domain; Firehose writes to S3, with `from: { delivery_stream: … }`",
                _ => "nothing is written there; documents go to a domain alone",
            };
            return self.notes.add(plugin.at, Effect::Beside, format!("output `{}`: {what}", plugin.name));
        }
        let mut settings = Settings::of(plugin);
        let index = self.index(plugin, &mut settings);
        let id = self.id(&mut settings);
        if let Some((at, action)) = settings.text("action")
            && !matches!(action, "index" | "create")
        {
            let text =
                format!("action `{action}`: documents are created; what is there is neither changed nor deleted");
            self.notes.differs(at, text);
        }
        let pipeline = self.pipeline(&mut settings);
        deployment::note(&mut settings, self.notes);
        settings.end(self.notes);
        outputs.push(Output {
            at: plugin.at,
            wanted: under.query.clone(),
            differences: under.differences.clone(),
            index,
            pipeline,
            id,
        });
    }

    fn index(&mut self, plugin: &Plugin, settings: &mut Settings<'_>) -> String {
        const DEFAULT: &str = "logstash-%{+YYYY.MM.dd}";
        let is_given = |setting: Option<(Place, &str)>, text: &str| setting.is_some_and(|(_, given)| given == text);
        let data_stream = settings.text("data_stream");
        if is_given(data_stream, "true") {
            return self.data_stream(plugin.at, settings);
        }
        let (alias, ilm) = (settings.text("ilm_rollover_alias"), settings.text("ilm_enabled"));
        if let Some((at, alias)) = alias
            && ilm.is_none_or(|(_, enabled)| enabled != "false")
        {
            settings.take("index");
            let text = format!(
                "ilm_rollover_alias `{alias}`: documents go to `{alias}`, which has to be an alias with a write index that the domain rolls over; \
                 or write an index with a date, such as `{alias}-%{{+YYYY.MM.dd}}`, and `retention`"
            );
            self.notes.differs(at, text);
            return self.checked_index(at, alias, DEFAULT);
        }
        let Some((at, text)) = settings.text("index") else {
            let is_plain = plugin.name != "elasticsearch" || (is_given(ilm, "false") && is_given(data_stream, "false"));
            let is_without_ecs = plugin.name == "amazon_es" || is_given(settings.text("ecs_compatibility"), "disabled");
            if is_plain && is_without_ecs {
                self.notes.note(plugin.at, format!("no `index`: Logstash's own default is `{DEFAULT}`"));
            } else {
                let ilm =
                    if is_plain { "" } else { ", the alias `logstash` or the data stream `logs-generic-default`" };
                let text = format!(
                    "no `index`: documents go to `{DEFAULT}`; in Logstash, depending on its release and settings, to \
                     that, `ecs-{DEFAULT}`{ilm}"
                );
                self.notes.differs(plugin.at, text);
            }
            return DEFAULT.into();
        };
        self.checked_index(at, text, DEFAULT)
    }

    fn checked_index(&mut self, at: Place, text: &str, default: &str) -> String {
        let said = said(text, &self.fields).and_then(|index| match IndexPattern::parse(&index) {
            Ok(_) => Ok(index),
            Err(error) => Err(error),
        });
        match said {
            Ok(index) => {
                let fields: Vec<String> = fields_of(&index).iter().map(|field| format!("`{field}`")).collect();
                if !fields.is_empty() {
                    let lost = format!(
                        "index `{text}`: an event without {}, or with other characters there than `a-z`, `0-9`, `.`, `_` and `-`, is a dead letter",
                        fields.join(" and ")
                    );
                    self.notes.add(at, Effect::Rejects, lost);
                    let text = format!(
                        "index `{text}`: no number there is taken to be written as 5.0 or 5e3, which is 5 or 5000 in the name here"
                    );
                    self.notes.add(at, Effect::Assumed, text);
                }
                index
            }
            Err(error) => {
                self.notes.differs(at, format!("index `{text}`: {error}; `{default}` stands there for now"));
                default.into()
            }
        }
    }

    /// The name of a data stream, made from its three parts as in Logstash.
    fn data_stream(&mut self, at: Place, settings: &mut Settings<'_>) -> String {
        let mut part = |name: &str, default: &str| settings.text(name).map_or(default, |(_, text)| text).to_owned();
        let kind = part("data_stream_type", "logs");
        let name =
            format!("{kind}-{}-{}", part("data_stream_dataset", "generic"), part("data_stream_namespace", "default"));
        settings.ignore(&["data_stream_auto_routing", "data_stream_sync_fields", "index"]);
        let text = format!(
            "data_stream: documents go to `{name}`; Logstash adds the fields `data_stream`, and an event with such fields of its own goes where these say"
        );
        self.notes.differs(at, text);
        let has_time = matches!(self.fields.targets.get("@timestamp").map(|target| &target.made), Some(Made::Date(_)));
        if !has_time {
            let text = "data_stream: it takes no document without an `@timestamp`, which Logstash puts into every event; such an event is a dead letter";
            self.notes.add(at, Effect::Rejects, text);
        }
        self.checked_index(at, &name, "logs-generic-default")
    }

    fn pipeline(&mut self, settings: &mut Settings<'_>) -> Option<String> {
        let (at, name) = settings.text("pipeline").filter(|(_, name)| !name.is_empty())?;
        if name.contains("%{") || name.len() > 255 || name.contains(char::is_control) {
            let text = format!(
                "pipeline `{name}`: documents do not go through it; a dataset names one pipeline for all of its events: `index: {{ name: …, pipeline: … }}`"
            );
            self.notes.differs(at, text);
            return None;
        }
        Some(name.to_owned())
    }

    fn id(&mut self, settings: &mut Settings<'_>) -> Option<Id> {
        let (at, text) = settings.text("document_id")?;
        let whole = text.strip_prefix("%{").and_then(|rest| rest.strip_suffix('}')).and_then(path);
        let id = match whole {
            Some(path) => self.id_of(at, &path),
            None => Err("an id is the value of one field".to_owned()),
        };
        let id = id.and_then(|id| match &id {
            Id::Field(field) if self.fields.hash_of(field).is_some() => Err(format!("`{field}` is hashed")),
            _ => Ok(id),
        });
        match id {
            Ok(id) => {
                if let Id::Field(field) = &id {
                    let text = format!(
                        "document_id `{text}`: an event without `{field}`, or with anything there but a number or a text of 1 to 512 bytes, is a dead letter; \
                         of events with an equal one the first stays here, in Logstash the last"
                    );
                    self.notes.add(at, Effect::Rejects, text);
                    let text = format!(
                        "document_id `{field}`: no number there is taken to be written as 5.0 or 5e3, which is 5 or 5000 here"
                    );
                    self.notes.add(at, Effect::Assumed, text);
                }
                Some(id)
            }
            Err(error) => {
                let text = format!(
                    "document_id `{text}`: {error}; `id: position`, the default, makes a second delivery harmless as well, but two events with an equal id become two documents"
                );
                self.notes.differs(at, text);
                None
            }
        }
    }

    fn id_of(&mut self, at: Place, path: &str) -> Result<Id, String> {
        self.fields.settled(path)?;
        match self.fields.see(path)? {
            Seen::Checksum([]) => {
                let text = "document_id: `id: content` is another checksum of the whole event, so that documents which Logstash wrote have other ids";
                self.notes.differs(at, text);
                Ok(Id::Content)
            }
            Seen::Checksum([field]) => Err(format!(
                "it is a checksum of `{field}`; where every event has one of at most 512 bytes, write `id: {{ field: {field} }}`"
            )),
            Seen::Field(field) => Ok(Id::Field(field)),
            Seen::Text(text) => {
                sole_field(text).map(Id::Field).ok_or_else(|| "an id is the value of one field".to_owned())
            }
            Seen::Nothing => Err(format!("`{path}` was taken away before")),
            _ => Err("it is made of more than one field".to_owned()),
        }
    }
}

fn fields_of(text: &str) -> Vec<String> {
    let field = |part| if let Part::Field(path) = part { Some(path) } else { None };
    parts(text).unwrap_or_default().into_iter().filter_map(field).collect()
}

/// The index name, with its fields rewritten to original fields, and constants inserted.
fn said(text: &str, fields: &Fields) -> Result<String, String> {
    let mut out = String::new();
    for part in parts(text)? {
        match part {
            Part::Literal(literal) => out.push_str(literal),
            Part::Date(date) => out.extend(["%{+", date, "}"]),
            Part::Field(path) => match fields.see(&path)? {
                Seen::Field(field) if fields.hash_of(&field).is_some() => return Err(format!("`{field}` is hashed")),
                Seen::Field(field) => out.extend(["%{", &field, "}"]),
                // The text may still contain dates, as that of `[@metadata][index]` often does.
                Seen::Text(text) | Seen::Default(text) => {
                    let is_hashed =
                        |part: &Part<'_>| matches!(part, Part::Field(field) if fields.hash_of(field).is_some());
                    if parts(text)?.iter().any(is_hashed) {
                        return Err(format!("`{path}` is made from a hashed field"));
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
