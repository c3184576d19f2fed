//! The requests to the domain, and their results.

use delivery::lambda::Deadline;
use operations::admin::Admin;
use pipeline::outcome::BatchError;
use serde_json::{Value, json};

/// The largest number of bars over time.
const MAX_BARS: u32 = 72;
/// The largest number of cells of the grid, roughly. More cells would be too small to see.
const MAX_CELLS: f64 = 1_200.0;
/// The finest grid in use: cells of about five metres.
const MAX_PRECISION: u32 = 9;
const TOP_VALUES: u32 = 10;
/// The largest number of values of a field for which top values make sense.
const MAX_VALUES: u64 = 50;
/// The largest number of fields whose values are counted when one is chosen.
const MAX_CANDIDATES: usize = 40;

/// The fields to show.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields {
    /// The field with the time.
    pub time: Option<String>,
    /// The field with the points.
    pub points: Option<String>,
    /// The field whose values are counted.
    pub top: Option<String>,
}

/// The data of a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Data {
    /// The index pattern.
    pub index: String,
    /// The number of all events.
    pub total: u64,
    /// Events over time.
    pub times: Option<Times>,
    /// The positions of events.
    pub points: Option<Points>,
    /// The most frequent values.
    pub values: Option<Values>,
}

/// Events over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Times {
    /// The field.
    pub field: String,
    /// The length of a bucket in the engine's notation, such as `30m`.
    pub interval: String,
    /// The start of each bucket in milliseconds since 1970, and the number of its events; without gaps.
    pub buckets: Vec<(i64, u64)>,
}

/// The positions of events.
#[derive(Debug, Clone, PartialEq)]
pub struct Points {
    /// The field.
    pub field: String,
    /// The length of the cells' geohashes.
    pub precision: u32,
    /// The cells with events.
    pub cells: Vec<Cell>,
}

/// One cell of the grid, in degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Cell {
    pub south: f64,
    pub west: f64,
    pub north: f64,
    pub east: f64,
    pub count: u64,
}

/// The most frequent values of a field.
#[derive(Debug, Clone, PartialEq)]
pub struct Values {
    /// The field.
    pub field: String,
    /// The values, each with the number of its events, the most frequent first.
    pub top: Vec<(String, u64)>,
    /// The number of events with other values.
    pub other: u64,
}

impl Data {
    /// Queries a domain.
    ///
    /// # Errors
    /// The domain refuses, does not answer until the deadline, or some of its shards fail: an incomplete picture would
    /// mislead.
    pub async fn ask(admin: &Admin, index: &str, chosen: Fields, deadline: Deadline) -> Result<Self, BatchError> {
        let asker = Asker { admin, index, deadline };
        let fields = asker.complete(chosen).await?;
        let mut aggs = json!({});
        if let Some(field) = &fields.time {
            aggs["times"] = json!({ "auto_date_histogram": { "field": field, "buckets": MAX_BARS } });
        }
        if let Some(field) = &fields.points {
            aggs["bounds"] = json!({ "geo_bounds": { "field": field, "wrap_longitude": false } });
        }
        if let Some(field) = &fields.top {
            aggs["values"] = json!({ "terms": { "field": field, "size": TOP_VALUES } });
        }
        let answer = asker.search(&aggs).await?;
        let said = &answer["aggregations"];
        let mut points = None;
        if let Some((field, bounds)) = fields.points.zip(bounds(&said["bounds"]["bounds"])) {
            let precision = precision(bounds);
            let grid =
                json!({ "grid": { "geohash_grid": { "field": field, "precision": precision, "size": 10_000 } } });
            let answer = asker.search(&grid).await?;
            let cell = |bucket: &Value| cell(bucket["key"].as_str()?, bucket["doc_count"].as_u64()?);
            let cells = buckets(&answer["aggregations"]["grid"]).filter_map(cell).collect();
            points = Some(Points { field, precision, cells });
        }
        let times = fields.time.map(|field| Times {
            field,
            interval: said["times"]["interval"].as_str().unwrap_or_default().to_owned(),
            buckets: buckets(&said["times"])
                .filter_map(|bucket| Some((bucket["key"].as_i64()?, count(bucket))))
                .collect(),
        });
        let values = fields.top.map(|field| Values {
            field,
            other: said["values"]["sum_other_doc_count"].as_u64().unwrap_or_default(),
            top: buckets(&said["values"]).map(|bucket| (text(bucket), count(bucket))).collect(),
        });
        let total = answer["hits"]["total"]["value"].as_u64().unwrap_or_default();
        Ok(Self { index: index.to_owned(), total, times, points, values })
    }
}

/// The connection, the index and the deadline of the requests.
struct Asker<'a> {
    admin: &'a Admin,
    index: &'a str,
    deadline: Deadline,
}

impl Asker<'_> {
    async fn search(&self, aggs: &Value) -> Result<Value, BatchError> {
        let path = format!("/{}/_search", segment(self.index));
        let body = json!({ "size": 0, "track_total_hits": true, "aggs": aggs });
        let answer = self.admin.ask("POST", &path, Some(&body), self.deadline).await?;
        match answer["_shards"]["failed"].as_u64() {
            Some(0) => Ok(answer),
            failed => Err(BatchError::permanent(
                format!("POST {path}"),
                format!("{} shards failed: {}", failed.unwrap_or_default(), answer["_shards"]["failures"][0]["reason"]),
            )),
        }
    }

    /// Chooses a field from the mappings for each field that was not given.
    async fn complete(&self, chosen: Fields) -> Result<Fields, BatchError> {
        let path = format!("/{}/_field_caps?fields=%2A", segment(self.index));
        let answer = self.admin.ask("GET", &path, None, self.deadline).await?;
        let of_kind = |kinds: &[&str]| -> Vec<String> {
            let fields = answer["fields"].as_object().into_iter().flatten();
            let is_of_kind = |capabilities: &Value| {
                // The field has to have the same type in all indices.
                let mut types = capabilities.as_object().into_iter().flatten();
                let (first, other) = (types.next(), types.next());
                first.is_some_and(|(kind, can)| kinds.contains(&kind.as_str()) && can["aggregatable"] == true)
                    && other.is_none()
            };
            let own = fields.filter(|(name, can)| !name.starts_with('_') && is_of_kind(can));
            own.map(|(name, _)| name.clone()).collect()
        };
        let dates = of_kind(&["date", "date_nanos"]);
        let date = dates.iter().find(|name| *name == "@timestamp").or(dates.first()).cloned();
        let top = match chosen.top {
            None => self.of_few_values(of_kind(&["keyword"])).await?,
            top => top,
        };
        Ok(Fields {
            time: chosen.time.or(date),
            points: chosen.points.or_else(|| of_kind(&["geo_point"]).into_iter().next()),
            top,
        })
    }

    /// The field with the most values, among those with few enough values for a useful top list.
    async fn of_few_values(&self, mut fields: Vec<String>) -> Result<Option<String>, BatchError> {
        fields.truncate(MAX_CANDIDATES);
        if fields.is_empty() {
            return Ok(None);
        }
        let aggs: serde_json::Map<String, Value> = fields
            .iter()
            .enumerate()
            .map(|(number, field)| (number.to_string(), json!({ "cardinality": { "field": field } })))
            .collect();
        let answer = self.search(&aggs.into()).await?;
        let values = |number: usize| answer["aggregations"][number.to_string()]["value"].as_u64().unwrap_or_default();
        let counted = fields.into_iter().enumerate().map(|(number, field)| (values(number), field));
        // If two fields have the same number of values, the first by name is taken.
        let few = counted.filter(|(values, _)| (2..=MAX_VALUES).contains(values));
        Ok(few.rev().max_by_key(|(values, _)| *values).map(|(_, field)| field))
    }
}

fn segment(index: &str) -> impl std::fmt::Display {
    const OTHERS: &percent_encoding::AsciiSet =
        &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    percent_encoding::utf8_percent_encode(index, OTHERS)
}

fn buckets(aggregation: &Value) -> impl Iterator<Item = &Value> {
    aggregation["buckets"].as_array().into_iter().flatten()
}

fn count(bucket: &Value) -> u64 {
    bucket["doc_count"].as_u64().unwrap_or_default()
}

fn text(bucket: &Value) -> String {
    let key = bucket.get("key_as_string").unwrap_or(&bucket["key"]);
    key.as_str().map_or_else(|| key.to_string(), str::to_owned)
}

/// The extent of the points in degrees of longitude and latitude; `None` if there are no points.
fn bounds(bounds: &Value) -> Option<[f64; 2]> {
    let corner = |corner: &str, side: &str| bounds[corner][side].as_f64();
    Some([
        corner("bottom_right", "lon")? - corner("top_left", "lon")?,
        corner("top_left", "lat")? - corner("bottom_right", "lat")?,
    ])
}

/// The finest grid with at most [`MAX_CELLS`] cells.
fn precision([width, height]: [f64; 2]) -> u32 {
    let cells = |precision: u32| {
        let [cell_width, cell_height] = cell_size(precision);
        (width / cell_width + 1.0) * (height / cell_height + 1.0)
    };
    (1..=MAX_PRECISION).rev().find(|precision| cells(*precision) <= MAX_CELLS).unwrap_or(1)
}

/// The size of a cell in degrees of longitude and latitude. Each letter of a geohash has five bits, alternately of
/// longitude and latitude.
fn cell_size(precision: u32) -> [f64; 2] {
    let bits = 5 * precision;
    [360.0 / f64::from(1_u32 << bits.div_ceil(2)), 180.0 / f64::from(1_u32 << (bits / 2))]
}

/// The cell of a geohash.
fn cell(geohash: &str, count: u64) -> Option<Cell> {
    const LETTERS: &str = "0123456789bcdefghjkmnpqrstuvwxyz";
    let (mut lon, mut lat) = ([-180.0, 180.0], [-90.0, 90.0]);
    let mut is_lon = true;
    for letter in geohash.chars() {
        let value = LETTERS.find(letter)?;
        for bit in (0..5).rev() {
            let range = if is_lon { &mut lon } else { &mut lat };
            let middle = f64::midpoint(range[0], range[1]);
            range[usize::from(value >> bit & 1 == 0)] = middle;
            is_lon = !is_lon;
        }
    }
    Some(Cell { south: lat[0], west: lon[0], north: lat[1], east: lon[1], count })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_geohash_is_its_cell() {
        let cell = cell("ezs42", 3).unwrap();
        let near = |value: f64, expected: f64| assert!((value - expected).abs() < 1e-3, "{value} {expected}");
        near(cell.south, 42.583);
        near(cell.north, 42.627);
        near(cell.west, -5.625);
        near(cell.east, -5.581);
        assert!(super::cell("a", 1).is_none(), "no letter of a geohash");
        for (length, geohash) in (1..).zip(["e", "ez", "ezs", "ezs4"]) {
            let of = super::cell(geohash, 1).unwrap();
            let [width, height] = cell_size(length);
            near(of.east - of.west, width);
            near(of.north - of.south, height);
        }
    }

    #[test]
    fn the_grid_is_as_fine_as_can_be_seen() {
        for (bounds, expected) in [([360.0, 180.0], 2), ([6.5, 6.5], 4), ([0.01, 0.01], 7), ([0.0, 0.0], 9)] {
            assert_eq!(precision(bounds), expected, "{bounds:?}");
        }
    }
}
