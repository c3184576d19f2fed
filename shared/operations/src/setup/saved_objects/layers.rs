//! A map of Kibana's Maps app: a heat map, and circles above it, on Elastic's own base map.
//!
//! Written as 7.10 exports it: later versions rename layers, and migrate what they import.

use serde_json::{Value, json};

/// A map's attributes, before they become text.
#[derive(Debug)]
pub(super) struct Layers {
    pub(super) state: Value,
    pub(super) list: Value,
    /// The names by which its layers refer to the index pattern.
    pub(super) references: [&'static str; 2],
}

impl Layers {
    pub(super) fn new(field: &str) -> Self {
        // The names follow from the position of a layer in the list.
        let references = ["layer_1_source_index_pattern", "layer_2_source_index_pattern"];
        let source = |id: &str, request: &str, reference: &str| {
            json!({
                "type": "ES_GEO_GRID", "id": id, "geoField": field, "requestType": request, "resolution": "COARSE",
                "metrics": [{ "type": "count" }], "applyGlobalQuery": true, "indexPatternRefName": reference,
            })
        };
        let by_count = json!({ "name": "doc_count", "origin": "source" });
        let circles = json!({
            "type": "VECTOR",
            "properties": {
                "fillColor": { "type": "DYNAMIC", "options": { "color": "Reds", "field": by_count } },
                "iconSize": { "type": "DYNAMIC", "options": { "minSize": 4, "maxSize": 24, "field": by_count } },
            },
        });
        let layer = |id: &str, kind: &str, label: Value, alpha: f64, source: Value, style: Value| {
            json!({
                "id": id, "type": kind, "label": label, "minZoom": 0, "maxZoom": 24, "alpha": alpha, "visible": true,
                "sourceDescriptor": source, "style": style,
            })
        };
        let mut list = vec![
            layer(
                "millrace-base",
                "VECTOR_TILE",
                Value::Null,
                1.0,
                json!({ "type": "EMS_TMS", "isAutoSelect": true }),
                json!({ "type": "TILE" }),
            ),
            layer(
                "millrace-heat",
                "HEATMAP",
                json!("Heat map"),
                0.75,
                source("millrace-heat-source", "heatmap", references[0]),
                json!({ "type": "HEATMAP", "colorRampName": "theclassic" }),
            ),
            layer(
                "millrace-circles",
                "VECTOR",
                json!("Events"),
                0.75,
                source("millrace-circles-source", "point", references[1]),
                circles,
            ),
        ];
        list[2]["joins"] = json!([]);
        let state = json!({
            "zoom": 1.5,
            "center": { "lon": 0, "lat": 20 },
            "query": { "query": "", "language": "kuery" },
            "filters": [],
            "settings": { "autoFitToDataBounds": true },
        });
        Self { state, list: list.into(), references }
    }
}
