//! The grid of the heat map: its cells, and how fine it is.

use serde::Serialize;
use serde_json::Value;

/// The largest number of cells of the grid, roughly. More cells would be too small to see.
const MAX_CELLS: f64 = 1_200.0;
/// The finest grid in use: cells of about five metres.
const MAX_PRECISION: u32 = 9;

/// One cell of the grid, in degrees.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Cell {
    pub south: f64,
    pub west: f64,
    pub north: f64,
    pub east: f64,
    pub count: u64,
}

/// The extent of the points in degrees of longitude and latitude; `None` if there are no points.
pub(super) fn bounds(bounds: &Value) -> Option<[f64; 2]> {
    let corner = |corner: &str, side: &str| bounds[corner][side].as_f64();
    Some([
        corner("bottom_right", "lon")? - corner("top_left", "lon")?,
        corner("top_left", "lat")? - corner("bottom_right", "lat")?,
    ])
}

/// The finest grid with at most [`MAX_CELLS`] cells.
pub(super) fn precision([width, height]: [f64; 2]) -> u32 {
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
pub(super) fn cell(geohash: &str, count: u64) -> Option<Cell> {
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
