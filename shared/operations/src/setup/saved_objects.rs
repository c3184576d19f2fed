//! Saved objects of OpenSearch Dashboards and Kibana: a first view of the datasets.
//!
//! In: datasets and their index templates. Out: saved objects in the form of the import API. All datasets with the same
//! indices get an index pattern on the time field, a search for Discover, events over time, top values, a map and a
//! heat map, and a dashboard of these. What the mappings do not define is left out, so that no panel fails when it is
//! opened. Ids follow from the index pattern, so a repeated import changes nothing. Deliberately absent: the import
//! (`dashboards`), and reading any data.

mod chart;
mod layers;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::template::Template;
use crate::admin::{Distribution, Version};
use pipeline::{
    rules::{Dataset, Datasets},
    shape::{FieldRule, Making},
};

/// The maximum number of panels with top values and of columns in the search. More would not be an overview.
const MAX_TOP_FIELDS: usize = 4;
/// Columns of a dashboard's grid.
const GRID_COLUMNS: usize = 48;
/// The place where a search or a visualization refers to its index pattern.
const INDEX_REFERENCE: &str = "kibanaSavedObjectMeta.searchSourceJSON.index";
/// The versions of the objects' format: the last one that both families read, since they diverged at 7.10.
const MIGRATION_VERSIONS: [(&str, &str); 5] = [
    ("index-pattern", "7.6.0"),
    ("search", "7.9.3"),
    ("visualization", "7.10.0"),
    ("dashboard", "7.9.3"),
    ("map", "7.10.0"),
];

/// How points are drawn on a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Maps {
    /// Visualizations: for OpenSearch Dashboards, and for Kibana 7, which Amazon ships without the Maps app.
    Coordinate,
    /// The Maps app: for Kibana 8 and later, which has no coordinate maps any more.
    App,
}

impl Maps {
    /// The kind of maps for an engine; `None` if its Kibana cannot read these objects.
    pub(super) fn of(version: Version) -> Option<Self> {
        match version.distribution {
            Distribution::OpenSearch => Some(Self::Coordinate),
            Distribution::Elasticsearch if version.major >= 8 => Some(Self::App),
            Distribution::Elasticsearch if (version.major, version.minor) >= (7, 10) => Some(Self::Coordinate),
            Distribution::Elasticsearch => None,
        }
    }
}

/// All saved objects. Each comes after the objects that it refers to.
pub(super) fn saved_objects(datasets: &Datasets, templates: &[Template], maps: Maps) -> Vec<Value> {
    views(datasets, templates).iter().flat_map(|view| view.objects(maps)).collect()
}

/// The file for the import API.
pub(super) fn ndjson(objects: &[Value]) -> String {
    objects.iter().fold(String::new(), |text, object| text + &object.to_string() + "\n")
}

/// The fields to show for the indices of one pattern.
#[derive(Debug, PartialEq, Eq)]
struct View {
    /// The index pattern.
    pattern: String,
    /// The datasets with these indices.
    names: Vec<String>,
    /// The time field.
    time: Option<String>,
    /// Fields with points.
    points: Vec<String>,
    /// Fields with useful top values.
    top: Vec<String>,
}

fn views(datasets: &Datasets, templates: &[Template]) -> Vec<View> {
    let mut patterns: BTreeMap<String, Vec<&Dataset>> = BTreeMap::new();
    for dataset in datasets {
        patterns.entry(dataset.wildcard()).or_default().push(dataset);
    }
    let fields = |pattern: &str| {
        let template = templates.iter().find(|template| template.pattern == pattern);
        template.map(Template::fields).unwrap_or_default()
    };
    patterns.into_iter().map(|(pattern, datasets)| View::new(&pattern, &datasets, &fields(&pattern))).collect()
}

/// A place in a dashboard.
#[derive(Debug)]
struct Panel {
    kind: Value,
    id: Value,
    width: usize,
    height: usize,
}

impl View {
    fn new(pattern: &str, datasets: &[&Dataset], fields: &BTreeMap<String, String>) -> Self {
        let of_kind = |kinds: &[&str]| -> Vec<String> {
            fields.iter().filter(|(_, kind)| kinds.contains(&kind.as_str())).map(|(path, _)| path.clone()).collect()
        };
        let is_date = |path: &String| matches!(fields.get(path).map(String::as_str), Some("date" | "date_nanos"));
        let (mut times, mut made, mut hashed) = (Vec::new(), None, Vec::new());
        for dataset in datasets {
            let rules = dataset.shape.rules();
            let own = dataset.router.timestamp().and_then(|timestamp| dataset.shape.stored_as(timestamp.field()));
            let own = own.filter(is_date);
            times.extend(own.filter(|own| !times.contains(own)));
            for rule in rules {
                match rule {
                    FieldRule::Hash(path) => hashed.extend(dataset.shape.stored_as(path)),
                    FieldRule::Make { to, from: Making::Date(_) } if to.as_str() == "@timestamp" => {
                        made = Some(to.as_str().to_owned()).filter(is_date);
                    }
                    _ => {}
                }
            }
        }
        // If the datasets have different time fields, prefer the one that the pipeline creates.
        let time = if times.len() == 1 { times.pop() } else { made.or_else(|| times.into_iter().next()) };
        // The top values of a pseudonym are of little use, but better than no panel.
        let (pseudonyms, mut top): (Vec<_>, Vec<_>) =
            of_kind(&["keyword", "constant_keyword"]).into_iter().partition(|path| hashed.contains(path));
        if top.is_empty() {
            top = pseudonyms;
        }
        top.sort_by_key(|path| path.matches('.').count());
        top.truncate(MAX_TOP_FIELDS);
        let names = datasets.iter().map(|dataset| dataset.name.clone()).collect();
        Self { pattern: pattern.to_owned(), names, time, points: of_kind(&["geo_point"]), top }
    }

    /// The id becomes part of a URL, so `*` is replaced by `X`. Index names have no capitals, so this is unambiguous.
    fn id(&self, what: &str) -> String {
        let pattern = self.pattern.replace('*', "X");
        if what.is_empty() { format!("millrace-{pattern}") } else { format!("millrace-{pattern}-{what}") }
    }

    fn objects(&self, maps: Maps) -> Vec<Value> {
        let mut objects = vec![self.index_pattern()];
        let mut panels = Vec::new();
        let mut show = |object: Value, width, height| {
            panels.push(Panel { kind: object["type"].clone(), id: object["id"].clone(), width, height });
            objects.push(object);
        };
        if let Some(time) = &self.time {
            show(self.visualization("events", "events over time", &chart::over_time(time)), GRID_COLUMNS, 11);
        }
        for (number, point) in (1..).zip(&self.points) {
            match maps {
                Maps::Coordinate => {
                    let heat = chart::coordinate_map(point, chart::MapKind::Heat);
                    let map = chart::coordinate_map(point, chart::MapKind::Circles);
                    show(self.visualization(&format!("heat-{number}"), &format!("heat map of {point}"), &heat), 24, 18);
                    show(self.visualization(&format!("map-{number}"), &format!("map of {point}"), &map), 24, 18);
                }
                Maps::App => show(self.map(&format!("map-{number}"), point), GRID_COLUMNS, 20),
            }
        }
        let width = if self.top.len() == 1 { GRID_COLUMNS } else { 24 };
        for (number, field) in (1..).zip(&self.top) {
            let chart = chart::top_values(field);
            show(self.visualization(&format!("top-{number}"), &format!("top values of {field}"), &chart), width, 12);
        }
        show(self.search(), GRID_COLUMNS, 18);
        objects.push(self.dashboard(&panels));
        objects
    }

    /// The title has only the index pattern and fixed words: people search for it in a list.
    fn title(&self, what: &str) -> String {
        format!("{}: {what}", self.pattern)
    }

    fn description(&self) -> String {
        format!(
            "Made by Millrace from pipeline.yaml ({}); changes are overwritten: save a copy.",
            self.names.join(", ")
        )
    }

    fn index_pattern(&self) -> Value {
        let mut attributes = json!({ "title": self.pattern });
        if let Some(time) = &self.time {
            attributes["timeFieldName"] = json!(time);
        }
        // Without the fields: the dashboards load them when the pattern is first opened.
        object("index-pattern", &self.id(""), &attributes, &[])
    }

    fn search(&self) -> Value {
        let columns = if self.top.is_empty() { vec!["_source".to_owned()] } else { self.top.clone() };
        let sort: Vec<_> = self.time.iter().map(|time| json!([time, "desc"])).collect();
        let attributes = json!({
            "title": self.title("events"),
            "description": self.description(),
            "hits": 0,
            "columns": columns,
            "sort": sort,
            "version": 1,
            "kibanaSavedObjectMeta": { "searchSourceJSON": search_source() },
        });
        object("search", &self.id("events"), &attributes, &[self.index_reference(INDEX_REFERENCE)])
    }

    fn visualization(&self, what: &str, title: &str, chart: &chart::Chart) -> Value {
        let title = self.title(title);
        let state = json!({ "title": title, "type": chart.kind, "params": chart.params, "aggs": chart.aggs });
        let attributes = json!({
            "title": title,
            "description": self.description(),
            "visState": state.to_string(),
            "uiStateJSON": "{}",
            "version": 1,
            "kibanaSavedObjectMeta": { "searchSourceJSON": search_source() },
        });
        object("visualization", &self.id(what), &attributes, &[self.index_reference(INDEX_REFERENCE)])
    }

    fn map(&self, what: &str, point: &str) -> Value {
        let layers = layers::Layers::new(point);
        let attributes = json!({
            "title": self.title(&format!("map of {point}")),
            "description": self.description(),
            "mapStateJSON": layers.state.to_string(),
            "layerListJSON": layers.list.to_string(),
            "uiStateJSON": json!({ "isLayerTOCOpen": true, "openTOCDetails": [] }).to_string(),
        });
        let references = layers.references.map(|name| self.index_reference(name));
        object("map", &self.id(what), &attributes, &references)
    }

    fn dashboard(&self, panels: &[Panel]) -> Value {
        let (mut shown, mut references) = (Vec::new(), Vec::new());
        let (mut x, mut y, mut below) = (0, 0, 0);
        for (number, panel) in panels.iter().enumerate() {
            if x + panel.width > GRID_COLUMNS {
                (x, y) = (0, below);
            }
            let (index, name) = ((number + 1).to_string(), format!("panel_{number}"));
            shown.push(json!({
                "version": "7.10.0",
                "gridData": { "x": x, "y": y, "w": panel.width, "h": panel.height, "i": index },
                "panelIndex": index,
                "embeddableConfig": {},
                "panelRefName": name,
            }));
            references.push(json!({ "name": name, "type": panel.kind, "id": panel.id }));
            x += panel.width;
            below = below.max(y + panel.height);
        }
        let attributes = json!({
            "title": self.title("overview"),
            "description": self.description(),
            "hits": 0,
            "panelsJSON": Value::from(shown).to_string(),
            "optionsJSON": json!({ "useMargins": true, "hidePanelTitles": false }).to_string(),
            "version": 1,
            "timeRestore": false,
            "kibanaSavedObjectMeta": {
                "searchSourceJSON": json!({ "query": { "query": "", "language": "kuery" }, "filter": [] }).to_string(),
            },
        });
        object("dashboard", &self.id(""), &attributes, &references)
    }

    fn index_reference(&self, name: &str) -> Value {
        json!({ "name": name, "type": "index-pattern", "id": self.id("") })
    }
}

/// The query of a search or a visualization: all documents of its index pattern.
fn search_source() -> String {
    json!({ "query": { "query": "", "language": "kuery" }, "filter": [], "indexRefName": INDEX_REFERENCE }).to_string()
}

fn object(kind: &str, id: &str, attributes: &Value, references: &[Value]) -> Value {
    let version = MIGRATION_VERSIONS.iter().find(|(known, _)| *known == kind).map_or("", |(_, version)| version);
    json!({
        "id": id,
        "type": kind,
        "attributes": attributes,
        "references": references,
        "migrationVersion": { kind: version },
    })
}

#[cfg(test)]
mod tests;
