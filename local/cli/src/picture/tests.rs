use super::*;

fn data() -> Data {
    let hour = 3_600_000;
    let start = 1_700_000_000_000 / hour * hour;
    let cell = |number: u32| {
        let (south, west) = (33.0 + f64::from(number / 4) * 0.5, 124.0 + f64::from(number % 4) * 0.5);
        Cell { south, west, north: south + 0.5, east: west + 0.5, count: u64::from(number) * 10 + 1 }
    };
    Data {
        index: "logs-<*>".into(),
        total: 1_234_567,
        times: Some(Times {
            field: "base_dt".into(),
            interval: "1h".into(),
            buckets: (0_u32..30).map(|number| (start + i64::from(number) * hour, u64::from(number) * 7)).collect(),
        }),
        points: Some(Points { field: "location".into(), precision: 4, cells: (0..16).map(cell).collect() }),
        values: vec![Values {
            field: "event_name".into(),
            top: vec![("<b>\"&'".into(), 900_000), ("x".repeat(80), 1)],
            other: 334_566,
        }],
    }
}

#[test]
fn the_page_is_self_contained_and_no_value_becomes_markup() {
    let page = page(&data());
    assert!(!page.contains("<b>") && page.contains("&lt;b&gt;&quot;&amp;&#39;"), "{page}");
    assert!(page.contains("<h1>logs-&lt;*&gt;</h1>"));
    for absent in ["<script", "http://", "https://", "@import", "url(", "NaN", "inf "] {
        assert!(!page.contains(absent), "{absent}");
    }
    assert_eq!(page.matches("<svg").count(), 3);
    assert_eq!(page.matches("role=\"img\"").count(), 3, "each chart has a name and a description");
    assert!(page.contains("1,234,567") && page.contains("logs-&lt;*&gt;"));
}

#[test]
fn sections_without_data_are_left_out() {
    let empty = Data { index: "none-*".into(), total: 0, times: None, points: None, values: Vec::new() };
    let page = page(&empty);
    assert!(page.contains("No events") && !page.contains("<svg"));
    let mut one = data();
    one.times.as_mut().unwrap().buckets.truncate(1);
    one.points.as_mut().unwrap().cells.truncate(1);
    let page = super::page(&one);
    assert!(!page.contains("NaN") && !page.contains("inf"), "{page}");
}

#[test]
fn axes_have_round_marks() {
    assert_eq!(axis::counts(173), [0, 50, 100, 150, 200]);
    assert_eq!(axis::counts(3), [0, 1, 2, 3]);
    assert_eq!(axis::counts(0), [0, 1]);
    let day = 86_400_000;
    let labels: Vec<_> = axis::times(19_675 * day, 19_676 * day).into_iter().map(|(_, label)| label).collect();
    assert_eq!(labels, ["14 Nov", "03:00", "06:00", "09:00", "12:00", "15:00", "18:00", "21:00", "15 Nov"]);
    assert_eq!(axis::degree(35.5, 0.5, ["N", "S"]), "35.5°N");
    assert_eq!(axis::degree(-120.0, 20.0, ["E", "W"]), "120°W");
    assert_eq!(axis::degree(0.0, 20.0, ["E", "W"]), "0°");
    assert_eq!(axis::grouped(1_234_567), "1,234,567");
    assert_eq!(axis::grouped(12), "12");
}

#[test]
fn shades_go_from_the_least_to_the_most() {
    let cells = |counts: &[u64]| -> Vec<Cell> {
        counts.iter().map(|count| Cell { south: 0.0, west: 0.0, north: 1.0, east: 1.0, count: *count }).collect()
    };
    let narrow = heat::Shading::of(&cells(&[10, 50, 80]));
    assert!(!narrow.is_logarithmic);
    assert_eq!([10, 45, 80].map(|count| narrow.shade(count)), [0, 3, 6]);
    let wide = heat::Shading::of(&cells(&[1, 1_000_000]));
    assert!(wide.is_logarithmic);
    assert_eq!([1, 1_000, 1_000_000].map(|count| wide.shade(count)), [0, 3, 6]);
    assert_eq!(heat::Shading::of(&cells(&[5])).shade(5), 6);
}
