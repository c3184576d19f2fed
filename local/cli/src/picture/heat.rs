//! The heat map: cells of a grid, and lines of latitude and longitude.

use std::fmt::Write as _;

use super::{
    axis,
    data::Points,
    grid::Cell,
    text::{escaped, events},
};

const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 460.0;
const LEFT: f64 = 52.0;
const BOTTOM: f64 = 26.0;
const TOP: f64 = 8.0;
const RIGHT: f64 = 8.0;
/// The number of shades.
pub(super) const SHADES: usize = 7;
/// If the largest count is more than this many times the smallest, shades follow the order of magnitude.
const WIDE: f64 = 100.0;

/// The projection from degrees to the picture: equirectangular, true to scale in the middle.
struct View {
    scale_x: f64,
    scale_y: f64,
    lon: f64,
    lat: f64,
}

impl View {
    fn of(cells: &[Cell]) -> Self {
        let fold =
            |of: fn(&Cell) -> f64, least: fn(f64, f64) -> f64| cells.iter().map(of).reduce(least).unwrap_or_default();
        let (west, east) = (fold(|cell| cell.west, f64::min), fold(|cell| cell.east, f64::max));
        let (south, north) = (fold(|cell| cell.south, f64::min), fold(|cell| cell.north, f64::max));
        let lat = f64::midpoint(south, north);
        let shrink = lat.to_radians().cos().max(0.2);
        // Leave a margin around the cells.
        let (width, height) = ((east - west).max(1e-4) * 1.12, (north - south).max(1e-4) * 1.12);
        let scale_y = ((WIDTH - LEFT - RIGHT) / (width * shrink)).min((HEIGHT - TOP - BOTTOM) / height);
        Self { scale_x: scale_y * shrink, scale_y, lon: f64::midpoint(west, east), lat }
    }

    fn x(&self, lon: f64) -> f64 {
        f64::midpoint(LEFT, WIDTH - RIGHT) + (lon - self.lon) * self.scale_x
    }

    fn y(&self, lat: f64) -> f64 {
        f64::midpoint(TOP, HEIGHT - BOTTOM) - (lat - self.lat) * self.scale_y
    }

    /// The longitudes and the latitudes at the edges, limited to valid degrees.
    fn edges(&self) -> [(f64, f64); 2] {
        let (half_width, half_height) =
            ((WIDTH - LEFT - RIGHT) / 2.0 / self.scale_x, (HEIGHT - TOP - BOTTOM) / 2.0 / self.scale_y);
        [
            ((self.lon - half_width).max(-180.0), (self.lon + half_width).min(180.0)),
            ((self.lat - half_height).max(-90.0), (self.lat + half_height).min(90.0)),
        ]
    }
}

/// The mapping from counts to shades.
pub(super) struct Shading {
    least: f64,
    most: f64,
    /// Whether shades follow the order of magnitude.
    pub(super) is_logarithmic: bool,
}

impl Shading {
    pub(super) fn of(cells: &[Cell]) -> Self {
        let counts = || cells.iter().map(|cell| cell.count);
        let (least, most) = (counts().min().unwrap_or(1) as f64, counts().max().unwrap_or(1) as f64);
        Self { least, most, is_logarithmic: most / least.max(1.0) > WIDE }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 1 before")]
    pub(super) fn shade(&self, count: u64) -> usize {
        let on = |value: f64| if self.is_logarithmic { value.max(1.0).ln() } else { value };
        let range = on(self.most) - on(self.least);
        let share = if range > 0.0 { (on(count as f64) - on(self.least)) / range } else { 1.0 };
        ((share * SHADES as f64) as usize).min(SHADES - 1)
    }
}

/// The map and its legend.
pub(super) fn map(points: &Points) -> String {
    let view = View::of(&points.cells);
    let shading = Shading::of(&points.cells);
    let [(west, east), (south, north)] = view.edges();
    let (left, right, top, bottom) = (view.x(west), view.x(east), view.y(north), view.y(south));
    let most = points.cells.iter().map(|cell| cell.count).max().unwrap_or_default();
    let least = points.cells.iter().map(|cell| cell.count).min().unwrap_or_default();
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-labelledby=\"map-title map-text\">\
         <title id=\"map-title\">Heat map</title><desc id=\"map-text\">{} cells by {}, with {} to {} events each.</desc>\
         <rect class=\"sea\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
        points.cells.len(),
        escaped(&points.field),
        axis::grouped(least),
        axis::grouped(most),
        right - left,
        bottom - top,
    );
    for cell in &points.cells {
        let (x, y) = (view.x(cell.west), view.y(cell.north));
        let _ = write!(
            svg,
            "<rect class=\"c{}\" x=\"{x:.2}\" y=\"{y:.2}\" width=\"{:.2}\" height=\"{:.2}\"><title>{}, {}: {}</title></rect>",
            shading.shade(cell.count),
            view.x(cell.east) - x,
            view.y(cell.south) - y,
            axis::degree(f64::midpoint(cell.south, cell.north), 0.01, ["N", "S"]),
            axis::degree(f64::midpoint(cell.west, cell.east), 0.01, ["E", "W"]),
            events(cell.count),
        );
    }
    // Draw the lines above the cells, which may cover the whole map.
    let step = axis::step((east - west).max(north - south), 7.0).min(30.0);
    for lon in axis::degrees(west, east, step) {
        let x = view.x(lon);
        let _ = write!(
            svg,
            "<line class=\"over\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top:.1}\" y2=\"{bottom:.1}\"/>\
             <text class=\"tick\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            bottom + 17.0,
            axis::degree(lon, step, ["E", "W"]),
        );
    }
    for lat in axis::degrees(south, north, step) {
        let y = view.y(lat);
        let _ = write!(
            svg,
            "<line class=\"over\" x1=\"{left:.1}\" x2=\"{right:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            left - 7.0,
            y + 4.0,
            axis::degree(lat, step, ["N", "S"]),
        );
    }
    svg.push_str("</svg>");
    svg + &legend(&shading, least, most)
}

fn legend(shading: &Shading, least: u64, most: u64) -> String {
    let swatches = (0..SHADES).fold(String::new(), |mut swatches, shade| {
        let _ = write!(swatches, "<i class=\"s{shade}\"></i>");
        swatches
    });
    let scale = if shading.is_logarithmic { ", on a logarithmic scale" } else { "" };
    format!(
        "<p class=\"key\"><span>{}</span><span class=\"ramp\" aria-hidden=\"true\">{swatches}</span><span>{} events a cell{scale}</span></p>",
        axis::grouped(least),
        axis::grouped(most),
    )
}
