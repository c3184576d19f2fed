//! `format` and `envelope`: how values follow one another, and which parts of the surrounding object belong to each.

use super::reader::{Keys, Members, Reader};
use crate::decode::Path;
use crate::frame::{Format, Records};
use crate::yaml::{Data, Node};

const FORMAT_FORM: &str = "a format is `auto` (the default), `ndjson`, `array`, `concatenated`, `records`, \
                           `{ records: a.b }` or `cloudwatch-logs`";
const RECORDS_FORM: &str = "write `format: { records: detail.findings }`, the names that lead to the array of events";
const ENVELOPE_FORM: &str = "write `envelope: [account, detail-type]` beside `format: { records: detail.findings }`, names of \
                             members of the object around the array";
pub(super) const FORMAT_KEYS: Keys<'_> = Keys { of: "`format`", known: &["records", "envelope"], later: &[] };

impl Reader<'_> {
    /// Reads both keys.
    pub(super) fn format(&mut self, members: &Members<'_>) -> Option<(Format, Records)> {
        let envelope = members.get("envelope");
        let (format, path, inner) = match members.get("format") {
            None => (Some(Format::Auto), None, None),
            Some((_, node)) => match &node.data {
                Data::Map(_) => {
                    let keys = self.map(node, &FORMAT_KEYS, FORMAT_FORM)?;
                    let path = match keys.get("records") {
                        Some((_, path)) => self.path(path, "records", RECORDS_FORM)?,
                        None => return self.refuse(node.place, format!("`format` without `records`; {RECORDS_FORM}")),
                    };
                    (Some(Format::Records), Some(path), keys.get("envelope"))
                }
                _ => (self.named_format(node), None, None),
            },
        };
        let format = format?;
        if let (Some((key, _)), Some(_)) = (inner, envelope) {
            return self.refuse(key.place, format!("`envelope` is given beside `format` already; {ENVELOPE_FORM}"));
        }
        let envelope = match inner.or(envelope) {
            None => Vec::new(),
            Some((key, _)) if format != Format::Records => {
                return self.refuse(key.place, format!("`envelope` without `format: records`; {ENVELOPE_FORM}"));
            }
            Some((_, node)) => self.envelope(node)?,
        };
        let names = path.as_ref().map_or("Records", Path::as_str);
        Some((format, Records::new(names.split('.'), &envelope)))
    }

    fn named_format(&mut self, node: &Node) -> Option<Format> {
        let text = self.text(node, "format", FORMAT_FORM)?.value.clone();
        match text.as_str() {
            "auto" => Some(Format::Auto),
            "ndjson" => Some(Format::Ndjson),
            "array" => Some(Format::Array),
            "concatenated" => Some(Format::Concatenated),
            "records" => Some(Format::Records),
            "cloudwatch-logs" => Some(Format::CloudwatchLogs),
            "text" => self.refuse(node.place, format!("`format: text` is not supported yet; {FORMAT_FORM}")),
            _ => self.refuse(node.place, format!("`format: {text}`: {FORMAT_FORM}")),
        }
    }

    fn envelope(&mut self, node: &Node) -> Option<Vec<String>> {
        let nodes = self.list(node, "envelope", ENVELOPE_FORM);
        let mut names: Vec<String> = Vec::new();
        for node in nodes {
            let name = self.text(node, "envelope", ENVELOPE_FORM)?.value.clone();
            if name.is_empty() || names.contains(&name) {
                return self.refuse(
                    node.place,
                    format!("`{name}`: each member has a name, and is given once; {ENVELOPE_FORM}"),
                );
            }
            names.push(name);
        }
        (!names.is_empty()).then_some(names)
    }
}
