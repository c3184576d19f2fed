//! `_field_caps`: the types of the fields of several indices.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value, json};

use super::{error::EngineError, glob::glob, mapping::Field, shard::mapping, store::Snapshot};

/// The field in each index that has it, by its type.
type Types<'i> = BTreeMap<String, Vec<(&'i str, Field)>>;

/// The fields that match the parameter `fields`, each with its types. A field with several types lists the indices of each.
pub(super) fn field_caps(parameters: &HashMap<String, String>, indices: &[Snapshot]) -> Result<Value, EngineError> {
    let Some(wanted) = parameters.get("fields").filter(|fields| !fields.is_empty()) else {
        let reason = "specified fields can't be null or empty";
        return Err(EngineError::new(400, "illegal_argument_exception", reason));
    };
    let is_wanted = |name: &str| wanted.split(',').any(|pattern| glob(pattern, name));
    let mut found: BTreeMap<String, Types<'_>> = BTreeMap::new();
    for index in indices {
        let mapping = mapping(index);
        for (name, field) in mapping.fields.iter().filter(|(name, _)| is_wanted(name) && mapping.has_values(name)) {
            let types = found.entry(name.clone()).or_default();
            types.entry(field.type_name.clone()).or_default().push((&index.name, field.clone()));
        }
    }
    let fields: Map<String, Value> = found.into_iter().map(|(name, types)| (name, capabilities(&types))).collect();
    let names: Vec<&str> = indices.iter().map(|index| index.name.as_str()).collect();
    Ok(json!({ "indices": names, "fields": fields }))
}

fn capabilities(types: &Types<'_>) -> Value {
    let of_type = |(type_name, fields): (&String, &Vec<(&str, Field)>)| {
        let mut capabilities = json!({
            "type": type_name,
            "searchable": fields.iter().all(|(_, field)| field.searchable),
            "aggregatable": fields.iter().all(|(_, field)| field.aggregatable),
        });
        if types.len() > 1 {
            capabilities["indices"] = fields.iter().map(|(index, _)| *index).collect();
        }
        (type_name.clone(), capabilities)
    };
    types.iter().map(of_type).collect::<Map<_, _>>().into()
}
