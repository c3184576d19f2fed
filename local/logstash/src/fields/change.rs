//! The changes that filters make to fields: make, rename, remove, hash.
//!
//! An error says why the rule cannot be expressed with the original event. Then nothing is changed.

use super::{
    made::{Made, Seen, Target},
    state::Fields,
};
use crate::{
    ast::Place,
    names::{below, outwards, top},
};

/// The largest number of fields that are made or moved. No realistic configuration has more.
const MAX_TARGETS: usize = 500;

impl Fields {
    /// Makes a field, and replaces an existing one.
    pub(crate) fn set(&mut self, path: &str, made: Made, at: Place) -> Result<(), String> {
        let is_beside = self.is_beside(path);
        let (path, _) = self.name(path)?;
        let path = path.as_str();
        if let Some(hashed) = self.hash_of(path) {
            return Err(format!("the event's own `{path}` is hashed in line {}, and its name is taken", hashed.line));
        }
        if self.targets.len() >= MAX_TARGETS {
            return Err(format!("more than {MAX_TARGETS} fields are made"));
        }
        if let Some((outer, _)) = outwards(path).skip(1).find(|(outer, _)| self.targets.contains_key(*outer)) {
            return Err(format!("`{outer}`, in which it lies, is made as a whole"));
        }
        self.forget_beneath(path);
        self.targets.insert(path.to_owned(), Target { at, made, may_be_own: false, is_beside });
        Ok(())
    }

    pub(crate) fn rename(&mut self, from: &str, to: &str, at: Place) -> Result<(), String> {
        if from == to {
            return Ok(());
        }
        let (is_out, is_beside) = (self.is_beside(from), self.is_beside(to));
        let ((old, is_own), (to, _)) = (self.name(from)?, self.name(to)?);
        if !is_own && !self.targets.contains_key(&old) {
            return Ok(());
        }
        self.distinct(from, &old)?;
        self.note_beside(from, &old)?;
        let from = old;
        if is_out != is_beside && from == to {
            // The field moves out of the object that is the whole event here, or into it. Only its name in Logstash
            // changes.
            let made = self.targets.get(&from).map_or(Made::Moved(from), |target| target.made.clone());
            self.targets.insert(to, Target { at, made, may_be_own: false, is_beside });
            return Ok(());
        }
        let result = self.rename_here(&from, &to, at);
        if let (Ok(()), Some(target)) = (&result, self.targets.get_mut(&to)) {
            target.is_beside = is_beside;
        }
        if let (Ok(()), Some((_, place, by))) =
            (&result, self.suspects.iter().find(|(path, ..)| path.as_ref() == Some(&from)))
        {
            let (place, by) = (*place, by.clone());
            self.suspects.push((Some(to), place, by));
        }
        result
    }

    fn rename_here(&mut self, from: &str, to: &str, at: Place) -> Result<(), String> {
        self.note_rule(from);
        let may_be_own = self.is_own_there(to);
        let made = match self.targets.get(from) {
            Some(target) => target.made.clone(),
            None => match self.look_here(from, true)? {
                Seen::Field(field) => Made::Moved(field),
                Seen::Metadata(member) => Made::Metadata(member),
                _ => return Ok(()),
            },
        };
        if self.targets.contains_key(to) && matches!(made, Made::Moved(_)) {
            return Err(format!("`{to}` is made before, and would remain only in events without `{from}`"));
        }
        if let Some((outer, _)) = outwards(to).skip(1).find(|(outer, _)| *outer == from) {
            return Err(format!("`{to}` lies in `{outer}` itself"));
        }
        if outwards(from).skip(1).any(|(outer, _)| outer == to) {
            return Err(format!("`{from}` lies in `{to}` itself"));
        }
        let before = self.targets.remove(from);
        let result = match &made {
            Made::Moved(field) if field == to => {
                self.gone.remove(to);
                Ok(())
            }
            _ => self.set(to, made.clone(), at),
        };
        if let (Ok(()), Some(target)) = (&result, self.targets.get_mut(to)) {
            target.may_be_own = may_be_own;
        }
        if result.is_err() {
            self.targets.extend(before.map(|target| (from.to_owned(), target)));
            return result;
        }
        if let Made::Moved(field) = made
            && field != to
        {
            self.gone.insert(field, at);
        }
        if outwards(from).skip(1).all(|(outer, _)| !self.targets.contains_key(outer)) {
            self.gone.insert(from.to_owned(), at);
        }
        Ok(())
    }

    pub(crate) fn remove(&mut self, path: &str, at: Place) -> Result<(), String> {
        if self.is_around(path) {
            return Ok(());
        }
        let (path, is_own) = self.name(path)?;
        let path = path.as_str();
        if !is_own && !self.targets.contains_key(path) && self.beneath(path).next().is_none() {
            return Ok(());
        }
        for (outer, rest) in outwards(path).skip(1) {
            match self.targets.get(outer).map(|target| &target.made) {
                None => {}
                Some(Made::Moved(from)) => {
                    let moved = below(from, rest);
                    self.note_rule(path);
                    self.gone.insert(moved, at);
                    return Ok(());
                }
                Some(_) => return Err(format!("`{outer}`, in which it lies, is made as a whole")),
            }
        }
        self.forget_beneath(path);
        self.targets.remove(path);
        self.clashes.remove(path);
        if top(path) != "@metadata" {
            self.gone.insert(path.to_owned(), at);
        }
        Ok(())
    }

    /// Replaces an original field by its hash. Fields that were made from its plain value are removed. Returns their
    /// names.
    pub(crate) fn hash(&mut self, path: &str, at: Place) -> Result<Vec<String>, String> {
        let Seen::Field(field) = self.see(path)? else {
            return Err(format!("`{path}` is made by a rule, and only fields of the event are hashed"));
        };
        if self.targets.contains_key(&field) {
            return Err(format!("another field now has the original name `{field}`"));
        }
        let is_within = |of: &String| outwards(of).any(|(outer, _)| outer == field);
        let telling = |target: &Target| match &target.made {
            Made::Point { lat, lon } => is_within(lat) || is_within(lon),
            Made::Date(time) => is_within(&time.field),
            _ => false,
        };
        let told: Vec<String> =
            self.targets.iter().filter(|(_, target)| telling(target)).map(|(name, _)| name.clone()).collect();
        for name in &told {
            self.targets.remove(name);
        }
        self.hashed.insert(field, at);
        Ok(told)
    }

    /// Lets the members of a record replace the fields that the input has set. A codec does not do that.
    pub(crate) fn yield_to_members(&mut self) {
        for (name, target) in &mut self.targets {
            match &target.made {
                Made::Text(text) if !text.contains("%{") && top(name) != "@metadata" => {
                    self.clashes.remove(name);
                    target.made = Made::Default(text.clone());
                }
                Made::List(tags) => self.yielding_tags.clone_from(tags),
                _ => {}
            }
        }
    }

    /// Members that join the event later may replace every made field, or restore removed ones.
    pub(crate) fn suspect_done(&mut self, at: Place, by: &str) {
        let is_own = |target: &Target| matches!(target.made, Made::Default(_));
        let made = self.targets.iter().filter(|(name, target)| !is_own(target) && top(name) != "@metadata");
        let done: Vec<String> = made.map(|(name, _)| name).chain(self.gone.keys()).cloned().collect();
        for name in done {
            self.suspect_here(Some(name), at, by);
        }
        if self.kept.is_some() || !self.pruned.is_empty() {
            self.suspect_here(None, at, by);
        }
    }

    fn forget_beneath(&mut self, path: &str) {
        let beneath: Vec<String> = self.beneath(path).map(|(name, _)| name.clone()).collect();
        for name in beneath {
            self.targets.remove(&name);
        }
    }
}
