//! The data streams and aliases that a deployment writes to: what a name stands for, its indices in the order in which they took the
//! events, and the rollover to the next one.
//!
//! In: a name. Out: its state. A data stream is found by its name, as an index is, because every engine answers that: the API
//! `_data_stream` is missing where data streams can still be written. Deliberately absent: ISM and ILM, which differ from one engine
//! to the other, and the choice of what is rolled over or deleted (`retention`).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{client::Admin, ownership::created_ms, response::AdminResponse};
use delivery::{cluster::http::segment, lambda::Deadline};
use pipeline::{outcome::BatchError, rules::Rollover};

/// What a name stands for in the domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// There is nothing of this name.
    Nothing,
    /// An index.
    Index,
    /// An alias. Its members are in the order of their numbers; those without a number are left out.
    Alias {
        /// The index that is marked to take the events; `None` if none is. The only index of an alias takes them without a mark, but a
        /// rollover then takes the alias away from it.
        write: Option<String>,
        /// The numbered members.
        members: Vec<Member>,
        /// Whether the alias itself routes what is written by it. A look-up in one of its indices does not know that routing.
        routes: bool,
    },
    /// A data stream, with its indices in their order. The last one takes the events.
    DataStream(Vec<Member>),
}

/// One index of a data stream or an alias.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// The number at the end of its name.
    number: u64,
    /// When it was created, in milliseconds since 1970.
    created_ms: Option<i64>,
}

/// The result of a rollover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolledOver {
    /// The former write index.
    pub from: String,
    /// The new one.
    pub to: String,
}

impl Named {
    /// The index that takes the events.
    pub fn write_index(&self) -> Option<&str> {
        match self {
            Self::Nothing | Self::Index => None,
            Self::Alias { write, .. } => write.as_deref(),
            Self::DataStream(members) => members.last().map(|member| member.name.as_str()),
        }
    }

    /// Its numbered indices.
    pub fn members(&self) -> &[Member] {
        match self {
            Self::Nothing | Self::Index => &[],
            Self::Alias { members, .. } | Self::DataStream(members) => members,
        }
    }

    /// For each index that was replaced, when the next one was created. An index after the write index of an alias was never replaced.
    pub fn ended_ms(&self) -> BTreeMap<&str, i64> {
        let (members, write) = (self.members(), self.write_index());
        let Some(until) = members.iter().position(|member| Some(member.name.as_str()) == write) else {
            return BTreeMap::new();
        };
        let pairs = members[..=until].windows(2);
        pairs.filter_map(|pair| Some((pair[0].name.as_str(), pair[1].created_ms?))).collect()
    }
}

impl Admin {
    /// What a name stands for.
    ///
    /// # Errors
    /// As [`Self::ask`]. Permanent if the response cannot be read.
    pub async fn named(&self, name: &str, deadline: Deadline) -> Result<Named, BatchError> {
        // Closed indices of a data stream are left out by some engines. They are not deleted then.
        let any = "expand_wildcards=all&allow_no_indices=true&ignore_unavailable=true";
        let path = format!("/{}?{any}&filter_path=%2A.aliases%2C%2A.settings.index.creation_date", segment(name));
        read(name, &self.send("GET", &path, None, deadline).await?)
    }

    /// Begins the next index of a data stream or an alias, if the engine finds that a condition is met. A request after the answer to
    /// an earlier one was lost finds a new index that meets none. Of two at the same time, the engine refuses one or begins two indices.
    ///
    /// # Errors
    /// As [`Self::ask`]. Permanent if the response cannot be read.
    pub async fn roll_over(
        &self,
        name: &str,
        rollover: Rollover,
        deadline: Deadline,
    ) -> Result<Option<RolledOver>, BatchError> {
        let path = format!("/{}/_rollover", segment(name));
        let response = self.send("POST", &path, Some(&conditions(rollover)), deadline).await?;
        response.accepted()?;
        let (body, text) = (&response.body, |name: &str| response.body[name].as_str().map(str::to_owned));
        match (body["rolled_over"].as_bool(), text("old_index"), text("new_index")) {
            (Some(false), _, _) => Ok(None),
            (Some(true), Some(from), Some(to)) => Ok(Some(RolledOver { from, to })),
            _ => Err(response.unreadable("the result of a rollover")),
        }
    }

    /// Creates the first index of an alias, which takes the events. The engine does both or neither.
    ///
    /// # Errors
    /// As [`Self::ask`]: for example, the index exists already.
    pub async fn create_write_index(&self, alias: &str, index: &str, deadline: Deadline) -> Result<(), BatchError> {
        let body = json!({ "aliases": { alias: { "is_write_index": true } } });
        self.ask("PUT", &format!("/{}", segment(index)), Some(&body), deadline).await.map(drop)
    }
}

/// The body of a rollover. The units are those that every engine has.
fn conditions(rollover: Rollover) -> Value {
    let mut conditions = serde_json::Map::new();
    if let Some(age) = rollover.max_age {
        conditions.insert("max_age".into(), format!("{}s", age.as_secs()).into());
    }
    if let Some(bytes) = rollover.max_size {
        conditions.insert("max_size".into(), format!("{bytes}b").into());
    }
    json!({ "conditions": conditions })
}

fn read(name: &str, response: &AdminResponse) -> Result<Named, BatchError> {
    if response.is_missing() {
        return Ok(Named::Nothing);
    }
    let indices = response.object()?;
    if indices.is_empty() {
        return Ok(Named::Nothing);
    }
    if indices.contains_key(name) {
        return Ok(Named::Index);
    }
    let mut members: Vec<Member> = indices.iter().filter_map(|(index, about)| member(name, index, about)).collect();
    members.sort_by_key(|member| member.number);
    let aliased: Vec<(&String, &Value)> =
        indices.iter().filter_map(|(index, about)| Some((index, about["aliases"].get(name)?))).collect();
    if aliased.is_empty() {
        return Ok(Named::DataStream(members));
    }
    let write = aliased.iter().find(|(_, alias)| alias["is_write_index"] == true).map(|(index, _)| (*index).clone());
    let routes = aliased.iter().any(|(_, alias)| alias["index_routing"].is_string());
    Ok(Named::Alias { write, members, routes })
}

/// An index that the engine made for this name. Others can be in an alias or a data stream too, and say nothing about its rollovers.
fn member(name: &str, index: &str, about: &Value) -> Option<Member> {
    let of_name = index.strip_prefix(".ds-").unwrap_or(index).strip_prefix(name)?.strip_prefix('-')?;
    let (date, number) = of_name.rsplit_once('-').unwrap_or(("", of_name));
    let is_date = date.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number = number.parse().ok().filter(|_| is_date)?;
    Some(Member { name: index.to_owned(), number, created_ms: created_ms(&about["settings"]["index"]) })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn named(name: &str, body: Value) -> Result<Named, BatchError> {
        read(name, &AdminResponse { status: 200, summary: format!("GET https://d/{name}: 200"), body, date_ms: None })
    }

    fn about(created_ms: i64, aliases: impl Into<Value>) -> Value {
        let aliases: Value = aliases.into();
        json!({ "aliases": aliases, "settings": { "index": { "creation_date": created_ms.to_string() } } })
    }

    #[test]
    fn a_name_is_nothing_an_index_an_alias_or_a_data_stream() {
        let (old, new) = (json!({ "a": { "is_write_index": false } }), json!({ "a": { "is_write_index": true } }));
        let bare = json!({ "a": {} });
        for (body, expected) in [
            (json!({}), "Nothing"),
            (json!({ "a": about(1, json!({})) }), "Index"),
            (json!({ ".ds-a-000001": about(1, json!({})), ".ds-a-000002": about(5, json!({})) }), ".ds-a-000002"),
            // The engine gives the indices in any order, and the text of a number says nothing about it.
            (json!({ "a-1000000": about(9, new.clone()), "a-999999": about(5, old.clone()) }), "a-1000000"),
            (json!({ "a-000001": about(1, bare.clone()) }), "no write index"),
            (json!({ "a-000001": about(1, bare.clone()), "a-000002": about(2, bare) }), "no write index"),
            (json!({ "a-000001": about(1, old.clone()) }), "no write index"),
            (json!({ "other": about(1, new.clone()) }), "other"),
        ] {
            let found = named("a", body.clone()).unwrap();
            let shown = match (&found, found.write_index()) {
                (Named::Nothing, _) => "Nothing",
                (Named::Index, _) => "Index",
                (_, write) => write.unwrap_or("no write index"),
            };
            assert_eq!(shown, expected, "{body}");
        }
        assert!(named("a", Value::Null).is_err() && named("a", json!([])).is_err());
        let routed = json!({ "a": { "is_write_index": true, "index_routing": "1", "search_routing": "1" } });
        let routed = named("a", json!({ "a-000001": about(1, routed) })).unwrap();
        assert!(matches!(routed, Named::Alias { routes: true, .. }), "{routed:?}");
    }

    #[test]
    fn an_index_ends_when_the_next_one_is_created() {
        let (old, new) = (json!({ "a": { "is_write_index": false } }), json!({ "a": { "is_write_index": true } }));
        let none = || json!({});
        for (body, expected) in [
            (json!({ ".ds-a-000001": about(1, none()) }), vec![]),
            (
                json!({
                    ".ds-a-2026.11.21-000001": about(1, none()), ".ds-a-2026.11.22-000002": about(5, none()),
                    ".ds-a-2026.11.23-000004": about(9, none()),
                }),
                vec![(".ds-a-2026.11.21-000001", 5), (".ds-a-2026.11.22-000002", 9)],
            ),
            (
                json!({ "a-000001": about(1, old.clone()), "a-000002": about(5, new), "a-000003": about(7, old.clone()) }),
                vec![("a-000001", 5)],
            ),
            (json!({ "a-000001": about(1, old.clone()), "a-000002": about(5, old.clone()) }), vec![]),
            (
                json!({
                    "a-000002": about(5, old.clone()), "a-000003": about(7, json!({ "a": { "is_write_index": true } })),
                    "a-copy-000002": about(1, old.clone()), "b-000002": about(2, old),
                }),
                vec![("a-000002", 7)],
            ),
        ] {
            assert_eq!(named("a", body.clone()).unwrap().ended_ms(), expected.into_iter().collect(), "{body}");
        }
    }

    #[test]
    fn the_conditions_have_units_that_every_engine_has() {
        let rollover = Rollover { max_age: Some(Duration::from_hours(36)), max_size: Some(3 << 30) };
        let expected = json!({ "conditions": { "max_age": "129600s", "max_size": "3221225472b" } });
        assert_eq!(conditions(rollover), expected);
        let age = Rollover { max_size: None, ..rollover };
        assert_eq!(conditions(age), json!({ "conditions": { "max_age": "129600s" } }));
    }
}
