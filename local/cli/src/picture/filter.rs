//! The events that are shown: a query, and a part of time.

use serde_json::{Value, json};

/// The filter. The default passes every event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// A query string.
    pub query: Option<String>,
    /// The first millisecond since 1970.
    pub from_ms: Option<i64>,
    /// The first millisecond that is too late.
    pub to_ms: Option<i64>,
}

impl Filter {
    /// The query in the engine's language. Without a field with the time, the part of time is not used.
    pub fn query(&self, time: Option<&str>) -> Value {
        let mut filters = Vec::new();
        if let Some(query) = &self.query {
            filters.push(json!({ "query_string": { "query": query } }));
        }
        if let Some(field) = time.filter(|_| self.from_ms.or(self.to_ms).is_some()) {
            let mut range = json!({ "format": "epoch_millis" });
            for (name, limit) in [("gte", self.from_ms), ("lt", self.to_ms)] {
                if let Some(limit) = limit {
                    range[name] = limit.into();
                }
            }
            filters.push(json!({ "range": { field: range } }));
        }
        match (filters.pop(), filters.is_empty()) {
            (None, _) => json!({ "match_all": {} }),
            (Some(only), true) => only,
            (Some(last), false) => {
                filters.push(last);
                json!({ "bool": { "filter": filters } })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_the_shortest_query_that_says_the_same() {
        let query = json!({ "query_string": { "query": "a:1" } });
        let range = json!({ "range": { "t": { "gte": 1, "lt": 2, "format": "epoch_millis" } } });
        let filter = |query: Option<&str>, from_ms, to_ms| Filter { query: query.map(str::to_owned), from_ms, to_ms };
        for (filter, time, expected) in [
            (Filter::default(), Some("t"), json!({ "match_all": {} })),
            (filter(Some("a:1"), None, None), Some("t"), query.clone()),
            (filter(None, Some(1), Some(2)), Some("t"), range.clone()),
            (filter(None, Some(1), Some(2)), None, json!({ "match_all": {} })),
            (
                filter(None, None, Some(2)),
                Some("t"),
                json!({ "range": { "t": { "lt": 2, "format": "epoch_millis" } } }),
            ),
            (filter(Some("a:1"), Some(1), Some(2)), Some("t"), json!({ "bool": { "filter": [query, range] } })),
        ] {
            assert_eq!(filter.query(time), expected, "{filter:?}");
        }
    }
}
