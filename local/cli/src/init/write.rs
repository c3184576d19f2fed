//! Writes several files, all or none.
//!
//! In: texts that were checked. Out: the files. They are complete before the first of them gets its name. If a name cannot be given,
//! those that were given are taken back. If the program is killed between two names, the last file is missing: pipeline.yaml, which
//! names the others.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use tempfile::{Builder, TempDir};

use crate::files::named;

/// Complete files without their names.
#[derive(Debug)]
pub(super) struct Staged {
    folder: PathBuf,
    hidden: TempDir,
    /// Paths below the folder, in the order in which they get their names.
    paths: Vec<PathBuf>,
}

impl Staged {
    /// Writes the files to a hidden folder inside `folder`.
    pub(super) fn new(folder: &Path, files: &[(PathBuf, String)]) -> io::Result<Self> {
        let hidden =
            Builder::new().prefix(".millrace-init-").tempdir_in(folder).map_err(|error| named(folder, &error))?;
        for (path, text) in files {
            let path = hidden.path().join(path);
            fs::create_dir_all(path.parent().unwrap_or(hidden.path()))?;
            fs::write(&path, text).map_err(|error| named(&path, &error))?;
        }
        let paths = files.iter().map(|(path, _)| path.clone()).collect();
        Ok(Self { folder: folder.to_owned(), hidden, paths })
    }

    /// The path of a complete file.
    pub(super) fn path(&self, path: &Path) -> PathBuf {
        self.hidden.path().join(path)
    }

    /// Gives the files their names. Without `force`, no file may have one of these already.
    pub(super) fn publish(self, force: bool) -> io::Result<Vec<PathBuf>> {
        let targets: Vec<PathBuf> = self.paths.iter().map(|path| self.folder.join(path)).collect();
        refuse_existing(&targets, force)?;
        let mut done: Vec<Named> = Vec::new();
        for (ordinal, (path, target)) in self.paths.iter().zip(&targets).enumerate() {
            let replaced = self.hidden.path().join(format!(".replaced-{ordinal}"));
            match Named::new(&self.path(path), target, &replaced, force) {
                Ok(named) => done.push(named),
                Err(error) => {
                    done.into_iter().rev().for_each(Named::take_back);
                    return Err(io::Error::new(
                        error.kind(),
                        format!("{}: {error}; nothing was written", target.display()),
                    ));
                }
            }
        }
        Ok(targets)
    }
}

/// A file that got its name.
struct Named {
    target: PathBuf,
    /// The file that had the name before.
    replaced: Option<PathBuf>,
    /// A folder that was created for it.
    folder: Option<PathBuf>,
}

impl Named {
    /// Gives a complete file its name. What had the name before is moved to `replaced`.
    fn new(complete: &Path, target: &Path, replaced: &Path, force: bool) -> io::Result<Self> {
        let parent = target.parent().unwrap_or(Path::new("."));
        let folder = (!parent.exists()).then(|| parent.to_owned());
        if folder.is_some() {
            fs::create_dir(parent)?;
        }
        let is_there = target.symlink_metadata().is_ok();
        if is_there && !force {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "another program has just written this file"));
        }
        if is_there {
            fs::rename(target, replaced)?;
        }
        let named = Self { target: target.to_owned(), replaced: is_there.then(|| replaced.to_owned()), folder };
        // A link, unlike a renamed file, never takes the place of a file that another program has written meanwhile.
        // Some file systems have no links.
        let linked = fs::hard_link(complete, target).or_else(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Err(error),
            _ => fs::rename(complete, target),
        });
        if let Err(error) = linked {
            named.restore();
            return Err(error);
        }
        Ok(named)
    }

    fn take_back(self) {
        let _ = fs::remove_file(&self.target);
        self.restore();
    }

    fn restore(&self) {
        // Another program may have written a file of this name meanwhile.
        if let Some(replaced) = self.replaced.as_ref().filter(|_| self.target.symlink_metadata().is_err()) {
            let _ = fs::rename(replaced, &self.target);
        }
        if let Some(folder) = &self.folder {
            let _ = fs::remove_dir(folder);
        }
    }
}

/// Fails if files exist that must not be replaced.
pub(super) fn refuse_existing(targets: &[PathBuf], force: bool) -> io::Result<()> {
    let existing: Vec<&PathBuf> = targets.iter().filter(|target| target.symlink_metadata().is_ok()).collect();
    if let Some(folder) = existing.iter().find(|target| target.is_dir()) {
        return Err(io::Error::other(format!("{} is a folder; nothing was written", folder.display())));
    }
    if force || existing.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = existing.iter().map(|target| target.display().to_string()).collect();
    let verb = if names.len() == 1 { "exists" } else { "exist" };
    let message = format!("{} {verb}; nothing was written. --force replaces files", names.join(" and "));
    Err(io::Error::new(io::ErrorKind::AlreadyExists, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(text: &str) -> Vec<(PathBuf, String)> {
        ["mappings/a.json", "samconfig.toml", "pipeline.yaml"].map(|name| (name.into(), text.to_owned())).to_vec()
    }

    fn content(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = crate::files::collect(&[folder.to_owned()], folder)
            .unwrap()
            .into_iter()
            .map(|file| format!("{} {}", file.key, fs::read_to_string(&file.path).unwrap()))
            .collect();
        names.extend(folder.join("mappings").exists().then(|| "mappings".to_owned()));
        names
    }

    #[test]
    fn files_are_replaced_by_force_only() {
        let folder = TempDir::new().unwrap();
        let all = |text: &str| {
            let files = ["mappings/a.json", "pipeline.yaml", "samconfig.toml"].map(|name| format!("{name} {text}"));
            files.into_iter().chain(["mappings".to_owned()]).collect::<Vec<_>>()
        };
        Staged::new(folder.path(), &files("1")).unwrap().publish(false).unwrap();
        assert_eq!(content(folder.path()), all("1"));
        let error = Staged::new(folder.path(), &files("2")).unwrap().publish(false).unwrap_err().to_string();
        assert!(error.contains("pipeline.yaml exist; nothing was written. --force"), "{error}");
        assert_eq!(content(folder.path()), all("1"));
        Staged::new(folder.path(), &files("2")).unwrap().publish(true).unwrap();
        assert_eq!(content(folder.path()), all("2"));
    }

    #[test]
    fn a_name_that_cannot_be_given_takes_all_others_back() {
        for blocked in ["mappings", "samconfig.toml", "pipeline.yaml"] {
            for force in [false, true] {
                let folder = TempDir::new().unwrap();
                let first = if blocked == "mappings" { "other.txt" } else { blocked };
                fs::write(folder.path().join("kept.txt"), "kept").unwrap();
                if blocked == "mappings" {
                    fs::write(folder.path().join(blocked), "a file").unwrap();
                } else {
                    fs::create_dir(folder.path().join(first)).unwrap();
                }
                let before = content(folder.path());
                let error = Staged::new(folder.path(), &files("1")).unwrap().publish(force).unwrap_err().to_string();
                assert!(error.contains("nothing was written"), "{error}");
                assert_eq!(content(folder.path()), before, "{blocked} {force}");
            }
        }
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("samconfig.toml"), "old").unwrap();
        let staged = Staged::new(folder.path(), &files("1")).unwrap();
        // A file that vanishes shows a fault in the middle.
        fs::remove_file(staged.path(Path::new("pipeline.yaml"))).unwrap();
        staged.publish(true).unwrap_err();
        assert_eq!(content(folder.path()), ["samconfig.toml old"]);
    }
}
