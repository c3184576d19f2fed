//! The user's files as objects: the files under the given paths, and the keys under which they are served.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// One file and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path on this machine.
    pub path: PathBuf,
    /// The path below the working directory, or the whole path without its leading slash. So a copy of a bucket keeps
    /// its keys if `millrace` runs inside it.
    pub key: String,
    /// Its length in bytes.
    pub size: u64,
}

/// All files at and below the paths, without duplicates, sorted by key.
///
/// # Errors
/// A path can't be read; the error names it.
pub fn collect(paths: &[PathBuf], working_directory: &Path) -> io::Result<Vec<File>> {
    let root = working_directory.canonicalize()?;
    let mut files = Vec::new();
    let mut left: Vec<PathBuf> = Vec::new();
    for path in paths {
        left.push(path.canonicalize().map_err(|error| named(path, &error))?);
    }
    while let Some(path) = left.pop() {
        let metadata = fs::metadata(&path).map_err(|error| named(&path, &error))?;
        if metadata.is_dir() {
            for entry in fs::read_dir(&path).map_err(|error| named(&path, &error))? {
                let entry = entry?;
                // A link to a folder may lead to a cycle.
                if !entry.file_type()?.is_symlink() || !entry.path().is_dir() {
                    left.push(entry.path());
                }
            }
        } else if metadata.is_file() {
            let below = path.strip_prefix(&root).or_else(|_| path.strip_prefix("/")).unwrap_or(&path);
            let Some(key) = below.to_str().map(str::to_owned) else {
                return Err(named(&path, &io::Error::other("a key has to be UTF-8")));
            };
            files.push(File { path, key, size: metadata.len() });
        }
    }
    files.sort_by(|left, right| left.key.cmp(&right.key));
    files.dedup();
    Ok(files)
}

/// The error, with the path.
pub(crate) fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_paths_below_the_working_directory_and_no_file_comes_twice() {
        let folder = tempfile::TempDir::new().unwrap();
        for name in ["a/b/1", "a/2", "c"] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
        let paths = [folder.path().join("a"), folder.path().join("a/b/../2"), folder.path().join("c")];
        let keys =
            |root: &Path| -> Vec<String> { collect(&paths, root).unwrap().into_iter().map(|file| file.key).collect() };
        assert_eq!(keys(folder.path()), ["a/2", "a/b/1", "c"]);
        let absolute = folder.path().canonicalize().unwrap().join("c");
        assert_eq!(Some(keys(Path::new("/usr"))[2].as_str()), absolute.to_str().unwrap().strip_prefix('/'));
        let missing = collect(&[folder.path().join("none")], folder.path()).unwrap_err();
        assert!(missing.to_string().contains("none"));
    }
}
