//! Charts: the state of each visualization and its aggregations.

use serde_json::{Value, json};

/// The number of buckets for top values.
const TOP_VALUES: u32 = 10;

/// A visualization's state without its title.
#[derive(Debug)]
pub(super) struct Chart {
    pub(super) kind: &'static str,
    pub(super) params: Value,
    pub(super) aggs: Value,
}

/// How a coordinate map draws the cells of its grid.
#[derive(Debug, Clone, Copy)]
pub(super) enum MapKind {
    Heat,
    Circles,
}

/// Bars of counts over the range of the time picker.
pub(super) fn over_time(field: &str) -> Chart {
    let params = json!({ "field": field, "interval": "auto", "drop_partials": false, "min_doc_count": 1, "extended_bounds": {} });
    Chart {
        kind: "histogram",
        params: bars("histogram", "bottom", "left"),
        aggs: counted_by("date_histogram", &params),
    }
}

/// Bars of the most frequent values.
pub(super) fn top_values(field: &str) -> Chart {
    let params = json!({
        "field": field, "orderBy": "1", "order": "desc", "size": TOP_VALUES, "customLabel": field,
        "otherBucket": false, "otherBucketLabel": "Other", "missingBucket": false, "missingBucketLabel": "Missing",
    });
    Chart {
        kind: "horizontal_bar",
        params: bars("horizontal_bar", "left", "bottom"),
        aggs: counted_by("terms", &params),
    }
}

/// Counts of geohash cells.
pub(super) fn coordinate_map(field: &str, kind: MapKind) -> Chart {
    let map_type = match kind {
        MapKind::Heat => "Heatmap",
        MapKind::Circles => "Scaled Circle Markers",
    };
    let params = json!({
        "colorSchema": "Yellow to Red", "mapType": map_type, "isDesaturated": true, "addTooltip": true,
        "heatClusterSize": 1.5, "legendPosition": "bottomright", "mapZoom": 2, "mapCenter": [0, 0],
        "wms": { "enabled": false, "options": { "format": "image/png", "transparent": true } },
    });
    let grid = json!({ "field": field, "autoPrecision": true, "precision": 2, "useGeocentroid": true, "isFilteredByCollar": true });
    Chart { kind: "tile_map", params, aggs: counted_by("geohash_grid", &grid) }
}

/// One metric, the count, and one bucket aggregation.
fn counted_by(kind: &str, params: &Value) -> Value {
    json!([
        { "id": "1", "enabled": true, "type": "count", "schema": "metric", "params": { "customLabel": "Events" } },
        { "id": "2", "enabled": true, "type": kind, "schema": "segment", "params": params },
    ])
}

fn bars(kind: &str, categories: &str, values: &str) -> Value {
    json!({
        "type": kind,
        "grid": { "categoryLines": false },
        "categoryAxes": [{
            "id": "CategoryAxis-1", "type": "category", "position": categories, "show": true, "style": {},
            "scale": { "type": "linear" },
            "labels": { "show": true, "rotate": 0, "filter": categories == "bottom", "truncate": 200 },
            "title": {},
        }],
        "valueAxes": [{
            "id": "ValueAxis-1", "name": "LeftAxis-1", "type": "value", "position": values, "show": true, "style": {},
            "scale": { "type": "linear", "mode": "normal" },
            "labels": { "show": true, "rotate": 0, "filter": values == "bottom", "truncate": 100 },
            "title": { "text": "Events" },
        }],
        "seriesParams": [{
            "show": true, "type": "histogram", "mode": "stacked", "data": { "id": "1", "label": "Events" },
            "valueAxis": "ValueAxis-1", "drawLinesBetweenPoints": true, "lineWidth": 2, "showCircles": true,
        }],
        "addTooltip": true, "addLegend": false, "legendPosition": "right", "times": [], "addTimeMarker": false,
        "labels": { "show": false },
        "thresholdLine": { "show": false, "value": 10, "width": 1, "style": "full", "color": "#E7664C" },
    })
}
