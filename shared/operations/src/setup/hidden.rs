//! Merges the templates that ours would hide: those that apply to the indices without it.
//!
//! In: the templates of this deployment and those of others in the domain. Out: for each of ours the bodies to write, the
//! best first, and notes about what cannot be merged. The engine applies only one composable template to an index, the
//! one with the highest priority, and legacy templates only if no composable one matches. Only templates of others are
//! read, so what an earlier run merged is not taken for theirs.
//!
//! Deliberately absent: `_simulate_index`. It applies our own installed template, leaves out legacy ones, and does not
//! tell whether a data stream would be made (measured; docs/adr/0029).

mod content;
mod left_out;
mod others;

use serde_json::Value;

use super::template::Template;
use crate::admin::templates::{Installed, Kind, Owner};
use content::Content;
pub(crate) use content::flat_settings;
pub(crate) use others::{Others, is_for_streams};

/// The member of `_meta` that names the templates whose content could not be merged.
pub(crate) const NOT_MERGED: &str = "not_merged";

/// One of our templates with everything that it hides.
#[derive(Debug)]
pub(crate) struct Combined {
    /// The bodies to write, the best first. If the engine refuses one, the next is tried.
    pub(crate) bodies: Vec<Body>,
    /// The template of another owner that applies instead of ours.
    pub(crate) blocked: Option<String>,
    /// The templates that apply to some of the indices only, and so cannot be merged.
    pub(crate) partly: Vec<String>,
    /// Other facts that an operator should know.
    pub(crate) notes: Vec<String>,
}

impl Combined {
    /// A template that hides nothing.
    pub(crate) fn alone(body: Value) -> Self {
        Self { bodies: vec![Body { body, note: None }], blocked: None, partly: Vec::new(), notes: Vec::new() }
    }

    /// All that an operator should know.
    pub(crate) fn into_notes(self) -> impl Iterator<Item = String> {
        self.blocked.into_iter().chain(self.partly).chain(self.notes)
    }
}

/// One body, and what it means for the operator that the ones before were refused.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) body: Value,
    pub(crate) note: Option<String>,
}

/// The bodies of our composable templates, in the order in which they have to be written: the widest pattern first. A
/// narrower pattern has a higher priority, which is free by then.
pub(crate) fn combine<'t>(templates: &'t [Template], others: &Others) -> Vec<(&'t Template, Combined)> {
    let mut sorted: Vec<&Template> = templates.iter().collect();
    sorted.sort_by_key(|template| template.priority());
    let mut own: Vec<Installed> = Vec::new();
    let mut all = Vec::new();
    for template in sorted {
        let combined = of_one(template, others, &own);
        if !template.is_for_the_mark() {
            own.push(installed(template, combined.bodies[0].body.clone()));
        }
        all.push((template, combined));
    }
    all
}

/// A template of this deployment as if it were installed.
fn installed(template: &Template, body: Value) -> Installed {
    let (name, patterns) = (template.name.clone(), vec![template.pattern.clone()]);
    Installed { name, patterns, priority: template.priority(), owner: Owner::Unknown, body }
}

fn of_one(template: &Template, others: &Others, own: &[Installed]) -> Combined {
    let alone = template.body(Kind::Composable);
    let mut combined = Combined::alone(alone.clone());
    combined.notes = left_out::of_components(template, &alone, others);
    let hidden = hidden(template, others, own, &mut combined);
    let names: Vec<&str> = hidden.iter().map(|other| other.name.as_str()).collect();
    let Some(last) = hidden.last() else { return combined };
    let (mut merged, notes) = match merge(template, &alone, &hidden, others) {
        Ok(merged) => merged,
        Err(reason) => {
            combined.bodies = vec![not_merged(template, alone, &names)];
            if !combined.notes.contains(&reason) {
                combined.notes.push(reason);
            }
            return combined;
        }
    };
    if is_for_streams(&last.body) && !template.is_for_data_stream() {
        // Its content is for data streams, such as a policy that rolls over. It is needed only where these exist.
        combined.notes.push(format!(
            "the template {} is for data streams, and is not merged into {}: a dataset names ordinary indices",
            last.name, template.name
        ));
        // Earlier versions copied it. Otherwise the engine's refusal says that data streams have these names.
        if others.has_for_streams(template) && template.aliases().is_empty() {
            combined.bodies.push(with_stream(template, last, merged, notes));
        }
        return combined;
    }
    combined.notes.extend(notes);
    if is_for_streams(&last.body) {
        combined.notes.extend(put_lifecycle(template, &mut merged, last));
    }
    let has_content = merged["template"] != alone["template"];
    let note = has_content.then(|| {
        let names = names.join(", ");
        format!("{} has the settings, mappings and aliases of {names} below its own: it would hide them", template.name)
    });
    combined.bodies = vec![Body { body: merged, note }, not_merged(template, alone, &names)];
    combined
}

/// The body that keeps data streams as they are.
fn with_stream(template: &Template, other: &Installed, mut body: Value, notes: Vec<String>) -> Body {
    body["data_stream"] = other.body["data_stream"].clone();
    let note = format!(
        "data streams exist for {}, so {} makes data streams, as the template {} does: delete them, or take another `index`",
        template.pattern, template.name, other.name
    );
    let lifecycle = put_lifecycle(template, &mut body, other);
    let notes: Vec<String> = std::iter::once(note).chain(notes).chain(lifecycle).collect();
    Body { body, note: Some(notes.join("; ")) }
}

/// Adds the lifecycle that the engine itself gives to a data stream, or returns a note.
fn put_lifecycle(template: &Template, body: &mut Value, other: &Installed) -> Option<String> {
    let lifecycle = other.body["template"].get("lifecycle")?;
    let refused = left_out::policy(template);
    if refused.is_none() {
        body["template"]["lifecycle"] = lifecycle.clone();
    }
    refused.map(|reason| left_out::note(template, "`lifecycle`", reason))
}

/// The templates of others that ours hides, the first with the lowest precedence: at most one composable one, or legacy
/// ones.
fn hidden<'o>(
    template: &Template,
    others: &'o Others,
    own: &'o [Installed],
    combined: &mut Combined,
) -> Vec<&'o Installed> {
    let (pattern, priority) = (template.pattern.as_str(), template.priority());
    let own = own.iter().filter(|_| template.is_for_the_mark());
    let composable: Vec<&Installed> =
        others.composable.iter().filter(|other| other.name != template.name).chain(own).collect();
    let covering = |other: &Installed| other.patterns.iter().any(|wide| template.is_covered_by(wide));
    let partly = |other: &Installed| !covering(other) && other.patterns.iter().any(|one| template.is_met_by(one));
    let mut note_partly = |other: &Installed| {
        combined.partly.push(format!(
            "the template {} is hidden by {} (priority {priority}) for some indices of {pattern}, and is not merged: {}",
            other.name,
            template.name,
            hint(template, &[&other.name])
        ));
    };
    for other in composable.iter().filter(|other| other.priority < priority && partly(other)) {
        note_partly(other);
    }
    let best = composable.iter().copied().filter(|other| covering(other)).max_by_key(|other| other.priority);
    let Some(other) = best else {
        // Where a composable template applies, the legacy ones do not count.
        // Ours may still be there from an older engine.
        let is_ours = |other: &&Installed| other.owner != Owner::Unknown || other.name == template.former_name();
        let legacy = others.legacy.iter().filter(|other| !is_ours(other));
        legacy.clone().filter(|other| partly(other)).for_each(note_partly);
        let mut legacy: Vec<&Installed> = legacy.filter(|other| covering(other)).collect();
        legacy.sort_by_key(|other| other.priority);
        return legacy;
    };
    if other.priority <= priority {
        return vec![other];
    }
    combined.blocked = Some(format!(
        "the template {} (priority {}) hides {} (priority {priority}): indices of {pattern} get nothing of pipeline.yaml and no mark, \
         and are never deleted; give `template: {{ priority: {} }}`, or lower its priority",
        other.name,
        other.priority,
        template.name,
        other.priority + 1
    ));
    Vec::new()
}

/// Our body with the content of the hidden templates below ours, and notes about what is left out.
fn merge(
    template: &Template,
    alone: &Value,
    hidden: &[&Installed],
    others: &Others,
) -> Result<(Value, Vec<String>), String> {
    let mut theirs = Content::default();
    for other in hidden {
        theirs.add(&others.resolved(&other.body)?);
    }
    let said = others.resolved(alone)?;
    // No note about what ours gives anyway.
    theirs.remove(&said);
    let mut notes = left_out::leave_out(template, &mut theirs);
    let mut ours = Content::read(&alone["template"]);
    ours.put_below(theirs);
    let mut body = alone.clone();
    body["template"]["settings"] = ours.settings.into();
    body["template"]["mappings"] = ours.mappings.into();
    if !ours.aliases.is_empty() {
        body["template"]["aliases"] = ours.aliases.into();
    }
    match hidden.last().map(|other| &other.body["allow_auto_create"]) {
        Some(Value::Bool(true)) => body["allow_auto_create"] = true.into(),
        Some(Value::Bool(false)) => {
            let reason = "the domain would refuse the first event of each index";
            notes.push(left_out::note(template, "`allow_auto_create: false`", reason));
        }
        _ => {}
    }
    body["_meta"]["merged"] = hidden.iter().map(|other| other.name.clone()).collect::<Vec<_>>().into();
    Ok((body, notes))
}

fn not_merged(template: &Template, mut alone: Value, names: &[&str]) -> Body {
    alone["_meta"][NOT_MERGED] = names.join(", ").into();
    let note = format!(
        "{} hides {}, whose content could not be merged: {}",
        template.name,
        names.join(", "),
        hint(template, names)
    );
    Body { body: alone, note: Some(note) }
}

fn hint(template: &Template, names: &[&str]) -> String {
    format!(
        "copy what the indices of {} need of {} into pipeline.yaml (`mapping`, `template`)",
        template.pattern,
        names.join(", ")
    )
}

#[cfg(test)]
mod tests;
